import { InvokeCommand, TooManyRequestsException } from "@aws-sdk/client-lambda";
import PQueue from "p-queue";
import { TributaryError } from "../errors";
import type { Lake } from "../lake/connect";
import { parseReference, shortDigest } from "./reference";
import { runningFunctions } from "./running";

/** What a check of deployed images found to be right. */
export interface Verification {
  /** Functions that were checked. */
  functions: number;
  /** Functions that said themselves which image they run. */
  answered: number;
}

/** Calls to functions at once: each may have to start. */
const atOnce = 8;

/**
 * Compares what was to be deployed with what Lambda says it runs, and asks each function itself, which has no side effect.
 *
 * @param expected function -> `<repository>@sha256:…`
 * @param ask whether functions can answer; false where no container runs
 * @throws TributaryError `ImageMismatch` that names each function with both digests
 */
export async function verifyImages(
  lake: Pick<Lake, "lambda" | "outputs" | "env">,
  expected: Record<string, string>,
  ask: boolean,
): Promise<Verification> {
  const running = await runningFunctions(lake);
  const queue = new PQueue({ concurrency: atOnce });
  const problems: string[] = [];
  let answered = 0;
  const checks = Object.entries(expected).map(([name, uri]) => async (): Promise<void> => {
    const { digest } = parseReference(uri);
    const found = running.find((each) => each.name === name)?.reference?.digest;
    if (found !== digest) return void problems.push(mismatch(name, "Lambda runs", found, digest));
    const said = ask ? await describe(lake, name) : "throttled";
    if (said === "throttled") return;
    if (said.digest === digest) answered++;
    else problems.push(said.error ?? mismatch(name, "the function says", said.digest, digest));
  });
  await queue.addAll(checks);
  if (problems.length === 0) return { functions: Object.keys(expected).length, answered };
  const message = `${problems.length} functions of ${lake.env} do not run what was deployed:\n  ${problems.sort().join("\n  ")}`;
  throw new TributaryError(message, {
    code: "ImageMismatch",
    source: "cloud",
    next: `tributary deploy ${lake.env}; if it stays, look at the function's logs`,
  });
}

function mismatch(name: string, who: string, found: string | undefined, expected: string): string {
  const short = (digest: string | undefined) => (digest === undefined ? "no image" : shortDigest(digest));
  return `${name}: ${who} ${short(found)}, deployed was ${short(expected)}`;
}

interface Said {
  digest?: string;
  error?: string;
}

/** Asks a function which image it is; a function that may not run at all now is no mistake of the deployment. */
async function describe(
  { lambda, outputs }: Pick<Lake, "lambda" | "outputs">,
  name: string,
): Promise<Said | "throttled"> {
  const Payload = JSON.stringify({ tributary: "describe" });
  try {
    const answer = await lambda.send(new InvokeCommand({ FunctionName: outputs.functions[name]!, Payload }));
    const text = Buffer.from(answer.Payload ?? []).toString("utf8");
    if (answer.FunctionError !== undefined) return { error: `${name}: it does not start: ${text.slice(0, 300)}` };
    const { digest } = (JSON.parse(text) ?? {}) as { digest?: unknown };
    return typeof digest === "string" ? { digest } : {};
  } catch (error) {
    if (error instanceof TooManyRequestsException) return "throttled";
    throw error;
  }
}
