import { gzipSync } from "node:zlib";
import type { Evolution } from "../../../layer/manifest/schema";

/** An input that nobody would wish for, and what becomes of it. */
export interface Hostile {
  what: string;
  body: Buffer | string | (() => Iterable<Buffer>);
  /** The number of rows in the table, or how the rejection begins. */
  outcome: number | string;
  /** Values of the first row's columns `id`, `name`, `v`. */
  row?: unknown[];
  /** The first row's `_extra`. */
  extra?: string;
  format?: "auto" | "json" | "csv" | "parquet";
  /** @default "64 MB" */
  objectSize?: string;
  evolution?: Partial<Evolution>;
  /** Bytes that the packed object may have at most, to be sure that it is a bomb. */
  packed?: number;
}

const MB = 1024 ** 2;
const line = (id: number) => `{"id":${id},"name":"x","v":0.5}\n`;
const thousand = Array.from({ length: 1000 }, (_, id) => line(id)).join("");
const one = line(1);
const utf16 = (text: string) => Buffer.from(`\uFEFF${text}`, "utf16le");
const bytes = (...parts: (string | number[])[]) =>
  Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : Buffer.from(part))));
const deep = (open: string, close: string, depth: number, inner = "1") =>
  open.repeat(depth) + inner + close.repeat(depth);
const wide = (columns: number, cell: (at: number) => string) =>
  Array.from({ length: columns }, (_, at) => cell(at)).join(",");
const flipped = (body: Buffer, at: number) => {
  const copy = Buffer.from(body);
  copy[at < 0 ? copy.length + at : at]! ^= 0xff;
  return copy;
};
function* blanks(megabytes: number): Iterable<Buffer> {
  const piece = Buffer.alloc(MB, " ");
  for (let at = 0; at < megabytes; at++) yield piece;
}

