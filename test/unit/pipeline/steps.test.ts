import { strict as assert } from "node:assert";
import { execFileSync } from "node:child_process";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import * as path from "node:path";
import { unzipSync } from "fflate";
import { packLayer, publishLayers } from "../../../automation/pipeline/steps/layers";
import { updateJob } from "../../../automation/pipeline/steps/glue";
import { assess, judgeAssessment } from "../../../automation/pipeline/steps/resilience";
import { gateCases, judge } from "../../../automation/pipeline/steps/gate";
import { writeVariables } from "../../../automation/pipeline/steps/variables";
import { writeJunit } from "../../../automation/pipeline/reports/write";
import { readReports } from "../../../automation/pipeline/reports";
import type { GateResult } from "../../../automation/gates/types";
import type { EnvironmentPlan, PlannedBroadening } from "../../../automation/plan/types";
import { fails } from "../support/fails";
import { fake, named, temporaryFolder } from "./support";

describe("steps of pipelines", () => {
  let folder: string;
  let remove: () => Promise<void>;

  before(async () => ({ folder, remove } = await temporaryFolder()));
  after(() => remove());

  describe("gate", () => {
    const broadening: PlannedBroadening = {
      kind: "allow",
      severity: "high",
      principal: "role lake",
      actions: ["s3:GetObject"],
      resources: ["arn:aws:s3:::raw/*"],
      conditions: [],
      via: "RolePolicy read",
      fresh: false,
    };
    const plan = (broadenings: PlannedBroadening[]): EnvironmentPlan => ({
      version: 1,
      env: "prod",
      project: "lake",
      createdAt: "2026-01-01T00:00:00.000Z",
      digest: "d".repeat(64),
      stacks: [
        {
          target: { env: "prod", region: "eu-west-1", stack: "prod", wave: 0 },
          counts: { create: 1, update: 2, replace: 0, delete: 3, same: 4 },
          resources: [],
          broadenings,
          violations: [],
          monthlyCost: 0,
          unpriced: [],
        },
      ],
    });

    it("asks for an approval only where a gate that can be approved is closed", () => {
      const open = judge(plan([]), [{ gate: "broadening", state: "open", why: [], opens: "", approvable: true }]);
      assert.deepEqual([open.broadens, open.approval, open.refused], [false, false, []]);
      const waits: GateResult = {
        gate: "broadening",
        state: "closed",
        why: ["new"],
        opens: "approve it",
        approvable: true,
      };
      const never: GateResult = {
        gate: "policy",
        state: "closed",
        why: ["public"],
        opens: "change it",
        approvable: false,
      };
      const closed = judge(plan([broadening]), [waits, never]);
      assert.deepEqual([closed.broadens, closed.approval, closed.refused], [true, true, [never]]);
      assert.match(
        closed.summary,
        /^prod: plan d{12} \(\+1 ~2 \+-0 -3\) \| gates closed: broadening, policy \| newly allowed: .*s3:GetObject/,
      );
      assert.deepEqual(
        gateCases([waits, never]).map(({ name, failure, skipped }) => [
          name,
          failure !== undefined,
          skipped !== undefined,
        ]),
        [
          ["broadening", false, true],
          ["policy", true, false],
        ],
      );
    });

    it("keeps the summary in what an approval of CodePipeline takes", () => {
      const many = Array.from({ length: 80 }, (_, index) => ({
        ...broadening,
        actions: [`s3:Get${index}`],
        principal: "Ümläut\n\u0000",
      }));
      const { summary } = judge(plan(many), []);
      assert.ok(summary.length <= 900);
      assert.match(summary, /^[\x20-\x7e]+$/);
    });
  });

  it("writes variables that a shell reads back, whatever is in them", async () => {
    const file = path.join(folder, "gate.env");
    const hostile = 'it\'s $(touch /tmp/x) `id` "quoted"\nsecond line \\';
    await writeVariables(file, { SUMMARY: hostile, EMPTY: "" });
    const read = execFileSync("sh", ["-c", `. ${file}; printf '%s' "$SUMMARY|$EMPTY"`], { encoding: "utf8" });
    assert.equal(read, `${hostile}|`);
  });

  it("writes JUnit reports that are read back the same", async () => {
    const hostile = 'a <b> & "c" \u0007 ]]>';
    await writeJunit(path.join(folder, "reports", "own.xml"), "suite & co", [
      { name: "good" },
      { name: hostile, failure: `broken ${hostile}` },
      { name: "later", skipped: "not here" },
    ]);
    const [report] = await readReports(folder, {
      own: { files: ["own.xml"], "base-directory": "reports", "discard-paths": false, "file-format": "JUNITXML" },
    });
    const { total, passed, failed, skipped, failures } = report!.tests!;
    assert.deepEqual([total, passed, failed, skipped], [3, 1, 1, 1]);
    assert.equal(failures[0]?.message, 'broken a <b> & "c" \ufffd ]]>');
  });

  describe("distribute layers", () => {
    it("packs the same bytes for the same files, and keeps what may be executed", async () => {
      const layer = path.join(folder, "layer");
      await mkdir(path.join(layer, "bin"), { recursive: true });
      await writeFile(path.join(layer, "bin", "tool"), "#!/bin/sh\n");
      await chmod(path.join(layer, "bin", "tool"), 0o755);
      await writeFile(path.join(layer, "data.txt"), "text");
      const [one, two] = [await packLayer(layer), await packLayer(layer)];
      assert.deepEqual(one.zip, two.zip);
      assert.deepEqual(Object.keys(unzipSync(one.zip)).sort(), ["bin/tool", "data.txt"]);
      await writeFile(path.join(layer, "data.txt"), "other");
      assert.notEqual((await packLayer(layer)).digest, one.digest);
      await fails(packLayer(path.join(folder, "nothing")), "LayerEmpty");
    });

    it("publishes where the content is new, and a region that fails keeps no other from it", async () => {
      const archive = { zip: new Uint8Array([1]), digest: "e".repeat(64), files: 1 };
      const has = fake({
        ListLayerVersions: () => ({
          LayerVersions: [
            {
              Description: `content ${archive.digest}`,
              CompatibleRuntimes: ["nodejs22.x"],
              LayerVersionArn: "arn:old",
            },
          ],
        }),
      });
      const lacks = fake({
        ListLayerVersions: () => ({}),
        PublishLayerVersion: () => ({ LayerVersionArn: "arn:new" }),
      });
      const refuses = fake({ ListLayerVersions: () => Promise.reject(named("AccessDenied")) });
      const clients: Record<string, never> = {
        "eu-west-1": has.client,
        "us-east-1": lacks.client,
        "us-west-2": refuses.client,
      };
      const request = { name: "geo", archive, runtimes: ["nodejs22.x"] };
      assert.deepEqual(await publishLayers(Object.keys(clients), request, (region) => clients[region]!), [
        { region: "eu-west-1", result: "unchanged", arn: "arn:old" },
        { region: "us-east-1", result: "published", arn: "arn:new" },
        { region: "us-west-2", result: "failed", error: "AccessDenied" },
      ]);
    });
  });

  describe("distribute glue", () => {
    const job = {
      Name: "clean",
      Role: "arn:role",
      CreatedOn: new Date(0),
      MaxCapacity: 2,
      WorkerType: "G.1X",
      NumberOfWorkers: 2,
      Command: { Name: "glueetl", ScriptLocation: "s3://code/jobs/clean.py", PythonVersion: "3" },
    };

    it("stores the script under its content and tells the job everything else again", async () => {
      const s3 = fake({
        HeadObject: () => Promise.reject(named("NotFound", { $metadata: { httpStatusCode: 404 } })),
        PutObject: () => ({}),
      });
      const glue = fake({ GetJob: () => ({ Job: job }), UpdateJob: () => ({}) });
      const done = await updateJob({ glue: glue.client, s3: s3.client }, "clean", Buffer.from("print(1)"));
      assert.match(done.location, /^s3:\/\/code\/jobs\/clean-[0-9a-f]{16}\.py$/);
      assert.equal(done.former, "s3://code/jobs/clean.py");
      assert.deepEqual(glue.sent[1]?.input, {
        JobName: "clean",
        JobUpdate: {
          Role: "arn:role",
          WorkerType: "G.1X",
          NumberOfWorkers: 2,
          Command: { Name: "glueetl", ScriptLocation: done.location, PythonVersion: "3" },
        },
      });
      const same = fake({ GetJob: () => ({ Job: { ...job, Command: { ScriptLocation: done.location } } }) });
      const again = await updateJob({ glue: same.client, s3: fake({}).client }, "clean", Buffer.from("print(1)"));
      assert.equal(again.result, "unchanged");
    });

    it("says that a job is not there", async () => {
      const glue = fake({ GetJob: () => Promise.reject(named("EntityNotFoundException")) });
      await fails(updateJob({ glue: glue.client, s3: fake({}).client }, "none", Buffer.from("")), "GlueJobUnknown");
    });
  });

  describe("resilience", () => {
    const answer = (status: string, more: object = {}) => ({
      assessment: { assessmentArn: "arn:assessment", assessmentStatus: status, ...more },
    });

    it("waits for the assessment and says which disruption breaches the policy", async () => {
      const answers = [
        answer("Pending"),
        answer("InProgress"),
        answer("Success", {
          complianceStatus: "PolicyBreached",
          resiliencyScore: { score: 61 },
          compliance: { AZ: { complianceStatus: "PolicyBreached" }, Hardware: { complianceStatus: "PolicyMet" } },
        }),
      ];
      const calls: string[][] = [];
      const found = await assess((args) => (calls.push(args), Promise.resolve(answers.shift())), "arn:app", {
        interval: 1,
      });
      assert.deepEqual(
        calls.map(([name]) => name),
        ["start-app-assessment", "describe-app-assessment", "describe-app-assessment"],
      );
      assert.deepEqual(judgeAssessment(found, 80), [
        "Resilience Hub says PolicyBreached: AZ; PolicyMet is needed",
        "its score is 61; at least 80 is needed",
      ]);
      assert.deepEqual(judgeAssessment({ arn: "", compliance: "PolicyMet", breached: [] }, undefined), []);
    });

    it("takes no other answer for a good one", async () => {
      await fails(
        assess(() => Promise.resolve(answer("Failed", { message: "no access" })), "arn:app"),
        "ResilienceHubFailed",
      );
      await fails(
        assess(() => Promise.resolve({ status: "fine" }), "arn:app"),
        "ResilienceHubFailed",
      );
      const never = assess(() => Promise.resolve(answer("Pending")), "arn:app", { interval: 1, patience: 5 });
      await fails(never, "ResilienceHubFailed");
    });
  });
});
