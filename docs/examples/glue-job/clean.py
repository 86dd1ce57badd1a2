"""A Python shell job of AWS Glue: takes rows out of a CSV file that are there twice, too long, or whose amount is no number."""

import argparse
import csv
import io
import sys


def clean(text):
    """The rows that stay, in their order, below the same header."""
    reader = csv.DictReader(io.StringIO(text))
    kept = {tuple(row.values()): row for row in reader if None not in row and is_number(row["amount"])}
    out = io.StringIO()
    writer = csv.DictWriter(out, reader.fieldnames, lineterminator="\n")
    writer.writeheader()
    writer.writerows(kept.values())
    return out.getvalue()


def is_number(text):
    try:
        float(text)
    except (TypeError, ValueError):
        return False
    return True


def main(arguments):
    # Here and not above: the tests need nothing that Glue brings along.
    import boto3

    parser = argparse.ArgumentParser()
    for name in ("--BUCKET", "--SOURCE", "--TARGET"):
        parser.add_argument(name, required=True)
    # Glue adds arguments of its own.
    given, _ = parser.parse_known_args(arguments)
    s3 = boto3.client("s3")
    text = s3.get_object(Bucket=given.BUCKET, Key=given.SOURCE)["Body"].read().decode()
    s3.put_object(Bucket=given.BUCKET, Key=given.TARGET, Body=clean(text).encode())


if __name__ == "__main__":
    main(sys.argv[1:])
