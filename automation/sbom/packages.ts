/** A package that an image holds. */
export interface FoundPackage {
  ecosystem: "npm" | "deb" | "pypi";
  /** With its scope, e.g. `@duckdb/node-api`. */
  name: string;
  version: string;
  /** As the package itself says it: an SPDX expression or free text. */
  license?: string;
  /** SHA-512 of the archive that was installed, in hexadecimal digits. */
  sha512?: string;
  /** Debian's name of the processor, e.g. `arm64`. */
  architecture?: string;
}

/** Reads what a package manager wrote about what it installed. */
type Reader = (text: string) => FoundPackage[];

const readers: [RegExp, Reader][] = [
  [/^(var\/lib\/dpkg\/status|var\/lib\/dpkg\/status\.d\/[^/]+)$/, dpkg],
  [/(^|\/)node_modules\/(@[^/]+\/)?[^/@]+\/package\.json$/, npm],
  [/(^|\/)[^/]+\.dist-info\/METADATA$/, pypi],
];

/** The reader of a path in an image's file system (no leading slash); undefined for files that name no package. */
export function readerOf(path: string): Reader | undefined {
  return readers.find(([pattern]) => pattern.test(path))?.[1];
}

function npm(text: string): FoundPackage[] {
  const { name, version, license } = parseObject(text);
  if (typeof name !== "string" || typeof version !== "string") return [];
  return [{ ecosystem: "npm", name, version, ...(typeof license === "string" ? { license } : {}) }];
}

function dpkg(text: string): FoundPackage[] {
  return text.split(/\n\n+/).flatMap((paragraph): FoundPackage[] => {
    const field = fieldsOf(paragraph);
    const [name, version, status] = [field("Package"), field("Version"), field("Status")];
    const installed = status === undefined || /\binstalled$/.test(status);
    if (name === undefined || version === undefined || !installed) return [];
    const architecture = field("Architecture");
    return [{ ecosystem: "deb", name, version, ...(architecture === undefined ? {} : { architecture }) }];
  });
}

function pypi(text: string): FoundPackage[] {
  const field = fieldsOf(text.split(/\n\n/)[0] ?? "");
  const [name, version] = [field("Name"), field("Version")];
  if (name === undefined || version === undefined) return [];
  const license = field("License-Expression") ?? field("License");
  return [{ ecosystem: "pypi", name, version, ...(license === undefined ? {} : { license }) }];
}

/** Fields of a paragraph in the form of Debian's control files and of mail headers; only first lines are looked at. */
function fieldsOf(paragraph: string): (name: string) => string | undefined {
  const fields = new Map<string, string>();
  for (const line of paragraph.split("\n")) {
    const [, name, value] = /^([A-Za-z][A-Za-z-]*):\s*(.*)$/.exec(line) ?? [];
    if (name !== undefined && value && !fields.has(name)) fields.set(name, value.trim());
  }
  return (name) => fields.get(name);
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
