import type { Environment } from "./environments";

/** One stack of an environment: the environment in one region. */
export interface StackTarget {
  /** Environment, e.g. `dev`. */
  env: string;
  /** AWS region, e.g. `eu-west-1`. */
  region: string;
  /** Stack name: `<env>` in the environment's first region, `<env>.<region>` in a further one. */
  stack: string;
  /** Wave that it is deployed in, from 0. */
  wave: number;
}

/** A stack as records, plans and events name it. */
export function targetOf({ env, region, name, wave }: Environment): StackTarget {
  return { env, region: region ?? "", stack: name, wave };
}
