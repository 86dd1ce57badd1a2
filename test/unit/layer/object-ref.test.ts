import fc from "fast-check";
import assert from "node:assert/strict";
import { groupOf, owner, parseArrival, type Arrival } from "../../../layer/object-ref";
import { eventOf } from "./fakes/lake";

const SEQUENCER = "0062E99A88DC407460";

function arrival(object: object): Arrival {
  const parsed = parseArrival(
    eventOf({ bucket: { name: "raw" }, object: { key: "t/d/k", size: 3, sequencer: SEQUENCER, ...object } }),
  );
  assert.ok("arrival" in parsed, JSON.stringify(parsed));
  return parsed.arrival;
}

function problem(body: string): string {
  const parsed = parseArrival(body);
  assert.ok("problem" in parsed, "it was taken");
  return parsed.problem;
}

describe("layer: events", () => {
  it("takes keys as they are: EventBridge does not encode them", () => {
    for (const key of ["t/d/with space", "t/d/a+b%20c%", "t/d/ünï—😀", "t/d/../../x", "t/d/..", "t/d/a\nb", "t/d//x"]) {
      assert.equal(arrival({ key }).key, key);
    }
  });

  it("takes any key that S3 takes", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 300, unit: "grapheme" }), (key) => {
        const found = arrival({ key });
        assert.equal(found.key, key);
        assert.match(found.keyId, /^[0-9a-f]{32}$/);
      }),
    );
  });

  it("tells the version by version id, or by sequencer where the id is missing or null", () => {
    assert.equal(arrival({ "version-id": "v1" }).version, "v1");
    assert.equal(arrival({}).version, SEQUENCER.padEnd(64, "0"));
    assert.equal(arrival({ "version-id": "null" }).versionId, undefined);
    assert.equal(arrival({ "version-id": "null" }).version, SEQUENCER.padEnd(64, "0"));
  });

  it("takes entity tags with and without quotes", () => {
    assert.equal(arrival({ etag: '"abc-2"' }).etag, "abc-2");
    assert.equal(arrival({ etag: "abc" }).etag, "abc");
  });

  it("says what is wrong with anything else, and never throws", () => {
    assert.match(problem("{"), /no JSON/);
    assert.match(problem("null"), /expected object/);
    assert.match(
      problem(eventOf({ bucket: { name: "raw" }, object: { key: "k", sequencer: "xyz" } })),
      /detail\.object\.sequencer/,
    );
    assert.match(
      problem(eventOf({ bucket: { name: "raw" }, object: { key: "", sequencer: "1" } })),
      /detail\.object\.key/,
    );
    assert.match(
      problem(
        eventOf({ bucket: { name: "raw" }, object: { key: "k", sequencer: "1" } }, { "detail-type": "Object Deleted" }),
      ),
      /detail-type/,
    );
    assert.match(
      problem(eventOf({ bucket: { name: "raw" }, object: { key: "k", sequencer: "1" } }, { source: "mine" })),
      /source/,
    );
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (body) => {
        assert.ok("problem" in parseArrival(body));
      }),
    );
  });

  it("knows the owner by the first two folders", () => {
    assert.deepEqual(owner("engineering/meteorites/a/b.json"), { team: "engineering", dataset: "meteorites" });
    for (const key of ["x", "x/y", "/y/z", "x//z", "//"])
      assert.deepEqual(owner(key), { team: "unknown", dataset: "unknown" }, key);
  });

  it("groups by object, by prefix, or by dataset", () => {
    const [a, b, c] = [arrival({ key: "t/d/p/1" }), arrival({ key: "t/d/p/2" }), arrival({ key: "t/d/q/1" })];
    assert.notEqual(groupOf(a, "object"), groupOf(b, "object"));
    assert.equal(groupOf(a, "prefix"), groupOf(b, "prefix"));
    assert.notEqual(groupOf(a, "prefix"), groupOf(c, "prefix"));
    assert.equal(groupOf(a, "dataset"), groupOf(c, "dataset"));
    fc.assert(
      fc.property(
        fc.string({ minLength: 1 }),
        fc.constantFrom("object" as const, "prefix" as const, "dataset" as const),
        (key, group) => {
          assert.match(groupOf(arrival({ key: `t/d/${key}` }), group), /^[A-Za-z0-9]{1,128}$/);
        },
      ),
    );
  });
});
