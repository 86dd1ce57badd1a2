import { chmod, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { Clock } from "../../../automation/builder";

const folders: string[] = [];

/** A folder that `removeTemporaryFolders` removes. */
export async function temporaryFolder(): Promise<string> {
  const folder = await realpath(await mkdtemp(path.join(os.tmpdir(), "tributary-builder-")));
  folders.push(folder);
  return folder;
}

export async function removeTemporaryFolders(): Promise<void> {
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true })));
}

/** A program that stands for buildx: a shell script. */
export async function fakeBuildx(script: string): Promise<string> {
  const file = path.join(await temporaryFolder(), "buildx");
  await writeFile(file, `#!/bin/sh\n${script}\n`);
  await chmod(file, 0o755);
  return file;
}

/** Time that passes when the test says so. */
export class FakeClock implements Clock {
  private time = Date.parse("2026-01-01T00:00:00Z");
  private readonly waiting: { at: number; work: () => void }[] = [];
  now = (): number => this.time;
  after = (ms: number, work: () => void): (() => void) => {
    const entry = { at: this.time + ms, work };
    this.waiting.push(entry);
    return () => {
      const index = this.waiting.indexOf(entry);
      if (index >= 0) this.waiting.splice(index, 1);
    };
  };

  get planned(): number {
    return this.waiting.length;
  }

  /**
   * Lets `ms` pass and calls what is due at its time.
   *
   * @param rest resolves when the work that this starts has come to rest
   */
  async pass(ms: number, rest: () => Promise<void>): Promise<void> {
    const end = this.time + ms;
    for (;;) {
      this.waiting.sort((a, b) => a.at - b.at);
      const due = this.waiting[0];
      if (!due || due.at > end) break;
      this.waiting.shift();
      this.time = due.at;
      due.work();
      await rest();
    }
    this.time = end;
  }
}
