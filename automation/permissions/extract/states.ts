import { isUnknown } from "../documents";
import type { ResourceState } from "../types";

/** Properties by which other resources refer to one. */
const IDENTIFIERS = ["arn", "name", "bucket", "url", "keyId", "id", "functionName", "domainName", "repository"];

/** Finds the resource that an input refers to, by any of its names. */
export class StateIndex {
  private readonly byReference = new Map<string, ResourceState[]>();

  constructor(readonly resources: readonly ResourceState[]) {
    for (const state of resources) {
      const named = IDENTIFIERS.flatMap((property) => [state.inputs[property], state.outputs?.[property]]);
      for (const reference of new Set([state.id, ...named])) {
        if (typeof reference !== "string" || reference === "" || isUnknown(reference)) continue;
        this.byReference.set(reference, [...(this.byReference.get(reference) ?? []), state]);
      }
    }
  }

  /** The one account that ARNs of the set name; undefined if there are several, or none. */
  get home(): string | undefined {
    const accounts = new Set(
      this.resources.flatMap(({ outputs }) => accountOf(outputs?.arn as string | undefined) ?? []),
    );
    return accounts.size === 1 ? [...accounts][0] : undefined;
  }

  /**
   * The one resource that a reference means; undefined if there is none, or if it could be several.
   *
   * @param types how type tokens may begin, e.g. `aws:s3/bucket`
   */
  find(types: readonly string[], reference: unknown): ResourceState | undefined {
    const found = this.candidates(types, reference);
    return found.length === 1 ? found[0] : undefined;
  }

  /** True if a reference could mean several resources: two accounts or regions in one stack may use a name twice. */
  isAmbiguous(types: readonly string[], reference: unknown): boolean {
    return this.candidates(types, reference).length > 1;
  }

  private candidates(types: readonly string[], reference: unknown): readonly ResourceState[] {
    if (typeof reference !== "string") return [];
    const isMeant = ({ type }: ResourceState) => types.some((each) => type === each || type.startsWith(`${each}:`));
    const exact = (this.byReference.get(reference) ?? []).filter(isMeant);
    if (exact.length > 0) return exact;
    const inAccount = (state: ResourceState) => {
      const arn = known(state, "arn");
      return !reference.startsWith("arn:") || arn === undefined || accountOf(arn) === accountOf(reference);
    };
    return (this.byReference.get(lastPart(reference)) ?? []).filter((state) => isMeant(state) && inAccount(state));
  }
}

/** `name` of `arn:…:role/path/name` and `arn:…:function:name`; bucket policies and permissions use either. */
function lastPart(reference: string): string {
  return reference.startsWith("arn:") ? (reference.split(/[:/]/).at(-1) ?? reference) : reference;
}

/** A text that is known: the first of the properties of outputs or inputs that holds one. */
export function known(state: ResourceState | undefined, ...properties: readonly string[]): string | undefined {
  for (const property of properties) {
    for (const value of [state?.outputs?.[property], state?.inputs[property]]) {
      if (typeof value === "string" && value !== "" && !isUnknown(value)) return value;
    }
  }
  return undefined;
}

/** The account in an ARN; undefined where it has none (S3). */
export function accountOf(arn: string | undefined): string | undefined {
  return typeof arn === "string" ? /^arn:[^:]*:[^:]*:[^:]*:(\d{12}):/.exec(arn)?.[1] : undefined;
}

/** The last part of a URN: the logical name. */
export function logicalName(urn: string): string {
  return urn.split("::").slice(3).join("::") || urn;
}

/** Texts of a list input; a part that is not known yet stays in it. */
export function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each): each is string => typeof each === "string") : [];
}

/** Objects of a list input. */
export function objects(value: unknown): Record<string, unknown>[] {
  if (!Array.isArray(value)) return [];
  return value.filter((each): each is Record<string, unknown> => typeof each === "object" && each !== null);
}
