"""submit: takes a report, checks it thoroughly (which is slow) and starts the state machine that processes it.

Both routes of the API end here. POST /reports/sync waits for the return value, POST /reports does not: that is a
setting of the route, and this function cannot tell the difference.
"""

import csv
import io
import json
import os
import time

import boto3

REQUIRED = ("report_id", "title", "recipient", "csv")
COLUMNS = ("year", "quarter", "realgdp", "realcons", "realinv", "realgovt", "cpi", "tbilrate", "unemp")

states = boto3.client("stepfunctions")


class InvalidReport(Exception):
    """The report cannot be processed, and no retry will change that."""


def handler(event, context):
    """event: {"report_id", "title", "recipient", "csv"} → {"report_id", "rows", "execution"}."""
    missing = [name for name in REQUIRED if not event.get(name)]
    if missing:
        raise InvalidReport(f"Invalid report: missing {', '.join(missing)}")
    rows = check(event["csv"])
    print(f"report {event['report_id']}: {rows} rows pass the check")

    # The name makes a repeated attempt harmless: attempts of one event share the request id, and starting
    # an execution twice under one name with one input starts it once.
    execution = states.start_execution(
        stateMachineArn=os.environ["STATE_MACHINE_ARN"],
        name=f"report-{context.aws_request_id}",
        input=json.dumps({name: event[name] for name in REQUIRED}),
    )
    return {"report_id": event["report_id"], "rows": rows, "execution": execution["executionArn"]}


def check(text):
    """The number of rows, once every row of the CSV text has been checked."""
    reader = csv.DictReader(io.StringIO(text))
    absent = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if absent:
        raise InvalidReport(f"Invalid report: no column {', '.join(absent)}")
    rows = 0
    for rows, row in enumerate(reader, start=1):
        for name in COLUMNS:
            try:
                float(row[name])
            except (TypeError, ValueError):
                raise InvalidReport(f"Invalid report: {name} is not a number in row {rows}") from None
    if rows < 8:
        raise InvalidReport("Invalid report: fewer than two years of quarters")
    # The auditors' system answers slowly. Longer than the 29 seconds that API Gateway waits, in fact.
    time.sleep(float(os.environ.get("WORK_SECONDS", "35")))
    return rows
