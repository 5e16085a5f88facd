"""What a metric alarm is, and which state its datapoints put it in. Values and pure decisions.

The rules for missing data are those of AWS's tables [D: Configuring how CloudWatch alarms treat missing data].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from emulator.aws.arn import Arn
from emulator.aws.scope import Scope

OK, ALARM, INSUFFICIENT = "OK", "ALARM", "INSUFFICIENT_DATA"
EXTRA_PERIODS = 2
"""AWS looks at more periods than it evaluates; its tables show two more."""
FREQUENT_SECONDS = 3600
"""Alarms with longer periods are evaluated once an hour [D]."""

OPERATORS = {
    "GreaterThanOrEqualToThreshold": ("greater than or equal to", lambda value, threshold: value >= threshold),
    "GreaterThanThreshold": ("greater than", lambda value, threshold: value > threshold),
    "LessThanThreshold": ("less than", lambda value, threshold: value < threshold),
    "LessThanOrEqualToThreshold": ("less than or equal to", lambda value, threshold: value <= threshold),
}
SAMPLED = frozenset(
    {
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
        ("AWS/SQS", "ApproximateNumberOfMessagesNotVisible"),
        ("AWS/SQS", "ApproximateNumberOfMessagesDelayed"),
        ("AWS/SQS", "ApproximateNumberOfGroupsWithInflightMessages"),
        ("AWS/SQS", "ApproximateAgeOfOldestMessage"),
    }
)
"""Metrics that are measured every minute though nothing happens."""
TREATMENTS = ("breaching", "notBreaching", "ignore", "missing")


@dataclass(frozen=True, slots=True)
class Alarm:
    """One metric alarm; `settings` are PutMetricAlarm's parameters."""

    scope: Scope
    name: str
    settings: dict[str, Any]
    configured_at: float
    state: str = INSUFFICIENT
    reason: str = "Unchecked: Initial alarm creation"
    reason_data: str | None = None
    changed_at: float = 0.0
    actions_enabled: bool = True
    tags: dict[str, str] | None = None

    @property
    def arn(self) -> str:
        return str(Arn("cloudwatch", self.scope.region, self.scope.account, f"alarm:{self.name}"))

    @property
    def period(self) -> int:
        """Seconds of one datapoint."""
        if self.settings.get("Period"):
            return self.settings["Period"]
        stats = [query["MetricStat"]["Period"] for query in self.settings["Metrics"] if query.get("MetricStat")]
        return max(stats, default=60)

    @property
    def step(self) -> int:
        """Seconds between two evaluations."""
        return min(self.period, 60) if self.period <= FREQUENT_SECONDS else FREQUENT_SECONDS

    @property
    def sampled(self) -> bool:
        """Whether one of its metrics is measured every minute though nothing happens."""
        metrics = [query["MetricStat"]["Metric"] for query in self.queries if query.get("MetricStat")]
        return any((metric["Namespace"], metric["MetricName"]) in SAMPLED for metric in metrics)

    @property
    def patience(self) -> int:
        """Evaluations after which what happened before the first has been seen in as many periods as it looks at."""
        return -(-self.settings["EvaluationPeriods"] * self.period // self.step) + EXTRA_PERIODS

    @property
    def queries(self) -> list[dict[str, Any]]:
        """What to ask for its datapoints, in GetMetricData's form."""
        settings = self.settings
        if settings.get("Metrics"):
            return settings["Metrics"]
        metric = {name: settings.get(name) for name in ("Namespace", "MetricName", "Dimensions")}
        statistic = settings.get("Statistic") or settings["ExtendedStatistic"]
        stat = {"Metric": metric, "Period": settings["Period"], "Stat": statistic, "Unit": settings.get("Unit")}
        return [{"Id": "m1", "MetricStat": stat, "ReturnData": True}]

    def actions(self, state: str) -> list[str]:
        """ARNs to call when it comes into a state."""
        member = {OK: "OKActions", ALARM: "AlarmActions", INSUFFICIENT: "InsufficientDataActions"}[state]
        return self.settings.get(member) or []


@dataclass(frozen=True, slots=True)
class Verdict:
    """The state datapoints put an alarm in, and AWS's sentence for it; state None keeps what was."""

    state: str | None
    reason: str = ""


def judge(alarm: Alarm, points: Sequence[tuple[int, float | None]]) -> Verdict:
    """Decide from (begin, value) of the latest periods, oldest first; None where nothing was measured."""
    settings = alarm.settings
    evaluated: int = settings["EvaluationPeriods"]
    needed: int = settings.get("DatapointsToAlarm") or evaluated
    treatment = settings.get("TreatMissingData") or "missing"
    real = [(begin, value) for begin, value in points if value is not None][-evaluated:]
    if not real and treatment in ("missing", "ignore"):
        noun = "datapoint was" if evaluated == 1 else "datapoints were"
        missing = Verdict(INSUFFICIENT, f"Insufficient Data: {evaluated} {noun} unknown.")
        return missing if treatment == "missing" else Verdict(None)
    breaching = [begin for begin, value in real if _breaches(alarm, value)]
    filled = evaluated - len(real)
    count = len(breaching) + (filled if treatment == "breaching" else 0)
    if count >= needed:
        return Verdict(ALARM, _reason(alarm, real, ALARM, needed, filled))
    if treatment in ("breaching", "notBreaching"):
        return Verdict(OK, _reason(alarm, real, OK, needed, filled))
    if len(breaching) < len(real):
        return Verdict(OK, _reason(alarm, real, OK, needed, filled))
    age = len(points) - next(index for index, (begin, _) in enumerate(points) if begin == breaching[0])
    if treatment == "missing" and age >= needed:
        return Verdict(ALARM, _reason(alarm, real, ALARM, needed, filled))
    return Verdict(None)


def moment(at: float) -> str:
    """A time as alarms write it in JSON."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"


def _breaches(alarm: Alarm, value: float) -> bool:
    return OPERATORS[alarm.settings["ComparisonOperator"]][1](value, alarm.settings["Threshold"])


def _reason(alarm: Alarm, real: Sequence[tuple[int, float]], state: str, needed: int, filled: int) -> str:
    """`Threshold Crossed: …` in AWS's words."""
    settings = alarm.settings
    words = OPERATORS[settings["ComparisonOperator"]][0]
    threshold = float(settings["Threshold"])
    if not real:
        treated = settings.get("TreatMissingData")
        noun = "datapoint was" if filled == 1 else "datapoints were"
        kind = "Breaching" if treated == "breaching" else "NonBreaching"
        periods = "period" if filled == 1 else "periods"
        return (
            f"Threshold Crossed: no datapoints were received for {filled} {periods} and"
            f" {filled} missing {noun} treated as [{kind}]."
        )
    shown = [f"{value} ({datetime.fromtimestamp(begin, UTC):%d/%m/%y %H:%M:%S})" for begin, value in reversed(real)]
    relevant = sum(1 for _, value in real if _breaches(alarm, value) == (state == ALARM))
    verb = "was" if relevant == 1 else "were"
    negation = "" if state == ALARM else "not "
    to_change = needed if state == ALARM else settings["EvaluationPeriods"] - needed + 1
    noun = "datapoint" if to_change == 1 else "datapoints"
    change = "OK -> ALARM" if state == ALARM else "ALARM -> OK"
    return (
        f"Threshold Crossed: {relevant} out of the last {len(real)} datapoints [{', '.join(shown)}] {verb} {negation}"
        f"{words} the threshold ({threshold}) (minimum {to_change} {noun} for {change} transition)."
    )
