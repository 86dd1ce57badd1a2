import { GetFunctionCommand } from "@aws-sdk/client-lambda";
import PQueue from "p-queue";
import type { Lake } from "../lake/connect";
import { parseReference, type ImageReference } from "./reference";

/** What a function of an environment runs. */
export interface RunningFunction {
  name: string;
  /** `<repository>@sha256:…`; undefined when it runs an archive. */
  uri?: string;
  reference?: ImageReference;
}

/** Requests to Lambda at once: its control plane allows 15 reads a second and account. */
const atOnce = 5;

/**
 * What the functions of a lake run now, as Lambda itself tells for the alias that is called.
 *
 * @throws TributaryError `ImageReferenceInvalid` when one runs an image by a tag
 */
export async function runningFunctions(lake: Pick<Lake, "lambda" | "outputs">): Promise<RunningFunction[]> {
  const queue = new PQueue({ concurrency: atOnce });
  const names = Object.keys(lake.outputs.functions).sort();
  return queue.addAll(
    names.map((name) => async (): Promise<RunningFunction> => {
      const arn = lake.outputs.functions[name]!;
      const { Code } = await lake.lambda.send(new GetFunctionCommand({ FunctionName: arn }));
      const uri = Code?.ImageUri;
      return uri === undefined ? { name } : { name, uri, reference: parseReference(uri) };
    }),
  );
}
