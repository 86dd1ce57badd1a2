import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import * as path from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { userError } from "../errors";
import { writeWhole } from "../local/files";
import { workFolder } from "../stacks/environments";
import { digestOf } from "./digest";
import { planFileSchema, type PlanFile } from "./schema";
import { planId, type EnvironmentPlan } from "./types";

/** Largest plan file that is read (bytes): it may come from anywhere. */
const largest = 256 * 1024 * 1024;

/** Where every plan of an environment is kept. */
export function plansFolder(root: string, env: string): string {
  return path.join(workFolder(root), "plans", env);
}

/**
 * Keeps a plan, readable by its owner only: names and addresses of an account are in it.
 *
 * @param engine the engine's update plan of each stack, as it wrote it
 * @param out a second place for it, as the person named it
 * @returns the file below .tributary/plans
 */
export async function savePlan(
  root: string,
  plan: EnvironmentPlan,
  engine: ReadonlyMap<string, string>,
  out?: string,
): Promise<string> {
  const packed = Object.fromEntries([...engine].map(([stack, text]) => [stack, gzipSync(text).toString("base64")]));
  const text = `${JSON.stringify({ ...plan, engine: packed } satisfies PlanFile)}\n`;
  const file = path.join(plansFolder(root, plan.env), `${plan.digest}.json`);
  await writeWhole(file, text, 0o600);
  if (out !== undefined) await writeNamed(out, text);
  return file;
}

/**
 * Writes a file that the person named on the command line.
 *
 * @throws user error `FileUnwritable`
 */
export async function writeNamed(file: string, text: string): Promise<void> {
  try {
    await mkdir(path.dirname(path.resolve(file)), { recursive: true });
    await writeFile(file, text, { mode: 0o600 });
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? String(error);
    throw userError("FileUnwritable", `${file} cannot be written: ${reason}`, "name another file");
  }
}

/**
 * Reads a plan file.
 *
 * @throws user error `PlanMissing`, `PlanInvalid`; `PlanInvalid` also when its content is not what its digest says
 */
export async function loadPlan(file: string): Promise<PlanFile> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw userError("PlanMissing", `the plan ${file} cannot be read: ${error.code}`, "tributary plan <env> --out FILE");
  });
  const invalid = (why: string) =>
    userError("PlanInvalid", `${file} is no plan of this version: ${why}`, "tributary plan <env> --out FILE");
  if (text.length > largest) throw invalid(`it is larger than ${largest / 1024 / 1024} MB`);
  const parsed = planFileSchema.safeParse(parse(text));
  if (!parsed.success) {
    const { path: where, message } = parsed.error.issues[0]!;
    throw invalid(`${where.join(".") || "its content"}: ${message}`);
  }
  if (digestOf(parsed.data) !== parsed.data.digest)
    throw invalid("it was changed after it was made (its digest differs)");
  return parsed.data;
}

/**
 * Reads the plan that a person names: a file, or the id of a plan that was made in this checkout.
 *
 * @throws user error `PlanMissing`, `PlanInvalid`
 */
export async function namedPlan(root: string, env: string, name: string): Promise<PlanFile> {
  if (!/^[0-9a-f]{8,64}$/.test(name) || existsSync(name)) return loadPlan(name);
  const kept = await keptPlans(root, env, name);
  if (kept.length === 1) return loadPlan(kept[0]!);
  const found = kept.length === 0 ? "no plan" : `${kept.length} plans`;
  const message = `${found} of ${env} with the id ${name} in ${plansFolder(root, env)}`;
  throw userError("PlanMissing", message, `tributary plan ${env}, or name a file`);
}

/** Files of the kept plans whose digest begins with an id. */
async function keptPlans(root: string, env: string, id: string): Promise<string[]> {
  const folder = plansFolder(root, env);
  const names = await readdir(folder).catch(() => []);
  return names
    .filter((name) => /^[0-9a-f]{64}\.json$/.test(name) && name.startsWith(id))
    .map((name) => path.join(folder, name));
}

/** Writes what constrains the engine to a plan into files, one a stack. */
export async function unpackEngine(folder: string, plan: PlanFile): Promise<Map<string, string>> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const files = new Map<string, string>();
  for (const [stack, packed] of Object.entries(plan.engine)) {
    if (!plan.stacks.some(({ target }) => target.stack === stack)) continue;
    const file = path.join(folder, `${planId(plan)}-${files.size}.json`);
    await writeFile(file, gunzipSync(Buffer.from(packed, "base64"), { maxOutputLength: largest }), { mode: 0o600 });
    files.set(stack, file);
  }
  return files;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
