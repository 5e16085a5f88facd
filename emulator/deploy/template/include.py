"""AWS::Include: text of other files, in the place of `Fn::Transform` or at the top of a template.

Decides which files are asked for and where their content goes; whoever calls reads them. AWS takes no short forms of
functions (`!Ref`) in included YAML, and neither does this; aliases of YAML it does take.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.deploy.template.document import Document, Path, TemplateError
from emulator.deploy.template.evaluate import Evaluation
from emulator.deploy.template.model import scalar_text
from emulator.ports import Json

NAME = "AWS::Include"
_FAILED = f"Transform {NAME} failed with: "
LARGEST_INCLUDED_CHARACTERS = 4_000_000
_DEEPEST = 5


def wanted(document: Document, run: Evaluation, files: Mapping[str, str]) -> list[str]:
    """The locations that a document, and those of its files that are known, ask for and `files` does not hold."""
    missing: list[str] = []
    _Include(document, run, files, missing).document()
    return list(dict.fromkeys(missing))


def include(document: Document, run: Evaluation, files: Mapping[str, str]) -> Document:
    """The document with the content of files. Raises TemplateError for a file that is missing or cannot be read."""
    return document.replaced(_Include(document, run, files).document())


class _Include:
    def __init__(
        self, document: Document, run: Evaluation, files: Mapping[str, str], missing: list[str] | None = None
    ) -> None:
        self._document = document
        self._missing = missing
        self._run = run
        self._files = files
        self._left = LARGEST_INCLUDED_CHARACTERS

    def document(self) -> dict[str, Json]:
        value = self._inner(self._document.value, (), 0)
        for index, node in enumerate(_declared(self._document.value)):
            if isinstance(node, dict) and node.get("Name") == NAME:
                path: Path = ("Transform", index)
                content = self._content(node, path, 0)
                if not isinstance(content, dict):
                    raise self._document.error(_FAILED + "the content is no object", path)
                value = _merged(value, content)
        return value

    def _inner(self, node: Json, path: Path, depth: int) -> Any:
        if isinstance(node, list):
            return [self._inner(item, (*path, index), depth) for index, item in enumerate(node)]
        if not isinstance(node, dict):
            return node
        call = node.get("Fn::Transform")
        if call is None:
            return {name: self._inner(item, (*path, name), depth) for name, item in node.items()}
        if not isinstance(call, dict) or call.get("Name") != NAME:
            name = call.get("Name") if isinstance(call, dict) else call
            raise self._document.error(
                f"No transform named {name} found.", (*path, "Fn::Transform"), "macros of users are not emulated"
            )
        own = {name: self._inner(item, (*path, name), depth) for name, item in node.items() if name != "Fn::Transform"}
        content = self._content(call, (*path, "Fn::Transform"), depth)
        if not own:
            return content
        if not isinstance(content, dict):
            raise self._document.error(_FAILED + "the content is no object", (*path, "Fn::Transform"))
        return {**content, **own}

    def _content(self, call: dict[str, Json], path: Path, depth: int) -> Any:
        location = _location(self._document, self._run, call, path)
        text = self._files.get(location)
        if text is None:
            if self._missing is not None:
                self._missing.append(location)
                return {}
            raise self._document.error(_FAILED + f"{location} does not exist", path)  # AWS tells what S3 said
        self._left -= len(text)
        if depth == _DEEPEST or self._left < 0:
            raise self._document.error(_FAILED + "too much is included", path)
        return self._inner(_read(self._document, text, location, path), path, depth + 1)


def _read(document: Document, text: str, location: str, path: Path) -> Json:
    from emulator.deploy.template import json_text, yaml_text

    try:
        if text.lstrip()[:1] in ("{", "["):
            return json_text.load(text, location)
        return yaml_text.load(text, location, aliases=True, short_forms=False)[0]
    except TemplateError as error:
        message = _FAILED + "The specified S3 object's content should be valid Yaml/JSON"
        raise document.error(message, path, f"{location}: {error}") from error


def _declared(value: dict[str, Json]) -> list[Json]:
    node = value.get("Transform", [])
    return node if isinstance(node, list) else [node]


def _location(document: Document, run: Evaluation, call: dict[str, Json], path: Path) -> str:
    arguments = call.get("Parameters")
    node = arguments.get("Location") if isinstance(arguments, dict) else None
    location = run.value(node, (*path, "Parameters", "Location"))
    if not isinstance(location, str) or not location:
        raise document.error(_FAILED + "Location must be the location of an S3 object", path)  # unverified
    return scalar_text(location)


def _merged(own: dict[str, Json], content: dict[str, Json]) -> dict[str, Json]:
    """Sections that both have hold what both say; the template's own members win."""
    merged = dict(own)
    for name, item in content.items():
        mine = own.get(name)
        merged[name] = {**item, **mine} if isinstance(item, dict) and isinstance(mine, dict) else own.get(name, item)
    return merged
