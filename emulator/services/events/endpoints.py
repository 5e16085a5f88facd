"""Targets that no transaction can hold: API destinations, deployed APIs, streams. Called by a job of a rule or a pipe.

Decides the request and what its answer means; whether it is sent again is the retry policy's. Rules of
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-api-destinations.html: 401, 407, 409, 429 and 5xx are tried
again, Retry-After is waited for and stops the tries if it is negative, an endpoint has five seconds. Unverified: which
methods carry a body (all but GET, HEAD and OPTIONS); a token is asked for with every request.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from emulator.aws.arn import Arn
from emulator.aws.calls import Calls
from emulator.aws.data_planes import DataPlanes
from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.http import BrokenStream, HttpRequest
from emulator.aws.scope import Scope
from emulator.ports import Clock, EndpointTooSlow, EndpointUnreachable, HttpSender, Json, Store, Transaction
from emulator.services.events import api_destination, connection
from emulator.services.events.api_destination import ApiDestination
from emulator.services.events.authorization import Extra, Request, extra_of, token_of, token_request
from emulator.services.events.connection import Connection
from emulator.services.events.model import as_text
from emulator.services.events.routing import Failure, failure_of
from emulator.services.events.transform import follow, parse_path

SECONDS = 5.0
"""Of an API destination; host time."""
GATEWAY_SECONDS = 30.0
LARGEST_ANSWER = 1_048_576
_RETRIED = frozenset({401, 407, 409, 429})
_FIXED = frozenset({"host", "user-agent", "range", "content-length", "transfer-encoding", "connection"})
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_BODILESS = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True, slots=True)
class Answer:
    """How a call went: a failure, or what was answered."""

    failure: Failure | None = None
    wait_seconds: float = 0.0
    """The least before another try, as the endpoint asked."""
    body: bytes = b""


class Endpoints:
    """Calls them."""

    def __init__(self, rows: Store, clock: Clock, calls: Calls, http: HttpSender | None, planes: DataPlanes) -> None:
        self._rows = rows
        self._clock = clock
        self._calls = calls
        self._http = http
        self._planes = planes

    async def turn(self, arn: str) -> float:
        """When the request that is to be sent now may be sent: an API destination has a rate. AWS time."""

        def change(tx: Transaction) -> float:
            found = api_destination.destination_by_arn(tx, arn)
            return tx.now if found is None else api_destination.take_turn(tx, found)

        return await self._rows.transact(change) if ":api-destination/" in arn else self._clock.now()

    async def call(self, scope: Scope, definition: Mapping[str, Any], source: Json, text: str) -> Answer:
        """Give `text` to a target; paths among its parameters are looked up in `source`."""
        arn = Arn.parse(definition["Arn"])
        assert arn is not None, "checked when the target was put"
        where = Scope(arn.account or scope.account, arn.region or scope.region)
        if arn.service in ("kinesis", "firehose"):
            return await self._put(where, arn, definition, source, text)
        parameters = resolved(definition.get("HttpParameters") or {}, source)
        if arn.service == "execute-api":
            return await self._ask_api(where, arn, parameters, text)
        found = await self._rows.read(lambda tx: _load(tx, definition["Arn"]))
        if found is None:
            return Answer(Failure("NO_RESOURCE", "The API destination or its connection does not exist.", False))
        return await self._ask_endpoint(*found, parameters, text)

    async def _put(self, scope: Scope, arn: Arn, definition: Mapping[str, Any], source: Json, text: str) -> Answer:
        name, data = arn.resource.partition("/")[2], text.encode("utf-8", "replace")
        if arn.service == "firehose":
            request: dict[str, Any] = {"DeliveryStreamName": name, "Record": {"Data": data}}
        else:
            request = {"StreamName": name, "Data": data, "PartitionKey": _partition_key(definition, source)}
        try:
            await self._calls.delegated(scope, arn.service, "PutRecord", request)
        except AwsError as error:
            return Answer(failure_of(error))
        except NotEmulated as missing:
            return Answer(Failure("SDK_CLIENT_ERROR", str(missing), False))
        return Answer()

    async def _ask_api(self, scope: Scope, arn: Arn, parameters: Parameters, text: str) -> Answer:
        api, stage, method, *path = arn.resource.split("/")
        url = f"https://{api}.execute-api.{scope.region}.localhost/{stage}/{'/'.join(path)}"
        request = _request(method.replace("*", "POST"), url, parameters, Extra(), text, "Amazon/EventBridge")
        return await self._send(request, GATEWAY_SECONDS)

    async def _ask_endpoint(
        self, destination: ApiDestination, granted: Connection, parameters: Parameters, text: str
    ) -> Answer:
        token: str | None = None
        if granted.authorization == "OAUTH_CLIENT_CREDENTIALS":
            asked = await self._send(token_request(granted.parameters["OAuthParameters"]), SECONDS)
            token = token_of(asked.body)
            if asked.failure is not None or token is None:
                text = asked.failure.text if asked.failure is not None else "no access token in the answer"
                return Answer(Failure("CONNECTION_FAILURE", f"The authorization server failed: {text}", True))
        extra = extra_of(granted.authorization, granted.parameters, token)
        agent = "Amazon/EventBridge/ApiDestinations"
        return await self._send(
            _request(destination.method, destination.endpoint, parameters, extra, text, agent), SECONDS
        )

    async def _send(self, request: Request, seconds: float) -> Answer:
        """Send a request, by a socket unless it is to something that is deployed here."""
        parts = urlsplit(request.url)
        headers = [("Host", parts.netloc), *request.headers]
        inner = HttpRequest(request.method, parts.path, parts.query, headers, request.body, scheme=parts.scheme)
        try:
            response = await self._planes.answer(inner)
            if response is not None:
                status, answered, body = response.status, response.headers, response.body
            elif self._http is None:
                return Answer(Failure("SDK_CLIENT_ERROR", "this emulator calls no HTTP endpoints", False))
            else:
                status, answered, body = await self._http.exchange(
                    request.method, request.url, request.headers, request.body, seconds, LARGEST_ANSWER
                )
        except EndpointTooSlow:
            return Answer(Failure("TIMEOUT", f"The request timed out after {seconds:g} seconds.", True))
        except (EndpointUnreachable, BrokenStream) as error:
            return Answer(Failure("CONNECTION_FAILURE", str(error), True))
        except OverflowError:
            return Answer(Failure("SDK_CLIENT_ERROR", "The endpoint's answer is too large.", False))
        except NotEmulated as missing:
            return Answer(Failure("SDK_CLIENT_ERROR", str(missing), False))
        return answer_of(status, answered, body, self._clock.now())


def _load(tx: Transaction, arn: str) -> tuple[ApiDestination, Connection] | None:
    destination = api_destination.destination_by_arn(tx, arn)
    granted = connection.authorized(tx, destination.connection_arn) if destination is not None else None
    return None if destination is None or granted is None else (destination, granted)


# ── pure ────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a target says of its request, paths looked up."""

    path: list[str]
    headers: dict[str, str]
    query: dict[str, str]


