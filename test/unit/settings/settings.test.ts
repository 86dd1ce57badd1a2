import assert from "node:assert/strict";
import { createDecipheriv, pbkdf2Sync } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { parse } from "yaml";
import { TributaryError } from "../../../automation/errors";
import {
  holdsImages,
  holdsPipelines,
  lakeSettingsSchema,
  parseDeliverySettings,
  parseImagesSettings,
  parseSettings,
  rawSettings,
} from "../../../automation/settings";
import { configOf, settingsOf } from "../components/support/lake";
import { run } from "../components/support/mocks";

const root = path.join(__dirname, "../../..");
const parsed = (values: Record<string, string>, stack = "dev") =>
  parseSettings({ project: "tributary", stack, values: { "aws:region": "eu-west-1", ...values } });

function problemsOf(values: Record<string, string>, stack?: string): string[] {
  try {
    parsed(values, stack);
  } catch (error) {
    assert.ok(error instanceof TributaryError, String(error));
    assert.deepEqual([error.code, error.exitCode], ["InvalidSettings", 2]);
    assert.match(error.next ?? "", /Pulumi\..*\.yaml/);
    const [first = "", ...problems] = error.message.split("\n");
    assert.match(first, new RegExp(`^${problems.length} problem`));
    return problems.map((problem) => problem.trim());
  }
  return assert.fail("these settings were accepted");
}

