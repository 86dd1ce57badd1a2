/** The form of a value, as far as the plugin and @pulumi/aws can both tell it. */
export type Shape =
  | { kind: "string" | "number" | "boolean" | "any" | "archive" | "asset" }
  | { kind: "list" | "map"; of: Shape }
  | { kind: "object"; name: string }
  | { kind: "unknown"; text: string };

/** One property of an object. */
export interface Property {
  shape: Shape;
  required: boolean;
}

/** The properties of an object by name. */
export type Properties = Map<string, Property>;

/** Where objects are looked up by their name; undefined where there is no such object. */
export type Lookup = (name: string) => Properties | undefined;

/** One side of the comparison. */
export interface Side {
  properties: Properties;
  lookup: Lookup;
}

/** Settings of a comparison. */
interface CompareOptions {
  /** Whether a property that one side demands must be demanded by the other; results of the engine have no such thing. */
  required: boolean;
}

/**
 * Compares two sets of properties, the objects inside them included.
 *
 * @param where what is compared, for the messages
 * @returns one sentence for each difference, which names the property; empty if there is none
 */
export function compare(where: string, plugin: Side, typings: Side, options: CompareOptions): string[] {
  const seen = new Set<string>();

  function properties(path: string, ours: Properties, theirs: Properties): string[] {
    const names = [...new Set([...ours.keys(), ...theirs.keys()])].sort();
    return names.flatMap((name) => {
      const a = ours.get(name);
      const b = theirs.get(name);
      if (!a) return [`${path}.${name}: @pulumi/aws has it, the plugin does not`];
      if (!b) return [`${path}.${name}: the plugin has it, @pulumi/aws does not`];
      const demand = (property: Property) => (property.required ? "demands it" : "does not demand it");
      const differs = options.required && a.required !== b.required;
      const demanded = differs ? [`${path}.${name}: the plugin ${demand(a)}, @pulumi/aws ${demand(b)}`] : [];
      return [...demanded, ...shapes(`${path}.${name}`, a.shape, b.shape)];
    });
  }

  function shapes(path: string, ours: Shape, theirs: Shape): string[] {
    if (ours.kind === "object" && theirs.kind === "object") return objects(path, ours.name, theirs.name);
    if ((ours.kind === "list" || ours.kind === "map") && ours.kind === theirs.kind && "of" in theirs) {
      return shapes(`${path}[]`, ours.of, theirs.of);
    }
    if (ours.kind === theirs.kind && ours.kind !== "unknown") return [];
    return [`${path}: ${describe(ours)} in the plugin, ${describe(theirs)} in @pulumi/aws`];
  }

  function objects(path: string, ours: string, theirs: string): string[] {
    // Objects may hold themselves; comparing a pair once is enough.
    const pair = `${ours}|${theirs}`;
    if (seen.has(pair)) return [];
    seen.add(pair);
    const a = plugin.lookup(ours);
    const b = typings.lookup(theirs);
    if (!a || !b) return [`${path}: the definition of ${a ? theirs : ours} was not found`];
    return properties(path, a, b);
  }

  return properties(where, plugin.properties, typings.properties);
}

function describe(shape: Shape): string {
  if (shape.kind === "list" || shape.kind === "map") return `${shape.kind} of ${describe(shape.of)}`;
  if (shape.kind === "object") return `object ${shape.name}`;
  return shape.kind === "unknown" ? `something not understood (${shape.text})` : shape.kind;
}

/**
 * The shape of a choice. Text wins: the other forms beside it (an enumeration, a policy as an object, a resource for its
 * ARN) are turned into text by the SDK or the plugin.
 */
export function choice(options: Shape[], text: string): Shape {
  const [first] = options;
  if (first && options.length === 1) return first;
  // Where an asset or an archive is taken, both sides call it an asset.
  if (options.every((option) => option.kind === "asset" || option.kind === "archive")) return { kind: "asset" };
  return options.find((option) => option.kind === "string") ?? { kind: "unknown", text };
}
