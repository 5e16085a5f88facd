"""A metric of a world, as one number: what CloudWatch's data points since the world began come to."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emulator.testing.aws import Aws

MINUTE = 60
ALL = ["Sum", "SampleCount", "Minimum", "Maximum"]


def value_of(
    aws: Aws,
    period: tuple[float, float],
    namespace: str,
    name: str,
    statistic: str,
    dimensions: Mapping[str, str],
) -> float:
    """A statistic over a period; 0 if nothing was measured in it."""
    begun = math.floor(period[0] / MINUTE) * MINUTE  # data points begin at full minutes
    minutes = math.floor((period[1] - begun) / MINUTE) + 1
    points: list[dict[str, float]] = aws.cloudwatch.get_metric_statistics(
        Namespace=namespace,
        MetricName=name,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        StartTime=begun,
        EndTime=begun + minutes * MINUTE,
        Period=minutes * MINUTE,
        Statistics=ALL,
    )["Datapoints"]
    return _joined(points, statistic)


def _joined(points: list[dict[str, float]], statistic: str) -> float:
    """The periods of CloudWatch need not begin when ours does: there may be two."""
    joined: dict[str, Any] = {
        "Sum": lambda: sum(each["Sum"] for each in points),
        "SampleCount": lambda: sum(each["SampleCount"] for each in points),
        "Minimum": lambda: min(each["Minimum"] for each in points),
        "Maximum": lambda: max(each["Maximum"] for each in points),
        "Average": lambda: _joined(points, "Sum") / _joined(points, "SampleCount"),
    }
    if statistic not in joined:
        raise ValueError(f"{statistic!r} is no statistic: {', '.join(joined)}")
    return joined[statistic]() if points else 0.0
