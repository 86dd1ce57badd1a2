"""The lake's Spark job: transforms the objects of one Stage B batch, each by itself.

It is told everything by a request that Stage B wrote (layer/engines/glue.ts): the CSV of each object and the SQL that
counts, selects and writes its rows. It answers with a result that says of every object what was counted, or why it could
not be done. An object's failure never fails the job, so the others are not held up.

Run by AWS Glue 5.0 with `--request s3://... --result s3://... --warehouse s3://...`; the same script runs on any Spark 3.5
with paths of the local disk.
"""

import json
import random
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Dict, List, Optional, Tuple

# Objects at the same time: small ones leave most of the workers idle.
CONCURRENCY = 4

# Tries of a commit that other commits come before.
COMMITS = 6

# Position of the number of records in the row of counts (Statements.check in layer/engines/statements.ts).
RECORDS = 0

# Stands for an empty value while the CSV is read.
NULL = "\u0001\u0002NULL"

# Longest message in the result: what the control tables keep of it is shorter.
LONGEST_MESSAGE = 1000

# Error classes of Spark (https://spark.apache.org/docs/3.5.4/sql-error-conditions.html) by whose fault they are.
DATA_ERRORS = re.compile(
    r"CAST_INVALID_INPUT|CAST_OVERFLOW|ARITHMETIC_OVERFLOW|DIVIDE_BY_ZERO|NUMERIC_VALUE_OUT_OF_RANGE|CANNOT_PARSE"
    r"|INVALID_ARRAY_INDEX|DateTimeException|NumberFormatException|MALFORMED_RECORD|INVALID_FRACTION_OF_SECOND"
)
SQL_ERRORS = re.compile(
    r"PARSE_SYNTAX_ERROR|UNRESOLVED_COLUMN|UNRESOLVED_ROUTINE|TABLE_OR_VIEW_NOT_FOUND|DATATYPE_MISMATCH|AnalysisException"
    r"|ParseException|INVALID_PARAMETER_VALUE|AMBIGUOUS_REFERENCE|GROUP_BY|WRONG_NUM_ARGS|UNSUPPORTED_"
)
# What Iceberg says when another commit came first.
CONFLICTS = re.compile(r"CommitFailedException|Found conflicting|ConcurrentModificationException|ValidationException")
GONE_ERRORS = re.compile(r"PATH_NOT_FOUND|Path does not exist|FileNotFoundException|NoSuchKey")


def arguments(argv: List[str]) -> Dict[str, str]:
    """Named arguments, `--name value` or `--name=value`; Glue adds some of its own, which are left alone."""
    found: Dict[str, str] = {}
    position = 1
    while position < len(argv):
        if argv[position].startswith("--"):
            name, equals, value = argv[position][2:].partition("=")
            if not equals and position + 1 < len(argv) and not argv[position + 1].startswith("--"):
                position += 1
                value = argv[position]
            found[name] = value
        position += 1
    return found


def settings(warehouse: Optional[str]) -> Dict[str, str]:
    """What the SQL of layer/engines/dialect.ts relies on."""
    common = {
        # Values that do not fit are errors, as they are in DuckDB and Athena, and names are quoted as theirs are.
        "spark.sql.ansi.enabled": "true",
        "spark.sql.ansi.doubleQuotedIdentifiers": "true",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
        "spark.sql.parquet.compression.codec": "zstd",
        # No markers beside the files.
        "spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
    }
    if warehouse is None:
        return common
    catalog = "spark.sql.catalog.glue_catalog"
    return {
        **common,
        "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
        catalog: "org.apache.iceberg.spark.SparkCatalog",
        f"{catalog}.catalog-impl": "org.apache.iceberg.aws.glue.GlueCatalog",
        f"{catalog}.io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
        f"{catalog}.warehouse": warehouse,
    }


def classified(message: str) -> str:
    """The code of an error: what the data, the SQL or a missing file is at fault for, trying again would not mend."""
    if GONE_ERRORS.search(message):
        return "StageFileGone"
    if DATA_ERRORS.search(message):
        return "SchemaMismatch"
    if SQL_ERRORS.search(message):
        return "TransformInvalid"
    return "EngineFailed"


def shortened(error: BaseException) -> str:
    """The first lines of a message, without the trace of the virtual machine."""
    text = str(error).split("\nJVM stacktrace")[0].split("\n\tat ")[0]
    return " ".join(text.split())[:LONGEST_MESSAGE]


def may_write(counts: List[int], must_be_zero: List[int], records: int) -> bool:
    """Whether an object's rows may be written; Stage B says the same, and why, from the counts."""
    return counts[RECORDS] == records and all(counts[position] == 0 for position in must_be_zero)


def write_plan(counts: List[int], sql: Dict[str, str]) -> List[str]:
    """What there is to write: rows of the table, a commit to an Iceberg table, rows of the quarantine."""
    _, rows, good, *_ = counts
    plan = []
    if "merge" in sql:
        plan.append("merge")
    elif good > 0:
        plan.append("rows")
    if sql.get("quarantine") and rows > good:
        plan.append("quarantine")
    return plan


