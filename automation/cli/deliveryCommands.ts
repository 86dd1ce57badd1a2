import { branchImages, environment } from "./common";
import type { CommandSpecification } from "./specification";

const run =
  '{ "id", "number", "pipeline", "status": "SUCCEEDED" | "FAILED" | "WAITING" | "STOPPED", "revision", "startedAt", "endedAt"?, "seconds", "stages": [{ "name", "status", "seconds"?, "why"?, "actions": [{ "name", "kind", "status", "seconds"?, "why"?, "approvedBy"?, "phases"?: [{ "phase", "status", "seconds", "context"? }], "reports"?: [{ "group", "status", "tests"?, "coverage"? }], "exported"?, "log"? }] }] }';

/** Pipelines of Pulumi.delivery.yaml, and the steps that their builds call. */
export const deliveryCommands: CommandSpecification[] = [
  {
    name: "pipeline run",
    summary: "start a pipeline on AWS and follow it, or run its very buildspecs on this machine",
    details:
      "With --local every build runs in a clean clone of the commit, phase by phase as CodeBuild does it, with the pipeline's variables, artifacts, conditions and reports; environments are those of the " +
      "local AWS, whatever their settings say, and nothing reaches AWS. An approval is asked for on a terminal; elsewhere the run ends with exit code 3 and is gone on with by --approve. " +
      "When the run of a layer's pipeline has published, the pipelines that it starts follow. docs/delivery.md tells what is like AWS and what is not.",
    arguments: [{ name: "name", summary: "a pipeline, as `pipeline show` lists them" }],
    flags: [
      { name: "local", summary: "on this machine instead of AWS" },
      {
        name: "revision",
        summary: "a commit, branch or tag; without it HEAD, or on AWS the branch's newest",
        value: "ref",
      },
      {
        name: "repository",
        summary: "with --local: another repository on this machine than the checkout; <name>=<folder>: a layer's own",
        value: "folder",
        repeat: true,
      },
      { name: "variable", summary: "a variable of the pipeline or of a build", value: "NAME=VALUE", repeat: true },
      {
        name: "approve",
        summary: "with --local: an approval, its stage or its environment; or all",
        value: "name",
        repeat: true,
      },
      { name: "resume", summary: "with --local: go on with the last run where it ended" },
      { name: "run", summary: "with --local: the run to go on with", value: "id" },
      { name: "from", summary: "with --local: go on with the last run, from this stage", value: "stage" },
      { name: "alone", summary: "with --local: start no pipeline after it" },
      { name: "fresh", summary: "with --local: every build begins as on a new machine, without caches and packages" },
      { name: "parallel", summary: "with --local: most builds at a time", value: "n", kind: "integer" },
    ],
    examples: [
      { line: "tributary pipeline run lake-layer --local", does: "builds the layer, then delivers the application" },
      { line: "tributary pipeline run lake --local --from dev-deploy", does: "the last run again, from there" },
      {
        line: "tributary pipeline run lake-layer --local --repository platform=../platform",
        does: "the same, with a layer in a repository of its own",
      },
      { line: "tributary pipeline run lake", does: "starts it on AWS and follows it to its end" },
    ],
    json: `{ "ok": true, "runs": [${run}] }`,
    module: "pipeline-run",
  },
  {
    name: "verify",
    summary: "ask a deployed environment whether it does what it should",
    details:
      "Makes `tributary:checks` of its settings, and what Pulumi.delivery.yaml has for it in `verify`, on all its stacks. A check that cannot be made has failed.",
    arguments: [environment],
    flags: [{ name: "junit", summary: "write what was found as a JUnit report", value: "file" }],
    examples: [{ line: "tributary verify dev", does: "exits with 1 when a check does not hold" }],
    json: '{ "ok": true, "env", "checks": [{ "stack", "check", "ok", "found" }] }',
    module: "verify",
  },
  {
    name: "pipeline show",
    summary: "draw the pipelines of Pulumi.delivery.yaml: sources, stages, actions, gates and conditions",
    arguments: [{ name: "name", summary: "one pipeline; without it a line for each", optional: true }],
    flags: [
      { name: "mermaid", summary: "as a Mermaid flowchart, for a page or a pull request" },
      { name: "buildspecs", summary: "with a name: also the buildspec of every build, as CodeBuild gets it" },
    ],
    examples: [
      { line: "tributary pipeline show", does: "all pipelines" },
      { line: "tributary pipeline show lake", does: "what it does, in the order in which it does it" },
    ],
    json: '{ "pipelines": [{ "name", "kind", "description", "sources", "triggers", "variables", "executionMode", "stages": [{ "name", "condition"?, "retry"?, "rollback"?, "actions": [{ "kind": "build" | "approval" | "publish", "name", "runOrder", … }] }] }] }',
    module: "pipeline-show",
  },
  {
    name: "lint",
    summary: "look at what a commit can get wrong without a cloud: Dockerfiles, manifests, settings, pipelines",
    arguments: [],
    flags: [{ name: "junit", summary: "write what was found as a JUnit report", value: "file" }],
    examples: [{ line: "tributary lint", does: "exits with 1 and names every problem" }],
    json: '{ "ok": true, "files": [{ "file", "problems": […] }] }',
    module: "lint",
  },
  {
    name: "gate",
    summary: "ask an environment's gates about a plan, for the stages of a pipeline that follow",
    details:
      "Writes BROADENS, APPROVAL (whether somebody has to approve), PLAN_ID and SUMMARY for a shell. Ends with exit code 1 only when a gate is closed that nobody can approve; an approvable one is the next " +
      "stage's matter. The request for approval lies beside the state from then on, and `approve` finds it.",
    arguments: [environment],
    flags: [
      {
        name: "plan",
        summary: "a file of `plan --out`, or the id of a plan of this checkout",
        value: "file",
        required: true,
      },
      { name: "variables", summary: "write the variables to this file, as lines of a shell", value: "file" },
      { name: "message", summary: "write the plan and its gates as Markdown, for a person", value: "file" },
      { name: "junit", summary: "write the gates as a JUnit report", value: "file" },
    ],
    examples: [{ line: "tributary gate prod --plan prod.plan --variables gate.env", does: "then `. ./gate.env`" }],
    json: '{ "ok": true, "env", "gates": [{ "gate", "state", "why", "opens", "approvable" }], "BROADENS": "true" | "false", "APPROVAL": "true" | "false", "PLAN_ID", "SUMMARY", "broadens": bool, "approval": bool }',
    module: "gate",
  },
  {
    name: "images pin",
    summary: "let an environment's settings name the images of a build by their digests",
    details:
      "Writes them as tributary:images; comments and order stay. An environment that runs archives, or that builds its images itself, stays as it is, and the result says so.",
    arguments: [environment],
    flags: [{ name: "from", summary: "what `images build --json` printed", value: "file", required: true }],
    examples: [
      {
        line: "tributary images pin dev --from images.json",
        does: "edits Pulumi.dev.yaml; tributary deploy dev follows",
      },
    ],
    json: '{ "ok": true, "env", "file", "pinned": bool, "why"?, "changed"?: [{ "name", "from"?, "to" }], "same"?: n, "next"? }',
    module: "images-pin",
  },
  {
    name: "images scan",
    summary: "stop at vulnerabilities that the registry's scan found in the images that were built last",
    details:
      "Reads what ECR's basic or enhanced scan found, and waits for scans that still run. An image that was not scanned does not pass; one that ECR cannot scan, as the layer of nothing but files, does. The " +
      "registry of the local AWS has no scanner: then nothing is judged, and the result says so.",
    arguments: [],
    flags: [
      { name: "push", summary: "those of the registry of Pulumi.images.yaml" },
      branchImages,
      { name: "max", summary: "most findings of each severity", value: "severity=n,…", default: "critical=0,high=0" },
      { name: "junit", summary: "write what was found as a JUnit report", value: "file" },
    ],
    examples: [{ line: "tributary images scan --push --max critical=0,high=3", does: "exits with 1 above that" }],
    json: '{ "ok": true, "limits": { "critical": 0, … }, "images": [{ "name", "uri", "status", "counts", "findings": [{ "id", "severity", "package"? }], "problems" }] }',
    module: "images-scan",
  },
  {
    name: "resilience",
    summary: "have an environment's application assessed by Resilience Hub, and stop when it breaches its policy",
    details:
      "Asks by the AWS command line. The local AWS has no Resilience Hub: then nothing is judged, and the result says so.",
    arguments: [environment],
    flags: [
      { name: "application", summary: "its application in Resilience Hub", value: "arn", required: true },
      { name: "score", summary: "least score, up to 100", value: "n", kind: "integer" },
      { name: "junit", summary: "write what was found as a JUnit report", value: "file" },
    ],
    examples: [
      {
        line: "tributary resilience prod --application arn:aws:resiliencehub:…",
        does: "exits with 1 when the policy is breached",
      },
    ],
    json: '{ "ok": true, "env", "assessment": { "arn", "compliance", "score"?, "breached": […] } }',
    module: "resilience",
  },
  {
    name: "distribute layers",
    summary: "publish a folder as a Lambda layer in many regions",
    details:
      "A region whose newest version has the same content gets no new one, so the command may be repeated. With --variables the versions are LAYER_<REGION>, e.g. LAYER_EU_WEST_1.",
    arguments: [environment],
    flags: [
      { name: "name", summary: "the layer's name", value: "name", required: true },
      { name: "folder", summary: "what the layer holds: unpacked below /opt", value: "folder", required: true },
      { name: "regions", summary: "where it is published", value: "region,…", required: true },
      { name: "runtimes", summary: "runtimes that can use it", value: "runtime,…", required: true },
      { name: "variables", summary: "write the versions to this file, as lines of a shell", value: "file" },
    ],
    examples: [
      {
        line: "tributary distribute layers prod --name geo --folder layers/geo --regions eu-west-1,us-east-1 --runtimes nodejs22.x",
        does: "one version in each region",
      },
    ],
    json: '{ "ok": true, "name", "digest", "layers": [{ "region", "result": "published" | "unchanged" | "failed", "arn"?, "error"? }] }',
    module: "distribute-layers",
  },
  {
    name: "distribute glue",
    summary: "test a Glue job's script and give it to the job",
    details:
      "The script is stored under a name that its content decides, beside the one that the job has; that one stays, for runs in progress and for the way back. Nothing else of the job changes.",
    arguments: [environment],
    flags: [
      { name: "job", summary: "the job, which is there already", value: "name", required: true },
      { name: "script", summary: "its script", value: "file", required: true },
      { name: "test", summary: "what has to succeed before", value: "command" },
    ],
    examples: [
      {
        line: 'tributary distribute glue prod --job clean --script glue/clean.py --test "python3 -m unittest discover glue"',
        does: "exchanges the script when its tests pass",
      },
    ],
    json: '{ "ok": true, "job", "result": "updated" | "unchanged", "location", "former" }',
    module: "distribute-glue",
  },
  {
    name: "migrate",
    summary: "run the SQL migrations of a folder that have not been run, each exactly once",
    details:
      "Files are <number>_<what it does>.sql. A file that was run and is another one now, one that is gone, and a new one before one that was run are refused. Redshift remembers what was run in a table, " +
      "in the same transaction as the migration; for Athena, which has no transactions, a file beside the environment's state remembers it, and each statement is started with a token that Athena runs once. ${analyticsBucket} and others in a file stand for what the environment's lake has.",
    arguments: [environment],
    flags: [
      { name: "folder", summary: "the migrations", value: "folder", required: true },
      { name: "engine", summary: "athena or redshift", value: "engine", required: true },
      { name: "database", summary: "the database; with athena the lake's own if not given", value: "name" },
      { name: "workgroup", summary: "the work group; with athena the lake's own if not given", value: "name" },
    ],
    examples: [
      { line: "tributary migrate dev --folder migrations --engine athena", does: "a second time it runs none" },
    ],
    json: '{ "ok": true, "env", "applied": ["0002_add_region.sql"], "before": n }',
    module: "migrate",
  },
];
