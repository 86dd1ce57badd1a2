import { strict as assert } from "node:assert";
import { promises as fs } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import fc from "fast-check";
import type { ObjectStore } from "../../../automation/backend";
import type { TributaryError } from "../../../automation/errors";
import { DiskStore } from "../../../automation/backend/disk";
import { S3Store } from "../../../automation/backend/s3";
import { fails } from "../support/fails";
import { FakeS3 } from "./fakeS3";

const key = "guards/project/dev.json";

/** What every store promises. */
function contract(make: () => Promise<ObjectStore>): void {
  it("creates a key once", async () => {
    const store = await make();
    assert.equal(await store.get(key), undefined);
    assert.equal(await store.createOnly(key, "one"), true);
    assert.equal(await store.createOnly(key, "two"), false);
    assert.equal((await store.get(key))?.text, "one");
  });

  it("replaces exactly the version that was read", async () => {
    const store = await make();
    let version = await store.swap(key, "0", undefined);
    for (let count = 1; count <= 5; count++) {
      const next: string | undefined = await store.swap(key, String(count), version);
      assert.equal(await store.replaceIf(key, `late ${count}`, version!), false);
      const read = await store.get(key);
      assert.equal(read?.text, String(count));
      assert.equal(read.version, next);
      version = next;
    }
    assert.equal(await store.createOnly(key, "again"), false);
    assert.deepEqual(await store.list(""), [key]);
  });

  it("replaces nothing that is not there", async () => {
    const store = await make();
    const version = await store.swap("other/key", "x", undefined);
    assert.equal(await store.swap(key, "one", version), undefined);
  });

  it("lets one of many at a time win", async () => {
    const store = await make();
    const created = await Promise.all(Array.from({ length: 20 }, (_, n) => store.createOnly(key, `text ${n}`)));
    assert.equal(created.filter(Boolean).length, 1);
    const { version } = (await store.get(key))!;
    const replaced = await Promise.all(
      Array.from({ length: 20 }, (_, n) => store.replaceIf(key, `next ${n}`, version)),
    );
    assert.equal(replaced.filter(Boolean).length, 1);
  });

  it("lists by prefix, in order, and forgets what is deleted", async () => {
    const store = await make();
    for (const name of ["records/p/dev.eu/1.json", "records/p/dev/2.json", "records/p/dev/1.json"]) {
      await store.put(name, name);
    }
    assert.deepEqual(await store.list("records/p/dev/"), ["records/p/dev/1.json", "records/p/dev/2.json"]);
    assert.equal((await store.list("records/p/dev")).length, 3);
    assert.deepEqual(await store.list("nothing/"), []);
    await store.put("records/p/dev/1.json", "new");
    assert.equal((await store.get("records/p/dev/1.json"))?.text, "new");
    await store.delete("records/p/dev/1.json");
    await store.delete("records/p/dev/1.json");
    assert.deepEqual(await store.list("records/p/dev/"), ["records/p/dev/2.json"]);
  });

  it("takes no key that leads out of it", async () => {
    const store = await make();
    for (const bad of [
      "",
      "..",
      "../x",
      "a/../b",
      "/a",
      "a//b",
      "a/",
      ".x",
      "a/.b",
      "a\\b",
      "a b",
      "ä",
      "a\0b",
      "a~/1",
    ]) {
      const error = await fails(
        Promise.resolve().then(() => store.get(bad)),
        "BackendKeyInvalid",
      );
      assert.equal(error.exitCode, 2);
      await fails(
        Promise.resolve().then(() => store.put(bad, "x")),
        "BackendKeyInvalid",
      );
    }
    await fails(
      Promise.resolve().then(() => store.list("../")),
      "BackendKeyInvalid",
    );
  });
}

