import { oneLine } from "../cli/render/text";
import type { Values } from "../cli/specification";
import { writeJunit } from "../pipeline/reports/write";
import { lint } from "../pipeline/steps/lint";
import type { CommandContext, Outcome } from "./context";

/** `tributary lint` */
export async function run({ root, sink }: CommandContext, values: Values): Promise<Outcome> {
  const files = await lint(root);
  const warnings = files.flatMap((each) => each.warnings ?? []);
  for (const warning of warnings) sink({ type: "message", level: "warning", text: oneLine(warning) });
  const wrong = files.filter(({ problems }) => problems.length > 0);
  if (typeof values.junit === "string") {
    const cases = files.map(({ file, problems }) => ({
      name: file,
      ...(problems.length > 0 ? { failure: problems.join("\n") } : {}),
    }));
    await writeJunit(values.junit, "lint", cases);
  }
  const lines = wrong.flatMap(({ file, problems }) => [
    `${file}\n`,
    ...problems.flatMap((problem) => problem.split("\n").map((line) => `  ${oneLine(line)}\n`)),
  ]);
  if (wrong.length === 0)
    return { document: { ok: true, files }, text: `${files.length} files are as they should be\n` };
  const message = `${wrong.length} of ${files.length} files are wrong: ${wrong.map(({ file }) => file).join(", ")}`;
  const error = { code: "LintFailed", message, next: "correct what is told of each, then run the command again" };
  return {
    document: { ok: false, error, files },
    text: `${lines.join("")}error LintFailed: ${message}\nnext: ${error.next}\n`,
    exitCode: 1,
  };
}
