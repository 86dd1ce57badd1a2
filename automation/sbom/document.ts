import { createHash } from "node:crypto";
import { Contrib, Enums, Models, Serialize, Spec, Validation } from "@cyclonedx/cyclonedx-library";
import { PackageURL } from "packageurl-js";
import validateExpression from "spdx-expression-parse";
import { TributaryError } from "../errors";
import type { FoundPackage } from "./packages";

/** What a software bill of materials is about. */
export interface Subject {
  /** The image's name: a function's folder, or `layer`. */
  name: string;
  /** Of the pushed manifest: `sha256:…`. */
  digest: string;
  /** Of everything that decides about the content; the document's identity comes from it. */
  contentDigest: string;
  /** Digest of the base image, where there is one. */
  base?: string;
  packages: FoundPackage[];
}

const specification = Spec.Spec1dot6;
const validator = new Validation.JsonStrictValidator(specification.version);
const licences = new Contrib.License.Factories.LicenseFactory(validateExpression);

/**
 * Writes a CycloneDX 1.6 document. The same image gives the same bytes: no time, no random number.
 *
 * @throws TributaryError `SbomInvalid` when the result does not satisfy CycloneDX's own schema
 */
export async function sbomDocument(subject: Subject): Promise<string> {
  const { name, digest, contentDigest, base, packages } = subject;
  const image = container(name, digest);
  const parts = [...(base === undefined ? [] : [container("base", base)]), ...packages.map(component)];
  for (const part of parts) image.dependencies.add(part.bomRef);
  const bom = new Models.Bom({
    metadata: new Models.Metadata({ component: image }),
    components: new Models.ComponentRepository(parts),
    serialNumber: `urn:uuid:${uuidOf(contentDigest)}`,
  });
  const serializer = new Serialize.JsonSerializer(new Serialize.JSON.Normalize.Factory(specification));
  const text = `${serializer.serialize(bom, { sortLists: true, space: 1 })}\n`;
  const problem: unknown = await validator.validate(text);
  if (problem !== null) {
    throw new TributaryError(
      `the bill of materials of ${name} does not satisfy the CycloneDX schema: ${JSON.stringify(problem).slice(0, 500)}`,
      { code: "SbomInvalid", next: "run it with TRIBUTARY_DEBUG=1 and report it" },
    );
  }
  return text;
}

function container(name: string, digest: string): Models.Component {
  const purl = new PackageURL("oci", undefined, name, digest, undefined, undefined).toString();
  return new Models.Component(Enums.ComponentType.Container, name, {
    bomRef: purl,
    version: digest,
    purl,
    hashes: new Models.HashDictionary([[Enums.HashAlgorithm["SHA-256"], digest.replace(/^sha256:/, "")]]),
  });
}

function component(found: FoundPackage): Models.Component {
  const [scope, name] = found.name.startsWith("@") ? found.name.split("/") : [undefined, found.name];
  const purl = purlOf(found, scope, name!);
  return new Models.Component(Enums.ComponentType.Library, name!, {
    bomRef: purl,
    purl,
    version: found.version,
    ...(scope === undefined ? {} : { group: scope }),
    ...(found.license === undefined
      ? {}
      : { licenses: new Models.LicenseRepository([licences.makeFromString(found.license)]) }),
    ...(found.sha512 === undefined
      ? {}
      : { hashes: new Models.HashDictionary([[Enums.HashAlgorithm["SHA-512"], found.sha512]]) }),
  });
}

function purlOf({ ecosystem, version, architecture }: FoundPackage, scope: string | undefined, name: string): string {
  const namespace = ecosystem === "deb" ? "debian" : scope;
  const qualifiers = architecture === undefined ? undefined : { arch: architecture };
  return new PackageURL(ecosystem, namespace, name, version, qualifiers, undefined).toString();
}

/** A UUID of version 8 (own scheme, RFC 9562) out of a digest. */
function uuidOf(contentDigest: string): string {
  const hex = createHash("sha256").update(contentDigest).digest("hex");
  const variant = ((parseInt(hex[16]!, 16) & 0x3) | 0x8).toString(16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    variant + hex.slice(17, 20),
    hex.slice(20, 32),
  ].join("-");
}