describe("backend: stores", () => {
  const folders: string[] = [];
  const folder = async () => {
    const made = await fs.mkdtemp(path.join(os.tmpdir(), "tributary-store-"));
    folders.push(made);
    return made;
  };
  afterEach(async () => {
    await Promise.all(folders.splice(0).map((each) => fs.rm(each, { recursive: true, force: true })));
  });

  describe("on disk", () => {
    contract(async () => new DiskStore(path.join(await folder(), ".tributary")));

    it("any key stays inside of the folder", async () => {
      const outside = await folder();
      const store = new DiskStore(path.join(outside, "inside"));
      const hostile = fc.oneof(fc.string({ maxLength: 20 }), fc.stringMatching(/^[./\\a~%]{1,12}$/));
      await fc.assert(
        fc.asyncProperty(hostile, async (name) => {
          await Promise.resolve()
            .then(() => store.createOnly(name, "x"))
            .catch((error: TributaryError) => assert.match(error.code, /^Backend(KeyInvalid|Unreachable)$/));
          assert.deepEqual(
            (await fs.readdir(outside)).filter((each) => each !== "inside"),
            [],
          );
        }),
        { numRuns: 60 },
      );
    });

    it("a process that was paused for long does not win with a number that was cleared away", async () => {
      const store = new DiskStore(await folder());
      const old = await store.swap(key, "0", undefined);
      let version = old;
      for (let count = 1; count <= 4; count++) version = await store.swap(key, String(count), version);
      assert.equal(await store.swap(key, "late", old), undefined);
      assert.equal(await store.swap(key, "later", "2"), undefined);
      assert.equal((await store.get(key))?.text, "4");
      assert.equal((await store.get(key))?.version, version);
    });

    it("keeps two files of a key, and no temporary one, however often it is replaced", async () => {
      const root = await folder();
      const store = new DiskStore(root);
      let version = await store.swap(key, "0", undefined);
      for (let count = 1; count <= 10; count++) version = await store.swap(key, String(count), version);
      assert.equal((await fs.readdir(path.join(root, `${key}~`))).length, 2);
      assert.deepEqual(await fs.readdir(path.join(root, ".tmp")), []);
    });

    it("tells the age by the file system", async () => {
      const root = await folder();
      const store = new DiskStore(root);
      await store.put("a", "x");
      const past = new Date(Date.now() - 90_000);
      await fs.utimes(path.join(root, "a"), past, past);
      const age = await (await store.get("a"))!.age();
      assert.ok(age >= 89_900 && age < 100_000, `${age} ms`);
    });

    it("says which file cannot be read", async () => {
      const root = await folder();
      await fs.writeFile(path.join(root, "guards"), "a file where a folder should be");
      const error = await fails(new DiskStore(root).createOnly(key, "x"), "BackendUnreachable");
      assert.match(error.message, /guards/);
    });
  });

  describe("in S3", () => {
    const make = (s3 = new FakeS3()) => new S3Store(s3.client, { bucket: "states" }, "team/.tributary/");
    // The SDK's paginator needs a whole client: lists are tested against the local AWS.
    const listing = (s3: FakeS3, store: S3Store): ObjectStore =>
      Object.assign(Object.create(store) as ObjectStore, {
        list: async (prefix: string) => {
          if (prefix.includes("..")) return store.list(prefix);
          const keys = [...s3.objects.keys()].map((each) => each.slice("team/.tributary/".length)).sort();
          return keys.filter((each) => each.startsWith(prefix));
        },
      });
    contract(async () => {
      const s3 = new FakeS3();
      return listing(s3, make(s3));
    });

    it("keeps everything below its prefix", async () => {
      const s3 = new FakeS3();
      await make(s3).createOnly(key, "x");
      assert.deepEqual([...s3.objects.keys()], [`team/.tributary/${key}`]);
    });

    it("recognises its own write when only the answer got lost", async () => {
      const s3 = new FakeS3();
      s3.troubles.push("answer lost");
      const version = await make(s3).swap(key, "one", undefined);
      assert.ok(version, "it was its own");
      s3.troubles.push("answer lost");
      assert.ok(await make(s3).swap(key, "two", version));
      assert.equal((await make(s3).get(key))?.text, "two");
    });

    it("does not take another's write for its own", async () => {
      const s3 = new FakeS3();
      await make(s3).createOnly(key, "the other's");
      s3.troubles.push("answer lost");
      assert.equal(await make(s3).createOnly(key, "mine"), false);
    });

    it("tries again when S3 reports a conflict, and gives up with the reason", async () => {
      const s3 = new FakeS3();
      s3.troubles.push("conflict");
      assert.equal(await make(s3).createOnly(key, "one"), true);
      s3.troubles.push({ name: "AccessDenied", status: 403 });
      const error = await fails(make(s3).createOnly("a/b", "x"), "BackendUnreachable");
      assert.match(error.message, /s3:\/\/states\/team\/\.tributary\/a\/b.*AccessDenied.*403/);
      assert.match(error.next!, /s3:PutObject/);
      s3.troubles.push({ name: "ExpiredToken", status: 400 });
      assert.match((await fails(make(s3).get(key), "BackendUnreachable")).next!, /log in/);
    });

    it("refuses a store that ignores conditions, and asks the others once", async () => {
      const bad = new FakeS3();
      bad.ignoresConditions = true;
      const doubted = (s3: FakeS3) => new S3Store(s3.client, { bucket: "states" }, "", true);
      await fails(doubted(bad).createOnly(key, "x"), "BackendUnconditional");
      const good = new FakeS3();
      const store = doubted(good);
      const version = await store.swap(key, "one", undefined);
      assert.ok(await store.swap(key, "two", version));
      assert.equal(good.requests.length, 3);
      const other = doubted(good);
      assert.ok(await other.swap(key, "three", (await other.get(key))!.version));
      assert.equal((await other.get(key))?.text, "three");
    });

    it("tells the age by S3's own clock", async () => {
      const s3 = new FakeS3();
      s3.now = new Date("2001-01-01T00:00:00Z");
      await make(s3).createOnly(key, "x");
      s3.now = new Date("2001-01-01T00:01:10Z");
      assert.equal(await (await make(s3).get(key))!.age(), 70_000);
    });
  });
});
