import assert from "node:assert/strict";
import { ControlTable } from "../../../components/storage/ControlTable";
import { ControlTables } from "../../../components/storage/ControlTables";
import { CustomerKey } from "../../../components/storage/CustomerKey";
import { LakeStorage } from "../../../components/storage/LakeStorage";
import { SecureBucket } from "../../../components/storage/SecureBucket";
import { DLQ_RETENTION } from "../../../components/stages/Queue";
import { toDays } from "../../../components/units";
import { scopeOf, settingsOf } from "./support/lake";
import { account, inputsOf, ofType, region, run } from "./support/mocks";

const scope = scopeOf();
const bucketTypes = {
  access: "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
  bucket: "aws:s3/bucket:Bucket",
  encryption: "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
  lifecycle: "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
  notification: "aws:s3/bucketNotification:BucketNotification",
  ownership: "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
  policy: "aws:s3/bucketPolicy:BucketPolicy",
  versioning: "aws:s3/bucketVersioning:BucketVersioning",
};
const keyArn = `arn:aws:kms:${region}:${account}:key/key-key`;
const bucketArn = `arn:aws:s3:::tributary-dev-raw-${account}-${region}`;

function bucket(args: object = {}) {
  const key = new CustomerKey("key", { scope, what: "lake" });
  return new SecureBucket("zone", { scope, what: "raw", key, ...args });
}

describe("CustomerKey", () => {
  it("rotates and has an alias", async () => {
    const { resources } = await run(() => new CustomerKey("key", { scope, what: "lake" }));
    const { enableKeyRotation, deletionWindowInDays } = inputsOf(resources, "aws:kms/key:Key");
    assert.deepEqual([enableKeyRotation, deletionWindowInDays], [true, 30]);
    const alias = inputsOf(resources, "aws:kms/alias:Alias");
    assert.deepEqual([alias.name, alias.targetKeyId], ["alias/tributary-dev-lake", "key-key-key-id"]);
  });

  it("opens itself to the account's policies and its log groups, without wildcard actions", async () => {
    const { resources } = await run(() => new CustomerKey("key", { scope, what: "lake" }));
    const { Statement } = JSON.parse(inputsOf(resources, "aws:kms/key:Key").policy);
    assert.equal(Statement.length, 2);
    const [iam, logs] = Statement;
    assert.deepEqual(iam.Principal, { AWS: `arn:aws:iam::${account}:root` });
    assert.deepEqual(logs.Principal, { Service: `logs.${region}.amazonaws.com` });
    assert.deepEqual(logs.Condition, {
      ArnLike: { "kms:EncryptionContext:aws:logs:arn": `arn:aws:logs:${region}:${account}:log-group:*` },
    });
    for (const action of [...iam.Action, ...logs.Action]) assert.match(action, /^kms:[A-Za-z]+$/);
    assert.ok(iam.Action.includes("kms:PutKeyPolicy"), "otherwise nobody could ever change the policy again");
  });
});

