"""A definition as people write it: JSON or YAML, with `${Placeholders}` that a deployment fills.

Decides how a file becomes the text that Step Functions is given, and where in the file a location is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from emulator.deploy.template.document import TemplateError
from emulator.services.stepfunctions.asl.validation import source

_PLACEHOLDER = re.compile(r"\$\{([A-Za-z0-9_]+)\}")
_RESOURCE = re.compile(r"""(["']?Resource["']?\s*:\s*["']?)\$\{([A-Za-z0-9_]+)\}(?=["']?\s*(?:[,}#\n]|$))""")
_FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:"
_NOT_IN_A_NAME = re.compile(r"[\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]+")


class Unreadable(Exception):
    """The file cannot be used; the second argument says what to do."""


@dataclass(frozen=True, slots=True)
class DefinitionFile:
    """A file that was read."""

    path: Path
    source: str
    """Its text, placeholders filled."""
    definition: str
    """What Step Functions is given: the same, or YAML as JSON."""
    yaml: bool
    left: tuple[str, ...]
    """Placeholders that nobody filled."""
    assumed: tuple[str, ...] = ()
    """Those of them that are all of a Resource, and were taken for functions of that name."""

    @property
    def machine_name(self) -> str:
        """What a machine of this file is called if nobody says otherwise: `orders` of `orders.asl.json`."""
        return _NOT_IN_A_NAME.sub("-", self.path.name.split(".")[0])[:80] or "machine"

    def places(self, locations: Iterable[str]) -> dict[str, tuple[int, int]]:
        """(line, column) by location, as far as it is known."""
        return (
            source.positions_in_yaml(self.source, locations) if self.yaml else source.positions(self.source, locations)
        )


def read(path: Path, substitutions: Mapping[str, str]) -> DefinitionFile:
    """Read a file. Raises Unreadable."""
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise Unreadable(f"{path} cannot be read: {error.strerror}.", "Name a file with a definition.") from None
    except UnicodeDecodeError:
        raise Unreadable(f"{path} is no text in UTF-8.", "Name a file with a definition.") from None
    names = set(_PLACEHOLDER.findall(text))
    for name in substitutions:
        if name not in names:
            known = ", ".join(sorted(names)) or "none"
            raise Unreadable(f"{path} has no placeholder ${{{name}}}.", f"It has: {known}.")
    text = _PLACEHOLDER.sub(lambda match: substitutions.get(match[1], match[0]), text)
    left = tuple(sorted(names - set(substitutions)))
    assumed = tuple(sorted({match[2] for match in _RESOURCE.finditer(text)}))
    text = _RESOURCE.sub(lambda match: f"{match[1]}{_FUNCTION}{match[2]}", text)
    if not _is_yaml(path, text):
        return DefinitionFile(path, text, text, False, left, assumed)
    from emulator.deploy.template.yaml_text import load  # slow to import, and most definitions are JSON

    try:  # as CloudFormation reads it: a state may be called No
        document, _ = load(text, None, aliases=True, short_forms=False)
    except TemplateError as error:
        raise Unreadable(f"{path} is no YAML: {error}", "Correct it.") from None
    definition = json.dumps(document, ensure_ascii=False, indent=2)
    return DefinitionFile(path, text, definition, True, left, assumed)


def _is_yaml(path: Path, text: str) -> bool:
    if path.suffix in (".yaml", ".yml"):
        return True
    return path.suffix != ".json" and not text.lstrip().startswith("{")
