import { LayerError, Rejection } from "../errors";

/** What Athena calls faults of the SQL, and of the data, in the reason of a failed query. */
const DATA =
  /^(INVALID_CAST_ARGUMENT|NUMERIC_VALUE_OUT_OF_RANGE|DIVISION_BY_ZERO|INVALID_FUNCTION_ARGUMENT|DECIMAL|JSON)/;
const SQL =
  /^(SYNTAX_ERROR|COLUMN_NOT_FOUND|TYPE_MISMATCH|FUNCTION_NOT_FOUND|AMBIGUOUS_NAME|NOT_SUPPORTED|MISSING_COLUMN|TABLE_NOT_FOUND|GENERIC_USER_ERROR|MISMATCHED)/;
const LARGE = /^(EXCEEDED_|QUERY_EXHAUSTED|CLUSTER_OUT_OF_MEMORY|.*[Bb]ytes scanned limit)/;

/** Athena's category of errors that the user makes, in `AthenaError.ErrorCategory`. */
const BY_USER = 2;

interface Failed {
  Status?: { StateChangeReason?: string; AthenaError?: { ErrorCategory?: number; Retryable?: boolean } };
}

/**
 * A failed query as this layer's error: a rejection where SQL or data are at fault; otherwise one that may pass.
 *
 * @param cause what Step Functions tells: the query execution as JSON, or a sentence
 */
export function athenaFailure(error: string, cause = ""): Error {
  const { Status } = parsed(cause) as Failed;
  const reason = Status?.StateChangeReason ?? cause;
  // Another batch committed to the table meanwhile.
  if (/^ICEBERG_COMMIT_ERROR/.test(reason)) return new LayerError("EngineFailed", `Athena: ${reason}`);
  if (DATA.test(reason)) return new Rejection("SchemaMismatch", `the transform in Athena: ${reason}`);
  if (SQL.test(reason)) return new Rejection("TransformInvalid", `the transform in Athena: ${reason}`);
  if (LARGE.test(reason)) return new Rejection("TransformTooLarge", `the transform in Athena: ${reason}`);
  const { ErrorCategory, Retryable } = Status?.AthenaError ?? {};
  if (ErrorCategory === BY_USER && Retryable !== true)
    return new Rejection("TransformInvalid", `the transform in Athena: ${reason}`);
  return new LayerError("EngineFailed", `Athena: ${error}: ${reason}`);
}

/** A failed run of the Glue job as this layer's error. */
export function glueFailure(error: string, cause = ""): LayerError {
  const { Id, JobRunState, ErrorMessage } = parsed(cause) as {
    Id?: string;
    JobRunState?: string;
    ErrorMessage?: string;
  };
  const reason = ErrorMessage ?? (JobRunState === undefined ? cause : "no message");
  const run = Id === undefined ? "" : ` (run ${Id}, ${JobRunState}; its log is in CloudWatch, /aws-glue/jobs)`;
  return new LayerError("EngineFailed", `Glue: ${error}: ${reason}${run}`);
}

function parsed(cause: string): object {
  try {
    const found = JSON.parse(cause) as unknown;
    return typeof found === "object" && found !== null ? found : {};
  } catch {
    return {};
  }
}
