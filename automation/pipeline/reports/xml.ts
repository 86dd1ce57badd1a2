import { XMLParser, XMLValidator } from "fast-xml-parser";
import { isRecord } from "../../json";

/** An element: its attributes begin with "@", its text is "#text", its children are always lists. */
export type Element = Record<string, unknown>;

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: "@",
  parseTagValue: false,
  parseAttributeValue: false,
  isArray: (_name, _path, _leaf, isAttribute) => !isAttribute,
});

/**
 * Reads XML that some test program wrote.
 *
 * @returns the document's elements, or a sentence about what is wrong with it
 */
export function parseXml(text: string): Element | string {
  const valid = XMLValidator.validate(text, { allowBooleanAttributes: true });
  if (valid !== true) return `line ${valid.err.line}: ${valid.err.msg}`;
  try {
    const document: unknown = parser.parse(text);
    return isRecord(document) ? document : "it has no element";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Children of an element by name. */
export function children(element: Element, name: string): Element[] {
  const found = element[name];
  if (!Array.isArray(found)) return [];
  return found.map((child: unknown) => (isRecord(child) ? child : { "#text": String(child) }));
}

/** A text attribute; empty where there is none. */
export function attribute(element: Element, name: string): string {
  const value = element[`@${name}`];
  return typeof value === "string" ? value : "";
}

/** An attribute as a number; 0 where there is none, or none that is a number. */
export function count(element: Element, name: string): number {
  const value = Number.parseFloat(attribute(element, name));
  return Number.isFinite(value) && value >= 0 ? value : 0;
}

/** The text of an element. */
export function textOf(element: Element): string {
  const value = element["#text"];
  if (Array.isArray(value)) return value.map(String).join("");
  return typeof value === "string" ? value : "";
}
