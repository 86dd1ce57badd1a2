import { strict as assert } from "node:assert";
import { promises as fs } from "node:fs";
import * as path from "node:path";
import { stringify } from "yaml";
import { localProvider } from "../../local/support/smallProgram";
import type { Workspace } from "../../local/support/workspace";

/** A stack that the bare engine works on. */
export interface BareStack {
  name: string;
  region: string;
}

/** Writes a settings file for the engine's `--config-file`, which nobody else reads. */
async function configFile({ root }: Workspace, { name, region }: BareStack): Promise<string> {
  const folder = path.join(root, ".tributary", "bare");
  await fs.mkdir(folder, { recursive: true });
  const file = path.join(folder, `${name}.yaml`);
  await fs.writeFile(file, stringify({ config: { "aws:region": region, ...localProvider } }));
  return file;
}

/**
 * The engine's own command on several stacks, as a person's shell loop runs it.
 *
 * @param command e.g. `preview`, or `up --yes --skip-preview`
 * @param atOnce all side by side; else one after the other
 */
export async function bare(workspace: Workspace, command: string, stacks: BareStack[], atOnce: boolean): Promise<void> {
  const lines = await Promise.all(
    stacks.map(async (stack) => {
      const file = await configFile(workspace, stack);
      const run = `pulumi ${command} --non-interactive --stack ${stack.name} --config-file ${file} > ${file}.log 2>&1`;
      return atOnce ? `{ ${run} || touch ${file}.failed; } &` : `${run} || { cat ${file}.log; exit 1; }`;
    }),
  );
  const folder = path.join(workspace.root, ".tributary", "bare");
  const script = [
    'eval "$(node bin/tributary.js env local)"',
    `rm -f ${folder}/*.failed`,
    ...lines,
    "wait",
    `if ls ${folder}/*.failed > /dev/null 2>&1; then tail -n 30 ${folder}/*.log; exit 1; fi`,
  ].join("\n");
  const { code, stdout, stderr } = await workspace.shell(script);
  assert.equal(code, 0, `pulumi ${command}: ${stdout.slice(-3000)}${stderr.slice(-3000)}`);
}

/** Makes the stacks known to the engine. */
export async function initialize(workspace: Workspace, stacks: BareStack[]): Promise<void> {
  const lines = stacks.map(({ name }) => `pulumi stack init --non-interactive ${name} > /dev/null || exit 1`);
  const { code, stderr } = await workspace.shell(['eval "$(node bin/tributary.js env local)"', ...lines].join("\n"));
  assert.equal(code, 0, `pulumi stack init: ${stderr.slice(-3000)}`);
}
