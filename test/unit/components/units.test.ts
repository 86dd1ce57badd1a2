import assert from "node:assert/strict";
import fc from "fast-check";
import { TributaryError } from "../../../automation/errors";
import { type Duration, type Size, toBytes, toDays, toMegabytes, toSeconds } from "../../../components/units";

const refused = (code: string, found: string) => (error: unknown) =>
  error instanceof TributaryError &&
  error.code === code &&
  error.exitCode === 2 &&
  error.message.startsWith("here: ") &&
  error.message.includes(found);

describe("units", () => {
  it("reads durations", () => {
    assert.equal(toSeconds("90 seconds", "here"), 90);
    assert.equal(toSeconds("1 minute", "here"), 60);
    assert.equal(toSeconds("12 hours", "here"), 43_200);
    assert.equal(toDays("30 days", "here"), 30);
    assert.equal(toDays("48 hours", "here"), 2);
  });

  it("reads sizes", () => {
    assert.equal(toMegabytes("512 MB", "here"), 512);
    assert.equal(toMegabytes("2 GB", "here"), 2_048);
    assert.equal(toBytes("1 TB", "here"), 1_099_511_627_776);
  });

  for (const value of [
    "1.5 minutes",
    "0 days",
    "-1 days",
    "1e3 days",
    "30",
    "days",
    "30  days",
    "30 weeks",
    " 1 day",
    "",
  ]) {
    it(`refuses the duration ${JSON.stringify(value)}`, () => {
      assert.throws(() => toSeconds(value as Duration, "here"), refused("InvalidDuration", JSON.stringify(value)));
    });
  }

  it("refuses what is no text", () => {
    for (const value of [30, null, undefined, {}, ["1 day"]]) {
      assert.throws(() => toSeconds(value as unknown as Duration, "here"), { code: "InvalidDuration" });
    }
  });

  it("refuses days that are not whole", () => {
    assert.throws(() => toDays("36 hours", "here"), refused("InvalidDuration", '"36 hours"'));
  });

  for (const value of ["1.5 GB", "0 MB", "512MB", "512 mb", "512 KB", "1 PB", "99999999999 TB"]) {
    it(`refuses the size ${JSON.stringify(value)}`, () => {
      assert.throws(() => toMegabytes(value as Size, "here"), refused("InvalidSize", JSON.stringify(value)));
    });
  }

  it("gives a whole positive number or refuses, whatever it is given", () => {
    const anything = fc.oneof(
      fc.string(),
      fc.tuple(fc.string(), fc.constantFrom(" days", " minute", " MB")).map((two) => two.join("")),
    );
    fc.assert(
      fc.property(anything, (value) => {
        for (const parse of [toSeconds, toMegabytes] as ((value: never, path: string) => number)[]) {
          try {
            assert.ok(Number.isSafeInteger(parse(value as never, "here")) && parse(value as never, "here") >= 1);
          } catch (error) {
            assert.ok(error instanceof TributaryError, String(error));
          }
        }
      }),
    );
  });
});
