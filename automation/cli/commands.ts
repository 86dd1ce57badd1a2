import { branchImages, dataset, environment, parallel, timeout, wait } from "./common";
import { branchCommands } from "./branchCommands";
import { failureCommands } from "./failureCommands";
import { datasetCommands } from "./datasetCommands";
import { deliveryCommands } from "./deliveryCommands";
import { pipelineCommands } from "./pipelineCommands";
import { ingressCommands } from "./ingressCommands";
import { lakeCommands } from "./lakeCommands";
import { recordCommands } from "./recordCommands";
import type { CommandSpecification, FlagSpecification } from "./specification";

const from = { name: "from", summary: "an environment" };
const to = { name: "to", summary: "another environment" };
const builtImages =
  '[{ "name", "result": "built" | "unchanged" | "failed", "digest"?, "uri"?, "size"?: bytes, "seconds"?, "sbom"?: file }]';

const region: FlagSpecification = { name: "region", summary: "only the stack in this region", value: "region" };

/** All commands, in the order of help and docs. */
export const commands: CommandSpecification[] = [
  {
    name: "demo",
    summary: "the whole lake on this machine: deploy, sample data through both stages, a SQL answer",
    details: "May be repeated: what is there already is not made again, and a sample that was sent is not sent twice.",
    arguments: [],
    flags: [],
    examples: [{ line: "tributary demo", does: "from nothing to a query over Parquet" }],
    json: '{ "ok": true, "phases": [{ "name", "seconds" }], "ingested": n, "processed": n, "failed": n, "query": { "sql", "columns", "rows" } }',
    module: "demo",
  },
  {
    name: "deploy",
    summary: "bring an environment to what the program and its settings say",
    details:
      "For `local` it starts the local AWS first, or mends it. A deployment that was interrupted, even by kill -9, is gone on with: " +
      "a lock whose process is dead is taken over, creations in flight are adopted. An environment of several regions is deployed wave by wave; the first wave in which something fails is the " +
      "last, and the next run does what failed, what was not begun and what has changed. A replacement counts as one create and one delete.",
    arguments: [environment],
    flags: [
      { name: "plan", summary: "deploy exactly what this plan says, or stop", value: "file" },
      {
        name: "changed",
        summary: "only stacks whose program, settings, digests or upstream outputs changed, and say why",
      },
      { name: "all", summary: "also stacks that a run which did not come to its end has deployed already" },
      region,
      parallel,
    ],
    examples: [
      { line: "tributary deploy local", does: "deploys; a second time nothing changes" },
      { line: "tributary deploy prod --changed", does: "all its regions, wave by wave, but those that are up to date" },
    ],
    json:
      '{ "ok": true, "changes": { "create": n, "update": n, "delete": n, "same": n }, "seconds": n, "stacks": [{ "env", "region", "stack", "wave", "status", "why"?, "changes"?, "seconds"?, "error"? }] }; ' +
      'status is "succeeded", "failed", "skipped" or "not started"',
    module: "deploy",
  },
  {
    name: "plan",
    summary: "say what `deploy` would change, and change nothing",
    details:
      "All stacks of the environment at once: counts, the properties that change, what would be lost, what would newly be allowed, what policies find, and how the gates stand. " +
      "What is the same in several regions is told once. The plan is kept below .tributary/plans, and `deploy --plan` deploys exactly that.",
    arguments: [environment],
    flags: [
      { name: "out", summary: "keep the plan in this file, too", value: "file" },
      { name: "markdown", summary: "write it as Markdown, for a pull request", value: "file" },
      { name: "html", summary: "write it as one HTML file", value: "file" },
      { name: "full", summary: "list every change, however many" },
      {
        name: "changed",
        summary: "only stacks whose program, settings, digests or upstream outputs changed, and say why",
      },
      region,
      parallel,
    ],
    examples: [
      { line: "tributary plan local", does: "lists what would change" },
      {
        line: "tributary plan dev --out dev.plan --markdown plan.md",
        does: "for a pull request, and for deploy --plan",
      },
    ],
    json: '{ "ok": true, "plan": { … docs/plan.schema.json … }, "gates": [{ "gate", "state", "why": […], "opens", "approvable" }], "file", "changes": { … as deploy … }, "resources": [{ "operation", "type", "name" }], "stacks": […], "seconds": n }',
    module: "plan",
  },
  {
    name: "approve",
    summary: "open the gates that a plan waits at",
    details:
      "Shows the plan and records the approval beside the state: for exactly this plan, in your name, until it expires (tributary:approvalExpiry). Who may is in tributary:approvers.",
    arguments: [environment, { name: "id", summary: "the plan's id, as the closed gate said" }],
    flags: [{ name: "reason", summary: "kept with the approval", value: "text" }],
    examples: [{ line: "tributary approve prod 3f2a9c41d0be", does: "then tributary deploy prod goes on" }],
    json: '{ "ok": true, "plan": digest, "gates": ["broadening", …], "approver": { "name", "source" }, "expiresAt", "approval" }',
    module: "approve",
  },
  {
    name: "destroy",
    summary: "remove an environment and everything in it",
    details:
      "For `local` it stops the local AWS and erases its data and its recorded state; the tool cache stays. For any other environment its name " +
      "has to be given again with --yes.",
    arguments: [environment],
    flags: [
      {
        name: "yes",
        summary: "the environment's name once more; needed for all but an unprotected `local`",
        value: "env",
      },
      { name: "empty", summary: "deletes what is in its buckets, too; without it a stack with a full bucket stays" },
      parallel,
    ],
    examples: [
      { line: "tributary destroy local", does: "leaves no process and no data" },
      { line: "tributary destroy dev --yes dev", does: "removes the environment dev" },
    ],
    json: '{ "ok": true, "env": "local", "seconds": n }',
    module: "destroy",
  },
  {
    name: "status",
    summary: "what is deployed and whether the local AWS runs",
    arguments: [{ ...environment, optional: true }],
    flags: [],
    examples: [
      { line: "tributary status", does: "all environments that are known here" },
      { line: "tributary status local --json", does: "one, with all its outputs" },
    ],
    json: '{ "environments": [{ "env", "region", "stack", "status", "resources": n, "endpoint", "outputs": { "rawBucket", … } }] }; status is "deployed", "incomplete", "stopped", "not deployed" or "unknown"',
    module: "status",
  },
  ...recordCommands,
  ...branchCommands,
  ...deliveryCommands,
  ...pipelineCommands,
  {
    name: "ingest",
    summary: "send files to a dataset",
    details:
      "Each file becomes the object <team>/<dataset>/<file name> of the raw bucket. A file that is already there with the same content, and known to the " +
      "control tables, is not sent again; its outcome counts. With --wait the exit code is 0 also when objects failed: that is an outcome, and the result says so.",
    arguments: [environment, dataset, { name: "files", summary: "files to send, of any size", variadic: true }],
    flags: [wait, timeout],
    examples: [
      {
        line: "tributary ingest local engineering/meteorites day.json --wait",
        does: "sends a file and waits for its outcome",
      },
      { line: "tributary ingest local engineering/meteorites *.ndjson.gz", does: "sends many and returns" },
    ],
    json: '{ "accepted": n, "processed": n, "failed": n, "objects": [{ "file", "key", "status": "PROCESSED" | "FAILED" | "PENDING", "error"? }] }',
    module: "ingest",
  },
  ...ingressCommands,
  ...lakeCommands,
  ...failureCommands,
  ...datasetCommands,
  {
    name: "dataset new",
    summary: "make a dataset's folder from a file as its producers send it",
    details:
      "DuckDB infers format, columns and types, nested ones and the form of dates from JSON, CSV or Parquet, packed or not; both stages then take the file with the new manifest, and a column " +
      "whose values do not all fit becomes text. Writes datasets/<team>/<dataset> with manifest.yaml, transform.sql and a sample: the file, or the first 200 records of one above 1 MB. An existing folder is " +
      "refused.",
    arguments: [{ ...dataset, summary: "the new dataset as <team>/<dataset>" }],
    flags: [{ name: "from", summary: "a file of records, up to 256 MB", value: "file", required: true }],
    examples: [
      { line: "tributary dataset new sales/orders --from orders.csv", does: "then look at the manifest, and deploy" },
    ],
    json: '{ "ok": true, "dataset", "table", "format", "csv"?, "columns": [{ "name", "type", "field"? }], "rows": n, "expectations": [{ "name", "rule", "checked": n, "broken": n }], "notes": […], "files": […], "next" }',
    module: "dataset-new",
  },
  {
    name: "images build",
    summary: "build the layer image and the function images whose content changed, all at once",
    details:
      "Without --push they go to the registry of the local AWS (stack images.local; no account is needed), with --push to the registry of Pulumi.images.yaml " +
      "(stack images). What an image copies, its Dockerfile, the layer and the base decide whether it is built: nothing else does. An image that fails is named, with the " +
      "last lines of its build; the others are kept, and what environments deploy stays as it was. Each image gets its software bill of materials: below .tributary/images/sbom, " +
      "and next to the image in its registry.",
    arguments: [{ name: "names", summary: "only these images; without it, all", variadic: true, optional: true }],
    flags: [
      { name: "push", summary: "to the registry of Pulumi.images.yaml instead of the local one" },
      branchImages,
      {
        name: "layer",
        summary:
          "what `images build layer --json` printed where the layer is: its image takes the place of the checkout's",
        value: "file",
      },
    ],
    examples: [
      { line: "tributary images build", does: "builds what changed into the local registry" },
      { line: "tributary images build stage-a-process-object", does: "this one only" },
      { line: "tributary images build --push", does: "builds for all environments" },
    ],
    json: `{ "ok": true, "repository", "images": ${builtImages}, "changes": { … as deploy … }, "seconds": n }`,
    module: "images-build",
  },
  {
    name: "images list",
    summary: "the images that were built last: digest, size, layers shared, age, tags",
    details: "Without --env those that `images build` made; with it, those that the environment runs.",
    arguments: [],
    flags: [
      { name: "env", summary: "those that this environment runs", value: "env" },
      { name: "push", summary: "those of the registry of Pulumi.images.yaml" },
    ],
    examples: [
      { line: "tributary images list", does: "the images of the local registry" },
      { line: "tributary images list --env prod", does: "what prod runs" },
    ],
    json: '{ "repository", "images": [{ "name", "digest", "uri", "size": bytes, "layers": n, "shared": n, "sharedBytes": bytes, "pushedAt", "tags": […], "commit"?, "buildId"? }] }; size is that of the compressed layers',
    module: "images-list",
  },
  {
    name: "images diff",
    summary: "which functions run another image in one environment than in another",
    arguments: [from, to],
    flags: [],
    examples: [{ line: "tributary images diff dev prod", does: "what a promotion would change" }],
    json: '{ "from", "to", "same": n, "images": [{ "name", "result": "same" | "other" | "missing", "from"?: { "digest", "pushedAt"?, "commit"? }, "to"?: { … } }] }',
    module: "images-diff",
  },
  {
    name: "images sbom",
    summary: "print the software bill of materials of an image (CycloneDX)",
    arguments: [{ name: "name", summary: "an image: a function's folder, layer or runtime" }],
    flags: [],
    examples: [{ line: "tributary images sbom layer", does: "what the layer image is made of" }],
    json: "the CycloneDX document",
    module: "images-sbom",
  },
  {
    name: "promote",
    summary: "let an environment run the images that another one runs",
    details:
      "Writes the digests that run in the first into the settings file of the second, as tributary:images; comments and order stay. Nothing is built, and nothing is deployed.",
    arguments: [from, to],
    flags: [],
    examples: [{ line: "tributary promote dev prod", does: "edits Pulumi.prod.yaml; tributary deploy prod follows" }],
    json: '{ "ok": true, "from", "to", "file", "changed": [{ "name", "from"?, "to" }], "same": n, "next" }; from is what the file said before',
    module: "promote",
  },
  {
    name: "doctor",
    summary: "what this machine has and lacks, and the one command that mends it",
    arguments: [],
    flags: [],
    examples: [{ line: "tributary doctor", does: "exits with 1 when something needed lacks" }],
    json: '{ "ok": true, "checks": [{ "name", "found": true, "needed": true, "detail", "cure"? }] }',
    module: "doctor",
  },
  {
    name: "env",
    summary: "print what a shell needs to use the bare `pulumi` and AWS tools on an environment",
    arguments: [environment],
    flags: [],
    examples: [
      { line: 'eval "$(npx tributary env local)"; pulumi preview -s local', does: "the bare engine on the same stack" },
    ],
    json: '{ "env": { "PATH", "PULUMI_BACKEND_URL", … } }',
    module: "env",
  },
];
