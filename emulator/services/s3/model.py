"""What a bucket may be told to notify of, and who hears of an event. Pure.

Source: the S3 user guide, "Amazon S3 Event Notifications" and "Configuring event notifications using object key name
filtering" ([D]); texts of errors as users quote them in public issues ([Q]), the others are unverified.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any, NamedTuple

from emulator.aws.arn import Arn
from emulator.aws.errors import AwsError
from emulator.aws.policies import MalformedPolicy, evaluate

EVENTS = frozenset(
    f"s3:{name}"
    for names in (
        "ReducedRedundancyLostObject LifecycleTransition IntelligentTiering ObjectAcl:Put ObjectRetention:Put",
        "ObjectCreated:* ObjectCreated:Put ObjectCreated:Post ObjectCreated:Copy ObjectCreated:CompleteMultipartUpload",
        "ObjectRemoved:* ObjectRemoved:Delete ObjectRemoved:DeleteMarkerCreated",
        "ObjectRestore:* ObjectRestore:Post ObjectRestore:Completed ObjectRestore:Delete",
        "Replication:* Replication:OperationFailedReplication Replication:OperationNotTracked",
        "Replication:OperationMissedThreshold Replication:OperationReplicatedAfterThreshold",
        "LifecycleExpiration:* LifecycleExpiration:Delete LifecycleExpiration:DeleteMarkerCreated",
        "ObjectTagging:* ObjectTagging:Put ObjectTagging:Delete",
        "ObjectAnnotation:* ObjectAnnotation:Put ObjectAnnotation:Delete",
    )
    for name in names.split()
)
LONGEST_FILTER_BYTES = 1024
LONGEST_ID = 255


class Kind(NamedTuple):
    """A kind of destination: the members that S3's model has for it."""

    member: str
    arn_member: str
    service: str


KINDS = (
    Kind("TopicConfigurations", "TopicArn", "sns"),
    Kind("QueueConfigurations", "QueueArn", "sqs"),
    Kind("LambdaFunctionConfigurations", "LambdaFunctionArn", "lambda"),
)


@dataclass(frozen=True, slots=True)
class Rule:
    """One destination of a bucket, and of what it hears."""

    id: str
    service: str
    arn: str
    events: tuple[str, ...]
    prefix: str = ""
    suffix: str = ""
    filtered: bool = False

    def wants(self, event: str, key: str) -> bool:
        """Whether it hears of an event (`ObjectCreated:Put`) of an object."""
        return self.wants_some(event) and key.startswith(self.prefix) and key.endswith(self.suffix)

    def wants_some(self, event: str) -> bool:
        """Whether it hears of an event of some objects; `ObjectRemoved:*` asks for any of them."""
        return any(_common(wanted, f"s3:{event}") for wanted in self.events)


def with_ids(configuration: dict[str, Any], new_ids: Iterator[str]) -> dict[str, Any]:
    """The configuration with an id for each part that has none: AWS's look like a UUID in base64 [Q]."""
    result = dict(configuration)
    for kind in KINDS:
        parts: list[dict[str, Any]] = configuration.get(kind.member) or []
        if parts:
            result[kind.member] = [
                part if part.get("Id") else {**part, "Id": base64.b64encode(next(new_ids).encode()).decode()}
                for part in parts
            ]
    return result


def rules_of(configuration: dict[str, Any]) -> list[Rule]:
    """The rules of a configuration. Raises for those that S3 refuses whatever there is at their ends."""
    rules = [
        _rule(kind, part) for kind in KINDS for part in configuration.get(kind.member) or []
    ]  # in S3's order: topics, queues, functions
    if len({rule.id for rule in rules}) < len(rules):
        raise invalid("Same ID used for multiple configurations. IDs must be unique.")
    for one, other in combinations(rules, 2):
        _check_overlap(one, other)
    return rules


def check_destination(rule: Rule, account: str, region: str) -> None:
    """Raise for a destination that a bucket of that region cannot have."""
    arn = Arn.parse(rule.arn)
    if arn is None or arn.service != rule.service:
        raise invalid("The ARN is not well formed", rule.service.capitalize(), rule.arn)
    if arn.region != region:
        text = "The notification destination service region is not valid for the bucket location constraint"
        raise invalid(text, "Arn", rule.arn)
    if arn.resource.endswith(".fifo"):
        raise unreachable(rule.arn, "FIFO queues and topics are not supported as destinations")  # [D], the text is ours


_ACTIONS = {"lambda": "lambda:InvokeFunction", "sns": "sns:Publish", "sqs": "sqs:SendMessage"}


