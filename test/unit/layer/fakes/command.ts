/** A request of the SDK, as a client's `send` gets it. */
export interface Command {
  input: object;
}

/** An error as the SDK throws it. */
export function serviceError(name: string, status: number): Error {
  return Object.assign(new RangeError(`${name} (fake)`), { name, $metadata: { httpStatusCode: status } });
}
