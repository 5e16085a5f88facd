"""Input templates of pipes: `<$.body.name>` and `<aws.pipes.…>`, filled for one event. Pure.

Rules of https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-input-transformation.html: a path that goes
on into a text which is JSON goes on in what it says ("implicit body data parsing").
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

from emulator.ports import Json
from emulator.services.events.model import as_text
from emulator.services.events.transform import MISSING, NO_VARIABLE, fill, find_in, parse_path
from emulator.services.stepfunctions.asl.data import loads

_VARIABLE = re.compile(r"<(\$[^<>]*|aws\.pipes\.[a-z.\-]+)>")
RESERVED = frozenset(
    {
        "aws.pipes.pipe-arn", "aws.pipes.pipe-name", "aws.pipes.source-arn", "aws.pipes.enrichment-arn",
        "aws.pipes.target-arn", "aws.pipes.event.ingestion-time", "aws.pipes.event", "aws.pipes.event.json",
    }
)  # fmt: skip


def check(template: str) -> str | None:
    """What is wrong with a template, or None."""
    for name in _VARIABLE.findall(template):
        if name.startswith("$") and parse_path(name) is None:
            return f"Invalid path {name}"
        if not name.startswith("$") and name not in RESERVED:
            return f"Unknown variable {name}"
    return None


def transformed(template: str | None, event: Json, reserved: Mapping[str, str]) -> Json:
    """What a target or an enrichment receives for an event: JSON, or a text if the template makes none."""
    if not template:
        return event

    def value_of(name: str) -> Any:
        if name.startswith("$"):
            return look_up(event, name)
        if name in ("aws.pipes.event", "aws.pipes.event.json"):
            return event
        return reserved.get(name, NO_VARIABLE)

    text = fill(template, value_of, _VARIABLE)
    try:
        return loads(text)
    except ValueError:
        return text


def look_up(event: Json, text: str) -> Any:
    """What a path leads to, or `MISSING`."""
    path = parse_path(text)
    return MISSING if path is None else find_in(_readable(event), path, loads)


def _readable(event: Json) -> Json:
    """An event whose paths may go on into Kinesis's data, which is in base64."""
    if (
        not isinstance(event, dict)
        or event.get("eventSource") != "aws:kinesis"
        or not isinstance(event.get("data"), str)
    ):
        return event
    try:
        return {**event, "data": base64.b64decode(event["data"], validate=True).decode()}
    except ValueError:
        return event


def resolved(event: Json, text: str) -> str:
    """A parameter that is a text or a path (`$.body.id`); what is not there is an empty text."""
    if not text.startswith("$"):
        return text
    found = look_up(event, text)
    return "" if found is MISSING or found is None else found if isinstance(found, str) else as_text(found)