/** JSON. */
export const json: Hostile[] = [
  { what: "1,000 records", body: thousand, outcome: 1000 },
  { what: "1,000 records without the last byte", body: thousand.slice(0, -2), outcome: "MalformedJson: line 1000" },
  { what: "1,000 records and a byte more", body: `${thousand}}`, outcome: "MalformedJson: line 1001" },
  {
    what: "a record cut in the middle of a letter",
    body: Buffer.from('{"name":"ü').subarray(0, -1),
    outcome: "MalformedJson",
  },
  { what: "0 bytes", body: "", outcome: "EmptyObject" },
  { what: "a byte order mark only", body: "\uFEFF", outcome: "EmptyObject" },
  { what: "1 GB of spaces", body: () => blanks(1024), objectSize: "2 GB", outcome: "EmptyObject" },
  { what: "1 GB of spaces, where less is allowed", body: () => blanks(1024), outcome: "ObjectTooLarge" },
  { what: "8 MB of line feeds before a record", body: "\n".repeat(8 * MB) + one, outcome: 1 },
  { what: "an empty record", body: "{}", outcome: 1, row: [null, null, null] },
  { what: "an empty array", body: "[]", outcome: 0 },
  { what: "null in an array", body: "[null]", outcome: 1, row: [null, null, null] },
  { what: "arrays in an array", body: '[[{"id":1}]]', outcome: "NotRecords" },
  { what: "records and other values", body: `${one}"text"\n`, outcome: "NotRecords" },
  { what: "nothing between records", body: '{"id":1}{"id":2}{"id":3}', outcome: 3 },
  { what: "999 arrays within each other", body: `{"id":1,"name":${deep("[", "]", 999)}}`, outcome: 1 },
  {
    what: "a million arrays within each other",
    body: `{"id":1,"name":${deep("[", "]", 1_000_000)}}`,
    outcome: "NestedTooDeep",
  },
  { what: "a million arrays that nobody closes", body: "[".repeat(1_000_000), outcome: "NestedTooDeep" },
  { what: "100,000 objects within each other", body: deep('{"a":', "}", 100_000), outcome: "NestedTooDeep" },
  {
    what: "deep nesting in a field that nobody asked for",
    body: `{"id":1,"z":${deep("[", "]", 100_000)}}`,
    outcome: "NestedTooDeep",
  },
  {
    what: "deep nesting that is kept",
    body: `{"id":1,"z":${deep("[", "]", 100_000)}}`,
    evolution: { new: "add" },
    outcome: "NestedTooDeep",
  },
  { what: "UTF-16, little end first", body: utf16(one), outcome: "NotRecords" },
  { what: "UTF-16, big end first", body: utf16(one).swap16(), outcome: "NotRecords" },
  { what: "UTF-16 where JSON belongs", body: utf16(one), format: "json", outcome: "NotRecords" },
  { what: "Latin-1", body: Buffer.from('{"name":"caf\xe9"}', "latin1"), outcome: "MalformedJson" },
  { what: "an overlong slash", body: bytes('{"name":"', [0xc0, 0xaf], '"}'), outcome: "MalformedJson" },
  {
    what: "half of a surrogate pair in bytes",
    body: bytes('{"name":"', [0xed, 0xa0, 0x80], '"}'),
    outcome: "MalformedJson",
  },
  { what: "half of a surrogate pair, escaped", body: '{"name":"\\ud83d"}', outcome: "MalformedJson" },
  { what: "two byte order marks", body: `\uFEFF\uFEFF${one}`, outcome: "NotRecords" },
  { what: "Windows line ends", body: one.repeat(2).replaceAll("\n", "\r\n"), outcome: 2 },
  { what: "NaN", body: '{"v":NaN}', outcome: "SchemaMismatch" },
  { what: "Infinity", body: '{"v":-Infinity}', outcome: "SchemaMismatch" },
  { what: "NaN as text", body: '{"v":"NaN"}', outcome: "SchemaMismatch" },
  { what: "a number above all doubles", body: '{"v":1e999}', outcome: "SchemaMismatch" },
  { what: "an integer of 400 digits", body: `{"id":${"9".repeat(400)}}`, outcome: "SchemaMismatch" },
  {
    what: "an integer of 400 digits as text",
    body: `{"name":${"9".repeat(400)}}`,
    outcome: 1,
    row: [null, "9".repeat(400), null],
  },
  { what: "one above the largest int", body: '{"id":2147483648}', outcome: "SchemaMismatch" },
  { what: "minus zero", body: '{"id":-0}', outcome: 1, row: [0, null, null] },
  { what: "a hexadecimal number", body: '{"id":"0x10"}', outcome: "SchemaMismatch" },
  { what: "an integer with an exponent", body: '{"id":"1e3"}', outcome: "SchemaMismatch" },
  { what: "Arabic digits", body: '{"id":"١٢"}', outcome: "SchemaMismatch" },
  { what: "a field twice", body: '{"id":1,"id":2}', outcome: "MalformedJson" },
  { what: "a field twice that nobody asked for", body: '{"id":1,"z":1,"z":2}', outcome: 1 },
  {
    what: "a field twice that is kept",
    body: '{"id":1,"z":1,"z":2}',
    evolution: { new: "add" },
    outcome: "MalformedJson",
  },
  { what: "fields that differ in case", body: '{"id":1,"ID":2,"Id":3}', outcome: 1, row: [1, null, null] },
  {
    what: "__proto__ and constructor",
    body: '{"__proto__":{"id":7},"constructor":1,"id":1}',
    evolution: { new: "add" },
    outcome: 1,
    extra: '{"__proto__":{"id":7},"constructor":1}',
  },
  {
    what: "SQL in the name of a field",
    body: JSON.stringify({ id: 1, "'); DROP TABLE x; --": 1, '"; SELECT 1': 2 }),
    evolution: { new: "add" },
    outcome: 1,
    extra: `{"'); DROP TABLE x; --":1,"\\"; SELECT 1":2}`,
  },
  {
    what: "SQL in a value",
    body: JSON.stringify({ id: 1, name: "'; DROP TABLE output; --" }),
    outcome: 1,
    row: [1, "'; DROP TABLE output; --", null],
  },
  { what: "a formula", body: '{"id":1,"name":"=cmd|\'/C calc\'!A0"}', outcome: 1, row: [1, "=cmd|'/C calc'!A0", null] },
  {
    what: "the marks of our own messages",
    body: '{"id":"rejected:EmptyObject:x"}',
    outcome: 'SchemaMismatch: column id takes int, not "rejected:EmptyObject:x"',
  },
  { what: "NUL, escaped", body: '{"id":1,"name":"a\\u0000b"}', outcome: 1, row: [1, "a\0b", null] },
  { what: "NUL as a byte", body: '{"id":1,"name":"a\0b"}', outcome: "MalformedJson" },
  {
    what: "NUL in the name of a field",
    body: '{"id":1,"z\\u0000":1}',
    evolution: { new: "add" },
    outcome: 1,
    extra: '{"z\\u0000":1}',
  },
  { what: "a line break in a text", body: '{"id":1,"name":"a\nb"}', outcome: "MalformedJson" },
  { what: "comments", body: `// records\n${one}`, outcome: "NotRecords" },
  { what: "a comma too many", body: '[{"id":1},]', outcome: "MalformedJson" },
  { what: "single quotes", body: "{'id':1}", outcome: "MalformedJson" },
  { what: "record separators", body: `\u001e${one}`, outcome: "NotRecords" },
  {
    what: "mixed types in one field",
    body: '{"name":1}\n{"name":[1,"x",null]}\n{"name":{"a":1}}\n{"name":true}',
    outcome: 4,
  },
  { what: "mixed types in a number", body: '{"v":1}\n{"v":[1]}', outcome: "SchemaMismatch" },
  { what: "1,000 columns", body: `{"id":1,${wide(1000, (at) => `"f${at}":${at}`)}}`, outcome: 1 },
  {
    what: "20,000 fields that are kept",
    body: `{"id":1,${wide(20_000, (at) => `"f${at}":${at}`)}}`,
    evolution: { new: "add" },
    outcome: 1,
  },
  { what: "a field without a name", body: '{"":1,"id":1}', evolution: { new: "add" }, outcome: 1, extra: '{"":1}' },
  { what: "a name of 100 KB", body: `{"${"n".repeat(1e5)}":1,"id":1}`, outcome: 1, row: [1, null, null] },
  { what: "a text of 5 MB", body: `{"id":1,"name":"${"y".repeat(5 * MB)}"}`, outcome: 1 },
];