describe("settings", () => {
  it("have a default for every key", () => {
    const settings = parsed({});
    assert.deepEqual(
      Object.keys(lakeSettingsSchema.shape).filter((key) => !(key in settings)),
      // Pulumi itself knows a default.
      [
        ...["backend", "permissionsBoundary", "waves", "account", "role", "secretsProvider", "target"],
        ...["approval", "approvers", "calendar"],
      ],
    );
    assert.deepEqual(
      [settings.batchSize, settings.forceDestroy, settings.deletionProtection, settings.lifecycle, settings.tracing],
      [10, false, true, true, true],
    );
    assert.deepEqual(settings.retention, {
      logs: "30 days",
      intermediate: "30 days",
      oldVersions: "30 days",
      quarantine: "90 days",
      queryResults: "30 days",
      history: "365 days",
      events: "365 days",
      metrics: "730 days",
    });
  });

  it("tell where the stack stands", () => {
    const { project, stack, env, region } = parsed({ "aws:region": "eu-central-1" }, "prod.eu-central-1");
    assert.deepEqual([project, stack, env, region], ["tributary", "prod.eu-central-1", "prod", "eu-central-1"]);
  });

  it("are read as Pulumi hands them over: text, and JSON for the rest", () => {
    const settings = parsed({
      "tributary:batchSize": "1",
      "tributary:forceDestroy": "true",
      "tributary:retention": '{"logs":"7 days"}',
      "tributary:functions": '{"routing":{"memory":"1 GB","reservedConcurrency":0}}',
      "tributary:images": JSON.stringify({ routing: `repo@sha256:${"0".repeat(64)}` }),
      "tributary:tags": '{"owner":"data platform"}',
      "tributary:logLevel": "DEBUG",
    });
    assert.deepEqual([settings.batchSize, settings.forceDestroy, settings.logLevel], [1, true, "DEBUG"]);
    assert.deepEqual([settings.retention.logs, settings.retention.oldVersions], ["7 days", "30 days"]);
    assert.deepEqual(settings.functions.routing, { memory: "1 GB", reservedConcurrency: 0 });
    assert.deepEqual(settings.tags, { owner: "data platform" });
  });

  it("of other name spaces are no business of ours", () => {
    assert.equal(parsed({ "other:batchSize": "wrong", "aws:profile": "x" }).batchSize, 10);
  });

  it("that are wrong are told all at once, with key, file, what was found and what is allowed", () => {
    const problems = problemsOf({
      "aws:region": "europe",
      "tributary:batchSize": "11",
      "tributary:retention": '{"logs":"31 days","intermediate":"14 days"}',
      "tributary:batchsize": "3",
    });
    assert.deepEqual(problems, [
      'aws:region in Pulumi.dev.yaml: found "europe"; allowed: an AWS region, e.g. eu-west-1',
      "tributary:batchSize in Pulumi.dev.yaml: found 11; allowed: a whole number from 1 to 10",
      'tributary:retention.logs in Pulumi.dev.yaml: found "31 days"; allowed: a retention that CloudWatch Logs offers, e.g. "7 days", "30 days", "90 days", "365 days"',
      'tributary:retention.intermediate in Pulumi.dev.yaml: found "14 days"; allowed: whole days from "15 days" to "3650 days"',
      `tributary:batchsize in Pulumi.dev.yaml: found a key that does not exist; allowed: ${Object.keys(lakeSettingsSchema.shape).join(", ")}`,
    ]);
  });

  const wrong: [string, string, RegExp][] = [
    ["batchSize", "0", /found 0; allowed: a whole number from 1 to 10/],
    ["batchSize", "1.5", /found 1\.5;/],
    ["batchSize", "ten", /found "ten";/],
    ["forceDestroy", "yes", /found "yes"; allowed: true or false/],
    ["keyDeletionWindow", "6 days", /"7 days" to "30 days"/],
    ["keyDeletionWindow", "36 hours", /found "36 hours"/],
    ["bytesScannedLimit", "9 MB", /"10 MB" or more/],
    ["logLevel", "info", /DEBUG, INFO, WARN or ERROR/],
    ["architecture", "arm", /x86_64 or arm64/],
    ["retention", "30 days", /tributary:retention in .*found "30 days"; allowed: an object/],
    ["retention", '{"log":"7 days"}', /tributary:retention\.log in .*allowed: logs, intermediate,/],
    ["functions", '{"rooting":{}}', /tributary:functions\.rooting in .*allowed: routing, redrive,/],
    ["functions", '{"routing":{"memory":"64 MB"}}', /functions\.routing\.memory in .*"128 MB" to "10 GB"/],
    [
      "functions",
      '{"routing":{"timeout":"1 minute"}}',
      /functions\.routing\.timeout in .*allowed: memory, tmp, reserved/,
    ],
    ["functions", '{"routing":{"reservedConcurrency":-1}}', /found -1;/],
    [
      "images",
      '{"routing":"repo:latest"}',
      /images\.routing in .*found "repo:latest"; allowed: an image by its digest/,
    ],
    ["images", "bild", /found "bild"; allowed: build, \{ stack: <stack> \}, or an entry for each function/],
    ["images", '{"rooting":"x"}', /images\.rooting in .*allowed: another key: routing, redrive/],
    ["images", '{"stack":7}', /images\.stack in .*found 7; allowed: the name of a stack/],
    ["images", '{"stack":"images","routing":"x"}', /images\.routing in .*allowed: nothing beside stack/],
    ["packaging", "zip", /found "zip"; allowed: archive or image/],
    [
      "imageBuild",
      '{"platform":"linux/arm64"}',
      /imageBuild\.platform in .*allowed: linux\/amd64, as architecture is x86_64/,
    ],
    ["imageBuild", '{"platform":"windows/amd64"}', /allowed: linux\/arm64 or linux\/amd64/],
    [
      "imageBuild",
      '{"layer":"lake:latest"}',
      /imageBuild\.layer in .*found "lake:latest"; allowed: an image by its digest/,
    ],
    ["imageBuild", '{"parallelism":0}', /imageBuild\.parallelism in .*found 0; allowed: a whole number from 1 to 64/],
    ["imageBuild", '{"registry":"https://x"}', /imageBuild\.registry in .*<host>:<port>/],
    ["imageBuild", '{"builder":"-x"}', /imageBuild\.builder in .*the name of a buildx builder/],
    ["imageBuild", '{"source":"https://user@host/x"}', /imageBuild\.source in .*without a login/],
    ["imageBuild", '{"baseImages":{"base":"x:1"}}', /baseImages\.base in .*a build argument in capitals/],
    ["imageBuild", '{"baseImages":{"LAYER_IMAGE":"x:1"}}', /baseImages\.LAYER_IMAGE in .*not LAYER_IMAGE/],
    ["imageBuild", '{"baseImages":{"BASE_IMAGE":"x y"}}', /baseImages\.BASE_IMAGE in .*<repository>:<tag>/],
    ["imageBuild", '{"repository":{"keep":0}}', /imageBuild\.repository\.keep in /],
    ["imageBuild", '{"repository":{"accounts":[123456789012]}}', /12 digits in quotation marks/],
    ["imageBuild", '{"repository":{"replicateTo":["mars"]}}', /different AWS regions/],
    ["imageBuild", '{"repository":{"encryption":"none"}}', /customer, aws or aes256/],
    ["tags", '{"aws:x":"y"}', /tributary:tags\.aws:x in .*found "y"; allowed: another key/],
    ["tags", '{"env":"y"}', /another key/],
    ["tags", '{"owner":"a\\nb"}', /tags\.owner in .*found "a\\nb"/],
    ["tags", '{"owner":7}', /found 7;/],
    ["tags", "[]", /an object/],
  ];
  for (const [key, text, message] of wrong) {
    it(`refuse ${key}: ${text}`, () => {
      const problems = problemsOf({ [`tributary:${key}`]: text });
      assert.equal(problems.length, 1, problems.join("; "));
      assert.match(problems[0] ?? "", message);
    });
  }

  it("need a region: a lake does not stand where the shell happens to be", () => {
    assert.throws(
      () => parseSettings({ project: "tributary", stack: "dev", values: {} }),
      /aws:region in Pulumi\.dev\.yaml: found nothing/,
    );
  });

  for (const stack of ["", "Dev", "-dev", "d e v", "a".repeat(32)]) {
    it(`refuse the environment ${JSON.stringify(stack)}`, () => {
      assert.match(problemsOf({}, stack)[0] ?? "", /^environment .* allowed: a letter/);
    });
  }

  it("are accepted or refused as user errors, whatever they hold", () => {
    const key = fc.constantFrom(...Object.keys(lakeSettingsSchema.shape), "__proto__", "constructor", "x.y");
    const text = fc.oneof(fc.string(), fc.json());
    fc.assert(
      fc.property(fc.dictionary(key, text), (given) => {
        const values = Object.fromEntries(Object.entries(given).map(([name, value]) => [`tributary:${name}`, value]));
        try {
          parsed(values);
        } catch (error) {
          assert.ok(error instanceof TributaryError && error.code === "InvalidSettings", String(error));
        }
      }),
    );
  });

  it("come from the running program's stack", async () => {
    const { outputs } = await run(() => parseSettings(rawSettings()), {
      stack: "dev.eu-central-1",
      config: { "aws:region": "eu-central-1", "tributary:batchSize": "2", "other:key": "x" },
    });
    assert.deepEqual([outputs.batchSize, outputs.env, outputs.region], [2, "dev", "eu-central-1"]);
  });
});

