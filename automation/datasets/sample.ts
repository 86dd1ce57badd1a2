import type { Engine } from "../../layer/transform/engine";
import { csvSource } from "../../layer/transform/formats/csv";
import { fieldOf } from "../../layer/transform/formats/source";
import { EVOLUTION } from "../../layer/manifest/schema";
import { identifier, literal } from "../../layer/transform/sql";
import type { Inferred } from "./infer";

/** Records of a sample that is made from a large file. */
const RECORDS = 200;

/**
 * Writes the first records of a large file in the same format.
 *
 * @returns what the sample's name ends with
 */
export async function shortSample(engine: Engine, file: string, sample: string, inferred: Inferred): Promise<string> {
  const { format, columns } = inferred;
  const write = (query: string, options: string) =>
    engine.connected((connection) =>
      connection.run(`COPY (${query} LIMIT ${RECORDS}) TO ${literal(sample)} (${options})`),
    );
  if (format === "parquet") {
    await write(`SELECT * FROM read_parquet(${literal(file)})`, "FORMAT parquet");
    return "parquet";
  }
  if (format === "json") {
    // As a value without quotes: the text of a record is what a line has to be.
    const objects = `read_json_objects(${literal(file)}, compression = 'uncompressed')`;
    await write(`SELECT json::VARCHAR FROM ${objects}`, `FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER ''`);
    return "ndjson";
  }
  const csv = inferred.csv ?? { header: true, quote: '"' };
  const limits = { objectSize: "256 MB", partitionsPerObject: 1 };
  const texts = columns.map((column) => ({ ...column, type: "string" }));
  const source = await csvSource(file, { input: { format, csv, columns: texts }, limits, evolution: EVOLUTION });
  const list = texts.map((column) => `${source.value(column).text} AS ${identifier(fieldOf(column))}`).join(", ");
  const options = [
    `FORMAT csv, HEADER ${csv.header}, DELIMITER ${literal(csv.delimiter ?? ",")}`,
    `QUOTE ${literal(csv.quote)}, ESCAPE ${literal(csv.quote)}`,
  ];
  await write(`SELECT ${list} FROM ${source.from}`, options.join(", "));
  return "csv";
}
