import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from "node:fs/promises";
import * as os from "node:os";
import * as path from "node:path";
import { execa } from "execa";
import { ensureBuilder, eraseBuilder, type Builder, type BuilderOptions } from "../../../../automation/builder";
import { requirements } from "../../../../automation/builder/requirements";
import type { DriverEvent } from "../../../../automation/events";

/** Skips a suite, with its reason, where no `buildkitd` of our own can run. */
export async function skipWithoutBuilder(suite: Mocha.Context): Promise<void> {
  const lacking = (await requirements()).filter(({ found }) => !found);
  if (lacking.length === 0) return;
  console.log(
    `    skipped: a builder of our own lacks ${lacking.map(({ name, detail }) => `${name} (${detail})`).join()}`,
  );
  suite.skip();
}

/** A folder that stands for a checkout, with a builder of its own. */
export class Checkout {
  readonly events: DriverEvent[] = [];
  private constructor(readonly root: string) {}

  static async create(below?: string): Promise<Checkout> {
    const parent = below ?? os.tmpdir();
    await mkdir(parent, { recursive: true });
    return new Checkout(await realpath(await mkdtemp(path.join(parent, "tributary-builder-"))));
  }

  get home(): string {
    return path.join(this.root, ".tributary", "builder");
  }

  get configuration(): string {
    return path.join(this.home, "buildkitd.toml");
  }

  /** How often a builder was started through this object. */
  get starts(): number {
    return this.events.filter((event) => event.type === "step-start" && event.title === "Starting the image builder")
      .length;
  }

  builder(options: BuilderOptions = {}): Promise<Builder> {
    return ensureBuilder(this.root, { sources: ["buildkitd"], ...options }, (event) => this.events.push(event));
  }

  /** Writes a build context: `tool` beside the Dockerfile, and the given files. */
  async context(name: string, dockerfile: string, files: Record<string, string> = {}): Promise<string> {
    const folder = path.join(this.root, "contexts", name);
    await mkdir(folder, { recursive: true });
    await writeFile(path.join(folder, "tool"), await tool(), { mode: 0o755 });
    await writeFile(path.join(folder, "Dockerfile"), dockerfile);
    for (const [file, text] of Object.entries(files)) await writeFile(path.join(folder, file), text);
    return folder;
  }

  async remove(): Promise<void> {
    await eraseBuilder(this.root);
    await rm(this.root, { recursive: true, force: true });
  }
}

let compiled: Promise<Buffer> | undefined;

/** A static program for images that are made from nothing: `tool sleep SECONDS`, `tool write FILE TEXT`. */
function tool(): Promise<Buffer> {
  return (compiled ??= compile());
}

async function compile(): Promise<Buffer> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "tributary-tool-"));
  try {
    await writeFile(path.join(folder, "main.go"), source);
    await execa("go", ["build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", "tool", "main.go"], {
      cwd: folder,
      env: { CGO_ENABLED: "0", GOFLAGS: "", GOWORK: "off" },
    });
    return await readFile(path.join(folder, "tool"));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const source = `package main

import (
	"os"
	"strconv"
	"time"
)

func main() {
	switch os.Args[1] {
	case "sleep":
		seconds, _ := strconv.ParseFloat(os.Args[2], 64)
		time.Sleep(time.Duration(seconds * float64(time.Second)))
	case "write":
		if err := os.WriteFile(os.Args[2], []byte(os.Args[3]), 0o644); err != nil {
			panic(err)
		}
	}
}
`;

/** How an image is built and pushed. */
export interface BuildRequest {
  /** `address/repository:tag` */
  image: string;
  context: string;
  /** More arguments of `buildx build`. */
  args?: string[];
}

/** Starts `buildx build` with the export that the project uses. */
export function startBuild(builder: Builder, env: Record<string, string>, { image, context, args = [] }: BuildRequest) {
  const output = `type=image,name=${image},push=true,oci-mediatypes=true,rewrite-timestamp=true`;
  const fixed = ["--progress", "plain", "--provenance=false", "--build-arg", "SOURCE_DATE_EPOCH=0"];
  return execa(builder.buildx, ["build", ...fixed, ...args, "--output", output, context], {
    env,
    reject: false,
    all: true,
    stdin: "ignore",
  });
}

/** Builds and pushes to the end; the digest of what was pushed. */
export async function build(builder: Builder, env: Record<string, string>, request: BuildRequest): Promise<string> {
  const metadata = path.join(request.context, "..", `metadata-${path.basename(request.context)}.json`);
  const args = [...(request.args ?? []), "--metadata-file", metadata];
  const run = await startBuild(builder, env, { ...request, args });
  if (run.failed) throw new BuildFailed(run.all ?? "");
  const text = JSON.parse(await readFile(metadata, "utf8")) as Record<string, string>;
  return text["containerimage.digest"] ?? "";
}

/** A build that a test expects to succeed did not. */
export class BuildFailed extends Error {}

/** Command lines of the processes that have a word among their arguments. */
export async function processesWith(word: string): Promise<string[]> {
  const names = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(names.map((name) => readFile(`/proc/${name}/cmdline`, "utf8").catch(() => "")));
  return lines.filter((line) => line.split("\0").includes(word)).map((line) => line.replaceAll("\0", " "));
}
