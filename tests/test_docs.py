"""The documentation is true where a program can tell."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from emulator.settings import LiveSettings, Settings

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "sample_functions").rglob("*.md")]
STORY = "test_a_report_is_accepted_at_once_and_mailed_later"


def test_the_story_in_the_readme_is_a_test() -> None:
    readme = (ROOT / "README.md").read_text()
    [shown] = re.findall(r"```python\n(.*?)\n```", readme, re.DOTALL)
    source = (ROOT / "tests/stories/test_report_application.py").read_text()
    match = re.search(rf"^def {STORY}\(.*?(?=^def |\Z)", source, re.MULTILINE | re.DOTALL)
    assert match is not None
    assert shown == match.group(0).rstrip(), "run python3 .ci/sync_readme.py"


@pytest.mark.parametrize("setting", [item.name for kind in (Settings, LiveSettings) for item in fields(kind)])
def test_every_setting_is_documented(setting: str) -> None:
    assert f"| `{setting}` |" in (ROOT / "docs/settings.md").read_text()


def test_no_setting_is_documented_that_does_not_exist() -> None:
    documented = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/settings.md").read_text(), re.MULTILINE)
    assert sorted(documented) == sorted(item.name for kind in (Settings, LiveSettings) for item in fields(kind))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_between_files_leads_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", document.read_text()):
        assert (document.parent / target).exists(), f"{document.name} links to {target}"


def test_every_emulated_operation_is_in_the_compatibility_list(emulator: object) -> None:
    from emulator.testing import RunningEmulator

    assert isinstance(emulator, RunningEmulator)
    listed = (ROOT / "docs/compatibility.md").read_text()
    services = emulator.emulator.services
    absent = [
        f"{name}:{operation}"
        for name in services.names()
        for service in [services.get(name)]
        if service is not None
        for operation in service.operations
        if not re.search(rf"\b{operation}\b", listed)
    ]
    assert absent == []


def test_every_make_target_is_explained_by_make_help() -> None:
    makefile = (ROOT / "Makefile").read_text()
    [phony] = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    explained = re.findall(r'@echo "make ([\w-]+)', makefile)
    assert sorted(explained) == sorted(set(phony.split()) - {"help"})


def test_the_locks_name_versions_and_hashes_and_no_host() -> None:
    for lock in ROOT.glob("requirements*.lock"):
        for line in lock.read_text().splitlines():
            entry = re.fullmatch(r"[A-Za-z0-9_.-]+(\[[\w,-]+\])?==[\w.+!-]+( ; [^\\]+)? \\", line)
            digest = re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line)
            assert entry or digest or line.startswith("# Written by"), f"{lock.name}: {line}"
