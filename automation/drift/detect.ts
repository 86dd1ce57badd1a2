import type { EngineEvent } from "@pulumi/pulumi/automation";
import { isDeepStrictEqual } from "node:util";
import type { Progress } from "../events";
import { hideSecrets } from "../stacks/state";
import { ignored } from "./ignored";
import { pathOf, valueAt } from "./paths";

/** A property that is not as it was deployed. Secret values are `[secret]`. */
export interface DriftedProperty {
  /** As the engine writes it, e.g. `versioningConfiguration.status`. */
  path: string;
  /** As recorded; undefined when it was not set. */
  recorded: unknown;
  /** As found in the cloud; undefined when it is not set there. */
  found: unknown;
}

/** A resource that somebody changed or deleted beside the engine. */
export interface DriftedResource {
  urn: string;
  type: string;
  name: string;
  kind: "changed" | "deleted";
  /** What changed; empty for a deleted resource. */
  properties: DriftedProperty[];
}

/** A resource that looks changed and is not; only on the local AWS. */
export interface IgnoredDrift {
  name: string;
  type: string;
  path: string;
  /** Why it is no drift. */
  reason: string;
}

type Metadata = NonNullable<EngineEvent["resOutputsEvent"]>["metadata"];

/** Listens to a refresh that changes nothing, and gathers what it would take over from the cloud. */
export class DriftListener {
  readonly resources: DriftedResource[] = [];
  readonly ignored: IgnoredDrift[] = [];
  private looked = 0;

  /**
   * @param local known differences of the local AWS are no drift there
   * @param expected resources in the recorded state, for a share of the work
   */
  constructor(
    private readonly progress: Progress,
    private readonly local: boolean,
    private readonly expected = 0,
  ) {}

  /** Resources that were looked up in the cloud, components left out. */
  get count(): number {
    return this.looked;
  }

  /** To be given to the Automation API as `onEvent`. */
  readonly onEvent = ({ resOutputsEvent }: EngineEvent): void => {
    const found = resOutputsEvent?.metadata;
    if (found === undefined) return;
    const { custom } = found.old ?? found.new ?? {};
    if (custom && !found.type.startsWith("pulumi:")) this.tell(++this.looked);
    // The engine says `refresh` or `same` of what is as recorded.
    if (found.op === "delete") this.resources.push({ ...nameOf(found), kind: "deleted", properties: [] });
    if (found.op === "update") this.changed(found);
  };

  private tell(looked: number): void {
    const total = this.expected;
    this.progress(`${looked} resources looked up`, looked <= total ? { done: looked, total } : undefined);
  }

  private changed(found: Metadata): void {
    const resource = nameOf(found);
    const reasons = this.local ? ignored : [];
    const all = propertiesOf(found);
    const properties = all.filter(({ path }) => {
      const known = reasons.find((each) => each.type === resource.type && path.startsWith(each.path));
      if (known) this.ignored.push({ name: resource.name, type: resource.type, path, reason: known.reason });
      return known === undefined;
    });
    if (properties.length > 0 || all.length === 0) this.resources.push({ ...resource, kind: "changed", properties });
  }
}

/** Differing properties; those that the engine only recomputes, and finds the same, are left out while others differ. */
function propertiesOf({ diffs, detailedDiff, old, new: now }: Metadata): DriftedProperty[] {
  const paths = detailedDiff ? Object.keys(detailedDiff) : (diffs ?? []);
  const all = paths.sort().map((path): DriftedProperty => {
    const keys = pathOf(path);
    const recorded = valueAt(old?.outputs, keys) ?? valueAt(old?.inputs, keys);
    return { path, recorded: hideSecrets(recorded), found: hideSecrets(valueAt(now?.outputs, keys)) };
  });
  const differing = all.filter(({ recorded, found }) => !isDeepStrictEqual(recorded, found) || recorded === "[secret]");
  return differing.length > 0 ? differing : all;
}

function nameOf({ urn, type }: Metadata): Pick<DriftedResource, "urn" | "type" | "name"> {
  return { urn, type, name: urn.split("::").slice(3).join("::") || urn };
}
