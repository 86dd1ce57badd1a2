import { Rejection } from "../errors";
import { literal } from "./sql";

/** Marks messages that our own SQL throws, so that they can be told from DuckDB's. */
const MARK = "rejected:";

/**
 * An SQL expression that rejects the object when it is evaluated.
 *
 * @param message its beginning
 * @param rest an expression of type VARCHAR or JSON that ends the message
 */
export function rejecting(code: string, message: string, rest?: string): string {
  const text = literal(`${MARK}${code}:${message}`);
  return `error(${rest === undefined ? text : `${text} || ${rest}`})`;
}

/** The rejection that an expression of {@link rejecting} threw, if the message is of one. */
export function rejectionIn(message: string): Rejection | undefined {
  const begin = message.indexOf(MARK);
  if (begin < 0) return undefined;
  const [, code, text] = /^([A-Za-z]+):(.*)/.exec(message.slice(begin + MARK.length)) ?? [];
  return code === undefined ? undefined : new Rejection(code, text as string);
}
