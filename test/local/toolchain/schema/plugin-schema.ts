import { choice, type Lookup, type Properties, type Shape } from "./shapes";

/** A type in Pulumi's package schema, as far as it is read here. */
export interface TypeSpec {
  type?: string;
  $ref?: string;
  items?: TypeSpec;
  additionalProperties?: TypeSpec;
  oneOf?: TypeSpec[];
}

/** An object in Pulumi's package schema. */
export interface ObjectSpec {
  type?: string;
  properties?: Record<string, TypeSpec>;
  required?: string[];
  enum?: unknown[];
}

/** A resource, or the provider itself, in Pulumi's package schema. */
export interface ResourceSpec extends ObjectSpec {
  inputProperties?: Record<string, TypeSpec>;
  requiredInputs?: string[];
}

/** The schema of a plugin: schema.json. */
export interface PackageSpec {
  types: Record<string, ObjectSpec>;
  provider: ResourceSpec;
  resources: Record<string, ResourceSpec>;
  functions: Record<string, { inputs?: ObjectSpec; outputs?: ObjectSpec }>;
}

const typePrefix = "#/types/";
const builtIn: Record<string, Shape> = {
  "pulumi.json#/Archive": { kind: "archive" },
  "pulumi.json#/Asset": { kind: "asset" },
  "pulumi.json#/Any": { kind: "any" },
  "pulumi.json#/Json": { kind: "string" },
};

/** Reads the properties of a schema's object. */
export function readProperties(
  schema: PackageSpec,
  specs: Record<string, TypeSpec> = {},
  required: string[] = [],
): Properties {
  return new Map(
    Object.entries(specs).map(([name, spec]) => [
      name,
      { shape: shapeOf(schema, spec), required: required.includes(name) },
    ]),
  );
}

/** Looks objects up in the schema's `types`. */
export function schemaLookup(schema: PackageSpec): Lookup {
  return (name) => {
    const spec = schema.types[name];
    return spec && readProperties(schema, spec.properties, spec.required);
  };
}

function shapeOf(schema: PackageSpec, spec: TypeSpec): Shape {
  if (spec.oneOf)
    return choice(
      spec.oneOf.map((option) => shapeOf(schema, option)),
      "oneOf",
    );
  if (spec.$ref) return reference(schema, spec.$ref);
  if (spec.type === "array") return { kind: "list", of: shapeOf(schema, spec.items ?? {}) };
  if (spec.type === "object")
    return { kind: "map", of: shapeOf(schema, spec.additionalProperties ?? { type: "string" }) };
  if (spec.type === "integer" || spec.type === "number") return { kind: "number" };
  if (spec.type === "string" || spec.type === "boolean") return { kind: spec.type };
  return { kind: "unknown", text: JSON.stringify(spec) };
}

function reference(schema: PackageSpec, target: string): Shape {
  const known = builtIn[target];
  if (known) return known;
  if (!target.startsWith(typePrefix)) return { kind: "unknown", text: target };
  const name = decodeURIComponent(target.slice(typePrefix.length));
  const isEnumeration = schema.types[name]?.enum !== undefined;
  return isEnumeration ? { kind: "string" } : { kind: "object", name };
}
