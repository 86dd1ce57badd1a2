import { rm } from "node:fs/promises";
import path from "node:path";
import { messageOf, TributaryError } from "../errors";
import type { EventSink } from "../events";
import { writeWhole } from "../local/files";
import { privateFolder } from "./instances";
import { checkAddress } from "./registries";

/** A login of a registry, for a while. */
export interface Login {
  username: string;
  password: string;
  /** When the registry stops accepting it, as the registry told. @default undefined: never */
  expiresAt?: Date;
}

/** A registry and how a login of it is obtained. */
export interface LoginSource {
  /** `host:port` or `host`, as it stands in image names. */
  address: string;
  /** Obtains a fresh login. */
  fetch: () => Promise<Login>;
}

/** Time as the renewal sees it; tests put another one here. */
export interface Clock {
  /** Milliseconds since 1970. */
  now: () => number;
  /** Calls `work` once after `ms`; the returned function forgets it. */
  after: (ms: number, work: () => void) => () => void;
}

const realClock: Clock = {
  now: () => Date.now(),
  after: (ms, work) => {
    const timer = setTimeout(work, Math.min(ms, 2 ** 31 - 1));
    // A waiting renewal is no reason to keep the program alive.
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** A failed renewal is tried again after so long (ms), doubled each time up to the longest. */
const retryMs = { first: 5_000, longest: 5 * 60_000 };

/** How long a renewal waits for an answer (ms). */
const answerMs = 60_000;

/** Not renewed more often than this (ms), whatever lifetime a registry tells. */
const shortestMs = 1_000;

interface Entry {
  source: LoginSource;
  login: Login;
  forget?: () => void;
}

/**
 * The registry logins of one run, in a DOCKER_CONFIG folder of its own: another run, with other logins of the same address,
 * sees nothing of them, and the person's own are not touched. Each is renewed at half of its lifetime. buildx and the
 * docker-build provider read the folder when they start: whenever one starts, its logins live for half of their lifetime
 * at least (with ECR 6 hours). `close` removes the folder.
 */
export class RegistryLogins {
  private readonly entries: Entry[] = [];
  private closed = false;
  /** Writes, one after the other. */
  private writes: Promise<void> = Promise.resolve();
  private readonly renewals = new Set<Promise<void>>();

  private constructor(
    /** The folder: the value of DOCKER_CONFIG. Mode 0700; its config.json 0600. */
    readonly folder: string,
    private readonly sink: EventSink,
    private readonly clock: Clock,
  ) {}

  /**
   * Logs in to every registry and writes the folder.
   *
   * @param folder made where it is not there; anything in it from a killed run is removed
   * @throws TributaryError RegistryLoginFailed, which names the registry; RegistryAddressInvalid
   */
  static async open(
    folder: string,
    sources: LoginSource[],
    sink: EventSink,
    clock: Clock = realClock,
  ): Promise<RegistryLogins> {
    sources.forEach(({ address }) => checkAddress(address));
    const logins = new RegistryLogins(folder, sink, clock);
    await rm(folder, { recursive: true, force: true });
    await privateFolder(folder);
    try {
      const fetched = await Promise.all(sources.map((source) => first(source)));
      logins.entries.push(...fetched);
      await logins.write();
    } catch (error) {
      await logins.close();
      throw error;
    }
    logins.entries.forEach((entry) => logins.plan(entry));
    return logins;
  }

  /** Forgets the logins: stops renewing and removes the folder. May be called again. */
  async close(): Promise<void> {
    this.closed = true;
    this.entries.forEach((entry) => entry.forget?.());
    await this.writes;
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  }

  /** Resolves when no renewal is under way. */
  async idle(): Promise<void> {
    await Promise.all(this.renewals);
  }

  private plan(entry: Entry): void {
    const { expiresAt } = entry.login;
    if (!expiresAt || this.closed) return;
    const half = (expiresAt.getTime() - this.clock.now()) / 2;
    this.later(entry, Math.max(shortestMs, half), retryMs.first);
  }

  private later(entry: Entry, delay: number, retry: number): void {
    entry.forget = this.clock.after(delay, () => {
      const renewal = this.renew(entry, retry).finally(() => this.renewals.delete(renewal));
      this.renewals.add(renewal);
    });
  }

  private async renew(entry: Entry, retry: number): Promise<void> {
    try {
      entry.login = await this.inTime(entry);
      if (this.closed) return;
      await this.write();
      this.plan(entry);
    } catch (error) {
      if (this.closed) return;
      this.tell(entry, error, retry);
      this.later(entry, retry, Math.min(retry * 2, retryMs.longest));
    }
  }

  /** A renewal that gets no answer counts as failed; a late answer is not used. */
  private async inTime(entry: Entry): Promise<Login> {
    return new Promise((resolve, reject) => {
      entry.forget = this.clock.after(answerMs, () => reject(noAnswer()));
      entry.source.fetch().then(resolve, reject).finally(entry.forget);
    });
  }

  private tell({ source, login }: Entry, error: unknown, retry: number): void {
    const until = login.expiresAt?.toISOString() ?? "for ever";
    const over = login.expiresAt !== undefined && login.expiresAt.getTime() <= this.clock.now();
    const state = over ? `the old login expired at ${until}` : `the old login serves until ${until}`;
    const text = `the login of ${source.address} could not be renewed; ${state}; next try in ${retry / 1000} s: ${reason(error)}`;
    this.sink({ type: "message", level: "warning", text });
  }

  private write(): Promise<void> {
    const written = this.writes.then(() => this.writeNow());
    this.writes = written.catch(() => undefined);
    return written;
  }

  private async writeNow(): Promise<void> {
    if (this.closed) return;
    const auths = Object.fromEntries(
      this.entries.map(({ source, login }) => [
        source.address,
        { auth: Buffer.from(`${login.username}:${login.password}`).toString("base64") },
      ]),
    );
    await writeWhole(path.join(this.folder, "config.json"), JSON.stringify({ auths }), 0o600);
  }
}

async function first(source: LoginSource): Promise<Entry> {
  try {
    return { source, login: await source.fetch() };
  } catch (cause) {
    throw new TributaryError(`no login of the registry ${source.address}: ${reason(cause)}`, {
      code: "RegistryLoginFailed",
      source: "cloud",
      next: "check the credentials of this environment: they need ecr:GetAuthorizationToken",
      cause,
    });
  }
}

function noAnswer(): TributaryError {
  return new TributaryError(`no answer within ${answerMs / 1000} s`, { code: "RegistryLoginFailed", source: "cloud" });
}

function reason(error: unknown): string {
  return messageOf(error);
}
