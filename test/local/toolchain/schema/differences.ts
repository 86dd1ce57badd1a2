import { readProperties, schemaLookup, type ObjectSpec, type PackageSpec, type ResourceSpec } from "./plugin-schema";
import { compare, type Properties } from "./shapes";
import { readTypings, typingsLookup } from "./typings";

/** What the type map of the AWS plugin offers: Terraform name -> token. */
export interface TypeMap {
  resources: Record<string, string>;
  dataSources: Record<string, string>;
}

/**
 * Compares everything that the type map offers, and the provider's own settings, with the typings of @pulumi/aws.
 *
 * @param root folder of the package @pulumi/aws
 * @returns one sentence for each difference
 */
export function schemaDifferences(schema: PackageSpec, types: TypeMap, root: string): string[] {
  return [
    ...resource(schema, schema.provider, root, "provider", "provider.d.ts", "Provider"),
    ...Object.values(types.resources).flatMap((token) => {
      const spec = schema.resources[token];
      const { file, member } = place(token);
      return spec ? resource(schema, spec, root, token, file, member) : [`${token}: the plugin does not have it`];
    }),
    ...Object.values(types.dataSources).flatMap((token) => dataSource(schema, root, token)),
  ];
}

/** Where @pulumi/aws declares a token such as aws:s3/bucket:Bucket. */
function place(token: string): { file: string; member: string } {
  const [, module = "", member = ""] = token.split(":");
  return { file: `${module.replace(/^index\//, "")}.d.ts`, member };
}

function resource(
  schema: PackageSpec,
  spec: ResourceSpec,
  root: string,
  where: string,
  file: string,
  name: string,
): string[] {
  const inputs = { properties: spec.inputProperties, required: spec.requiredInputs };
  return [
    ...objects(schema, inputs, root, `${where} arguments`, file, `${name}Args`, true),
    // A provider's outputs are its settings again, in a reduced form.
    ...(where === "provider" ? [] : objects(schema, spec, root, `${where} outputs`, file, name, false)),
  ];
}

function dataSource(schema: PackageSpec, root: string, token: string): string[] {
  const spec = schema.functions[token];
  const { file, member } = place(token);
  if (!spec) return [`${token}: the plugin does not have it`];
  const name = member.charAt(0).toUpperCase() + member.slice(1);
  return [
    ...objects(schema, spec.inputs ?? {}, root, `${token} arguments`, file, `${name}Args`, true),
    ...objects(schema, spec.outputs ?? {}, root, `${token} result`, file, `${name}Result`, false),
  ];
}

function objects(
  schema: PackageSpec,
  spec: ObjectSpec,
  root: string,
  where: string,
  file: string,
  name: string,
  required: boolean,
): string[] {
  const typings: Properties | undefined = readTypings(root, file, name);
  if (!typings) return [`${where}: @pulumi/aws does not declare ${name} in ${file}`];
  return compare(
    where,
    { properties: readProperties(schema, spec.properties, spec.required), lookup: schemaLookup(schema) },
    { properties: typings, lookup: typingsLookup(root) },
    { required },
  );
}
