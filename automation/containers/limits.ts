/**
 * Limits of Lambda. Source: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html and
 * https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
 */
export const LAMBDA = {
  /** Uncompressed size of an image (bytes). */
  imageBytes: 10 * 2 ** 30,
  /** Of a synchronous answer (bytes). */
  responseBytes: 6 * 2 ** 20,
  /** Size of /tmp where the function's settings do not say (MB). */
  tmpMegabytes: 512,
  /** File descriptors of a function. */
  files: 1024,
  /** Processes and threads of a function. */
  processes: 1024,
} as const;

/** Lambda's user, `sbx_user1051`: no image may choose another one. */
export const USER = { uid: 993, gid: 990 } as const;
