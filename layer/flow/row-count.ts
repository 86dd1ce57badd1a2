/** What may follow `FROM input` without making more rows of one. */
const AFTER = /^(where|group|having|window|qualify|order|limit|offset)\b/;

/** What makes several rows of one wherever it stands. */
const MULTIPLIES = /\b(unnest|generate_subscripts|cube|rollup|grouping)\b/;

/** Texts between dollars or with backslashes: where they end is not worth finding out. */
const UNREADABLE = /\$\w*\$|\be'/i;

/**
 * Whether a transform may give more rows than it gets. Only one plain SELECT from `input` certainly does not; everything else
 * (joins, unions, `unnest`, several SELECTs, …) counts as if it did.
 *
 * @param sql the manifest's SQL
 */
export function mayMultiplyRows(sql: string): boolean {
  if (UNREADABLE.test(sql)) return true;
  const plain = withoutTexts(sql).toLowerCase();
  if (MULTIPLIES.test(plain)) return true;
  const selects = plain.match(/\bselect\b/g) ?? [];
  const froms = [...plain.matchAll(/\bfrom\s+input(?=\s|$)/g)];
  const allFroms = plain.match(/\bfrom\b/g) ?? [];
  const [from] = froms;
  if (selects.length !== 1 || allFroms.length !== 1 || from === undefined) return true;
  const rest = plain.slice(from.index + from[0].length).trim();
  return !(rest === "" || AFTER.test(rest)) || /\b(join|union|intersect|except|lateral|cross|positional)\b/.test(plain);
}

/** Without comments and the inside of texts and quoted names, which may hold any word. */
function withoutTexts(sql: string): string {
  return sql.replace(/'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[^]*?\*\//g, (part) => {
    if (part.toLowerCase() === '"input"') return "input";
    return part.startsWith("'") ? "''" : part.startsWith('"') ? '""' : " ";
  });
}
