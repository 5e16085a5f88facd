"""Which nodes are functions, and what each of them must be given, whatever the values will be.

Decides the form of calls, from the text alone; what they return is said in `evaluate` and `conditions`.
The texts are AWS's as users report them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emulator.deploy.template.substitution import parts
from emulator.ports import Json

CONDITION_FUNCTIONS = ("Fn::And", "Fn::Or", "Fn::Not", "Fn::Equals", "Condition")
RULE_FUNCTIONS = (
    *("Fn::Contains", "Fn::EachMemberEquals", "Fn::EachMemberIn", "Fn::RefAll", "Fn::ValueOf", "Fn::ValueOfAll"),
    "Fn::Implies",
)
EXTENSIONS = ("Fn::Length", "Fn::ToJsonString")
"""Those that need AWS::LanguageExtensions."""

_SUPPORTED = (
    "Fn::Base64, Fn::GetAtt, Fn::GetAZs, Fn::ImportValue, Fn::Join, Fn::Split, Fn::FindInMap, Fn::Select, Ref, "
    "Fn::Equals, "
    "Fn::If, Fn::Not, Condition, Fn::And, Fn::Or, Fn::Contains, Fn::EachMemberEquals, Fn::EachMemberIn, Fn::ValueOf, "
    "Fn::ValueOfAll, Fn::RefAll, Fn::Sub, Fn::Cidr"
)


def called(node: Json) -> tuple[str, Json] | None:
    """The function that a node calls, and its argument."""
    if isinstance(node, dict) and len(node) == 1:
        [(name, argument)] = node.items()
        if name == "Ref" or name.startswith("Fn::"):
            return name, argument
    return None


def complaint(name: str, argument: Json, extended: bool) -> str | None:
    """What AWS says of a call that cannot be one, or None."""
    check = _CHECKS.get(name)
    if check is None or (name in EXTENSIONS and not extended):
        return f"Template Error: Encountered unsupported function: {name} Supported functions are: [{_SUPPORTED}]"
    return check(argument)


def _ref(argument: Any) -> str | None:
    return (
        None
        if isinstance(argument, str) and argument
        else "Template error: every Ref object must have a single String value."
    )


def _get_att(argument: Any) -> str | None:
    message = (
        "Template error: every Fn::GetAtt object requires two non-empty parameters, the resource name and the resource "
        "attribute"
    )
    if isinstance(argument, str):
        name, _, attribute = argument.partition(".")
        return None if name and attribute else message
    if not isinstance(argument, list) or len(argument) < 2 or not isinstance(argument[0], str) or not argument[0]:
        return message
    attribute = argument[1]
    return None if (isinstance(attribute, (str, dict)) and attribute) else message


def _join(argument: Any) -> str | None:
    if (
        isinstance(argument, list)
        and len(argument) == 2
        and isinstance(argument[0], str)
        and isinstance(argument[1], (list, dict))
    ):
        return None
    return (
        "Template error: every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of "
        "strings "
        "to be joined or a function that returns a list of strings (such as Fn::GetAZs) to be joined."
    )


def _split(argument: Any) -> str | None:
    if (
        isinstance(argument, list)
        and len(argument) == 2
        and isinstance(argument[0], str)
        and not isinstance(argument[1], list)
    ):
        return None
    return (
        "Template error: every Fn::Split object requires two parameters, (1) a string delimiter and (2) a string to be "
        "split or a function that returns a string to be split."
    )


def _select(argument: Any) -> str | None:
    if isinstance(argument, list) and len(argument) == 2 and isinstance(argument[1], (list, dict)):
        index = argument[0]
        if isinstance(index, dict) or (not isinstance(index, bool) and str(index).strip().lstrip("-").isdigit()):
            return None
    return "Template error: Fn::Select requires a list argument with two elements: an integer index and a list"


def _sub(argument: Any) -> str | None:
    text, names = (argument[0], argument[1]) if isinstance(argument, list) and len(argument) == 2 else (argument, {})
    if not isinstance(text, str) or not isinstance(names, dict):
        return (
            "Template error: One or more Fn::Sub intrinsic functions don't specify expected arguments. Specify a "
            "string as "
            "first argument, and an optional second argument to specify a mapping of values to replace in the string"
        )
    try:
        parts(text)
    except ValueError as error:
        return str(error)
    return None


def _find_in_map(argument: Any) -> str | None:
    if isinstance(argument, list) and (
        len(argument) == 3
        or (len(argument) == 4 and isinstance(argument[3], dict) and list(argument[3]) == ["DefaultValue"])
    ):
        return None
    return (
        "Template error: every Fn::FindInMap object requires three parameters, the map name, map key and the "
        "attribute for "
        "return value"
    )


def _if(argument: Any) -> str | None:
    if not isinstance(argument, list) or len(argument) != 3:
        return "Template error: Fn::If requires a list argument with three elements"  # unverified
    if not isinstance(argument[0], str):
        return "Template error: Fn::If requires a list argument with the first element being a condition"
    return None


def _equals(argument: Any) -> str | None:
    if isinstance(argument, list) and len(argument) == 2:
        return None
    return "Template error: every Fn::Equals object requires a list of 2 string parameters."


def _some(name: str) -> Callable[[Any], str | None]:
    def check(argument: Any) -> str | None:
        if isinstance(argument, list) and 2 <= len(argument) <= 10:
            return None
        return f"Template error: every {name} object requires a list of atleast 2 and atmost 10 boolean parameters."

    return check


def _not(argument: Any) -> str | None:
    if isinstance(argument, list) and len(argument) == 1:
        return None
    return "Template error: every Fn::Not object requires one boolean parameter."


def _base64(argument: Any) -> str | None:
    if isinstance(argument, list):
        return "Template error: every Fn::Base64 object must have a String-typed value."
    return None


def _cidr(argument: Any) -> str | None:
    if isinstance(argument, list) and len(argument) in (2, 3):
        return None
    return (  # unverified
        "Template error: every Fn::Cidr object requires two parameters, (1) a CIDR block and (2) a count of CIDR "
        "blocks, "
        "and an optional number of subnet bits."
    )


def _text_or_function(name: str) -> Callable[[Any], str | None]:
    def check(argument: Any) -> str | None:
        if isinstance(argument, (str, dict)):
            return None
        return f"Template error: every {name} object must have a single String value."  # unverified

    return check


def _get_stack_output(argument: Any) -> str | None:
    known = {"StackName", "OutputName", "Region", "RoleArn"}
    if isinstance(argument, dict) and {"StackName", "OutputName"} <= argument.keys() <= known:
        return None
    return "Template error: every Fn::GetStackOutput object requires StackName and OutputName"  # unverified


def _condition(argument: Any) -> str | None:
    return None if isinstance(argument, str) else "Template format error: Every Condition member must be a string."


def _length(argument: Any) -> str | None:
    if isinstance(argument, (list, dict)):
        return None
    return "Template error: Fn::Length needs a list or a function that returns one"  # unverified


def _anything(argument: Any) -> str | None:
    return None


_CHECKS: dict[str, Callable[[Any], str | None]] = {
    "Ref": _ref,
    "Condition": _condition,
    "Fn::And": _some("Fn::And"),
    "Fn::Base64": _base64,
    "Fn::Cidr": _cidr,
    "Fn::Contains": _anything,
    "Fn::EachMemberEquals": _anything,
    "Fn::EachMemberIn": _anything,
    "Fn::Equals": _equals,
    "Fn::FindInMap": _find_in_map,
    "Fn::GetAZs": _text_or_function("Fn::GetAZs"),
    "Fn::GetAtt": _get_att,
    "Fn::GetStackOutput": _get_stack_output,
    "Fn::If": _if,
    "Fn::ImportValue": _text_or_function("Fn::ImportValue"),
    "Fn::Join": _join,
    "Fn::Length": _length,
    "Fn::Not": _not,
    "Fn::Or": _some("Fn::Or"),
    "Fn::RefAll": _text_or_function("Fn::RefAll"),
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::Sub": _sub,
    "Fn::ToJsonString": _anything,
    "Fn::ValueOf": _anything,
    "Fn::ValueOfAll": _anything,
}
