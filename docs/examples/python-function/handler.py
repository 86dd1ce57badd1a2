"""Counts the records of a batch of lines, and how many of them are JSON objects."""

import json


def handler(event, context):
    """Answers `{"records": …, "objects": …}` for `{"lines": [text, …]}`."""
    lines = event["lines"]
    return {"records": len(lines), "objects": sum(1 for line in lines if is_object(line))}


def is_object(line):
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False
