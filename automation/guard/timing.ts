/** How long things about a guard take, in milliseconds. */
export interface Timing {
  /** A holder of another machine that has not renewed for so long, by the store's clock, may be dead: worth watching. */
  lease: number;
  /** Between two renewals. */
  heartbeat: number;
  /** A holder that could not renew for so long stops its work, whatever the reason. */
  limit: number;
  /**
   * Whoever saw no renewal for so long may take over. Longer than `limit`: the holder has stopped before. Both are measured
   * as spans of time, each by its own machine, so that no clock has to be right.
   */
  watch: number;
  /** Between two looks of a holder at the time. */
  tick: number;
  /** First and longest pause between two tries of who waits; the real one is random below it. */
  pause: { first: number; longest: number };
  /** How much two times of a store may be wrong: S3 tells whole seconds. */
  grain: number;
}

/**
 * Renewed every 15 seconds. A driver that deploys several lakes on a machine that is busy with other things may not come to it
 * for most of a minute; that must not stop it.
 */
export const defaultTiming: Timing = {
  lease: 90_000,
  heartbeat: 15_000,
  limit: 75_000,
  watch: 90_000,
  tick: 1_000,
  pause: { first: 20, longest: 5_000 },
  grain: 3_000,
};

/** Longest lease that a record is believed (ms): a damaged file shuts nobody out for ever. */
export const longestLease = 600_000;