def permits(policy: str, rule: Rule, bucket: str, account: str) -> bool:
    """Whether a destination's policy lets S3 tell it of what happens in a bucket of an account [D: granting permissions
    to publish event notification messages to a destination]."""
    facts = {
        "aws:sourcearn": f"arn:aws:s3:::{bucket}",
        "aws:sourceaccount": account,
        "aws:securetransport": "true",
        "aws:principalisawsservice": "true",
        "aws:principalservicename": "s3.amazonaws.com",
    }
    try:
        document = json.loads(policy)
        return evaluate(document, rule.arn, _ACTIONS[rule.service], facts, service="s3.amazonaws.com") == "allow"
    except (ValueError, RecursionError, MalformedPolicy):
        return False


def not_permitted(rule: Rule) -> str:
    """Why a destination whose policy does not let S3 in cannot be one [Q]."""
    if rule.service == "lambda":
        return f"Not authorized to invoke function [{rule.arn}]"
    what = "queue" if rule.service == "sqs" else "topic"
    return f"Permissions on the destination {what} do not allow S3 to publish notifications from this bucket"


def not_there(rule: Rule) -> str:
    """Why a destination that does not exist cannot be one [Q]."""
    if rule.service == "lambda":
        return f"Not authorized to invoke function [{rule.arn}]"
    return f"The destination {'queue' if rule.service == 'sqs' else 'topic'} does not exist"


def unreachable(arn: str, why: str) -> AwsError:
    """The error for a destination that S3 has tried in vain [Q]."""
    text = "Unable to validate the following destination configurations"
    return AwsError("InvalidArgument", text, 400, {"ArgumentName1": f"{arn}, null", "ArgumentValue1": why})


def invalid(text: str, name: str | None = None, value: str | None = None) -> AwsError:
    """S3's InvalidArgument."""
    return AwsError("InvalidArgument", text, 400, {"ArgumentName": name, "ArgumentValue": value})


def malformed() -> AwsError:
    """S3's MalformedXML."""
    text = "The XML you provided was not well-formed or did not validate against our published schema"
    return AwsError("MalformedXML", text, 400)


def _rule(kind: Kind, part: dict[str, Any]) -> Rule:
    arn, events = part.get(kind.arn_member), part.get("Events")
    if not arn or not events:
        raise malformed()
    for event in events:
        if event not in EVENTS:
            raise invalid(f"The event '{event}' is not supported for notifications", "Event", event)
    if len(part["Id"]) > LONGEST_ID:
        raise invalid(f"ID length should not exceed {LONGEST_ID}", "Id", part["Id"])
    filters: list[dict[str, Any]] = ((part.get("Filter") or {}).get("Key") or {}).get("FilterRules") or []
    values: dict[str, str] = {}
    for each in filters:
        name, value = (each.get("Name") or "").lower(), each.get("Value") or ""
        if name not in ("prefix", "suffix"):
            text = "filter rule name must be either prefix or suffix"
            raise invalid(text, "FilterRule.Name", each.get("Name"))
        if name in values:
            raise invalid(f"Cannot specify more than one {name} rule in a filter.", "FilterRule.Name", name)
        if len(value.encode("utf-8", "replace")) > LONGEST_FILTER_BYTES:
            text = f"Size of filter rule value cannot exceed {LONGEST_FILTER_BYTES} bytes in UTF-8 representation"
            raise invalid(text, "FilterRule.Value", value)
        values[name] = value
    prefix, suffix = values.get("prefix", ""), values.get("suffix", "")
    return Rule(part["Id"], kind.service, arn, tuple(events), prefix, suffix, bool(values))


def _check_overlap(one: Rule, other: Rule) -> None:
    """An event of an object has one destination of a bucket at most [D, Q]."""
    common = [(mine, its) for mine in one.events for its in other.events if _common(mine, its)]
    if not common:
        return
    prefixes = one.prefix.startswith(other.prefix) or other.prefix.startswith(one.prefix)
    suffixes = one.suffix.endswith(other.suffix) or other.suffix.endswith(one.suffix)
    if not (prefixes and suffixes):
        return
    if one.filtered or other.filtered:
        text = (
            "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are "
            "overlapping for the same event type."
        )
    else:
        text = "Configurations overlap. Configurations on the same bucket cannot share a common event type."
    raise invalid(text, "Event", ", ".join(common[0]))


def _common(one: str, other: str) -> bool:
    """Whether two names of events, each perhaps with a `*` at its end, have an event in common."""
    if one.endswith("*"):
        return other.startswith(one[:-1])
    return one == other or (other.endswith("*") and one.startswith(other[:-1]))
