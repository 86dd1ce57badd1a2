import { readFileSync } from "node:fs";
import path from "node:path";
import ts from "typescript";
import { choice, type Lookup, type Properties, type Shape } from "./shapes";

/** The declarations of one .d.ts file by name; those inside a namespace as `namespace.Name`. */
type Declarations = Map<string, ts.InterfaceDeclaration | ts.ClassDeclaration>;

const parsed = new Map<string, Declarations>();

/** Reads the declarations of a .d.ts file of @pulumi/aws, each file once. */
function declarations(root: string, file: string): Declarations {
  const name = path.join(root, file);
  let found = parsed.get(name);
  if (!found) {
    const source = ts.createSourceFile(name, readFileSync(name, "utf8"), ts.ScriptTarget.Latest);
    found = new Map();
    collect(source.statements, "", found);
    parsed.set(name, found);
  }
  return found;
}

function collect(statements: readonly ts.Statement[], prefix: string, into: Declarations): void {
  for (const statement of statements) {
    if (ts.isInterfaceDeclaration(statement) || ts.isClassDeclaration(statement)) {
      if (statement.name) into.set(prefix + statement.name.text, statement);
    } else if (ts.isModuleDeclaration(statement) && statement.body && ts.isModuleBlock(statement.body)) {
      collect(statement.body.statements, `${prefix}${statement.name.text}.`, into);
    }
  }
}

/**
 * Reads an interface, or the output properties of a resource class, of @pulumi/aws.
 *
 * @param root folder of the package
 * @param file such as s3/bucket.d.ts
 * @param name such as BucketArgs
 * @returns undefined if there is no such declaration
 */
export function readTypings(root: string, file: string, name: string): Properties | undefined {
  const declaration = declarations(root, file).get(name);
  if (!declaration) return undefined;
  const properties: Properties = new Map();
  for (const member of declaration.members) {
    const isProperty = ts.isPropertySignature(member) || ts.isPropertyDeclaration(member);
    if (!isProperty || !member.type || !ts.isIdentifier(member.name)) continue;
    const isStatic =
      ts.canHaveModifiers(member) && ts.getModifiers(member)?.some((m) => m.kind === ts.SyntaxKind.StaticKeyword);
    if (isStatic) continue;
    properties.set(member.name.text, { shape: shapeOf(member.type), required: !member.questionToken });
  }
  return properties;
}

/** Looks up `inputs.…` and `outputs.…`, the objects inside arguments and results. */
export function typingsLookup(root: string): Lookup {
  return (name) => {
    const [side, ...rest] = name.split(".");
    return readTypings(root, side === "inputs" ? "types/input.d.ts" : "types/output.d.ts", rest.join("."));
  };
}

const keywords: Partial<Record<ts.SyntaxKind, Shape>> = {
  [ts.SyntaxKind.StringKeyword]: { kind: "string" },
  [ts.SyntaxKind.NumberKeyword]: { kind: "number" },
  [ts.SyntaxKind.BooleanKeyword]: { kind: "boolean" },
  [ts.SyntaxKind.AnyKeyword]: { kind: "any" },
};

const references: Record<string, Shape> = {
  ARN: { kind: "string" },
  Region: { kind: "string" },
  "pulumi.asset.Archive": { kind: "archive" },
  "pulumi.asset.Asset": { kind: "asset" },
  "pulumi.asset.AssetOrArchive": { kind: "asset" },
};

function shapeOf(node: ts.TypeNode): Shape {
  const keyword = keywords[node.kind];
  if (keyword) return keyword;
  if (ts.isParenthesizedTypeNode(node)) return shapeOf(node.type);
  if (ts.isArrayTypeNode(node)) return { kind: "list", of: shapeOf(node.elementType) };
  if (ts.isUnionTypeNode(node)) {
    const options = node.types.filter((type) => type.kind !== ts.SyntaxKind.UndefinedKeyword);
    return choice(options.map(shapeOf), "a union");
  }
  if (ts.isTypeLiteralNode(node)) {
    const [index] = node.members;
    if (index && ts.isIndexSignatureDeclaration(index)) return { kind: "map", of: shapeOf(index.type) };
  }
  if (ts.isTypeReferenceNode(node)) return referenceShape(node);
  return { kind: "unknown", text: ts.SyntaxKind[node.kind] };
}

function referenceShape(node: ts.TypeReferenceNode): Shape {
  const name = entityName(node.typeName);
  const [argument] = node.typeArguments ?? [];
  if (argument && (name === "pulumi.Input" || name === "pulumi.Output")) return shapeOf(argument);
  if (name.startsWith("inputs.") || name.startsWith("outputs.")) return { kind: "object", name };
  if (name.startsWith("enums.")) return { kind: "string" };
  return references[name] ?? { kind: "unknown", text: name };
}

function entityName(name: ts.EntityName): string {
  return ts.isIdentifier(name) ? name.text : `${entityName(name.left)}.${name.right.text}`;
}
