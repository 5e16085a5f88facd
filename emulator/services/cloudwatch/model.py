"""AWS's rules for metric values and for asking about them. Values and pure decisions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from emulator.aws.errors import AwsError

LARGEST_VALUE = 2.0**360
"""Beyond it CloudWatch refuses values [D: MetricDatum]."""
MOST_DATA = 1000
MOST_VALUES = 150
OLDEST_SECONDS = 14 * 86400
NEWEST_SECONDS = 2 * 3600
FINE_PERIODS = (1, 5, 10, 20, 30)
MOST_DATAPOINTS = 1440
LATEST_SECONDS = 1e11
DAY = 86400


def invalid(text: str) -> AwsError:
    """InvalidParameterValue."""
    return AwsError("InvalidParameterValueException", text, 400)


def missing(text: str) -> AwsError:
    """MissingParameter."""
    return AwsError("MissingRequiredParameterException", text, 400)


def bad_combination(text: str) -> AwsError:
    """InvalidParameterCombination."""
    return AwsError("InvalidParameterCombinationException", text, 400)


def validation_error(text: str) -> AwsError:
    """ValidationError."""
    return AwsError("ValidationError", text, 400)


def dimensions_of(given: Iterable[Mapping[str, str]] | None, where: str = "Dimensions") -> dict[str, str]:
    """`[{Name, Value}]` as a mapping. Raises for a name given twice."""
    found: dict[str, str] = {}
    for dimension in given or ():
        if dimension["Name"] in found:
            raise invalid(f"The parameter {where} contains the dimension name {dimension['Name']} more than once.")
        found[dimension["Name"]] = dimension["Value"]
    return found


def entry_of(datum: Mapping[str, Any], number: int) -> list[Any]:
    """What recording keeps of a MetricDatum: `[name, unit, …]`. Raises AWS's errors; `number` counts from 1."""
    where = f"MetricData.member.{number}"
    given = [member for member in ("Value", "Values", "StatisticValues") if datum.get(member) is not None]
    if not given:
        raise missing(
            f"At least one of the parameters {where}.Value, {where}.Values, {where}.StatisticValues must be specified."
        )
    if len(given) > 1:
        raise bad_combination(
            f"The parameters {where}.{given[0]} and {where}.{given[1]} are mutually exclusive"
            " and you have specified both."
        )
    head = [datum["MetricName"], datum.get("Unit") or "None"]
    if datum.get("StorageResolution") not in (None, 1, 60):
        raise invalid(f"The parameter {where}.StorageResolution must be 1 or 60.")
    if given[0] == "Value":
        return [*head, _number(datum["Value"], f"{where}.Value")]
    if given[0] == "StatisticValues":
        return [*head, _statistic_set(datum["StatisticValues"], f"{where}.StatisticValues")]
    values = [_number(value, f"{where}.Values") for value in datum["Values"]]
    counts = datum.get("Counts")
    counts = [1.0] * len(values) if counts is None else [_number(count, f"{where}.Counts") for count in counts]
    if len(values) != len(counts):
        raise invalid(f"The parameters {where}.Values and {where}.Counts must be of the same size.")
    if not 0 < len(values) <= MOST_VALUES:
        raise invalid(f"The collection {where}.Values must have between 1 and {MOST_VALUES} values.")
    if any(count <= 0 for count in counts):
        raise invalid(f"The value for parameter {where}.Counts must be greater than 0.")
    return [*head, values, counts]


def time_of(datum: Mapping[str, Any], now: float, number: int) -> int:
    """When a datum was measured; a whole minute unless it is of high resolution."""
    given = datum.get("Timestamp")
    at = now if given is None else epoch(given)
    where = f"MetricData.member.{number}.Timestamp"
    if at < now - OLDEST_SECONDS:
        raise invalid(f"The parameter {where} must specify a time no more than two weeks in the past.")
    if at > now + NEWEST_SECONDS:
        raise invalid(f"The parameter {where} must specify a time within the next two hours.")
    second = int(at)
    return second if datum.get("StorageResolution") == 1 else second - second % 60


def epoch(moment: Any) -> float:
    """Epoch seconds of a parsed timestamp, between 1970 and the year 5138."""
    seconds = float(moment.timestamp()) if hasattr(moment, "timestamp") else float(moment)
    if math.isnan(seconds):
        raise invalid("The value NaN is not a timestamp.")
    return min(max(seconds, 0.0), LATEST_SECONDS)


def check_period(period: int, name: str = "Period") -> None:
    """Raise AWS's error unless metrics can be summed over such a period."""
    if period not in FINE_PERIODS and period % 60:
        raise invalid(f"The parameter {name} must be a multiple of 60, or one of 1, 5, 10, 20, 30.")


def rounded_start(start: float, now: float, period: int) -> int:
    """StartTime as CloudWatch rounds it: to a minute, five for data older than 15 days, an hour for 63 [D]."""
    if period in FINE_PERIODS:
        return int(start) - int(start) % period
    age = now - start
    grain = 60 if age < 15 * DAY else 300 if age < 63 * DAY else 3600
    return int(start) - int(start) % grain


def _number(value: Any, where: str) -> float:
    number = float(value)
    if math.isnan(number) or abs(number) > LARGEST_VALUE:
        raise invalid(f"The value {value} for parameter {where} is invalid.")
    return number


def _statistic_set(given: Mapping[str, Any], where: str) -> dict[str, float]:
    count, total, least, greatest = (
        _number(given[member], f"{where}.{member}") for member in ("SampleCount", "Sum", "Minimum", "Maximum")
    )
    if count <= 0:
        raise invalid(f"The value for parameter {where}.SampleCount must be greater than 0.")
    if least > greatest:
        raise invalid(f"The value for parameter {where}.Minimum must be less than {where}.Maximum.")
    return {"n": count, "sum": total, "min": least, "max": greatest}
