import { strict as assert } from "node:assert";
import { stripVTControlCharacters } from "node:util";
import fc from "fast-check";
import { describeError, errorDocument } from "../../../automation/cli/failures";
import { finished, running } from "../../../automation/cli/render/live";
import { PlainRenderer } from "../../../automation/cli/render/plain";
import { table } from "../../../automation/cli/render/table";
import { bar, cut, duration, oneLine } from "../../../automation/cli/render/text";
import { TributaryError, userError } from "../../../automation/errors";

describe("text", () => {
  it("tells durations as people do", () => {
    assert.deepEqual([0.04, 0.44, 9.94, 10.4, 59, 60, 125, 3600].map(duration), [
      "0.0 s",
      "0.4 s",
      "9.9 s",
      "10 s",
      "59 s",
      "1 min 00 s",
      "2 min 05 s",
      "60 min 00 s",
    ]);
  });

  it("makes anything one line without control characters", () => {
    assert.equal(oneLine("a\n  b\r\nc"), "a b c");
    assert.equal(oneLine("\u001b[31mred\u001b[0m \u202eevil\u0007"), "red \\u202eevil\\u0007");
    assert.equal(oneLine("größe 流星"), "größe 流星");
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 50 }), (text) => {
        // eslint-disable-next-line no-control-regex
        assert.doesNotMatch(oneLine(text), /[\u0000-\u0008\n\r\u001b\u007f-\u009f\u202e]/);
      }),
      { numRuns: 50 },
    );
  });

  it("cuts by characters, not by half of one", () => {
    assert.equal(cut("流星雨", 2), "流…");
    assert.equal(cut("😀😀😀", 2), "😀…");
    assert.equal(cut("short", 5), "short");
  });

  it("draws a bar of one width for any share", () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.nat(1000), (done, total) => {
        assert.equal(bar(done, total, 20).length, 20);
      }),
    );
    assert.equal(bar(0, 0, 3), "───");
    assert.equal(bar(9, 3, 3), "━━━");
  });
});

describe("plain lines", () => {
  const make = () => {
    let now = 0;
    const lines: string[] = [];
    const renderer = new PlainRenderer({ write: (line: string) => lines.push(line.trimEnd()) }, () => now);
    return { lines, renderer, pass: (milliseconds: number) => (now += milliseconds) };
  };

  it("tell start, end and messages with the seconds since the start", () => {
    const { lines, renderer, pass } = make();
    renderer.sink({ type: "step-start", id: "1", title: "Deploy" });
    pass(1500);
    renderer.sink({ type: "message", level: "warning", text: "look\nhere" });
    renderer.sink({ type: "step-end", id: "1", outcome: "failed", seconds: 1.5 });
    assert.deepEqual(lines, [
      "   0.0 s  Deploy …",
      "   1.5 s  warning: look here",
      "   1.5 s  Deploy: failed after 1.5 s",
    ]);
  });

  it("do not fill a log with the progress of a long step, and never fall silent for long", () => {
    const { lines, renderer, pass } = make();
    renderer.sink({ type: "step-start", id: "1", title: "Build" });
    for (let second = 0; second < 600; second++) {
      pass(1000);
      renderer.sink({ type: "step-progress", id: "1", message: `package ${second}`, done: second, total: 600 });
    }
    assert.ok(lines.length > 20 && lines.length < 45, `${lines.length} lines`);
    assert.match(lines[1]!, /Build: package 2 \(2 of 600\)/);
    const seconds = lines.map((line) => Number(/^ *([\d.]+) s/.exec(line)![1]));
    for (let index = 1; index < seconds.length; index++) assert.ok(seconds[index]! - seconds[index - 1]! <= 31);
  });

  it("repeat progress without news only after a while", () => {
    const { lines, renderer, pass } = make();
    renderer.sink({ type: "step-start", id: "1", title: "Wait" });
    for (let second = 0; second < 60; second++) {
      pass(1000);
      renderer.sink({ type: "step-progress", id: "1", message: "0 of 1" });
    }
    assert.equal(lines.length, 3);
  });

  it("ignore news of steps that they do not know", () => {
    const { lines, renderer } = make();
    renderer.sink({ type: "step-progress", id: "9", message: "?" });
    renderer.sink({ type: "step-end", id: "9", outcome: "done", seconds: 1 });
    assert.deepEqual(lines, []);
  });
});

describe("live lines", () => {
  const plain = stripVTControlCharacters;

  it("fit the terminal, whatever the message", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.integer({ min: 20, max: 200 }), (title, message, width) => {
        const line = plain(
          running(
            { title: oneLine(title), message: oneLine(message), startedAt: 0, done: 1, total: 2 },
            "⠋",
            1000,
            width,
          ),
        );
        assert.ok([...line].length <= width, `${[...line].length} > ${width}: ${line}`);
      }),
    );
  });

  it("tell how a step ended", () => {
    const end = { type: "step-end", id: "1", seconds: 2.345 } as const;
    assert.equal(plain(finished("Deploy", { ...end, outcome: "done" })), "✔ Deploy 2.3 s");
    assert.equal(plain(finished("Deploy", { ...end, outcome: "failed", message: "why" })), "✖ Deploy why 2.3 s");
  });
});

describe("table", () => {
  it("puts numbers right, shows null as nothing and keeps hostile cells on one line", () => {
    const text = stripVTControlCharacters(
      table(
        ["name", "n"],
        [
          { name: "a\nb", n: 1 },
          { name: null, n: 22 },
        ],
      ),
    );
    assert.match(text, /│ a b +│ +1 │/);
    assert.match(text, /│ +│ 22 │/);
  });

  it("has a head when there are no rows", () => {
    assert.match(stripVTControlCharacters(table(["only"], [])), /only/);
  });
});

describe("errors", () => {
  it("are a document with code, message and next step", () => {
    assert.deepEqual(errorDocument(userError("WrongUsage", "no", "do this")), {
      ok: false,
      error: { code: "WrongUsage", message: "no", next: "do this" },
    });
    assert.equal(errorDocument(new TypeError("odd")).error.code, "Unexpected");
    assert.equal(errorDocument("text").error.message, "text");
  });

  it("are shown without a stack trace, unless that is asked for", () => {
    const error = new TributaryError("broken", { code: "DeploymentFailed", next: "mend it", cause: new Error("deep") });
    assert.equal(
      describeError(error, { color: false, debug: false }),
      "error DeploymentFailed: broken\nnext: mend it\n",
    );
    assert.match(describeError(error, { color: false, debug: true }), /caused by[\s\S]*deep[\s\S]*\n\s+at /);
  });
});
