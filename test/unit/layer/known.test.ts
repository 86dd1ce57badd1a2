import assert from "node:assert/strict";
import fc from "fast-check";
import { sortable } from "../../../layer/identity";
import { sequencerAt } from "../../../layer/identity-time";
import { knownVersion, newestVersion, type KnownVersion } from "../../../layer/known";
import { createdEvent } from "../../../layer/reconcile/createdEvent";
import { parseArrival } from "../../../layer/object-ref";

const hex = (value: number, digits: number) => value.toString(16).toUpperCase().padStart(digits, "0");
/** A sequencer in the form that S3's have: seconds, and what tells events of a second apart. */
const real = (seconds: number, rest = 0) => `00${hex(seconds, 8)}${hex(rest, 8)}`;

describe("layer: sequencers of objects that were found", () => {
  const before = process.env.AWS_ENDPOINT_URL;
  beforeEach(() => delete process.env.AWS_ENDPOINT_URL);
  after(() => {
    if (before === undefined) delete process.env.AWS_ENDPOINT_URL;
    else process.env.AWS_ENDPOINT_URL = before;
  });

  const seconds = fc.integer({ min: 1_000_000_000, max: 4_000_000_000 });
  const rest = fc.integer({ min: 0, max: 0xfffffffe });

  it("are later than those of all events of their second, and earlier than those of later ones", () => {
    fc.assert(
      fc.property(seconds, rest, fc.integer({ min: 1, max: 1_000 }), (second, one, later) => {
        const found = sortable(sequencerAt(new Date(second * 1000 + 999)));
        assert.ok(found > sortable(real(second, one)));
        assert.ok(found < sortable(real(second + later, 0)));
      }),
    );
  });

  it("are later than what is known of the key, and still earlier than any later event", () => {
    fc.assert(
      fc.property(seconds, seconds, rest, (second, known, one) => {
        const after = real(known, one);
        const found = sortable(sequencerAt(new Date(second * 1000), after));
        assert.ok(found > sortable(after));
        if (known > second) assert.ok(found < sortable(real(known, one + 1)));
      }),
    );
  });

  it("follow each other, when one is found after the other", () => {
    const first = sequencerAt(new Date(1_700_000_000_000), real(1_800_000_000));
    const second = sequencerAt(new Date(1_700_000_000_000), first);
    assert.ok(sortable(second) > sortable(first));
    assert.match(second, /^[0-9A-F]{1,64}$/);
  });

  it("have the local AWS's form there: microseconds", () => {
    process.env.AWS_ENDPOINT_URL = "https://localhost";
    const second = 1_795_000_000;
    const local = (micros: number) => hex(second * 1_000_000 + micros, 18);
    const found = sortable(sequencerAt(new Date(second * 1000)));
    assert.ok(found > sortable(local(999_998)));
    assert.ok(found < sortable(local(1_000_000)));
  });
});

describe("layer: what the lake knows of an object that was found", () => {
  const item = (change: Partial<KnownVersion>): KnownVersion => {
    return { version: "v", sequencer: "1", etag: "e", ...change };
  };

  it("is the version of the same id, or else the newest with the same bytes where an id is missing", () => {
    const [old, newer] = [
      item({ version: "a", versionId: "a", sequencer: "1", etag: "one" }),
      item({ version: "b", versionId: "b", sequencer: "2", etag: "two" }),
    ];
    const items = [old, newer, item({ version: "CURRENT", sequencer: "9", etag: "three" })];
    assert.equal(knownVersion({ etag: "one", versionId: "a" }, items), old);
    assert.equal(knownVersion({ etag: "two", versionId: "c" }, items), undefined, "the same bytes, put once more");
    assert.equal(knownVersion({ etag: "two" }, items), newer);
    assert.equal(knownVersion({ etag: "one" }, items), undefined, "an older version lies there again");
    assert.equal(knownVersion({ etag: "three" }, items), undefined);
    assert.equal(newestVersion(items), newer);
    assert.equal(knownVersion({ etag: "x" }, []), undefined);
  });

  it("may come from an event without a version id", () => {
    const local = item({ version: "1000", sequencer: "1", etag: "one" });
    assert.equal(knownVersion({ etag: "one", versionId: "a" }, [local]), local);
  });
});

describe("layer: the lake's own events", () => {
  it("are understood as what they say, and tell that they are its own", () => {
    const found = { bucket: "raw", key: "t/d/a b+ü.json", size: 3, etag: "e", versionId: "v1" };
    const body = createdEvent(
      { ...found, lastModified: new Date(1_700_000_000_500) },
      { origin: "backfill", again: "r" },
    );
    const parsed = parseArrival(body);
    assert.ok("arrival" in parsed, JSON.stringify(parsed));
    const { key, version, versionId, size, etag, eventTime } = parsed.arrival;
    assert.deepEqual({ bucket: "raw", key, versionId, size, etag }, found);
    assert.equal(version, "v1");
    assert.equal(eventTime, "2023-11-14T22:13:20Z");
    assert.deepEqual(parsed.request, { origin: "backfill", again: "r", lastModified: "2023-11-14T22:13:20.500Z" });
  });
});
