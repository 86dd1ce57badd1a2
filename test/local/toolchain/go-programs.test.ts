import assert from "node:assert/strict";
import { cp, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { goEnvironment, goVersion } from "../../../automation/toolchain/go";
import { programsRoot } from "../../../automation/toolchain/recipe";
import { removeTemporaryFolders, temporaryFolder } from "../../unit/toolchain/support";

describe("the Go programs of the toolchain", () => {
  before(async function () {
    await goVersion().catch((error: Error) => {
      console.log(`      skipped: ${error.message}`);
      this.skip();
    });
  });
  afterEach(removeTemporaryFolders);

  const go = (folder: string, ...args: string[]) =>
    execa("go", args, { cwd: folder, env: goEnvironment(), extendEnv: false, reject: false, all: true });

  async function copyOfPlugin(): Promise<string> {
    const folder = await temporaryFolder();
    await cp(path.join(programsRoot, "pulumi-resource-aws"), folder, { recursive: true });
    return folder;
  }

  async function change(file: string, from: RegExp, to: string): Promise<void> {
    const content = await readFile(file, "utf8");
    assert.match(content, from);
    await writeFile(file, content.replace(from, to));
  }

  it("resolve names below localhost", async () => {
    const { exitCode, all } = await go(
      path.join(programsRoot, "pulumi-resource-aws"),
      "test",
      "-count=1",
      "./localhost",
    );
    assert.equal(exitCode, 0, all);
  });

  it("are formatted", async () => {
    const { stdout } = await execa("gofmt", ["-l", "."], { cwd: programsRoot });
    assert.equal(stdout, "");
  });

  it("are not built from an AWS provider that differs from go.sum", async () => {
    const folder = await copyOfPlugin();
    await change(path.join(folder, "go.sum"), /(upbound\/terraform-provider-aws \S+ h1:)dJlp2/, "$1dJlp3");
    const { exitCode, all } = await go(folder, "run", "./prune");
    assert.notEqual(exitCode, 0);
    assert.match(all ?? "", /checksum mismatch/);
  });

  it("refuse a type map that names what the AWS provider does not offer", async () => {
    const folder = await copyOfPlugin();
    await change(path.join(folder, "type-map.json"), /"aws_s3_bucket":/, '"aws_s3_basket":');
    const { exitCode, all } = await go(folder, "run", "./prune");
    assert.notEqual(exitCode, 0);
    assert.match(all ?? "", /aws_s3_basket, which no service of the provider offers/);
  });

  it("keep the services in use and what they import, and nothing else", async () => {
    const folder = await copyOfPlugin();
    const pruned = await go(folder, "run", "./prune");
    assert.equal(pruned.exitCode, 0, pruned.all);
    const listed = await go(folder, "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".");
    assert.equal(listed.exitCode, 0, listed.all);
    const clients = [...listed.stdout.matchAll(/aws-sdk-go-v2\/service\/(\w+)$/gm)].map(([, name]) => name);
    assert.ok(clients.includes("s3") && clients.includes("glue"), clients.join(" "));
    assert.ok(!clients.includes("sagemaker") && clients.length < 60, clients.join(" "));
  });
});
