"""`emulator logs`: what a function writes, from a running emulator to a terminal.

A client of `/_emulator/logs` that asks again every third of a second. Decides how a line looks and what is said when
there is nothing to show; which events there are the emulator says.
"""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

POLL_SECONDS = 0.3
CALL_TIMEOUT_SECONDS = 30.0
_SPAN = re.compile(r"(\d{1,6})([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}

DIM, RED, YELLOW, PLAIN = "\x1b[2m", "\x1b[31m", "\x1b[33m", "\x1b[0m"
_STREAM_COLOURS = ("\x1b[36m", "\x1b[35m", "\x1b[34m", "\x1b[32m", "\x1b[96m", "\x1b[95m", "\x1b[94m", "\x1b[92m")
_LAMBDA_LINES = (
    "START RequestId:",
    "END RequestId:",
    "REPORT RequestId:",
    "INIT_START ",
    "INIT_REPORT ",
    "EXTENSION\t",
)
_ERRORS = re.compile(
    r"^\[(ERROR|CRITICAL)\]|\bTask timed out\b|\"level\": ?\"(ERROR|FATAL|CRITICAL)\"|\tERROR\t|^REPORT .*\tStatus: "
)
_WARNINGS = re.compile(r"^\[WARNING\]|\"level\": ?\"WARN(ING)?\"|\tWARN\t")


class Problem(Exception):
    """What goes wrong, and what to do about it."""

    def __init__(self, text: str, next_step: str) -> None:
        super().__init__(text)
        self.next_step = next_step


@dataclass(frozen=True, slots=True)
class Reader:
    """Which emulator is asked for what."""

    url: str
    name: str
    pattern: str = ""
    region: str = ""
    named: bool = False
    """Whether somebody said where it is; if not, that may be what is missing."""
    account: str = ""

    def ask(self, after: int, since_seconds: float | None) -> dict[str, Any]:
        """One page of events. Raises Problem."""
        where = {"account": self.account, "region": self.region}
        asked = {"name": self.name, "after": str(after), "filter": self.pattern, **where}
        if since_seconds is not None:
            asked["since_seconds"] = str(since_seconds)
        try:
            with urllib.request.urlopen(
                f"{self.url}/_emulator/logs?{urllib.parse.urlencode(asked)}", timeout=CALL_TIMEOUT_SECONDS
            ) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise self._refused(error) from None
        except (OSError, ValueError) as error:
            problem = f"No emulator answers on {self.url} ({getattr(error, 'reason', error)})."
            port = self.url.rpartition(":")[2]
            if self.named:
                step = f"Start it: emulator start --port {port}" if port.isdigit() else "Start it: emulator start"
            else:
                step = "Start one with `emulator start`, or name its port: emulator logs --port PORT …"
            raise Problem(problem, step) from None

    def _refused(self, error: urllib.error.HTTPError) -> Problem:
        try:
            said = json.load(error)
            text = str(said["message"])
            near = said.get("near")
        except (ValueError, KeyError, TypeError):
            return Problem(f"{self.url} answered {error.code}.", "Is it an emulator?")
        if error.code == 404 and near is not None:
            names = ", ".join(near)
            return Problem(text, f"There are logs of: {names}" if near else "Nothing has written logs yet.")
        return Problem(text, "See docs/compatibility.md, CloudWatch Logs, for filter patterns.")


def seconds_of(text: str) -> float:
    """`10m`, `1h30m`, `2d` in seconds. Raises Problem."""
    if not re.fullmatch(rf"({_SPAN.pattern})+", text):
        raise Problem(f"--since {text} is no span of time.", "For example: 90s, 10m, 1h30m, 2d")
    return float(sum(int(number) * _SECONDS[unit] for number, unit in _SPAN.findall(text)))


def show(
    reader: Reader,
    since_seconds: float,
    follow: bool,
    write: Callable[[str], object],
    colour: bool,
    sleep: Callable[[float], object] = time.sleep,
) -> int:
    """Write events until none is left, or for ever if `follow`; return how many there were. Raises Problem."""
    after = shown = 0
    since: float | None = since_seconds
    while True:
        page = reader.ask(after, since)
        events = page["events"]
        if events:
            write("".join(rendered(event, colour) for event in events))
            shown += len(events)
        after = page["next"]
        if page["more"]:
            continue
        since = None  # from now on everything that arrives, however old
        if not follow:
            return shown
        sleep(POLL_SECONDS)


def rendered(event: dict[str, Any], colour: bool) -> str:
    """One event: its time, a mark of its execution environment, its text."""
    at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
    moment = f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}"
    stream = str(event["stream"])
    mark = stream.rpartition("]")[2][:4] or stream[:4]
    text = _printable(str(event["message"]).rstrip("\n")).replace("\n", "\n" + " " * 19)
    if not colour:
        return f"{moment}  {mark}  {text}\n"
    tint = DIM if text.startswith(_LAMBDA_LINES) else ""
    if _ERRORS.search(text):
        tint = RED
    elif _WARNINGS.search(text):
        tint = YELLOW
    stream_tint = _STREAM_COLOURS[zlib.crc32(stream.encode()) % len(_STREAM_COLOURS)]
    return f"{DIM}{moment}{PLAIN}  {stream_tint}{mark}{PLAIN}  {tint}{text}{PLAIN if tint else ''}\n"


def _printable(text: str) -> str:
    """Without what could draw on a terminal; tabs and line breaks stay."""
    if text.isprintable():
        return text
    spaced = text.replace("\r", "\n").replace("\u00a0", " ")  # tracebacks are indented by no-break spaces
    return "".join(char if char.isprintable() or char in "\t\n" else "\ufffd" for char in spaced)
