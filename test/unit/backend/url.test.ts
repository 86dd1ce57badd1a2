import { strict as assert } from "node:assert";
import * as os from "node:os";
import * as path from "node:path";
import { openBackend } from "../../../automation/backend";
import { locate } from "../../../automation/backend/url";
import type { TributaryError } from "../../../automation/errors";

const at = (url: string | undefined) => locate(url, "/checkout");

describe("backend: where a URL leads", () => {
  it("folders: absolute, of the home, relative to the checkout", () => {
    assert.deepEqual(at("file:///var/states"), { kind: "disk", folder: "/var/states" });
    assert.deepEqual(at("file://~/states?no_tmp_dir=true"), {
      kind: "disk",
      folder: path.join(os.homedir(), "states"),
    });
    assert.deepEqual(at("file://~"), { kind: "disk", folder: os.homedir() });
    assert.deepEqual(at("file://./states"), { kind: "disk", folder: "/checkout/states" });
  });

  it("buckets, with a prefix and the engine's parameters", () => {
    const plain = at("s3://states?region=eu-west-1");
    assert.deepEqual(plain.kind === "s3" && [plain.bucket, plain.prefix, plain.region], ["states", "", "eu-west-1"]);
    const other = at("s3://states/team/a?endpoint=minio:9000&disableSSL=true&s3ForcePathStyle=true&profile=ops");
    assert.ok(other.kind === "s3");
    assert.equal(other.prefix, "team/a/");
    assert.equal(other.endpoint, "http://minio:9000");
    assert.equal(other.pathStyle, true);
    assert.equal(other.profile, "ops");
    const secure = at("s3://states/?endpoint=https://localhost:4566&use_path_style=1&ssetype=aws:kms&kmskeyid=alias/x");
    assert.ok(secure.kind === "s3");
    assert.deepEqual(
      [secure.prefix, secure.endpoint, secure.pathStyle, secure.encryption, secure.kmsKey],
      ["", "https://localhost:4566", true, "aws:kms", "alias/x"],
    );
  });

  it("an S3 URL without a bucket is a mistake in the settings", () => {
    assert.throws(
      () => at("s3://?region=eu-west-1"),
      (error: TributaryError) => error.code === "InvalidBackend" && error.exitCode === 2,
    );
  });

  it("other backends keep our files in the checkout, and say so where nothing else guards the stack", () => {
    const azure = openBackend("/checkout", { backend: "azblob://states?storage_account=secretive" });
    assert.equal(azure.kind, "machine");
    assert.equal(azure.engine, undefined);
    assert.match(azure.warning!, /Azure/);
    assert.match(azure.files.place, /^\/checkout\/\.tributary\/backends\/[0-9a-f]{16}\/$/);
    assert.doesNotMatch(`${azure.place}${azure.warning}`, /secretive/);
    const cloud = openBackend("/checkout", { backend: undefined });
    assert.equal(cloud.warning, undefined);
    assert.equal(cloud.place, "Pulumi Cloud");
    assert.notEqual(cloud.files.place, azure.files.place);
  });
});
