"""`--emulator-report`: a page for each test."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from emulator.testing.reporting import file_name
from emulator.testing.story_page import LONGEST_TEXT, Story, render

pytest_plugins = ["pytester"]
ROOT = Path(__file__).resolve().parents[2]
INSTALLED = any(point.value == "emulator.testing.plugin" for point in entry_points(group="pytest11"))

TESTS = """
from emulator.demo.deploy import deploy, report

def test_a_report(aws, emulator, faults):
    deploy(aws.client)
    faults.function("report-parse", "error", message="<script>alert(1)</script>")
    aws.http.post("/reports", json=report("ada@example.com"))
    emulator.settle()

def test_fails(aws, emulator):
    aws.sqs.create_queue(QueueName="orders")
    print("<img src=x>")
    assert emulator.executions() == ["<script>"]

def test_without_a_world():
    pass
"""


PLAIN = "html head meta title style body h1 h2 p span table tr td pre details summary iframe"
HARMLESS = set(PLAIN.split())


class Elements(HTMLParser):
    """Every element with its attributes, and the text of the page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def check_harmless(self) -> None:
        tags = {tag for tag, _ in self.elements}
        assert tags <= HARMLESS
        for _, attributes in self.elements:
            assert not any(name in ("src", "href") or name.startswith("on") for name in attributes)


def test_each_test_with_a_world_has_a_page_that_tells_its_story_and_harms_nobody(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    load = "" if INSTALLED else "-p emulator.testing.plugin"
    pytester.makeini(f"[pytest]\naddopts = -p no:cacheprovider -p no:schemathesis -p no:xdist {load}\n")
    pytester.makepyfile(test_it=TESTS)
    result = pytester.runpytest_subprocess("--emulator-report=out/pages", "--emulator-functions=threads")
    result.assert_outcomes(passed=2, failed=1)
    folder = pytester.path / "out" / "pages"
    assert sorted(path.name for path in folder.iterdir()) == [
        "test_it.py-test_a_report.html",
        "test_it.py-test_fails.html",
    ]
    page = Elements((folder / "test_it.py-test_a_report.html").read_text())
    page.check_harmless()
    for wanted in (
        "test_it.py::test_a_report passed",
        "faults.function('report-parse', 'error', message='<script>alert(1)</script>')",
        "fault: error strikes function report-parse",
        "attempt 1 of report-submit: success (done) after 35 s",
        "report-submit | report US-2009Q3: 203 rows pass the check",
        "Parse → Calculate → Summarise → Compose → SendEmail",
        '"report_id": "US-2009Q3"',
        "/prod/reports → 202",
        "to ada@example.com",
    ):
        assert wanted in page.text, wanted
    [frame] = [attributes for tag, attributes in page.elements if tag == "iframe"]
    assert frame["sandbox"] == "" and "real GDP" in (frame["srcdoc"] or "")

    failed = Elements((folder / "test_it.py-test_fails.html").read_text())
    failed.check_harmless()
    for wanted in ("test_it.py::test_fails failed", 'assert emulator.executions() == ["<script>"]', "<img src=x>"):
        assert wanted in failed.text, wanted


def test_long_and_unprintable_texts_do_not_break_a_page() -> None:
    event = {"at": 1.0, "kind": "log", "text": "\x00\ud800\u202e" + "x" * (LONGEST_TEXT + 10)}
    page = render(Story("t", timeline={"now": 2.0, "events": [event], "next": []}))
    text = Elements(page).text
    assert "\\x00\\ud800\\u202e" in text and "characters more" in text
    assert json.dumps(page).isascii() and page.encode()


def test_every_test_has_a_file_of_its_own() -> None:
    assert file_name("tests/test_x.py::test_y[a/b]") == "tests-test_x.py-test_y-a-b.html"
    assert len({file_name("t" * 300 + end) for end in "ab"}) == 2
    assert len(file_name("t" * 300)) < 255
