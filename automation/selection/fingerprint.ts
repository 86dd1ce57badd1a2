import { z } from "zod";
import { digestOf } from "../images/staging";
import { shortDigest, programDigest, type FileDigests } from "./program";
import { canonicalJson, sortKeys, isRecord } from "../json";

/** Raise when a fingerprint of the same things would come out otherwise: older ones are then not compared any more. */
const FORMAT = 1;

const digests = z.record(z.string(), z.string());

const schema = z.object({
  format: z.literal(FORMAT),
  /** Of the program's files; the list itself is kept in the backend by this digest. */
  program: z.string(),
  /** Short digest of every setting, by its dotted path, e.g. `tributary:retention.logs`. Values are not to be read from it. */
  settings: digests,
  /** Content digests of the images that a run builds; empty where it builds none. */
  images: digests,
  /** Where and with what it ran: `engine`, `platform`, `local AWS`. */
  surroundings: digests,
  /** For every stack whose outputs it read, a short digest of each output. */
  upstream: z.record(z.string(), digests),
  /** Of resources and pending operations in the recorded state, as the run left them. */
  state: z.string(),
});

/** What a deployment was made from and what it left: equal ones mean that a deployment now would change nothing. */
export type Fingerprint = z.infer<typeof schema>;

/** The parts that are known before the engine runs. */
export type Inputs = Omit<Fingerprint, "upstream" | "state"> & {
  /** The program's files, of which `program` is the digest. */
  files: FileDigests;
};

/** Reads a fingerprint as a record keeps it; undefined when it is none, or one of another format. */
export function readFingerprint(value: unknown): Fingerprint | undefined {
  const parsed = schema.safeParse(value);
  return parsed.success ? parsed.data : undefined;
}

/** What the parts of {@link Inputs} come from. */
export interface InputSources {
  files: FileDigests;
  /** All of a stack's settings, merged as the engine gets them. */
  settings: Record<string, unknown>;
  images?: Record<string, string>;
  surroundings: Record<string, string>;
}

/** Puts together what is known before the engine runs. */
export function inputsFrom({ files, settings, images = {}, surroundings }: InputSources): Inputs {
  return {
    format: FORMAT,
    files,
    program: programDigest(files),
    settings: settingDigests(settings),
    images,
    surroundings,
  };
}

/** Whether two looks at the inputs of one run found the same: otherwise somebody edited them meanwhile. */
export function sameInputs(a: Inputs, b: Inputs): boolean {
  const of = ({ files: _, ...rest }: Inputs) => digestOf(sortKeys(rest));
  return of(a) === of(b);
}

/**
 * A short digest of each setting, objects taken apart, so that a difference can be named exactly.
 *
 * @param settings as in `config:` of a settings file; whole numbers and truth values mean the same as their text, as for the engine
 */
function settingDigests(settings: Record<string, unknown>): Record<string, string> {
  const found: [string, string][] = [];
  const take = (value: unknown, name: string) => {
    if (isRecord(value) && Object.keys(value).length > 0 && !("secure" in value)) {
      for (const [key, inner] of Object.entries(value)) take(inner, `${name}.${key}`);
      return;
    }
    const plain = typeof value === "object" && value !== null ? canonicalJson(value) : String(value);
    found.push([name, shortDigest(plain)]);
  };
  for (const [name, value] of Object.entries(settings)) take(value, name);
  return Object.fromEntries(found.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A short digest of each of a stack's outputs. */
export function outputDigests(outputs: Record<string, unknown>): Record<string, string> {
  const entries = Object.entries(outputs).map(([name, value]) => [name, shortDigest(canonicalJson(value))]);
  return Object.fromEntries(entries) as Record<string, string>;
}
