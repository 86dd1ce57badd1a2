import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { silent } from "../../../../automation/events";
import { allImages, prepareImages, type PreparedImages, type PrepareOptions } from "../../../../automation/images";

const CHECKOUT = path.resolve(__dirname, "../../../..");

/** A digest of one repeated hex digit. */
export const digest = (digit: string) => `sha256:${digit.repeat(64)}`;

/** Options of a preparation for this machine. */
export const options: PrepareOptions = {
  platform: process.arch === "x64" ? "linux/amd64" : "linux/arm64",
  baseImages: { BASE_IMAGE: `base@${digest("b")}`, PYTHON_IMAGE: `python@${digest("c")}` },
  version: "1.2.3",
};

/** A small checkout: the real dependencies and default Dockerfile, a layer and functions of its own. */
export class Checkout {
  readonly root = realpathSync(mkdtempSync(path.join(tmpdir(), "images-")));

  /** @param files beside one handler, by path */
  constructor(private readonly files: Record<string, string> = {}) {
    symlinkSync(path.join(CHECKOUT, "node_modules"), path.join(this.root, "node_modules"));
    this.reset();
  }

  /** Puts all sources back, and removes what was added; what was packed and staged stays. */
  reset(): void {
    for (const folder of ["functions", "layer", "README.md"])
      rmSync(this.path(folder), { recursive: true, force: true });
    for (const file of ["package.json", "functions/Dockerfile"]) {
      mkdirSync(path.dirname(this.path(file)), { recursive: true });
      cpSync(path.join(CHECKOUT, file), this.path(file));
    }
    const own = {
      "package-lock.json": "{}",
      "layer/index.ts": "export const late = (n: number) => n + 1;\n",
      "functions/one/handler.ts": 'import { late } from "@tributary/layer";\nexport const handler = () => late(1);\n',
    };
    for (const [file, text] of Object.entries({ ...own, ...this.files })) this.write(file, text);
  }

  /** Absolute path of a file. */
  path(file: string): string {
    return path.join(this.root, file);
  }

  write(file: string, text: string | Buffer): void {
    mkdirSync(path.dirname(this.path(file)), { recursive: true });
    writeFileSync(this.path(file), text);
  }

  prepare(change: Partial<PrepareOptions> = {}): Promise<PreparedImages> {
    return prepareImages(this.root, { ...options, ...change }, silent);
  }

  /** Content digests by image. */
  async digests(change: Partial<PrepareOptions> = {}): Promise<Record<string, string>> {
    const prepared = await this.prepare(change);
    return Object.fromEntries(allImages(prepared).map((image) => [image.name, image.contentDigest]));
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** Names of the images whose digests differ. */
export function changed(before: Record<string, string>, after: Record<string, string>): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => before[name] !== after[name]).sort();
}