def at_once(objects: List[Dict[str, Any]]) -> int:
    """Objects at the same time. Commits to one Iceberg table would get in each other's way."""
    return 1 if any("merge" in wanted["sql"] for wanted in objects) else CONCURRENCY


def again(commit: Callable[[], Any], wait: Callable[[float], None] = time.sleep) -> None:
    """Commits; where another batch committed to the same table meanwhile, once more on what is there then."""
    for attempt in range(1, COMMITS + 1):
        try:
            commit()
            return
        except Exception as error:  # noqa: BLE001 - Iceberg's errors come as Spark's
            if attempt == COMMITS or not CONFLICTS.search(str(error)):
                raise
            wait(random.uniform(0, 2**attempt))


class Job:
    """A batch."""

    def __init__(self, spark: Any, request: Dict[str, Any]) -> None:
        self.spark = spark
        self.request = request

    def run(self) -> Dict[str, Any]:
        objects = self.request["objects"]
        with ThreadPoolExecutor(at_once(objects)) as pool:
            return {"objects": list(pool.map(self.one, objects))}

    def one(self, wanted: Dict[str, Any]) -> Dict[str, Any]:
        """Never raises: what went wrong with the object is its result."""
        stem = wanted["stem"]
        try:
            return {"stem": stem, "counts": self.transform(wanted)}
        except Exception as error:  # noqa: BLE001 - whatever Spark raises
            message = shortened(error)
            code = classified(f"{type(error).__name__} {message}")
            return {"stem": stem, "error": {"code": code, "message": message}}

    def transform(self, wanted: Dict[str, Any]) -> List[int]:
        # A session of its own: every object has the same view.
        session = self.spark.newSession()
        for name, value in settings(None).items():
            if name.startswith("spark.sql."):
                session.conf.set(name, value)
        records = self.records(session, wanted["source"])
        records.createOrReplaceTempView("records")
        sql = wanted["sql"]
        counts = [int(value) for value in session.sql(sql["check"]).collect()[0]]
        if not may_write(counts, self.request["mustBeZero"], self.request["records"][wanted["stem"]]):
            return counts
        if counts[3] > self.request["mostPartitions"]:
            return counts
        for what in write_plan(counts, sql):
            if what == "merge":
                again(lambda: session.sql(sql["merge"]))
            else:
                self.write(session.sql(sql[what]), wanted[what], self.request["partitionBy"] if what == "rows" else [])
        return counts

    def records(self, session: Any, source: str) -> Any:
        """The CSV as Stage A writes it (RFC 4180): an empty value is NULL, "" is an empty text, values may hold line breaks."""
        schema = ", ".join(f"`{column}` STRING" for column in self.request["columns"])
        options = {
            "header": "true",
            "multiLine": "true",
            "quote": '"',
            "escape": '"',
            "mode": "FAILFAST",
            # What Stage A never writes: an empty value that is not quoted becomes it, and with it NULL.
            "nullValue": NULL,
            "emptyValue": "",
            "lineSep": "\n",
            "maxCharsPerColumn": "-1",
            "maxColumns": "20000",
            "enforceSchema": "true",
            "unescapedQuoteHandling": "RAISE_ERROR",
        }
        return session.read.schema(schema).options(**options).csv(source)

    def write(self, rows: Any, target: str, partition_by: List[str]) -> None:
        """One file for each partition: its rows are brought together first."""
        together = rows.repartition(*[rows[column] for column in partition_by]) if partition_by else rows.coalesce(1)
        writer = together.write.mode("overwrite").option("parquet.block.row.count.limit", self.request["rowGroupSize"])
        (writer.partitionBy(*partition_by) if partition_by else writer).parquet(target)


def file_system(spark: Any, place: str) -> Tuple[Any, Any]:
    """Hadoop's file system of a path, and the path: S3 in Glue, the disk elsewhere."""
    path = spark._jvm.org.apache.hadoop.fs.Path(place)
    return path.getFileSystem(spark._jsc.hadoopConfiguration()), path


def read_text(spark: Any, place: str) -> str:
    files, path = file_system(spark, place)
    stream = files.open(path)
    try:
        return str(spark._jvm.org.apache.commons.io.IOUtils.toString(stream, "UTF-8"))
    finally:
        stream.close()


def write_text(spark: Any, place: str, text: str) -> None:
    files, path = file_system(spark, place)
    stream = files.create(path, True)
    try:
        stream.write(bytearray(text, "utf-8"))
    finally:
        stream.close()


def main(argv: List[str]) -> None:
    from pyspark.sql import SparkSession  # Only here: the rest of the file is used without Spark, too.

    given = arguments(argv)
    builder = SparkSession.builder.appName("tributary-transform")
    for name, value in settings(given.get("warehouse")).items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    request = json.loads(read_text(spark, given["request"]))
    result = Job(spark, request).run()
    write_text(spark, given["result"], json.dumps(result))


if __name__ == "__main__":
    main(sys.argv)
