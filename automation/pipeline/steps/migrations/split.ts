/** What quotes text in SQL, and what may stand in it: its own end doubled, or, for dollar quotes, nothing. */
const quotes = ["'", '"', "`"];

/**
 * The statements of a SQL file, without the semicolons between them. Semicolons in quoted text, in comments and between dollar
 * quotes do not count. Comments stay where they are; what is nothing but comments is no statement.
 */
export function splitStatements(sql: string): string[] {
  const statements: string[] = [];
  let start = 0;
  let at = 0;
  while (at < sql.length) {
    if (sql[at] === ";") {
      statements.push(sql.slice(start, at));
      start = at + 1;
      at += 1;
    } else {
      at = skip(sql, at);
    }
  }
  statements.push(sql.slice(start));
  return statements.map((statement) => statement.trim()).filter((statement) => !isEmpty(statement));
}

/** Where the next thing begins: after one character, one quoted text or one comment. */
function skip(sql: string, at: number): number {
  const here = sql[at]!;
  if (sql.startsWith("--", at)) return endOf(sql, "\n", at + 2);
  if (sql.startsWith("/*", at)) return endOf(sql, "*/", at + 2);
  if (quotes.includes(here)) return quotedEnd(sql, here, at + 1);
  if (here === "$") {
    const [tag] = /^\$[A-Za-z_]*\$/.exec(sql.slice(at, at + 66)) ?? [];
    if (tag !== undefined) return endOf(sql, tag, at + tag.length);
  }
  return at + 1;
}

function endOf(sql: string, end: string, from: number): number {
  const found = sql.indexOf(end, from);
  return found < 0 ? sql.length : found + end.length;
}

/** A doubled quote needs no care of its own: it ends one text and begins the next. */
function quotedEnd(sql: string, quote: string, from: number): number {
  return endOf(sql, quote, from);
}

function isEmpty(statement: string): boolean {
  let at = 0;
  while (at < statement.length) {
    if (/\s/.test(statement[at]!)) at += 1;
    else if (statement.startsWith("--", at) || statement.startsWith("/*", at)) at = skip(statement, at);
    else return false;
  }
  return true;
}