def resolved(given: Mapping[str, Any], source: Json) -> Parameters:
    """`HttpParameters` with values for paths (`$.detail.id`); what is not there is an empty text."""

    def value(text: str) -> str:
        path = parse_path(text) if text.startswith("$") else None
        if path is None:
            return text
        found = follow(source, path)
        return found if isinstance(found, str) else "" if found is None else as_text(found)

    return Parameters(
        [value(text) for text in given.get("PathParameterValues") or []],
        {name: value(text) for name, text in (given.get("HeaderParameters") or {}).items()},
        {name: value(text) for name, text in (given.get("QueryStringParameters") or {}).items()},
    )


def answer_of(status: int, headers: list[tuple[str, str]], body: bytes, now: float) -> Answer:
    """What an HTTP answer means."""
    if 200 <= status < 300:
        return Answer(body=body)
    text = f"HTTP status code {status} returned by the endpoint: {body[:256].decode('utf-8', 'replace')}"
    wait = next((_seconds(value, now) for name, value in headers if name.lower() == "retry-after"), 0.0)
    retried = (status in _RETRIED or status >= 500) and wait >= 0
    return Answer(Failure("THROTTLING" if status == 429 else "ERROR_FROM_TARGET", text, retried), max(wait, 0.0), body)


def _seconds(value: str, now: float) -> float:
    """Of a Retry-After; 0 for one that says nothing."""
    try:
        return float(int(value.strip()))
    except ValueError:
        pass
    try:
        return max(parsedate_to_datetime(value).timestamp() - now, 0.0)
    except (ValueError, TypeError, OverflowError):
        return 0.0


def _request(method: str, url: str, parameters: Parameters, extra: Extra, text: str, agent: str) -> Request:
    parts = urlsplit(url)
    values = iter(parameters.path)
    path = re.sub(r"\*", lambda _: quote(next(values, ""), safe=""), parts.path or "/")
    query = [*parse_qsl(parts.query, keep_blank_values=True), *_over(parameters.query, extra.query)]
    headers = [
        (name, value)
        for name, value in _over(parameters.headers, extra.headers)
        if name.lower() not in _FIXED and _TOKEN.fullmatch(name)
    ]
    body = b"" if method in _BODILESS else _with_members(text, extra.body).encode("utf-8", "replace")
    if body and not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", "application/json; charset=utf-8"))
    headers += [("User-Agent", agent), ("Range", "bytes=0-1048575")]
    return Request(method, urlunsplit((parts.scheme, parts.netloc, path, urlencode(query), "")), headers, body)


def _over(given: Mapping[str, str], winning: Mapping[str, str]) -> list[tuple[str, str]]:
    names = {name.lower() for name in winning}
    return [*((name, value) for name, value in given.items() if name.lower() not in names), *winning.items()]


def _with_members(text: str, extra: Mapping[str, str]) -> str:
    """A JSON object with further members; any other text as it is."""
    if not extra:
        return text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return as_text({**value, **extra}) if isinstance(value, dict) else text


def _partition_key(definition: Mapping[str, Any], source: Json) -> str:
    """By the path that the target says, or the event's id."""
    own: Mapping[str, Any] = definition.get("KinesisParameters") or {}
    if own.get("PartitionKey"):
        return own["PartitionKey"]
    given = own.get("PartitionKeyPath")
    path = parse_path(given) if given else None
    found = follow(source, path) if path is not None else None
    text = found if isinstance(found, str) else None if found is None else as_text(found)
    return (text or str(source.get("id") if isinstance(source, dict) else "") or "-")[:256]
