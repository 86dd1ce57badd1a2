import { commands } from "./commands";
import { sentence } from "./parse";
import type { CommandSpecification } from "./specification";

const head = `# The driver

<!-- Made from automation/cli/commands.ts by \`npx tributary --markdown > docs/driver.md\`; a test compares. -->

\`npx tributary <command> <env>\` works from any folder of the checkout. All files that it writes are below \`.tributary/\` and, for
programs that it installs or builds once for all checkouts, in the tool cache (\`~/.cache/tributary\`, or \`TRIBUTARY_CACHE\`).

- Every command takes \`--json\`: exactly one JSON document on stdout, progress on stderr. When a command fails the document is
  \`{ "ok": false, "error": { "code", "message", "next" } }\`; [errors.md](errors.md) lists the codes.
- Exit codes: 0 done, 1 failed, 2 wrong usage or settings (nothing was changed), 3 a gate waits for an approval, 130 interrupted.
- Ctrl-C stops cleanly: the engine finishes the step in flight and the state is saved. A second Ctrl-C stops at once. Either way, and after a
  kill -9, the same command goes on where it stopped.
- On a terminal progress is a live display; elsewhere, with \`CI\` set or with \`--json\`, it is a line an event, with the seconds since the start or, with \`CI\` set, the time of day.

| command | does |
| --- | --- |
`;

/** docs/driver.md, made from the commands' data. */
export function markdown(): string {
  const rows = commands.map(({ name, summary }) => `| [\`${name}\`](#${name.replaceAll(" ", "-")}) | ${summary} |`);
  return `${head}${rows.join("\n")}\n\n${commands.map(section).join("\n")}`;
}

function section(command: CommandSpecification): string {
  const usage = command.arguments.map(({ name, optional, variadic }) => {
    const inner = variadic ? `${name}...` : name;
    return optional ? `[${inner}]` : `<${inner}>`;
  });
  const needed = command.flags.flatMap(({ name, value, required }) => (required ? [`--${name} <${value}>`] : []));
  const parts = [
    `## ${command.name}`,
    `\`tributary ${[command.name, ...usage, ...needed].join(" ")}\`: ${command.summary}.`,
    command.details,
    list(command),
    ["```sh", ...command.examples.map(({ line, does }) => `npx ${line} # ${does}`), "```"].join("\n"),
    `JSON: \`${command.json}\``,
  ];
  return `${parts.filter(Boolean).join("\n\n")}\n`;
}

function list({ arguments: given, flags }: CommandSpecification): string | undefined {
  const lines = [
    ...given.map(({ name, summary }) => `- \`${name}\`: ${sentence(summary)}`),
    ...flags.map((flag) => {
      const value = flag.value ? ` <${flag.value}>` : "";
      const otherwise = flag.default === undefined ? "" : ` Default: ${flag.default}.`;
      const often = flag.repeat ? " May be given several times." : "";
      return `- \`--${flag.name}${value}\`: ${sentence(flag.summary)}${often}${otherwise}`;
    }),
  ];
  return lines.length === 0 ? undefined : lines.join("\n");
}
