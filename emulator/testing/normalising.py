"""What of an AWS answer is the same each time: the rest stands as `<uuid:1>`, `<date>`, `<account>`.

Pure: an answer of boto3 or httpx, or an exception of boto3, becomes JSON; what differs from call to call, from account
to account and from region to region is named instead of shown. Equal ids stay equal: the second one to come is `:2`
wherever it stands, inside texts and ARNs too.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any

DROPPED_HEADERS = frozenset(
    [
        "connection",
        "content-length",
        "date",
        "keep-alive",
        "server",
        "transfer-encoding",
        "via",
        "x-amz-cf-id",
        "x-amz-cf-pop",
        "x-cache",
    ]
)
"""Of HTTP answers: they say how one was delivered."""
RANDOM_HEADERS = frozenset(["x-amzn-requestid", "x-amz-request-id", "x-amz-apigw-id", "x-amz-id-2", "x-amzn-trace-id"])

LOG_TAILS = frozenset(["LogResult", "x-amz-log-result"])
"""The end of an invocation's log, in base64."""
_MEASURED = (
    (re.compile(r"\t(Init|Restore|Billed Restore) Duration: [\d.]+ ms ?"), ""),
    (re.compile(r"Duration: [\d.]+ ms"), "Duration: <time> ms"),
    (re.compile(r"Max Memory Used: \d+ MB"), "Max Memory Used: <number> MB"),
    (re.compile(r"SegmentId: [0-9a-f]{16}"), "SegmentId: <segment>"),
)
_DATE = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?"
    r"|(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d (GMT|UTC|[+-]\d{4})"
    r"|\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}"
)
_TIME_MEMBER = re.compile(r"(time|date|timestamp|epoch|expiration)(inmillis)?$", re.IGNORECASE)
_ID_MEMBERS = ("*Id", "*ID", "*_id", "id", "*Handle", "*Token", "*token", "*ETag", "SequenceNumber", "cacheNamespace")
_AWS_ID = re.compile(r"[a-z0-9]{6,12}|[A-Za-z0-9+/=_-]{20,}|[A-Za-z0-9_-]{10,}={0,2}|\d{15,}")
_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("trace", re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")),
    ("message", re.compile(r"01000[0-9a-f]{11}-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}-\d{6}")),
    ("uuid", re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")),
    ("stream", re.compile(r"\d{4}/\d\d/\d\d/\[[^\]]+\][0-9a-f]{32}")),
)
_ENDPOINT = re.compile(
    r"https?://(?:(?:127\.0\.0\.1|localhost|\[::1\])(?::\d+)?(?:/_aws/execute-api/[a-z0-9<>:]+)?"
    r"|[a-z0-9.<>:-]+\.amazonaws\.com(?:\.cn)?)"
)
_ACCOUNT = re.compile(r"(?<=:)\d{12}(?=:)")
_EARLIEST, _LATEST = 1_300_000_000, 4_200_000_000


@dataclass(frozen=True, slots=True)
class Rules:
    """What else differs from call to call. A project has its own by a fixture `contract_rules`."""

    ignore: tuple[str, ...] = ()
    """Members whose value is `<any>`, by name with `*`, or by path: `Configuration.CodeSize`, `items.*.name`."""
    replace: Mapping[str, str] = field(default_factory=dict[str, str])
    """Regular expressions, and what stands in the place of what they match: `{r"build \\d+": "build <number>"}`."""
    drop_headers: frozenset[str] = DROPPED_HEADERS
    """Of HTTP answers, in lower case."""


def normalised(value: Any, rules: Rules | None = None, account: str = "", region: str = "") -> Any:
    """An answer as JSON that is the same each time."""
    rules = rules or Rules()
    plain = to_json(value, rules)
    names = _Names(account, region)
    for member, text in _texts(plain, ""):
        names.learn(member, text)
    return _rewritten(plain, (), rules, names)


def to_json(value: Any, rules: Rules | None = None) -> Any:
    """An answer as JSON, as it came. Bodies that were streams can be read again."""
    rules = rules or Rules()
    if isinstance(value, BaseException) and isinstance(getattr(value, "response", None), dict):
        return to_json(value.response, rules)  # type: ignore[attr-defined]
    if hasattr(value, "status_code") and hasattr(value, "headers") and hasattr(value, "content"):
        return _http(value, rules)
    if isinstance(value, Mapping):
        found: dict[str, Any] = {}
        for name, item in list(value.items()):
            if name == "ResponseMetadata":
                found["status"] = item.get("HTTPStatusCode")
            elif str(name) in LOG_TAILS and isinstance(item, str):
                found[str(name)] = _log_tail(item)
            elif hasattr(item, "read") and isinstance(value, dict):
                found[str(name)] = _body(_read_again(value, name))
            else:
                found[str(name)] = to_json(item, rules)
        return found
    if isinstance(value, (list, tuple)):
        return [to_json(item, rules) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((to_json(item, rules) for item in value), key=str)
    if isinstance(value, (bytes, bytearray)):
        return _body(bytes(value))
    if isinstance(value, datetime):
        return value.isoformat() if value.tzinfo else f"{value.isoformat()}Z"
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    raise TypeError(f"a contract is about answers of boto3 and httpx and about JSON, not about {type(value).__name__}")


def _http(response: Any, rules: Rules) -> dict[str, Any]:
    headers = {name.lower(): text for name, text in response.headers.items()}
    kept = {
        name: _log_tail(text) if name in LOG_TAILS else text
        for name, text in sorted(headers.items())
        if name not in rules.drop_headers
    }
    return {"status": response.status_code, "headers": kept, "body": _body(response.content)}


def _log_tail(text: str) -> str:
    """The log of an invocation (LogType=Tail) as it can be read, without what its speed and a cold start change."""
    try:
        log = base64.b64decode(text, validate=True).decode(errors="replace")
    except ValueError:
        return text
    lines = [line for line in log.split("\n") if not line.startswith("INIT_START ")]
    for pattern, instead in _MEASURED:
        lines = [pattern.sub(instead, line) if line.startswith(("REPORT ", "XRAY ")) else line for line in lines]
    return "\n".join(lines)


def _body(content: bytes) -> Any:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(content).decode()}
    try:
        return json.loads(text)
    except ValueError:
        return text


def _read_again(answer: dict[str, Any], name: str) -> bytes:
    """What a stream holds; the answer gets a fresh one, for whoever reads after us."""
    import io

    from botocore.response import StreamingBody

    content: bytes = answer[name].read()
    answer[name] = StreamingBody(io.BytesIO(content), len(content))
    return content


def _texts(value: Any, member: str) -> Iterator[tuple[str, str]]:
    """Every text with the name of its member, in order."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _texts(item, name)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, member)
    elif isinstance(value, str):
        yield member, value


class _Names:
    """What was met so far, and what it is called."""

    def __init__(self, account: str, region: str) -> None:
        self._account, self._region = account, region
        self._known: dict[str, str] = {}
        self._counts: dict[str, int] = {}

    def learn(self, member: str, text: str) -> None:
        """Number the ids of a text."""
        for kind, pattern in _PATTERNS:
            for match in pattern.finditer(text):
                self._number(kind, match.group())
        lower = member.lower()
        if lower in RANDOM_HEADERS:
            self._number("request", text)
        elif (
            any(fnmatchcase(member, each) for each in _ID_MEMBERS)
            and text != self._account
            and not any(pattern.search(text) for _, pattern in _PATTERNS)
            and _AWS_ID.fullmatch(text)
        ):
            self._number("id", text)

    def _number(self, kind: str, text: str) -> None:
        if text not in self._known:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._known[text] = f"<{kind}:{self._counts[kind]}>"

    def rewrite(self, text: str) -> str:
        """A text with names in the place of what they stand for."""
        for known in sorted(self._known, key=len, reverse=True):
            if known in text:
                text = re.sub(rf"(?<![A-Za-z0-9]){re.escape(known)}(?![A-Za-z0-9])", self._known[known], text)
        text = _DATE.sub("<date>", text)
        if self._account:
            text = text.replace(self._account, "<account>")
        text = _ACCOUNT.sub("<account>", text)
        text = _ENDPOINT.sub("<endpoint>", text)
        if self._region:
            text = text.replace(self._region, "<region>")
        return text


def _rewritten(value: Any, path: tuple[str, ...], rules: Rules, names: _Names) -> Any:
    member = next((part for part in reversed(path) if not part.isdecimal()), "")
    if path and _is_ignored(path, member, rules):
        return "<any>"
    if isinstance(value, dict):
        return {
            _named(name, rules, names): _rewritten(item, (*path, name), rules, names) for name, item in value.items()
        }
    if isinstance(value, list):
        return [_rewritten(item, (*path, str(number)), rules, names) for number, item in enumerate(value)]
    if _TIME_MEMBER.search(member) and _is_moment(value):
        return "<date>"
    if isinstance(value, str):
        return _named(value, rules, names)
    return value


def _named(text: str, rules: Rules, names: _Names) -> str:
    for pattern, instead in rules.replace.items():
        text = re.sub(pattern, instead, text)
    return names.rewrite(text)


def _is_ignored(path: tuple[str, ...], member: str, rules: Rules) -> bool:
    where = ".".join(path)
    return any(fnmatchcase(where if "." in each else member, each) for each in rules.ignore)


def _is_moment(value: Any) -> bool:
    """Whether a number, or digits, are seconds or milliseconds of our time."""
    if isinstance(value, bool):
        return False
    if isinstance(value, str):
        if not value.isdecimal():
            return False
        value = int(value)
    if not isinstance(value, (int, float)):
        return False
    return _EARLIEST <= value <= _LATEST or _EARLIEST <= value / 1000 <= _LATEST
