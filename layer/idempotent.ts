import type { Context } from "aws-lambda";
import { client } from "./clients";
import { env } from "./config";
import { log } from "./log";
import type { StageBState } from "./messages";

/** How long an answer is remembered (s): longer than all retries of a state together. */
const REMEMBERED = 6 * 3_600;

type Work = (state: StageBState) => Promise<StageBState>;

/**
 * Work on a batch that is done once: a second call for the same batch gets the first one's answer. When the first call
 * seems to be still at it, because it was cut off without a word, the work is done again: it has to be harmless to do so.
 */
export function idempotent(work: Work): (state: StageBState, context: Context) => Promise<StageBState> {
  let once: Promise<(state: StageBState, context: Context) => Promise<StageBState>> | undefined;
  return async (state, context) => {
    const call = await (once ??= remembering(work));
    try {
      return await call(state, context);
    } catch (error) {
      if ((error as Error).name !== "IdempotencyAlreadyInProgressError") throw error;
      log.warn("an earlier try did not come to its end", { batchId: state.batchId });
      return work(state);
    }
  };
}

async function remembering(work: Work): Promise<(state: StageBState, context: Context) => Promise<StageBState>> {
  const { IdempotencyConfig, makeIdempotent } = await import("@aws-lambda-powertools/idempotency");
  const { DynamoDBPersistenceLayer } = await import("@aws-lambda-powertools/idempotency/dynamodb");
  const config = new IdempotencyConfig({ eventKeyJmesPath: "batchId", expiresAfterSeconds: REMEMBERED });
  const awsSdkV3Client = (await client("dynamodb")) as never;
  const persistenceStore = new DynamoDBPersistenceLayer({ tableName: env("IDEMPOTENCY_TABLE"), awsSdkV3Client });
  const once = makeIdempotent(work, { persistenceStore, config, dataIndexArgument: 0 }) as Work;
  return (state, context) => {
    config.registerLambdaContext(context);
    return once(state);
  };
}
