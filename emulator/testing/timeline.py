"""What has happened in a world, told to people: the section that pytest prints when a test fails."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MOST_LINES = 400
"""Of a text for people; the middle is left out."""


@dataclass(frozen=True)
class Timeline:
    """`document` is what `/_emulator/timeline` answers; times are shown since the world began."""

    document: dict[str, Any]
    begun_at: float

    @property
    def events(self) -> list[dict[str, Any]]:
        """Requests, attempts, log lines, states, mail and faults, each with `at`, `kind` and `text`."""
        return self.document["events"]

    @property
    def next(self) -> list[dict[str, Any]]:
        """What is due: `at`, `kind` of job, `about`."""
        return self.document["next"]

    def __str__(self) -> str:
        begun = self.begun_at  # what is told in milliseconds may seem to have come a fraction of one before
        lines = [f"{self._moment(max(each['at'], begun))}  {each['kind']:<8} {each['text']}" for each in self.events]
        if len(lines) > MOST_LINES:
            half = MOST_LINES // 2
            lines[half:-half] = [f"… {len(lines) - 2 * half} lines left out"]
        lines.append(f"{self._moment(self.document['now'])}  now")
        lines += [f"{self._moment(each['at'])}  due      {each['kind']} {each['about']}".rstrip() for each in self.next]
        return "\n".join(lines)

    def _moment(self, at: float) -> str:
        return f"{at - self.begun_at:+12.3f} s"
