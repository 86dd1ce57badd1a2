import fc from "fast-check";
import assert from "node:assert/strict";
import {
  batchIdOf,
  deduplicationId,
  fileStem,
  groupId,
  keyIdOf,
  sortable,
  stemOf,
  versionOf,
} from "../../../layer/identity";

const object = fc.record({
  keyId: fc.stringMatching(/^[0-9a-f]{32}$/),
  version: fc.string({ minLength: 1 }),
  redrives: fc.nat(3),
});

describe("layer: identity", () => {
  it("is the first 32 digits of SHA-256 of bucket and key", () => {
    assert.equal(keyIdOf("raw", "a/b/c.json"), "5e7a4cb320bfd74584a468d511e917a2");
    assert.match(keyIdOf("raw", "ключ/😀 +%../"), /^[0-9a-f]{32}$/);
    assert.notEqual(keyIdOf("raw", "a"), keyIdOf("ra", "wa"));
  });

  it("orders sequencers of different lengths as S3 says: filled with zeros on the right, compared as text", () => {
    assert.ok(sortable("0055AED6DCD90281E5") < sortable("0055AED6DCD90281E6"));
    assert.ok(sortable("0055AED6DCD90281E5") < sortable("0055AED6DD"));
    assert.equal(sortable("0a"), sortable("0A00"));
    const sequencer = fc.stringMatching(/^[0-9A-Fa-f]{16,40}$/);
    fc.assert(
      fc.property(sequencer, sequencer, (a, b) => {
        const [x, y] = [BigInt(`0x${a.padEnd(64, "0")}`), BigInt(`0x${b.padEnd(64, "0")}`)];
        assert.equal(sortable(a) < sortable(b), x < y);
      }),
    );
  });

  it("takes the version id, or the sequencer where there is none", () => {
    assert.equal(versionOf({ versionId: "abc", sequencer: "1" }), "abc");
    assert.equal(versionOf({ sequencer: "1f" }), `1F${"0".repeat(62)}`);
  });

  it("names files by letters that are safe in every path, differently for every version", () => {
    fc.assert(
      fc.property(object, object, (a, b) => {
        assert.match(fileStem(a), /^[0-9a-f]{32}-[0-9a-f]{16}$/);
        assert.equal(fileStem(a) === fileStem(b), a.keyId === b.keyId && a.version === b.version);
      }),
    );
  });

  it("gives the same deduplication id to the same objects in any order, and another after a redrive", () => {
    fc.assert(
      fc.property(fc.uniqueArray(object, { minLength: 1, selector: (one) => JSON.stringify(one) }), (objects) => {
        const id = deduplicationId("A", objects);
        assert.match(id, /^[0-9a-f]{64}$/);
        assert.equal(deduplicationId("A", [...objects].reverse()), id);
        assert.notEqual(deduplicationId("B", objects), id);
        assert.notEqual(
          deduplicationId(
            "A",
            objects.map((one) => ({ ...one, redrives: one.redrives + 1 })),
          ),
          id,
        );
      }),
    );
  });

  it("names batches so that Step Functions takes them, whatever the dataset is called", () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,29}$/);
    fc.assert(
      fc.property(name, name, fc.array(fc.uuid(), { minLength: 1 }), fc.nat(9), (team, dataset, ids, part) => {
        const id = batchIdOf({ team, dataset }, ids, part);
        assert.match(id, /^[a-z0-9-]{1,80}$/);
        assert.equal(batchIdOf({ team, dataset }, [...ids].reverse(), part), id);
        assert.notEqual(batchIdOf({ team, dataset }, ids, part + 1), id);
      }),
    );
  });

  it("makes a group id of any text", () => {
    assert.match(groupId("a b/ü\n"), /^[0-9a-f]{32}$/);
  });

  it("finds the stem of every file of an object", () => {
    const stem = fileStem({ keyId: "0".repeat(32), version: "v" });
    for (const name of [`${stem}.parquet`, `post/t/d/p=1.5/${stem}.12.parquet`]) assert.equal(stemOf(name), stem);
  });
});
