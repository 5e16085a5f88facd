"""Contracts: answers as AWS once gave them, which the emulator must give too.

`contract.match("created", answer)` compares an answer with the recorded one, in `contracts/` beside the test: a file
for each test, an entry for each name. `pytest --contract-record` runs the tests that have contracts at the endpoint
configured, real AWS unless somebody says otherwise, and writes the files. What is compared, `normalising.py` decides.
"""

from __future__ import annotations

import difflib
import json
import re
import zlib
from pathlib import Path
from typing import Any

from emulator.testing.normalising import Rules, normalised
from emulator.testing.servers import told

FOLDER = "contracts"
MOST_DIFFERENT_LINES = 200


__tracebackhide__ = told


class Contract:
    """The contract of one test."""

    def __init__(
        self, path: Path, rules: Rules, account: str = "", region: str = "", source: str = "", record: bool = False
    ) -> None:
        self.path = path
        """Where it is kept."""
        self.rules = rules
        self._account, self._region = account, region
        self._source, self._record = source, record
        self._matched: dict[str, Any] = {}

    def match(self, name: str, answer: Any, *, ignore: tuple[str, ...] | list[str] = ()) -> None:
        """Fail unless an answer is the recorded one: of boto3 or httpx, an exception of boto3's, or any JSON.

        `ignore` are members whose value may be anything, as in `Rules`.
        """
        if name in self._matched:
            raise ValueError(f"this test has a contract {name!r} already: names are for one answer each")
        rules = Rules((*self.rules.ignore, *ignore), self.rules.replace, self.rules.drop_headers)
        found = normalised(answer, rules, self._account, self._region)
        self._matched[name] = found
        if self._record:
            return
        recorded = self._recorded()
        if name not in recorded.get("answers", {}):
            raise AssertionError(f"no answer {name!r} is recorded in {self.path}: pytest --contract-record does that")
        if recorded["answers"][name] != found:
            raise AssertionError(self._difference(name, recorded, found))

    def write(self) -> None:
        """Keep what was recorded; a file that says the same already is left alone."""
        if not self._matched or self._recorded().get("answers") == self._matched:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        document = {"recorded_from": self._source, "answers": self._matched}
        self.path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", "utf-8")

    def _recorded(self) -> dict[str, Any]:
        return json.loads(self.path.read_text("utf-8")) if self.path.exists() else {}

    def _difference(self, name: str, recorded: dict[str, Any], found: Any) -> str:
        before, after = (_lines(each) for each in (recorded["answers"][name], found))
        source = recorded.get("recorded_from") or "somewhere"
        lines = list(difflib.unified_diff(before, after, f"recorded from {source}", "answered now", lineterm="", n=4))
        shown = "\n".join(lines[:MOST_DIFFERENT_LINES])
        more = len(lines) - MOST_DIFFERENT_LINES
        rest = f"\n… and {more} lines more" if more > 0 else ""
        return f"the answer {name!r} differs from its contract in {self.path}\n{shown}{rest}"


def _lines(value: Any) -> list[str]:
    """Pretty JSON whose members are in one order: what differs is what is said, not when."""
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True).splitlines()


def path_of(test_file: Path, test: str) -> Path:
    """Where the contract of a test is kept: `[a/b]` and `[a b]` in files of their own."""
    plain = re.sub(r"\[(.*)\]$", r"-\1", test.replace("::", "-"), flags=re.DOTALL)
    name = _NOT_IN_NAMES.sub("-", plain).strip("-")
    if name != plain:
        name += f"-{zlib.crc32(test.encode('utf-8', 'backslashreplace')):08x}"
    return test_file.parent / FOLDER / test_file.stem / f"{name}.json"


_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.=,+@-]+")
