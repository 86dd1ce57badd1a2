import { guardLost, type Guarded } from "./errors";
import { guardText, parseGuard, type GuardRecord } from "./record";
import type { GuardSystem } from "./system";
import type { Timing } from "./timing";
import type { ObjectStore } from "../backend";

/** What a guard is taken with. */
export interface Keeper {
  store: ObjectStore;
  key: string;
  stack: Guarded;
  system: GuardSystem;
  timing: Timing;
}

/** A moment by both clocks. */
interface Moment {
  wall: number;
  monotonic: number;
}

/**
 * A guard that this process holds: renews it, and says so when it cannot. Time without a renewal is measured by whichever
 * clock tells more: one stands still while a laptop sleeps, the other may be set back.
 */
export class Holding {
  private readonly lostSignal = new AbortController();
  private readonly stopTicking: () => void;
  private renewing: Promise<void> | undefined;
  private renewed: Moment;
  private tried: Moment;
  private lastError: unknown;
  private released = false;

  /**
   * @param begun when the request that took it was begun: the store cannot have counted from earlier
   * @param ended called when it is released
   */
  constructor(
    private readonly keeper: Keeper,
    private record: GuardRecord,
    private version: string,
    begun: Moment,
    private readonly ended: () => void,
  ) {
    this.renewed = this.tried = begun;
    this.stopTicking = keeper.system.every(keeper.timing.tick, () => this.tick());
  }

  /** Aborted, with the reason, when the guard is lost: stop all work at once. */
  get lost(): AbortSignal {
    return this.lostSignal.signal;
  }

  /** Grows with every holder that a stack ever had. */
  get generation(): number {
    return this.record.generation;
  }

  /** Random id of this holding. */
  get owner(): string {
    return this.record.holder!.owner;
  }

  /**
   * To be called before something that cannot be taken back.
   *
   * @throws TributaryError `GuardLost`
   */
  assertHeld(): void {
    this.tick();
    if (this.lost.aborted) throw this.lost.reason;
  }

  /**
   * Lets go of the guard, if it is still ours.
   *
   * @returns false when that could not be written; then it is free as soon as this process has ended
   */
  async release(): Promise<boolean> {
    this.released = true;
    this.stopTicking();
    await this.renewalEnds();
    const { holder: _, ...rest } = this.record;
    const text = guardText({ ...rest, renewal: rest.renewal + 1 });
    try {
      if (await this.keeper.store.replaceIf(this.keeper.key, text, this.version)) return true;
      const version = await this.currentVersion();
      return version === undefined || (await this.keeper.store.replaceIf(this.keeper.key, text, version));
    } catch {
      return false;
    } finally {
      this.ended();
    }
  }

  /** A renewal under way would make ours the wrong version; one that hangs is not waited for. */
  private async renewalEnds(): Promise<void> {
    if (!this.renewing) return;
    const waiting = new AbortController();
    const enough = this.keeper.system.sleep(this.keeper.timing.tick * 5, waiting.signal).catch(() => undefined);
    await Promise.race([this.renewing, enough]);
    waiting.abort();
  }

  private tick(): void {
    const { timing, stack } = this.keeper;
    if (this.released || this.lost.aborted) return;
    const silence = this.since(this.renewed);
    if (silence >= timing.limit)
      return this.lose(guardLost(stack, `it was not renewed for ${seconds(silence)} s ${this.why()}`));
    const due = silence >= timing.heartbeat && this.since(this.tried) >= timing.tick * 2;
    if (due && !this.renewing) this.renewing = this.renew().finally(() => (this.renewing = undefined));
  }

  private async renew(): Promise<void> {
    const { store, key, stack } = this.keeper;
    const begun = (this.tried = this.now());
    const next = { ...this.record, renewal: this.record.renewal + 1 };
    try {
      const version = await store.swap(key, guardText(next), this.version);
      if (version !== undefined) [this.version, this.record, this.renewed] = [version, next, begun];
      // A renewal whose answer got lost is ours all the same, and is made again: nobody else writes our owner id.
      else if ((await this.currentVersion()) === undefined)
        return this.lose(guardLost(stack, "another command has taken it over"));
      this.lastError = undefined;
    } catch (error) {
      this.lastError = error;
    }
  }

  /** Looks the file up again, and returns its version while it is ours. */
  private async currentVersion(): Promise<string | undefined> {
    const stored = await this.keeper.store.get(this.keeper.key);
    const record = stored && parseGuard(stored.text);
    if (stored === undefined || record?.holder?.owner !== this.owner) return undefined;
    [this.version, this.record] = [stored.version, record];
    return stored.version;
  }

  private lose(error: Error): void {
    if (this.released) return;
    this.stopTicking();
    this.lostSignal.abort(error);
  }

  private why(): string {
    const reason = this.lastError instanceof Error ? this.lastError.message : "";
    return reason === "" ? "(this process or its machine stood still)" : `(${reason})`;
  }

  private now(): Moment {
    return momentOf(this.keeper.system);
  }

  private since(moment: Moment): number {
    const now = this.now();
    return Math.max(now.wall - moment.wall, now.monotonic - moment.monotonic);
  }
}

/** Now, by both clocks. */
export function momentOf(system: GuardSystem): Moment {
  return { wall: system.wall(), monotonic: system.monotonic() };
}

const seconds = (milliseconds: number) => Math.round(milliseconds / 1000);
