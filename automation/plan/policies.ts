import type { Json } from "./types";

type Members = { [key: string]: Json };

/** Elements of a statement that are a list or a single text, with one meaning. */
const lists = ["Action", "NotAction", "Resource", "NotResource"];
const maps = ["Principal", "NotPrincipal", "Condition"];

/**
 * An IAM policy in one form: lists where a single value is allowed, sorted where the order means nothing. Any other
 * document is given back as it is.
 */
export function normalisePolicy(document: Json): Json {
  if (!isMembers(document) || document.Statement === undefined) return document;
  const statements = Array.isArray(document.Statement) ? document.Statement : [document.Statement];
  return { ...document, Statement: statements.map((each) => (isMembers(each) ? normaliseStatement(each) : each)) };
}

function normaliseStatement(statement: Members): Members {
  return Object.fromEntries(
    Object.entries(statement).map(([name, value]) => {
      if (lists.includes(name)) return [name, sorted(value)];
      return [name, maps.includes(name) ? normaliseMap(value) : value];
    }),
  );
}

/** `{ "AWS": … }`, and for conditions `{ "StringEquals": { "aws:…": … } }`. */
function normaliseMap(value: Json): Json {
  if (!isMembers(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, isMembers(inner) ? normaliseMap(inner) : sorted(inner)]),
  );
}

function sorted(value: Json): Json {
  const values = Array.isArray(value) ? value : [value];
  return [...values].sort((a, b) => (String(a) < String(b) ? -1 : 1));
}

function isMembers(value: Json): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
