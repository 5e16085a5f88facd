"""parse: the first state. CSV text becomes typed rows."""

import csv
import io
import os
import time


def handler(event, context):
    """event: {"report_id", "title", "recipient", "csv"} → the same with "rows" instead of "csv"."""
    rows = []
    for row in csv.DictReader(io.StringIO(event["csv"])):
        figures = {name: float(value) for name, value in row.items() if name not in ("year", "quarter")}
        rows.append({"year": int(row["year"]), "quarter": int(row["quarter"]), **figures})
    if not rows:
        raise ValueError("the report has no rows")
    time.sleep(float(os.environ.get("WORK_SECONDS", "2")))
    print(f"parsed {len(rows)} quarters")
    return {"report_id": event["report_id"], "title": event["title"], "recipient": event["recipient"], "rows": rows}
