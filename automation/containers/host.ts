import { readFileSync } from "node:fs";
import { mkdir, readdir, rm, rmdir, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import PQueue from "p-queue";
import { exists } from "../local/state";
import { FunctionContainer, type Answer, type Launch } from "./container";
import { makeDisk } from "./disk";
import { hostFiles } from "./files";
import { describeFunction, logFileOf, readCall } from "./functions";
import { Images } from "./images";
import { ContainerPool, type FunctionDescription } from "./pool";
import { parseImageUri } from "./reference";
import { Registry } from "./registry";
import { runcLauncher } from "./runc";
import { containerSpec } from "./spec";

/** What the host is started with. */
export interface HostArguments {
  root: string;
  /** Of the local AWS. */
  port: number;
  endpoint: string;
  region: string;
  caFile: string;
  fingerprint: string;
}

/** Unused environments are ended after this time (ms); Lambda keeps them for some minutes as well. */
const IDLE = 5 * 60_000;

const CGROUPS = "/sys/fs/cgroup";

/** Containers at once: each takes about 70 MB when it does nothing. */
function containerLimit(): number {
  return Math.max(4, Math.min(64, Math.floor(os.totalmem() / 2 / (128 * 2 ** 20))));
}

/**
 * Where containers are counted and limited, below the cgroups' root; undefined where this machine does not let us: in most
 * containers the groups are read-only, or have processes where only groups may be.
 */
async function cgroupParent(id: string): Promise<string | undefined> {
  const ours = `tributary-${id}`;
  const first = path.join(CGROUPS, "memory");
  const trial = (await exists(first))
    ? mkdir(path.join(first, ours))
    : writeFile(path.join(CGROUPS, "cgroup.subtree_control"), "+memory +pids");
  return trial.then(
    () => `/${ours}`,
    () => undefined,
  );
}

/** Removes groups of hosts that are empty; those in use cannot be removed. */
async function removeCgroups(names: (name: string) => boolean): Promise<void> {
  const controllers = await readdir(CGROUPS).catch(() => []);
  for (const folder of [CGROUPS, ...controllers.map((controller) => path.join(CGROUPS, controller))]) {
    for (const name of (await readdir(folder).catch(() => [])).filter(names)) {
      const children = await readdir(path.join(folder, name)).catch(() => []);
      for (const child of children) await rmdir(path.join(folder, name, child)).catch(() => undefined);
      await rmdir(path.join(folder, name)).catch(() => undefined);
    }
  }
}

/** Runs functions for one local AWS. To be used in process and mount namespaces of its own. */
export class Host {
  private count = 0;
  private readonly files;
  private readonly images;
  private readonly pool;
  private cgroup: string | undefined;
  /** Getting ready takes a processor, so that more at once would only be slower, and in the end too slow. */
  private readonly starts = new PQueue({ concurrency: os.availableParallelism() });

  constructor(
    private readonly given: HostArguments,
    private readonly id: string,
  ) {
    this.files = hostFiles(given.root);
    const ca = readFileSync(given.caFile, "utf8");
    const host = `localhost:${given.port}`;
    const registryOf = ({ name }: { name?: string }) => new Registry({ host, ca, name });
    this.images = new Images(this.files.layers, path.join(this.files.run, "images"), registryOf);
    const create = (description: FunctionDescription) => this.create(description);
    this.pool = new ContainerPool({ create, limit: containerLimit(), idle: IDLE });
  }

  /** Removes what an earlier host left. */
  async prepare(): Promise<void> {
    await rm(this.files.run, { recursive: true, force: true });
    await mkdir(this.files.run, { recursive: true, mode: 0o700 });
    await mkdir(this.files.layers, { recursive: true, mode: 0o700 });
    await this.images.sweep();
    await removeCgroups((name) => /^tributary-\d+$/.test(name));
    this.cgroup = await cgroupParent(this.id);
  }

  /**
   * @param text JSON, see `callSchema`
   * @throws TributaryError `ContainerCallInvalid`, `ImageUriInvalid`, and what preparing an image throws
   */
  async invoke(text: string): Promise<Answer> {
    const call = readCall(text);
    const description = describeFunction(call, this.given);
    const { requestId, event, traceId } = call;
    const { FunctionArn: functionArn, Timeout } = call.function;
    return this.pool.invoke(description, {
      requestId,
      event,
      traceId: traceId ?? undefined,
      functionArn,
      timeout: Timeout * 1000,
    });
  }

  /** Ends every call in progress. */
  async endBusy(): Promise<void> {
    await this.pool.endBusy();
  }

  async close(): Promise<void> {
    await this.pool.close();
    await removeCgroups((name) => `/${name}` === this.cgroup);
  }

  private async create(description: FunctionDescription): Promise<FunctionContainer> {
    const image = await this.images.prepare(parseImageUri(description.imageUri, `localhost:${this.given.port}`));
    const id = `c${++this.count}`;
    const logFile = await logFileOf(this.files.logs, description.name);
    const launch: Launch = async (variables, output) => {
      const disk = await makeDisk(path.join(this.files.run, `${id}.tmp`), description.storage);
      const files = { ca: this.given.caFile, tmp: disk?.folder };
      const cgroup = this.cgroup && `${this.cgroup}/${id}`;
      const spec = (environment: Record<string, string>) =>
        containerSpec(image, description, environment, files, cgroup);
      const bundle = path.join(this.files.run, id);
      const state = path.join(this.files.run, "runc");
      const running = await runcLauncher({ state, bundle, id: `${this.id}-${id}`, logFile, spec })(variables, output);
      void running.exited.finally(() => disk?.remove());
      return running;
    };
    return this.starts.add(() => FunctionContainer.start(launch, description.environment));
  }
}
