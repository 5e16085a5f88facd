"""Copy the README's story from its test, so that the two never differ (tests/test_docs.py compares them)."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STORY = "test_a_report_is_accepted_at_once_and_mailed_later"


def story() -> str:
    """The source of the test."""
    source = (ROOT / "tests/stories/test_report_application.py").read_text()
    match = re.search(rf"^def {STORY}\(.*?(?=^def |\Z)", source, re.MULTILINE | re.DOTALL)
    assert match is not None
    return match.group(0).rstrip()


if __name__ == "__main__":
    readme = ROOT / "README.md"
    fresh = re.sub(r"```python\n.*?\n```", lambda _: f"```python\n{story()}\n```", readme.read_text(), flags=re.DOTALL)
    readme.write_text(fresh)
