/**
 * Takes a property path of the engine apart: `a.b[0]["c.d"]` is `a`, `b`, 0, `c.d`. What cannot be read is one key.
 */
export function pathOf(text: string): (string | number)[] {
  const step = /(?:^|\.)([^.[\]"]+)|\[(\d+)\]|(?:^|\.)?\["((?:[^"\\]|\\.)*)"\]/y;
  const keys: (string | number)[] = [];
  for (let at = 0; at < text.length; at = step.lastIndex) {
    step.lastIndex = at;
    const found = step.exec(text);
    if (found === null || found[0] === "") return [text];
    const [, plain, index, quoted] = found;
    keys.push(plain ?? (index === undefined ? quoted!.replace(/\\(.)/g, "$1") : Number(index)));
  }
  return keys;
}

/** What is at a path; undefined where there is nothing. */
export function valueAt(value: unknown, keys: readonly (string | number)[]): unknown {
  return keys.reduce<unknown>((inner, key) => {
    if (typeof inner !== "object" || inner === null || !Object.hasOwn(inner, key)) return undefined;
    return (inner as Record<string | number, unknown>)[key];
  }, value);
}
