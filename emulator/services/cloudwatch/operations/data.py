"""GetMetricData: several metrics and expressions of them at once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from emulator.aws.errors import AwsError
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.cloudwatch import model
from emulator.services.cloudwatch.solving import check_queries, solve

MOST_RETURNED = 100_800


class DataOperations:
    """The operation GetMetricData."""

    def get_metric_data(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """The values of metrics and expressions by period."""
        queries: list[dict[str, Any]] = request["MetricDataQueries"]
        check_queries(queries)
        start, end = model.epoch(request["StartTime"]), model.epoch(request["EndTime"])
        if start >= end:
            raise model.validation_error("The parameter StartTime must be less than the parameter EndTime.")
        found = solve(tx, scope, queries, start, end)
        ascending = request.get("ScanBy") == "TimestampAscending"
        returned = [query for query in queries if query.get("ReturnData") is not False]
        share = max(1, min(request.get("MaxDatapoints") or MOST_RETURNED, MOST_RETURNED) // max(1, len(returned)))
        begin = _read_token(request.get("NextToken"))
        results: list[dict[str, Any]] = []
        more = False
        for query in returned:
            points = sorted(found[query["Id"]].items(), reverse=not ascending)
            page = points[begin : begin + share]
            unfinished = len(points) > begin + share
            more = more or unfinished
            results.append(
                {
                    "Id": query["Id"],
                    "Label": query.get("Label") or _label(query),
                    "Timestamps": [at for at, _ in page],
                    "Values": [value for _, value in page],
                    "StatusCode": "PartialData" if unfinished else "Complete",
                }
            )
        token = json.dumps(begin + share) if more else None
        return {"MetricDataResults": results, "NextToken": token, "Messages": []}


def _label(query: Mapping[str, Any]) -> str:
    stat = query.get("MetricStat")
    return stat["Metric"]["MetricName"] if stat is not None else query["Id"]


def _read_token(token: str | None) -> int:
    if token is None:
        return 0
    if not (token.isascii() and token.isdigit() and len(token) < 10):
        raise AwsError("InvalidNextToken", "The specified nextToken is invalid.", 400)
    return int(token)
