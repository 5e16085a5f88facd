"""Values of parameters: what was given, what was there before, or the default; and whether AWS takes them.

Decides by the declarations. Parameters of SSM types are looked up by whoever may wait: `wanted` names them, `resolve`
is given what was found. Texts are AWS's as users report them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import jsonschema_rs

from emulator.deploy.template.document import TemplateError
from emulator.deploy.template.environment import Value
from emulator.deploy.template.model import Parameter, Template, as_number, is_list_type, scalar_text, ssm_value_type

LONGEST_VALUE_BYTES = 4096
_PATTERN_BACKTRACKS = 100_000


@dataclass(frozen=True)
class Values:
    """The parameters of a stack."""

    given: dict[str, str] = field(default_factory=dict)
    """As texts: what DescribeStacks shows, and what UsePreviousValue means next time."""
    resolved: dict[str, str] = field(default_factory=dict)
    """Of parameters of SSM types: the values found."""
    values: dict[str, Value] = field(default_factory=dict)
    """What `Ref` gives."""


class _Previous:
    """Stands in `given` for the value that the stack has now."""

    def __repr__(self) -> str:
        return "PREVIOUS"


PREVIOUS = _Previous()
"""UsePreviousValue."""


def texts(
    template: Template, given: Mapping[str, str | _Previous], previous: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Which text each parameter has, before anything is looked up. Raises TemplateError for what is missing or unknown.

    `given` holds texts or PREVIOUS; `previous` those of the stack that is updated. A parameter that an update does not
    give has its default, as on AWS.
    """
    unknown = [name for name in given if name not in template.parameters]
    if unknown:
        raise TemplateError(f"Parameters: [{', '.join(unknown)}] do not exist in the template", ("Parameters",))
    found: dict[str, str] = {}
    missing: list[str] = []
    for name, parameter in template.parameters.items():
        value = given.get(name)
        if isinstance(value, _Previous):
            if previous is None or name not in previous:
                raise template.document.error(
                    f"Invalid input for parameter key {name}. Cannot specify usePreviousValue as true for a parameter "
                    "key "
                    "not in the previous template",
                    ("Parameters", name),
                )
            found[name] = previous[name]
        elif value is not None:
            found[name] = value
        elif parameter.has_default:
            found[name] = scalar_text(parameter.default)
        else:
            missing.append(name)
    if missing:
        raise template.document.error(
            f"Parameters: [{', '.join(missing)}] must have values", ("Parameters", missing[0])
        )
    return found


def wanted(template: Template, texts: Mapping[str, str]) -> dict[str, str]:
    """The names in SSM whose values are needed, by parameter."""
    return {name: texts[name] for name, item in template.parameters.items() if ssm_value_type(item.type) is not None}


def resolve(
    template: Template,
    given: Mapping[str, str | _Previous],
    previous: Mapping[str, str] | None = None,
    lookup: Callable[[str], str | None] = lambda name: None,
) -> Values:
    """The values of all parameters. `lookup` finds an SSM parameter that `wanted` named, or None.

    Raises TemplateError in AWS's words.
    """
    chosen = texts(template, given, previous)
    values: dict[str, Value] = {}
    resolved: dict[str, str] = {}
    lost: list[str] = []
    for name, parameter in template.parameters.items():
        text = chosen[name]
        problem = _problem(parameter, text)
        if problem is not None:
            raise template.document.error(problem, ("Parameters", name))
        kind = parameter.type
        inner = ssm_value_type(kind)
        if inner is not None:
            found = lookup(text)
            if found is None:
                lost.append(text)
                continue
            kind, text = inner, found
            resolved[name] = found
        values[name] = _items(text) if is_list_type(kind) else text
    if lost:
        raise template.document.error(
            f"Unable to fetch parameters [{','.join(lost)}] from parameter store for this account.", ("Parameters",)
        )
    return Values(chosen, resolved, values)


def _items(text: str) -> list[str]:
    """AWS: separated by commas, and trimmed. An empty text is a list of one empty text."""
    return [item.strip() for item in text.split(",")]


def _problem(parameter: Parameter, text: str) -> str | None:
    """What AWS says of a value, or None."""
    name = parameter.name
    if len(text.encode(errors="replace")) > LONGEST_VALUE_BYTES:  # the text is unverified
        return f"Parameter '{name}' must be at most {LONGEST_VALUE_BYTES} bytes"
    problem = _by_type(parameter, text) or _by_constraints(parameter, text)
    if problem is None:
        return None
    if parameter.constraint_description:
        return f"Parameter {name} failed to satisfy constraint: {parameter.constraint_description}"
    return f"Parameter '{name}' {problem}"


def _by_type(parameter: Parameter, text: str) -> str | None:
    if parameter.type == "Number" and as_number(text) is None:
        return "must be a number."
    if parameter.type == "List<Number>" and any(as_number(item) is None for item in _items(text)):
        return "must be a list of numbers."  # unverified
    return None


def _by_constraints(parameter: Parameter, text: str) -> str | None:
    listed = is_list_type(parameter.type) and ssm_value_type(parameter.type) is None
    items = _items(text) if listed else [text]
    if parameter.allowed_values is not None:
        if parameter.type == "Number":  # 1 and 1.0 are one number
            allowed = {as_number(item) for item in parameter.allowed_values}
            fits = as_number(text) in allowed
        else:
            fits = all(item in parameter.allowed_values for item in items)
        if not fits:
            return "must be one of AllowedValues"
    if parameter.min_length is not None and len(text) < parameter.min_length:
        return f"must contain at least {parameter.min_length} characters"
    if parameter.max_length is not None and len(text) > parameter.max_length:
        return f"must contain at most {parameter.max_length} characters"
    for item in items if parameter.type in ("Number", "List<Number>") else ():
        number = as_number(item) or 0.0
        if parameter.min_value is not None and number < parameter.min_value:
            return f"must be a number not less than {_spelled(parameter.min_value)}"
        if parameter.max_value is not None and number > parameter.max_value:
            return f"must be a number not greater than {_spelled(parameter.max_value)}"
    pattern = parameter.allowed_pattern
    if pattern is not None and not all(_matches(pattern, item) for item in items):
        return f"must match pattern {pattern}"
    return None


def _spelled(number: float) -> str:
    return str(int(number)) if number.is_integer() else str(number)


def _matches(pattern: str, text: str) -> bool:
    """Whether a Java pattern matches the whole text. The engine counts its steps back, so no pattern takes long; one
    that it cannot read, or that needs more steps, matches nothing (AWS refuses the former when the template is read:
    unverified).
    """
    options = jsonschema_rs.FancyRegexOptions(backtrack_limit=_PATTERN_BACKTRACKS)
    try:
        schema = jsonschema_rs.Draft4Validator({"pattern": f"^(?:{pattern})$"}, pattern_options=options)
        return schema.is_valid(text)
    except ValueError:
        return False
