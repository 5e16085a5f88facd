"""Transforms: from the document people write to the one that is deployed.

Decides their order, and which there are: AWS::Include, AWS::LanguageExtensions (`Fn::ForEach`),
AWS::Serverless-2016-10-31. Macros of users are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from emulator.deploy.template import extensions, include, sam
from emulator.deploy.template.document import Document
from emulator.deploy.template.environment import Environment, Place
from emulator.deploy.template.evaluate import Evaluation
from emulator.deploy.template.model import outline, refuse_nulls
from emulator.deploy.template.parameters import Values

_KNOWN = (sam.NAME, extensions.NAME, include.NAME)


@dataclass(frozen=True)
class Processed:
    """What transforms have made."""

    document: Document
    transforms: tuple[str, ...] = ()
    """Those that the document declares: to be given to `model.read`."""


def process(
    document: Document,
    values: Values,
    place: Place,
    included: Mapping[str, str] | None = None,
) -> Processed:
    """Apply the transforms that a document declares. With SAM among them (`slow`) call it in a thread.

    `values` are those of the parameters (`model.outline`, then `parameters.resolve`); `included` holds the text at each
    location that `wanted` names. Raises TemplateError, whose text begins "Transform … failed with: " where AWS's does.
    """
    names = declared(document)
    refuse_nulls(document)
    document = include.include(document, _run(document, values, place), included or {})
    if extensions.NAME in names:
        document = extensions.extend(document, _environment(document, values, place))
    if sam.NAME in names:
        document = sam.translate(document, {**values.given, **values.resolved}, place)
    value = {name: item for name, item in document.value.items() if name != "Transform"}
    return Processed(document.replaced(value), names)


def slow(document: Document) -> bool:
    """Whether processing it takes a thread."""
    return sam.NAME in declared(document)


def prepare(document: Document) -> None:
    """Import what processing a slow document takes; in a thread."""
    if slow(document):
        sam.load()


def wanted(document: Document, values: Values, place: Place, included: Mapping[str, str] | None = None) -> list[str]:
    """The locations of files that AWS::Include asks for and `included` does not hold: ask until there are none."""
    return include.wanted(document, _run(document, values, place), included or {})


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
            kind = "this transform of AWS is" if name.startswith("AWS::") else "macros of users are"
            raise document.error(f"No transform named {name} found.", ("Transform", index), f"{kind} not emulated")
        found.append(name)
    return tuple(dict.fromkeys(found))


def _environment(document: Document, values: Values, place: Place) -> Environment:
    return Environment(outline(document), values.values, place)


def _run(document: Document, values: Values, place: Place) -> Evaluation:
    return Evaluation(_environment(document, values, place))
