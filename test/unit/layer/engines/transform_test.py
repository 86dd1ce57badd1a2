"""What of the Spark job needs no Spark: arguments, settings, errors, decisions."""

import importlib.util
import pathlib
import sys
import unittest

SCRIPT = pathlib.Path(__file__).parents[4] / "layer" / "engines" / "glue" / "transform.py"
sys.dont_write_bytecode = True
SPEC = importlib.util.spec_from_file_location("transform", SCRIPT)
transform = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(transform)


class Arguments(unittest.TestCase):
    def test_pairs_and_assignments(self):
        argv = ["script.py", "--request", "s3://a", "--result=s3://b", "--enable-metrics", "--JOB_NAME", "x"]
        given = transform.arguments(argv)
        self.assertEqual(given["request"], "s3://a")
        self.assertEqual(given["result"], "s3://b")
        self.assertEqual(given["enable-metrics"], "")
        self.assertEqual(given["JOB_NAME"], "x")

    def test_none(self):
        self.assertEqual(transform.arguments(["script.py"]), {})


class Settings(unittest.TestCase):
    def test_values_that_do_not_fit_are_errors(self):
        self.assertEqual(transform.settings(None)["spark.sql.ansi.enabled"], "true")

    def test_iceberg_only_with_a_warehouse(self):
        self.assertNotIn("spark.sql.catalog.glue_catalog", transform.settings(None))
        catalog = transform.settings("s3://stage/iceberg/")
        self.assertEqual(catalog["spark.sql.catalog.glue_catalog.warehouse"], "s3://stage/iceberg/")


class Errors(unittest.TestCase):
    def test_whose_fault(self):
        cases = {
            "NumberFormatException [CAST_INVALID_INPUT] The value 'x' of the type": "SchemaMismatch",
            "ArithmeticException [DIVIDE_BY_ZERO] Division by zero": "SchemaMismatch",
            "AnalysisException [UNRESOLVED_COLUMN.WITH_SUGGESTION] A column": "TransformInvalid",
            "ParseException [PARSE_SYNTAX_ERROR] Syntax error at or near": "TransformInvalid",
            "AnalysisException [PATH_NOT_FOUND] Path does not exist: s3://": "StageFileGone",
            "Py4JJavaError Job aborted due to stage failure: ExecutorLostFailure": "EngineFailed",
        }
        for message, code in cases.items():
            self.assertEqual(transform.classified(message), code, message)

    def test_messages_are_short_and_without_traces(self):
        error = ValueError("it\n  broke\n\tat org.apache.spark.Foo\n\tat more" + "x" * 5000)
        self.assertEqual(transform.shortened(error), "it broke")
        self.assertEqual(len(transform.shortened(ValueError("y" * 5000))), transform.LONGEST_MESSAGE)


class Decisions(unittest.TestCase):
    def test_nothing_is_written_when_records_differ_or_an_expectation_fails(self):
        self.assertTrue(transform.may_write([4, 4, 4, 1, 0, 7], [4], 4))
        self.assertFalse(transform.may_write([3, 4, 4, 1, 0, 7], [4], 4))
        self.assertFalse(transform.may_write([4, 4, 4, 1, 0, 7], [4, 5], 4))

    def test_what_is_written(self):
        sql = {"rows": "r", "quarantine": "q"}
        self.assertEqual(transform.write_plan([4, 4, 4, 1], sql), ["rows"])
        self.assertEqual(transform.write_plan([4, 4, 3, 1], sql), ["rows", "quarantine"])
        self.assertEqual(transform.write_plan([4, 4, 0, 0], sql), ["quarantine"])
        self.assertEqual(transform.write_plan([4, 0, 0, 0], sql), [])
        self.assertEqual(transform.write_plan([4, 4, 3, 1], {"rows": "r"}), ["rows"])

    def test_an_iceberg_table_is_committed_to_also_without_rows(self):
        self.assertEqual(transform.write_plan([4, 0, 0, 0], {"rows": "r", "merge": "m"}), ["merge"])


class Commits(unittest.TestCase):
    def test_one_at_a_time_on_an_iceberg_table(self):
        self.assertEqual(transform.at_once([{"sql": {"rows": "r", "merge": "m"}}]), 1)
        self.assertEqual(transform.at_once([{"sql": {"rows": "r"}}]), transform.CONCURRENCY)

    def test_again_after_another_commit_and_never_after_other_errors(self):
        for message, tries in (("Found conflicting files", transform.COMMITS), ("out of memory", 1)):
            tried = []

            def commit():
                tried.append(1)
                raise ValueError(message)

            with self.assertRaises(ValueError):
                transform.again(commit, lambda seconds: None)
            self.assertEqual(len(tried), tries)

    def test_until_it_is_done(self):
        answers = [ValueError("CommitFailedException"), None]

        def commit():
            answer = answers.pop(0)
            if answer:
                raise answer

        transform.again(commit, lambda seconds: None)
        self.assertEqual(answers, [])


class FakeRows:
    def __init__(self, values):
        self.values = values

    def collect(self):
        return [self.values]


class FakeSession:
    """A session that answers counts and remembers what it was asked."""

    class Conf:
        def set(self, name, value):
            pass

    def __init__(self, counts):
        self.counts, self.asked, self.conf = counts, [], FakeSession.Conf()

    def newSession(self):
        return self

    def sql(self, text):
        self.asked.append(text)
        if isinstance(self.counts, Exception):
            raise self.counts
        return FakeRows(self.counts)


class Batches(unittest.TestCase):
    def job(self, counts):
        spark = FakeSession(counts)
        request = {
            "columns": ["id"],
            "partitionBy": ["place"],
            "mustBeZero": [4],
            "records": {"a": 4},
            "mostPartitions": 2,
            "rowGroupSize": 100,
            "objects": [
                {"stem": "a", "source": "s", "rows": "r/", "quarantine": "q/", "sql": {"check": "C", "rows": "R"}}
            ],
        }
        job = transform.Job(spark, request)
        job.written = []
        job.records = lambda session, source: type("Frame", (), {"createOrReplaceTempView": lambda self, name: None})()
        job.write = lambda rows, target, keys: job.written.append((target, keys))
        return job

    def test_a_good_object_is_written_to_its_partitions(self):
        job = self.job([4, 3, 3, 2, 0])
        self.assertEqual(job.run(), {"objects": [{"stem": "a", "counts": [4, 3, 3, 2, 0]}]})
        self.assertEqual(job.written, [("r/", ["place"])])

    def test_a_bad_one_is_only_counted(self):
        for counts in ([4, 3, 3, 2, 1], [3, 3, 3, 2, 0], [4, 3, 3, 3, 0]):
            job = self.job(counts)
            self.assertEqual(job.run(), {"objects": [{"stem": "a", "counts": counts}]})
            self.assertEqual(job.written, [])

    def test_an_error_is_the_object_s_result(self):
        job = self.job(ValueError("[CAST_INVALID_INPUT] The value 'x'"))
        [result] = job.run()["objects"]
        self.assertEqual(result["error"]["code"], "SchemaMismatch")


if __name__ == "__main__":
    unittest.main()
