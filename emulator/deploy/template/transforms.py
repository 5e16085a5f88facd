"""Transforms: from the document people write to the one that is deployed.

Decides their order, and which there are: AWS::Include, AWS::LanguageExtensions (`Fn::ForEach`),
AWS::Serverless-2016-10-31. Macros of users are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from emulator.deploy.template.document import Document
from emulator.deploy.template.environment import Place
from emulator.ports import Json

SERVERLESS = "AWS::Serverless-2016-10-31"
LANGUAGE_EXTENSIONS = "AWS::LanguageExtensions"
INCLUDE = "AWS::Include"
_KNOWN = (SERVERLESS, LANGUAGE_EXTENSIONS, INCLUDE)


@dataclass(frozen=True)
class Processed:
    """What transforms have made."""

    document: Document
    transforms: tuple[str, ...] = ()
    """Those that the document declared, `AWS::Include` within it among them: to be given to `model.read`."""
    notes: tuple[str, ...] = field(default=())


def process(
    document: Document,
    parameters: Mapping[str, str],
    place: Place,
    included: Mapping[str, str] | None = None,
) -> Processed:
    """Apply the transforms that a document declares. It may take long: call it in a thread when `declared` is not
    empty.

    `parameters` are the given texts (`parameters.texts`); `included` holds the text at each location that `wanted`
    names. Raises TemplateError, whose text begins "Transform … failed with: " where AWS's does.
    """
    names = declared(document)
    value: dict[str, Json] = {name: item for name, item in document.value.items() if name != "Transform"}
    return Processed(document.replaced(value), names)


def wanted(document: Document, parameters: Mapping[str, str], place: Place) -> list[str]:
    """The locations of files that AWS::Include asks for, which the caller reads beforehand."""
    return []


def declared(document: Document) -> tuple[str, ...]:
    """The transforms of a document, in its order. Raises TemplateError for those that are not there."""
    node = document.value.get("Transform", [])
    names = node if isinstance(node, list) else [node]
    found: list[str] = []
    for index, item in enumerate(names):
        name = item.get("Name") if isinstance(item, dict) else item
        if not isinstance(name, str):
            raise document.error(
                "Template format error: Transform must be a string or a list", ("Transform", index)
            )  # unverified
        if name not in _KNOWN:
            raise document.error(
                f"No transform named {name} found.", ("Transform", index), "macros of users are not emulated"
            )
        found.append(name)
    return tuple(found)