describe("committed stack files", () => {
  const stacks = readdirSync(root).flatMap((file) => /^Pulumi\.(.+)\.yaml$/.exec(file)?.[1] ?? []);

  it("are those of dev, prod, local, branches, the images and the pipelines", () => {
    assert.deepEqual(stacks.sort(), ["branch", "delivery", "dev", "images", "local", "prod"]);
  });

  for (const stack of stacks) {
    it(`are right: ${stack}`, () => {
      const raw = { project: "tributary", stack, values: configOf(stack) };
      const parseOne = holdsImages(stack)
        ? parseImagesSettings
        : holdsPipelines(stack)
          ? parseDeliverySettings
          : parseSettings;
      assert.equal(parseOne(raw).env, stack);
    });

    it(`point the provider nowhere but to AWS by default: ${stack}`, () => {
      const keys = Object.keys(configOf(stack)).filter((key) => key.startsWith("aws:"));
      assert.ok(
        keys.every((key) => !/endpoint|key|secret|token|profile/i.test(key)),
        keys.join(", "),
      );
    });
  }

  it("run images of the stack images on AWS, and archives locally", () => {
    for (const stack of ["dev", "prod"]) {
      const { packaging, images, architecture } = settingsOf(stack);
      assert.deepEqual([packaging, images, architecture], ["image", { stack: "images" }, "arm64"], stack);
    }
    assert.equal(settingsOf("local").packaging, "archive");
  });

  it("let prod's data survive its stack", () => {
    const { forceDestroy, deletionProtection, pointInTimeRecovery, lifecycle } = settingsOf("prod");
    assert.deepEqual([forceDestroy, deletionProtection, pointInTimeRecovery, lifecycle], [false, true, true, true]);
  });

  it("carry the salt of local's passphrase, so that no run writes into the checkout", () => {
    const file = parse(readFileSync(path.join(root, "Pulumi.local.yaml"), "utf8")) as { encryptionsalt: string };
    const [version, salt, , nonce, text] = file.encryptionsalt.split(":");
    const bytes = Buffer.from(text ?? "", "base64");
    const key = pbkdf2Sync("local", Buffer.from(salt ?? "", "base64"), 1_000_000, 32, "sha256");
    const decipher = createDecipheriv("aes-256-gcm", key, Buffer.from(nonce ?? "", "base64"));
    decipher.setAuthTag(bytes.subarray(-16));
    const plain = Buffer.concat([decipher.update(bytes.subarray(0, -16)), decipher.final()]).toString();
    assert.deepEqual([version, plain], ["v1", "pulumi"]);
  });
});

