import { openBackend, type ClientVariables } from "../backend";
import type { Environment } from "./environments";
import { parseState, type RecordedState } from "./state";

/** What was read of a stack's state. */
export type StateReading = { state: RecordedState | undefined } | "unreadable";

/**
 * Recorded state of a stack from its backend, without an engine: of a folder or of a bucket of S3.
 *
 * @param variables beside this process's: of the local AWS, or of a role
 * @returns "unreadable" where only an engine can read it: Pulumi Cloud and other clouds; a state of undefined when there is none
 * @throws TributaryError `BackendUnreachable`, `UnreadableState`
 */
export async function readState(
  root: string,
  environment: Environment,
  variables: ClientVariables = {},
): Promise<StateReading> {
  const backend = openBackend(root, environment, variables);
  try {
    if (!backend.engine) return "unreadable";
    const key = `stacks/${environment.project}/${environment.name}.json`;
    const stored = await backend.engine.get(key);
    return { state: stored && parseState(stored.text, `${backend.engine.place}${key}`, environment) };
  } finally {
    backend.close();
  }
}
