import { writeNamed } from "../../plan/store";

/**
 * Writes variables as text for a shell, to be read in the same phase of a build: `. ./FILE`. What a buildspec exports is taken from
 * there.
 *
 * @throws user error `FileUnwritable`
 */
export async function writeVariables(file: string, variables: Record<string, string>): Promise<void> {
  const lines = Object.entries(variables).map(([name, value]) => `export ${name}=${quote(value)}\n`);
  await writeNamed(file, lines.join(""));
}

/** Text as one word of a POSIX shell, whatever is in it. */
function quote(text: string): string {
  return `'${text.replaceAll("\0", "").replaceAll("'", "'\\''")}'`;
}