describe("docs/components.md", () => {
  const text = readFileSync(path.join(root, "docs/components.md"), "utf8");
  const documented = new Map(
    [...text.matchAll(/^\| `([A-Za-z.<>]+)` \| ([^|]+) \|/gm)].map(([, key, value]) => [key, value]),
  );

  const { repository, ...build } = parsed({}).imageBuild;
  const optional = ["builder", "registry", "platform", "parallelism", "source", "layer"];
  const imageBuildKeys = [
    ...new Set([...Object.keys(build), ...optional]),
    ...Object.keys(repository).map((key) => `repository.${key}`),
  ].map((key) => `imageBuild.${key}`);

  it("lists every setting", () => {
    const nested = ["retention", "functions", "imageBuild", "throughput"];
    const keys = Object.keys(lakeSettingsSchema.shape).filter((key) => !nested.includes(key));
    const { retention, throughput } = parsed({});
    const inner = Object.entries({ retention, throughput }).flatMap(([setting, value]) =>
      Object.keys(value).map((key) => `${setting}.${key}`),
    );
    const perFunction = ["functions.<name>.memory", "functions.<name>.tmp", "functions.<name>.reservedConcurrency"];
    assert.deepEqual([...documented.keys()].sort(), [...keys, ...inner, ...perFunction, ...imageBuildKeys].sort());
  });

  it("tells the defaults that settings really have", () => {
    const { retention, ...settings } = parsed({});
    for (const [key, value] of Object.entries({
      ...settings,
      ...Object.fromEntries(Object.entries(repository).map(([name, kept]) => [`imageBuild.repository.${name}`, kept])),
      "imageBuild.cache": build.cache,
      ...Object.fromEntries(Object.entries(retention).map(([name, kept]) => [`retention.${name}`, kept])),
    })) {
      const told = documented.get(key);
      if (told !== undefined && typeof value !== "object") assert.equal(told, String(value), key);
    }
  });
});
