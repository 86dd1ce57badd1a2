/**
 * Records what a person sees of `plan` and `deploy`, as pictures: `npm run pictures`. The commands run for real, in a copy of the
 * checkout with a local AWS of its own and a small program in three regions, on a terminal of 112 columns; each picture is the
 * terminal's screen at one moment. Needs `script` (util-linux).
 */
import { spawn } from "node:child_process";
import { promises as fs } from "node:fs";
import * as path from "node:path";
import { Terminal } from "@xterm/headless";
import { breakStacks, useSmallProgram, writeEnvironment } from "../../test/local/support/smallProgram";
import { Workspace } from "../../test/local/support/workspace";
import { svg } from "./svg";

const columns = 112;
/** More than any of the pictures needs. */
const rows = 60;

/** A screen at a moment of a command. */
interface Screen {
  /** Seconds since the start. */
  at: number;
  svg: string;
}

/** Runs a command on a terminal and keeps its screen about four times a second, and at its end. */
async function record({ root }: Workspace, command: string): Promise<Screen[]> {
  const terminal = new Terminal({ cols: columns, rows, allowProposedApi: true });
  const shown = `stty cols ${columns} rows ${rows}; node bin/${command}`;
  const env = { ...process.env, FORCE_COLOR: "1", TERM: "xterm-256color", CI: "", COLUMNS: String(columns) };
  const child = spawn("script", ["-qec", shown, "/dev/null"], { cwd: root, env, stdio: ["ignore", "pipe", "inherit"] });
  const started = performance.now();
  const screens: Screen[] = [];
  const look = () =>
    screens.push({ at: (performance.now() - started) / 1000, svg: svg(terminal, command.replace(".js", "")) });
  const timer = setInterval(look, 250);
  child.stdout.setEncoding("utf8").on("data", (text: string) => terminal.write(text.replaceAll(root, "/checkout")));
  await new Promise((resolve) => child.once("close", resolve));
  clearInterval(timer);
  await new Promise<void>((resolve) => terminal.write("", resolve));
  look();
  return screens;
}

/** The screen at a share of the command's time, from 0 to 1. */
function at(screens: Screen[], share: number): string {
  return screens[Math.round((screens.length - 1) * share)]!.svg;
}

async function main(): Promise<void> {
  const workspace = await Workspace.create("pictures");
  const write = (name: string, text: string) => fs.writeFile(path.join(__dirname, `${name}.svg`), text);
  try {
    await useSmallProgram(workspace);
    await writeEnvironment(workspace, "staging", [["eu-west-1"], ["us-east-1", "us-west-2"]]);
    await workspace.tributary("doctor");
    await write("plan", at(await record(workspace, "tributary.js plan staging"), 1));
    const deployment = await record(workspace, "tributary.js deploy staging");
    await write("deploy-running", at(deployment, 0.8));
    await write("deploy", at(deployment, 1));
    await useSmallProgram(workspace, "second");
    await breakStacks(workspace, ["staging.us-west-2"]);
    await write("deploy-failed", at(await record(workspace, "tributary.js deploy staging"), 1));
  } finally {
    await workspace.remove();
  }
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(1);
  },
);
