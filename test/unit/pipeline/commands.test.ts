import { strict as assert } from "node:assert";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import * as path from "node:path";
import { parse } from "../../../automation/cli/parse";
import { run as imagesBuild } from "../../../automation/commands/images-build";
import { run as pin } from "../../../automation/commands/images-pin";
import { run as pipelineRun } from "../../../automation/commands/pipeline-run";
import { libraryContext } from "../../../automation/library";
import { readBuildDocument } from "../../../automation/release/document";
import { pipelinesOf, readDeliverySettings } from "../../../automation/pipeline/model";
import { lint } from "../../../automation/pipeline/steps/lint";
import { checkout } from "../../local/support/workspace";
import { fails } from "../support/fails";
import { temporaryFolder } from "./support";

describe("commands of pipelines", () => {
  let root: string;
  let remove: () => Promise<void>;

  before(async () => {
    ({ folder: root, remove } = await temporaryFolder());
    await writeFile(path.join(root, "Pulumi.yaml"), "name: lake\n");
  });
  after(() => remove());

  it("take a flag several times", () => {
    const parsed = parse([
      "pipeline",
      "run",
      "lake",
      "--local",
      "--variable",
      "A=1",
      "--variable",
      "B=x=y",
      "--approve",
      "dev",
    ]);
    assert.ok(parsed.kind === "run");
    assert.deepEqual(
      [parsed.values.variable, parsed.values.approve, parsed.values.run],
      [["A=1", "B=x=y"], ["dev"], undefined],
    );
  });

  it("refuse what belongs to this machine for a run on AWS, and variables without a name", async () => {
    const context = libraryContext(root);
    await fails(pipelineRun(context, { name: "lake", approve: ["dev"] }), "WrongUsage");
    await fails(pipelineRun(context, { name: "lake", local: true, variable: ["1A=x"] }), "WrongUsage");
    await fails(pipelineRun(context, { name: "lake", local: true, run: "../../etc" }), "PipelineRunUnknown");
  });

  it("pin the functions of a build, and leave other settings alone", async () => {
    const uri = (digit: string) => `000000000000.dkr.ecr.us-east-1.amazonaws.com/lake@sha256:${digit.repeat(64)}`;
    const from = path.join(root, "images.json");
    const images = ["layer", "runtime", "routing"].map((name, index) => ({
      name,
      uri: uri(String(index)),
      result: "built",
    }));
    await writeFile(from, JSON.stringify({ ok: true, images }));
    const file = path.join(root, "Pulumi.dev.yaml");
    await writeFile(
      file,
      "config:\n  aws:region: us-east-1 # here\n  tributary:packaging: image\n  tributary:images: { stack: images }\n",
    );
    const pinned = await pin(libraryContext(root), { env: "dev", from });
    assert.equal((pinned.document as { pinned: boolean }).pinned, true);
    const text = await readFile(file, "utf8");
    assert.match(text, /routing: 000000000000\S+@sha256:2{64}/);
    assert.match(text, /us-east-1 # here/);
    assert.doesNotMatch(text, /layer|runtime|stack/);
    await writeFile(file, "config: { aws:region: us-east-1, tributary:packaging: archive }\n");
    const archive = await pin(libraryContext(root), { env: "dev", from });
    assert.equal((archive.document as { pinned: boolean }).pinned, false);
    await writeFile(file, "config: { aws:region: us-east-1, tributary:packaging: image }\n");
    await writeFile(from, '{ "images": [{ "name": "routing", "uri": "lake:latest" }] }');
    await fails(pin(libraryContext(root), { env: "dev", from }), "ImagesFileInvalid");
  });

  it("take a layer from what its build printed, and nothing else for one", async () => {
    const file = path.join(root, "layer.json");
    const uri = `000000000000.dkr.ecr.us-east-1.amazonaws.com/platform-images@sha256:${"a".repeat(64)}`;
    const read = (images: object[]) =>
      writeFile(file, JSON.stringify({ images })).then(() => readBuildDocument(file, (name) => name === "layer"));
    assert.deepEqual(await read([{ name: "layer", uri }, { name: "runtime" }]), { layer: uri });
    assert.match(
      (await fails(read([{ name: "layer", uri: "lake:latest" }]), "ImagesFileInvalid")).message,
      /layer has no/,
    );
    await writeFile(path.join(root, "Pulumi.images.yaml"), "config: { aws:region: us-east-1 }\n");
    await writeFile(path.join(root, "Pulumi.local.yaml"), "config: { aws:region: us-east-1 }\n");
    await read([{ name: "runtime", uri }]);
    const { message } = await fails(imagesBuild(libraryContext(root), { layer: file }), "ImagesFileInvalid");
    assert.match(message, /layer\.json is no document .*it names no layer/);
  });

  it("find every problem of a commit at once", async () => {
    const folder = path.join(root, "lint");
    await mkdir(path.join(folder, "functions", "broken"), { recursive: true });
    await mkdir(path.join(folder, "datasets"), { recursive: true });
    const write = (name: string, text: string) => writeFile(path.join(folder, name), text);
    await write("Pulumi.yaml", "name: lake\n");
    await write("functions/broken/Dockerfile", "FROM python:3.13\n");
    await write("Pulumi.dev.yaml", 'config: { "aws:region": nowhere, "tributary:lanes": many }\n');
    await write("Pulumi.delivery.yaml", 'config: { "aws:region": eu-west-1, "tributary:repositories": {} }\n');
    const wrong = (await lint(folder)).filter(({ problems }) => problems.length > 0);
    const named = wrong.map(({ file, problems }) => `${file}: ${problems.join(" ")}`).join("\n");
    for (const part of [
      /Dockerfile: line 1: FROM python:3\.13 can change/,
      /tributary:lanes in Pulumi\.dev\.yaml/,
      /tributary:pipelines in Pulumi\.delivery\.yaml/,
    ])
      assert.match(named, part);
  });

  it("find environments of branches whose builds could not take the role of their template", async () => {
    const folder = path.join(root, "template");
    for (const name of ["functions", "datasets"]) await mkdir(path.join(folder, name), { recursive: true });
    const write = (name: string, text: string) => writeFile(path.join(folder, name), text);
    await write("Pulumi.yaml", "name: lake\n");
    const dev = { "aws:region": "eu-west-1", "tributary:checks": [{ alarms: "none" }] };
    await write("Pulumi.dev.yaml", JSON.stringify({ config: dev }));
    await write(
      "Pulumi.delivery.yaml",
      `config:
  aws:region: eu-west-1
  tributary:repositories:
    app: { provider: codeconnections, repository: a/b, connection: "arn:aws:codeconnections:eu-west-1:123456789012:connection/00000000-0000-4000-8000-000000000000" }
  tributary:environments: { dev: {}, branch: { resources: b, template: dev } }
  tributary:pipelines: { lake: { repository: app, waves: [[dev]], branches: { environment: branch } } }
`,
    );
    const problems = async () => (await lint(folder)).flatMap((each) => each.problems);
    assert.deepEqual(await problems(), []);
    const role = "arn:aws:iam::123456789012:role/lake-delivery-deploy-dev-eu-west-1";
    await write("Pulumi.dev.yaml", JSON.stringify({ config: { ...dev, "tributary:role": role } }));
    assert.match(
      (await problems()).join(),
      /environments\.branch\.template: found dev.*allowed: .*Pulumi\.branch\.yaml/,
    );
    await write(
      "Pulumi.delivery.yaml",
      (await readFile(path.join(folder, "Pulumi.delivery.yaml"), "utf8")).replace(", template: dev", ""),
    );
    assert.match((await problems()).join(), /pipelines deploy branch, and there is no file Pulumi\.branch\.yaml/);
    await write("Pulumi.branch.yaml", 'config: { "aws:region": eu-west-1, "tributary:lanes": many }\n');
    assert.match((await problems()).join(), /tributary:lanes in Pulumi\.branch\.yaml/);
  });

  it("find environments that a pipeline would have nothing to ask of", async () => {
    const folder = path.join(root, "unverified");
    for (const name of ["functions", "datasets"]) await mkdir(path.join(folder, name), { recursive: true });
    const write = (name: string, text: string) => writeFile(path.join(folder, name), text);
    await write("Pulumi.yaml", "name: lake\n");
    await write("Pulumi.dev.yaml", "config: { aws:region: eu-west-1 }\n");
    const delivery = (dev: string) =>
      write(
        "Pulumi.delivery.yaml",
        `config:
  aws:region: eu-west-1
  tributary:repositories: { app: { provider: codecommit, repository: app } }
  tributary:environments: { dev: ${dev} }
  tributary:pipelines: { lake: { repository: app, waves: [[dev]] } }
`,
      );
    const problems = async () => (await lint(folder)).flatMap((each) => each.problems);
    await delivery("{}");
    assert.match(
      (await problems()).join(),
      /verify dev, and nothing says what it should do: add tributary:checks to Pulumi\.dev/,
    );
    await delivery("{ verify: [{ alarms: none }] }");
    assert.deepEqual(await problems(), []);
    await delivery("{}");
    await write("Pulumi.dev.yaml", "config: { aws:region: eu-west-1, tributary:checks: [{ alarms: none }] }\n");
    assert.deepEqual(await problems(), []);
  });

  it("have a pipeline of the name that README.md runs, and something to verify in each of its environments", async () => {
    const readme = await readFile(path.join(checkout, "README.md"), "utf8");
    const named = [...readme.matchAll(/tributary pipeline (?:show|run) ([a-z][a-z0-9-]*)/g)].map(([, name]) => name!);
    const names = pipelinesOf(readDeliverySettings(checkout)).map(({ name }) => name);
    assert.ok(named.length >= 2);
    for (const name of named) assert.ok(names.includes(name), `${name}: ${names.join(", ")}`);
  });

  it("find nothing in this checkout", async () => {
    const wrong = (await lint(checkout)).filter(({ problems }) => problems.length > 0);
    assert.deepEqual(wrong, []);
  });
});
