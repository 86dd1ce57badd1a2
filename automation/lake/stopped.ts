import { TributaryError } from "../errors";

/** The error of a command that needs the local AWS to run; `next` is the command that starts it. */
export function localAwsStopped(next: string): TributaryError {
  return new TributaryError("the local AWS does not run", { code: "LocalAwsStopped", source: "cloud", next });
}
