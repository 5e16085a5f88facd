"""What a target receives: the event, a part of it, a constant, or a template filled from it. Pure.

Rules of https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from emulator.ports import Json
from emulator.services.events.model import Rule, Target, as_text

_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d{1,9})\]|\['([^']+)'\]|\[\"([^\"]+)\"\]|(\[\*\]|\.\*)")
_VARIABLE = re.compile(r"<([A-Za-z0-9_.\-]+)>")
MISSING = object()
"""The value of a variable that the event has not."""
NO_VARIABLE = object()
"""What looks like a variable and is none."""

Path = tuple[str | int | None, ...]
"""Names, indexes, and None for every element."""


def parse_path(text: str) -> Path | None:
    """The steps of a JSON path (`$.detail.items[0]`), or None if it is none."""
    if not text.startswith("$"):
        return None
    steps: list[str | int | None] = []
    at = 1
    while at < len(text):
        match = _STEP.match(text, at)
        if match is None:
            return None
        name, index, quoted, double, every = match.groups()
        steps.append(None if every else int(index) if index is not None else name or quoted or double)
        at = match.end()
    return tuple(steps)


@dataclass(frozen=True, slots=True)
class Delivery:
    """When and for which rule an event is transformed."""

    rule: Rule
    ingested_at: str


def input_of(target: Target, event: Mapping[str, Any], delivery: Delivery) -> str:
    """The text that a target receives for an event."""
    definition = target.definition
    if definition.get("Input") is not None:
        return definition["Input"]
    if definition.get("InputPath"):
        found = _find(event, definition["InputPath"])
        return as_text(None if found is MISSING else found)
    transformer = definition.get("InputTransformer")
    if transformer is None:
        return as_text(event)
    values: dict[str, Any] = {
        name: _find(event, path) for name, path in (transformer.get("InputPathsMap") or {}).items()
    }
    values["aws.events.rule-arn"] = delivery.rule.arn
    values["aws.events.rule-name"] = delivery.rule.name
    values["aws.events.event.ingestion-time"] = delivery.ingested_at
    values["aws.events.event"] = {name: value for name, value in event.items() if name != "detail"}
    values["aws.events.event.json"] = dict(event)
    return fill(transformer["InputTemplate"], lambda name: values.get(name, NO_VARIABLE), _VARIABLE)


def check_template(template: str, paths: Mapping[str, str]) -> str | None:
    """What is wrong with an input transformer, or None."""
    for name in _VARIABLE.findall(template):
        if name not in paths and not name.startswith("aws.events."):
            return f"InputTemplate contains placeholder {name} which is not in InputPathsMap"
    return None


def follow(value: Json, path: Path) -> Json:
    """What a path leads to; None if that is nothing."""
    found = find_in(value, path)
    return None if found is MISSING else found


def _find(event: Mapping[str, Any], text: str) -> Any:
    path = parse_path(text)
    return MISSING if path is None else find_in(event, path)


def find_in(value: Json, path: Path, open_text: Callable[[str], Json] | None = None) -> Any:
    """What `path` leads to in `value`, or `MISSING`. With `open_text` a path may go on into what a text says; it raises
    ValueError of a text that says nothing."""
    for place, step in enumerate(path):
        if open_text is not None and isinstance(value, str):
            try:
                value = open_text(value)
            except ValueError:
                return MISSING
        if step is None:
            items = value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else []
            found = [find_in(item, path[place + 1 :], open_text) for item in items]
            return [item for item in found if item is not MISSING]
        if isinstance(step, int):
            if not isinstance(value, list) or step >= len(value):
                return MISSING
            value = value[step]
        else:
            if not isinstance(value, dict) or step not in value:
                return MISSING
            value = value[step]
    return value


def fill(template: str, value_of: Callable[[str], Any], variable: re.Pattern[str]) -> str:
    """Put values in place of `<name>`: as JSON outside quotes, as text within; what is `NO_VARIABLE` stays."""
    parts: list[str] = []
    quoted, at = False, 0
    while at < len(template):
        character = template[at]
        if character == "\\" and quoted:
            parts.append(template[at : at + 2])
            at += 2
            continue
        match = variable.match(template, at) if character == "<" else None
        value = NO_VARIABLE if match is None else value_of(match[1])
        if match is not None and value is not NO_VARIABLE:
            parts.append(_within_quotes(value) if quoted else _as_json(value))
            at = match.end()
            continue
        if character == '"':
            quoted = not quoted
        parts.append(character)
        at += 1
    text = "".join(parts)
    try:  # as EventBridge sends JSON: without the template's own spaces
        return as_text(json.loads(text))
    except (ValueError, RecursionError):
        return text.encode("utf-8", "replace").decode()


def _as_json(value: Any) -> str:
    # AWS leaves a variable that was not found out, which would make the JSON invalid: null is our choice, unverified.
    return "null" if value is MISSING else as_text(value)


def _within_quotes(value: Any) -> str:
    if value is MISSING:
        return ""
    text = value if isinstance(value, str) else as_text(value)
    return json.dumps(text, ensure_ascii=False)[1:-1]