describe("SecureBucket", () => {
  it("is encrypted with our key, versioned, private and owned by its account", async () => {
    const { resources } = await run(() => bucket());
    const [rule] = inputsOf(resources, bucketTypes.encryption).rules;
    assert.deepEqual(rule.applyServerSideEncryptionByDefault, { sseAlgorithm: "aws:kms", kmsMasterKeyId: keyArn });
    assert.equal(rule.bucketKeyEnabled, true);
    assert.equal(inputsOf(resources, bucketTypes.versioning).versioningConfiguration.status, "Enabled");
    assert.equal(inputsOf(resources, bucketTypes.ownership).rule.objectOwnership, "BucketOwnerEnforced");
    const { bucket: _, ...blocks } = inputsOf(resources, bucketTypes.access);
    assert.deepEqual(blocks, {
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
    });
  });

  it("refuses everybody without TLS, and with TLS below 1.2", async () => {
    const { resources } = await run(() => bucket());
    const { Statement } = JSON.parse(inputsOf(resources, bucketTypes.policy).policy);
    const everything = { Effect: "Deny", Principal: "*", Action: "s3:*", Resource: [bucketArn, `${bucketArn}/*`] };
    assert.deepEqual(Statement, [
      { Sid: "DenyWithoutTls", ...everything, Condition: { Bool: { "aws:SecureTransport": "false" } } },
      { Sid: "DenyOldTls", ...everything, Condition: { NumericLessThan: { "s3:TlsVersion": "1.2" } } },
    ]);
  });

  it("keeps its objects, has no rules and sends no events unless asked", async () => {
    const { resources } = await run(() => bucket());
    assert.equal(inputsOf(resources, bucketTypes.bucket).forceDestroy, false);
    assert.deepEqual(ofType(resources, bucketTypes.lifecycle), []);
    assert.deepEqual(ofType(resources, bucketTypes.notification), []);
  });

  it("takes rules, events and forced destruction", async () => {
    const lifecycle = [{ id: "old", prefix: "pre/", expireAfter: "30 days", expireOldVersionsAfter: "7 days" }];
    const { resources } = await run(() => bucket({ lifecycle, events: true, forceDestroy: true }));
    assert.equal(inputsOf(resources, bucketTypes.bucket).forceDestroy, true);
    assert.equal(inputsOf(resources, bucketTypes.notification).eventbridge, true);
    const [abandoned, old] = inputsOf(resources, bucketTypes.lifecycle).rules;
    assert.equal(abandoned.abortIncompleteMultipartUpload.daysAfterInitiation, 7);
    assert.deepEqual(
      [old.filter.prefix, old.expiration.days, old.noncurrentVersionExpiration.noncurrentDays],
      ["pre/", 30, 7],
    );
  });

  it("names the rule whose time is wrong", async () => {
    const lifecycle = [{ id: "old", expireAfter: "1.5 days" }];
    await assert.rejects(
      run(() => bucket({ lifecycle })),
      /zone\.lifecycle\.old\.expireAfter: found "1\.5 days"/,
    );
  });

  it("lets each child be changed, last", async () => {
    const transform = {
      bucket: (args: object) => ({ ...args, tags: { own: "yes" } }),
      versioning: { mfa: "123" },
      policy: { policy: "{}" },
    };
    const { resources } = await run(() => bucket({ transform }));
    assert.deepEqual(inputsOf(resources, bucketTypes.bucket).tags, { own: "yes" });
    assert.equal(inputsOf(resources, bucketTypes.versioning).mfa, "123");
    assert.equal(inputsOf(resources, bucketTypes.versioning).versioningConfiguration.status, "Enabled");
    assert.equal(inputsOf(resources, bucketTypes.policy).policy, "{}");
  });
});

