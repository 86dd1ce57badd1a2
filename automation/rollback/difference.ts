import type { Deployment } from "../records";
import { effective, type StackRollback } from "./targets";

/** Something that a rollback changes; undefined: not there. */
export interface Difference {
  /** A function's image, a setting, or the program. */
  kind: "image" | "setting" | "program";
  name: string;
  now: string | undefined;
  then: string | undefined;
}

/** What a stack's rollback changes, by its records: images, settings and program. */
export function differences({ present, to }: StackRollback, deployments: Deployment[]): Difference[] {
  if (!present || !to) return [];
  const now = effective(present, deployments);
  const images = compare("image", imagesOf(now, deployments), to.images ?? {});
  const settings = compare("setting", flat(now.settings), flat(to.settings));
  const same = now.revision.program === to.revision.program;
  const program: Difference[] = same
    ? []
    : [{ kind: "program", name: "revision", now: revisionText(now), then: revisionText(to) }];
  return [...program, ...images, ...settings];
}

/** Of a run that failed nobody knows what its functions run; what ran before it says more than nothing. */
function imagesOf(now: Deployment, deployments: Deployment[]): Record<string, string> {
  const known = now.images ?? deployments.slice(deployments.indexOf(now)).find(({ images }) => images)?.images;
  return known ?? {};
}

/** A program's revision for people. */
export function revisionText({ revision: { commit, dirty, program } }: Pick<Deployment, "revision">): string {
  const files = `program ${program.replace(/^sha256:/, "").slice(0, 12)}`;
  if (commit === undefined) return files;
  return dirty ? `${commit.slice(0, 12)} with changes (${files})` : commit.slice(0, 12);
}

function compare(kind: Difference["kind"], now: Record<string, string>, then: Record<string, string>): Difference[] {
  const names = [...new Set([...Object.keys(now), ...Object.keys(then)])].sort();
  return names
    .filter((name) => now[name] !== then[name])
    .map((name) => ({ kind, name, now: now[name], then: then[name] }));
}

/** Settings by their dotted path, so that a difference is named exactly. */
function flat(value: Record<string, unknown>, path = ""): Record<string, string> {
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]): [string, string][] => {
      const name = path === "" ? key : `${path}.${key}`;
      const section = typeof inner === "object" && inner !== null && !Array.isArray(inner);
      if (section) return Object.entries(flat(inner as Record<string, unknown>, name));
      return [[name, typeof inner === "object" ? JSON.stringify(inner) : String(inner)]];
    }),
  );
}
