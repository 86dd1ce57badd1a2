import { strict as assert } from "node:assert";
import { TributaryError } from "../../../automation/errors";

/** Asserts that a promise rejects with an error of this code, and returns it. */
export async function fails(work: Promise<unknown>, code: string): Promise<TributaryError> {
  const error = await work.then(
    () => assert.fail("it did not fail"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof TributaryError, String(error));
  assert.equal(error.code, code);
  return error;
}
