"""The table of resource types against what is written about it."""

from __future__ import annotations

import re
from pathlib import Path

from emulator.services.cloudformation.resources.table import table

COMPATIBILITY = Path(__file__).parents[4] / "docs" / "compatibility.md"


def rows() -> dict[str, tuple[list[str], str]]:
    """(types, note) by service, as documented."""
    text = COMPATIBILITY.read_text(encoding="utf-8").split("### Resource types")[1].split("\n## ")[0]
    found = re.findall(r"^\| (AWS::\w+) \| ([^|]+) \| ([^|]*) \|$", text, re.MULTILINE)
    return {service: ([kind.strip() for kind in kinds.split(",")], note) for service, kinds, note in found}


def test_every_type_is_documented_and_every_documented_type_is_there() -> None:
    documented = {f"{service}::{kind}" for service, (kinds, _) in rows().items() for kind in kinds}
    assert documented == set(table())


def test_properties_without_effect_are_documented() -> None:
    documented = rows()
    for name, row in table().items():
        note = documented[name.rpartition("::")[0]][1]
        for name_of_property in row.no_effect:
            assert re.search(rf"\b{name_of_property}\b", note), (name, name_of_property)


def test_rows_are_of_one_piece() -> None:
    for name, row in table().items():
        if row.properties is None:
            continue
        assert row.replaces <= row.properties, name
        assert row.required <= row.properties, name
        assert row.no_effect <= row.properties, name
        assert not row.named_by or row.named_by in row.properties, name