describe("LakeStorage", () => {
  const { retention } = settingsOf("prod");

  it("has three zones under one key; only raw sends events", async () => {
    const { resources } = await run(() => new LakeStorage("lake", { scope, retention }));
    const names = ofType(resources, bucketTypes.bucket).map(({ inputs }) => inputs.bucket);
    assert.deepEqual(
      names.sort(),
      ["analytics", "raw", "stage"].map((zone) => `tributary-dev-${zone}-${account}-${region}`),
    );
    assert.equal(ofType(resources, "aws:kms/key:Key").length, 1);
    assert.deepEqual(
      ofType(resources, bucketTypes.notification).map(({ name }) => name),
      ["lake-raw-notification"],
    );
  });

  it("never deletes what producers put", async () => {
    const { resources } = await run(() => new LakeStorage("lake", { scope, retention }));
    for (const rule of inputsOf(resources, bucketTypes.lifecycle, "lake-raw-lifecycle").rules) {
      assert.equal(rule.expiration, undefined);
      assert.equal(rule.noncurrentVersionExpiration, undefined);
    }
  });

  it("deletes what is older than a dataset's retention, in all of its folders, and nothing of others", async () => {
    const datasets = [
      { team: "sales", dataset: "orders", retention: "400 days" },
      { team: "sales", dataset: "leads" },
    ];
    const { resources } = await run(() => new LakeStorage("lake", { scope, retention, datasets }));
    const rules = ofType(resources, bucketTypes.lifecycle).flatMap(({ inputs }) => inputs.rules);
    const own = rules.filter(({ id }) => String(id).startsWith("retention-"));
    assert.deepEqual(own.map(({ filter }) => filter.prefix).sort(), [
      "post/sales/orders/",
      "pre/sales/orders/",
      "quarantine/sales/orders/",
      "sales/orders/",
    ]);
    assert.ok(own.every((one) => one.expiration.days === 400 && one.noncurrentVersionExpiration.noncurrentDays === 1));
  });

  it("keeps Stage A's files longer than a message can wait for its redrive", async () => {
    const { resources } = await run(() => new LakeStorage("lake", { scope, retention }));
    const { rules } = inputsOf(resources, bucketTypes.lifecycle, "lake-stage-lifecycle");
    const pre = rules.find((rule: { filter: { prefix: string } }) => rule.filter.prefix === "pre/");
    assert.ok(pre.expiration.days > toDays(DLQ_RETENTION, "DLQ"));
  });

  it("leaves lifecycle rules out when told so", async () => {
    const { resources } = await run(() => new LakeStorage("lake", { scope, retention, lifecycle: false }));
    assert.deepEqual(ofType(resources, bucketTypes.lifecycle), []);
  });
});

describe("ControlTable", () => {
  it("bills on demand, is encrypted with our key, recoverable and protected", async () => {
    const { resources } = await run(() => {
      const key = new CustomerKey("key", { scope, what: "lake" });
      return new ControlTable("table", { scope, key, what: "things", hashKey: "id" });
    });
    const table = inputsOf(resources, "aws:dynamodb/table:Table");
    assert.equal(table.name, "tributary-dev-things");
    assert.equal(table.billingMode, "PAY_PER_REQUEST");
    assert.deepEqual(table.serverSideEncryption, { enabled: true, kmsKeyArn: keyArn });
    assert.equal(table.pointInTimeRecovery.enabled, true);
    assert.equal(table.deletionProtectionEnabled, true);
    assert.equal(table.ttl, undefined);
  });
});

describe("ControlTables", () => {
  it("have the keys of the contract", async () => {
    const { resources } = await run(() => {
      const key = new CustomerKey("key", { scope, what: "lake" });
      return new ControlTables("lake", { scope, key });
    });
    const tables = ofType(resources, "aws:dynamodb/table:Table").map(({ inputs }) => inputs);
    const found = tables.map(({ name, hashKey, rangeKey, ttl }) => [name, hashKey, rangeKey, ttl?.attributeName]);
    assert.deepEqual(found.sort(), [
      ["tributary-dev-artifacts", "batchId", undefined, "expiresAt"],
      ["tributary-dev-configuration", "name", undefined, undefined],
      ["tributary-dev-data-schemas", "datasetId", "version", undefined],
      ["tributary-dev-datasets", "team", "dataset", undefined],
      ["tributary-dev-events", "datasetId", "event", "expiresAt"],
      ["tributary-dev-execution-history", "datasetId", "execution", "expiresAt"],
      ["tributary-dev-idempotency", "id", undefined, "expiration"],
      ["tributary-dev-metrics", "datasetId", "day", "expiresAt"],
      ["tributary-dev-object-metadata", "keyId", "version", undefined],
      ["tributary-dev-pipelines", "pipeline", "stage", undefined],
      ["tributary-dev-teams", "team", undefined, undefined],
    ]);
    for (const { attributes } of tables) for (const { type } of attributes) assert.equal(type, "S");
  });
});