/** Packed. */
export const packed: Hostile[] = [
  { what: "gzip that is cut off", body: gzipSync(thousand).subarray(0, -9), outcome: "MalformedGzip" },
  { what: "gzip with a wrong checksum", body: flipped(gzipSync(thousand), -6), outcome: "MalformedGzip" },
  { what: "gzip with a flipped byte", body: flipped(gzipSync(thousand), 500), outcome: "MalformedGzip" },
  {
    what: "gzip and something behind it",
    body: Buffer.concat([gzipSync(one), Buffer.from("garbage")]),
    outcome: "MalformedGzip",
  },
  { what: "gzip in gzip", body: gzipSync(gzipSync(one)), outcome: "NotRecords" },
  { what: "gzip of nothing", body: gzipSync(""), outcome: "EmptyObject" },
  { what: "80 MB of zeros in gzip", body: gzipSync(Buffer.alloc(80 * MB)), packed: MB, outcome: "ObjectTooLarge" },
  { what: "zstd that is cut off", body: bytes([0x28, 0xb5, 0x2f, 0xfd, 0, 0x50, 0x41]), outcome: "MalformedZstd" },
  { what: "a ZIP archive", body: bytes("PK", [3, 4, 20, 0, 0, 0, 8, 0], "x".repeat(30)), outcome: "NotRecords" },
  { what: "bzip2", body: bytes("BZh91AY&SY", [0, 1, 2, 3]), outcome: "NotRecords" },
  {
    what: "a page that tells of an error",
    body: "<!DOCTYPE html>\n<html><title>503</title></html>\n",
    outcome: "NotRecords",
  },
  {
    what: "XML with a billion laughs",
    body: '<?xml version="1.0"?><!DOCTYPE z [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><z>&b;</z>',
    outcome: "NotRecords",
  },
];

/** CSV. */
export const csv: Hostile[] = [
  { what: "a quote that does not end", body: 'id,name\n1,"x\n2,y\n', outcome: "MalformedCsv" },
  { what: "quotes within a value", body: 'id,name\n1,a"b"c\n', outcome: 1, row: [1, 'a"b"c', null] },
  {
    what: "the header once more",
    body: "id,name\n1,x\nid,name\n2,y\n",
    outcome: 'SchemaMismatch: column id takes int, not "id"',
  },
  { what: "a header without names", body: ",,\n1,x,2\n", outcome: "NotRecords" },
  {
    what: "a column without a name",
    body: "id,,name\n1,?,x\n",
    evolution: { new: "add" },
    outcome: 1,
    row: [1, "x", null],
    extra: '{"column_2":"?"}',
  },
  { what: "a column twice", body: "id,name,name\n1,x,y\n", outcome: "MalformedCsv" },
  {
    what: "a column twice that nobody asked for",
    body: "id,z,z\n1,x,y\n",
    evolution: { new: "add" },
    outcome: 1,
    extra: '{"z":"x","column_3":"y"}',
  },
  { what: "a header and nothing else", body: "id,name\n", outcome: 0 },
  { what: "a line of 5 MB", body: `id,name\n1,${"y".repeat(5 * MB)}\n`, outcome: 1 },
  { what: "a header of 2 MB", body: `id,${"n".repeat(2 * MB)}\n1,x\n`, outcome: "MalformedCsv" },
  { what: "1,000 columns", body: `id,${wide(999, (at) => `f${at}`)}\n1,${wide(999, String)}\n`, outcome: 1 },
  { what: "rows of different lengths", body: "id,name\n1,x\n2\n", outcome: "MalformedCsv: line 3" },
  {
    what: "formulas",
    body: "id,name\n1,=HYPERLINK(1)\n2,@SUM(1)\n3,+1\n",
    outcome: 3,
    row: [1, "=HYPERLINK(1)", null],
  },
  { what: "Excel's sep line", body: "sep=;\nid;name\n1;x\n", outcome: "NotRecords" },
  { what: "mixed line ends", body: "id,name\r\n1,x\n2,y\r\n", outcome: "MalformedCsv" },
  { what: "NUL bytes", body: "id,name\n1,a\0b\n", outcome: 1 },
  { what: "Latin-1", body: Buffer.from("id,name\n1,caf\xe9\n", "latin1"), outcome: "MalformedCsv" },
  { what: "UTF-16", body: utf16("id,name\n1,x\n"), format: "csv", outcome: "NotRecords" },
  { what: "infinity for a number", body: "id,v\n1,inf\n", outcome: "SchemaMismatch" },
  { what: "a comma for a point", body: 'id,v\n1,"1,5"\n', outcome: "SchemaMismatch" },
  { what: "thousands with points", body: "id,name\n1.000.000,x\n", outcome: "SchemaMismatch" },
  {
    what: "SQL in the header",
    body: `id,"'); DROP TABLE x; --"\n1,2\n`,
    evolution: { new: "add" },
    outcome: 1,
    extra: `{"'); DROP TABLE x; --":"2"}`,
  },
];
