"""The services around the path (S3, IAM, STS, DynamoDB, …), answered by moto in this process.

moto is imported when the first such request arrives, in a thread, and called through the one seam its botocore stub
offers: a prepared request in, (status, headers, body) out. No socket is involved and nothing of moto's leaks
further. Its state lives in memory: docs/compatibility.md says so. Its timestamps are AWS time, because it takes the
time from one function of its own, which is exchanged before anything else of it is imported.

A service whose effects would have to reach our own services (SNS → Lambda, rules, log streams) is not
delegated: moto would accept what then never happens.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import logging
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import anyio
import anyio.to_thread

from emulator.adapters import library_state
from emulator.adapters.supporting_names import refused_name
from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.protocol import load_service
from emulator.aws.scope import DEFAULT_ACCOUNT, DEFAULT_REGION
from emulator.ports import Around, AskLibrary, DelegatedAnswer, DelegatedRequest, SupportingServices

log = logging.getLogger("emulator.delegated")

NOT_DELEGATED = frozenset(
    {
        "lambda",
        "apigateway",
        "apigatewayv2",
        "apigatewaymanagementapi",
        "stepfunctions",
        "ses",
        "sesv2",
        "sqs",
        "sns",
        "events",
        "scheduler",
        "pipes",
        "logs",
        "cloudwatch",
        "cloudformation",
        "batch",
        "iot",
    }
)
"""Ours, or promising effects on ours that moto would not deliver."""

LARGE_BYTES = 1024 * 1024
"""Who sends or receives so much has the garbage of it collected at once."""

_VIRTUAL_HOSTED = re.compile(r"^(?P<bucket>[a-z0-9][a-z0-9.\-]{1,61}[a-z0-9])\.s3(?:[.-]|$)", re.IGNORECASE)
_BELOW_THE_EMULATOR = re.compile(
    r"^(?!s3[.-])(?P<bucket>[a-z0-9][a-z0-9.\-]{1,61}[a-z0-9])\.localhost(?::[0-9]+)?$", re.IGNORECASE
)
"""As the SDKs for JavaScript, Java and Go name a bucket at an endpoint of their own."""
_ACCOUNT = re.compile(r"[0-9]{12}")


@cache
def _moto_directory() -> Path | None:
    spec = importlib.util.find_spec("moto")
    return Path(spec.origin).parent if spec is not None and spec.origin is not None else None


class MotoServices(SupportingServices):
    """moto's backends behind the port. One request at a time: moto's state is not made for threads."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._around: dict[str, list[Around]] = {}
        self._stub: Any = None
        self._limiter: anyio.CapacityLimiter | None = None
        self._asked_for: set[str] = set()

    def supports(self, service: str) -> bool:
        """Whether moto has a backend of that name. Does not import moto."""
        directory = _moto_directory()
        if directory is None or service in NOT_DELEGATED or not service.replace("-", "").isalnum():
            return False
        return (directory / service.replace("-", "") / "urls.py").exists()

    async def handle(
        self, service: str, method: str, url: str, headers: Sequence[tuple[str, str]], body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        """Answer one request. Raises NotEmulated for what moto itself refuses, AwsError for names that AWS would."""
        request = DelegatedRequest(method, url, headers, body)
        problem = refused_name(service, request)
        if problem is not None:
            raise AwsError("ValidationException", problem)
        ask: AskLibrary = partial(self._ask, service)
        for around in self._around.get(service, ()):
            ask = partial(_asked_around, around, ask)
        return await ask(request)

    def surround(self, service: str, around: Around) -> None:
        """Have `around` answer the requests to a service."""
        self._around.setdefault(service, []).append(around)

    async def _ask(self, service: str, request: DelegatedRequest) -> DelegatedAnswer:
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(1)
        self._asked_for.add(service)
        return await anyio.to_thread.run_sync(
            self._answer,
            service,
            request.method,
            request.url,
            list(request.headers),
            request.body,
            self._now(),
            limiter=self._limiter,
        )

    async def reset(self, account: str | None = None) -> None:
        """Forget everything, or what is an account's; nothing to do as long as moto was never needed.

        By nobody in this process: moto keeps its state for all of it, also that of emulators that have ended.
        """
        if self._stub is None and "moto.core" not in sys.modules:
            return
        self._limiter = self._limiter or anyio.CapacityLimiter(1)
        await anyio.to_thread.run_sync(_forget, account, limiter=self._limiter)

    async def save(self, account: str = "") -> tuple[bytes, str]:
        """What the library keeps, of an account or of all; or why that cannot be written."""
        self._limiter = self._limiter or anyio.CapacityLimiter(1)
        try:
            written = await anyio.to_thread.run_sync(
                library_state.save, set(self._asked_for), account, limiter=self._limiter
            )
        except library_state.CannotSave as problem:
            return b"", f"{problem}: the library that answers for them has no way to"
        return written, ""

    async def read(self, content: bytes) -> library_state.State:
        """What was saved, checked; nothing is kept of it yet. Raises ValueError for what was not saved by `save`."""
        self._limiter = self._limiter or anyio.CapacityLimiter(1)
        return await anyio.to_thread.run_sync(library_state.read, content, limiter=self._limiter)

    async def put(self, state: library_state.State) -> None:
        """Keep what was read, in the place of what there is."""
        if not state:
            return
        self._limiter = self._limiter or anyio.CapacityLimiter(1)
        self._load()
        await anyio.to_thread.run_sync(library_state.put, state, limiter=self._limiter)
        self._asked_for |= set(state)

    def _answer(
        self, service: str, method: str, url: str, headers: list[tuple[str, str]], body: bytes, now: float
    ) -> DelegatedAnswer:
        answer = self._library_answer(service, method, url, headers, body, now)
        if len(body) + len(answer[2]) >= LARGE_BYTES:
            gc.collect(1)  # moto's requests are cycles that hold their bodies; objects are counted for that, not bytes
        return answer

    def _library_answer(
        self, service: str, method: str, url: str, headers: list[tuple[str, str]], body: bytes, now: float
    ) -> DelegatedAnswer:
        stub = self._load()
        _asked.at = now
        if service == "cognito-idp":
            _tell_cognito_the_time()
        elif service == "s3":
            _let_denied_through()
        from botocore.awsrequest import AWSPreparedRequest
        from botocore.compat import HTTPHeaders

        target = _aws_url(service, url, headers)
        sent = HTTPHeaders()
        for name, value in headers:
            if name.lower() not in ("host", "x-moto-account-id"):
                sent[name] = value
        sent["Host"] = urlsplit(target).netloc
        sent["x-moto-account-id"] = _account(url, headers)
        request = AWSPreparedRequest(method=method, url=target, headers=sent, body=body, stream_output=False)
        try:
            answer = stub.process_request(request)
        except NotImplementedError as problem:
            raise NotEmulated(service, _operation_name(service, method, headers), str(problem)[:200]) from problem
        except Exception as problem:  # moto checks little: what AWS would refuse, it trips over
            log.info("moto could not answer %s %s", service, method, exc_info=problem)
            text = (
                f"The library behind {service} could not make sense of the request: {type(problem).__name__}: {problem}"
            )
            raise AwsError("ValidationException", text[:300], 400) from problem
        if answer is None or (answer[0] == 404 and answer[2] == "Not yet implemented"):
            raise NotEmulated(service, _operation_name(service, method, headers))
        status, given, content = answer
        return int(status), _plain_headers(given, method), _plain_body(content)

    def _load(self) -> Any:
        if self._stub is None:
            os.environ.setdefault("MOTO_ALLOW_NONEXISTENT_REGION", "true")
            os.environ.setdefault("AWS_DEFAULT_REGION", DEFAULT_REGION)
            # Roles of templates have AWS's managed policies: SAM gives every function's role one.
            os.environ.setdefault("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
            _tell_the_time()
            from moto.core.botocore_stubber import BotocoreStubber

            self._stub = BotocoreStubber()
        return self._stub


def _forget(account: str | None) -> None:
    """Backends are made anew when they are asked. IAM's reset would do that at once, in vain: AWS's managed policies,
    of which every account has a thousand, take a tenth of a second."""
    from moto.core.base_backend import BackendDict
    from moto.core.model_instances import reset_model_data

    for backends in cast(Any, BackendDict)._instances:
        for owner in [each for each in list(backends) if account in (None, each)]:
            if backends.service_name != "iam":
                backends[owner].reset()
            del backends[owner]
    if account is None:
        reset_model_data()


async def _asked_around(around: Around, ask: AskLibrary, request: DelegatedRequest) -> DelegatedAnswer:
    return await around(request, ask)


_asked = threading.local()
"""`at`: the AWS time at which the request came that this thread answers. A process may hold several emulators."""


def _tell_the_time() -> None:
    """Have moto take the time of what it does from `_asked`.

    Its modules import the function by name, so this must come before all of them: modules that somebody else in this
    process has imported before go by the host's clock.
    """
    from moto.core import utils

    hosts = utils.utcnow
    if hosts.__module__ == __name__:
        return

    def utcnow() -> datetime:
        at: float | None = getattr(_asked, "at", None)
        return hosts() if at is None else datetime.fromtimestamp(at, UTC).replace(tzinfo=None)

    utils.utcnow = utcnow


class _CognitosTime:
    """What moto's Cognito calls `time`, which dates its tokens: authorizers compare those with AWS time."""

    @staticmethod
    def time() -> float:
        at: float | None = getattr(_asked, "at", None)
        return time.time() if at is None else at


def _tell_cognito_the_time() -> None:
    models: Any = importlib.import_module("moto.cognitoidp.models")
    models.time = _CognitosTime


def _let_denied_through() -> None:
    """Have moto's S3 deny nobody by a bucket's policy.

    It reads policies without their conditions, so that the usual one against requests without TLS would shut everybody
    out; and permissions are checked nowhere else here. What a policy allows the public stays allowed.
    """
    models: Any = importlib.import_module("moto.s3.models")
    access: Any = importlib.import_module("moto.iam.access_control")
    asked = models.FakeBucket.get_permission
    if asked.__module__ == __name__:
        return

    def get_permission(bucket: Any, action: str, resource: str) -> Any:
        found = asked(bucket, action, resource)
        return access.PermissionResult.NEUTRAL if found == access.PermissionResult.DENIED else found

    models.FakeBucket.get_permission = get_permission


def _aws_url(service: str, url: str, headers: Sequence[tuple[str, str]]) -> str:
    """The request's URL as AWS's own host would see it, because moto routes by host."""
    parts = urlsplit(url)
    prefix: str = load_service(service).metadata["endpointPrefix"]
    region = _region(url, headers)
    if service == "s3":
        virtual = _VIRTUAL_HOSTED.match(parts.netloc) or _BELOW_THE_EMULATOR.match(parts.netloc)
        host = f"{virtual.group('bucket')}.s3.amazonaws.com" if virtual else "s3.amazonaws.com"
    else:
        host = f"{prefix}.{region}.amazonaws.com"
    return f"https://{host}{parts.path or '/'}{'?' + parts.query if parts.query else ''}"


def _credential(url: str, headers: Sequence[tuple[str, str]]) -> list[str]:
    for name, value in headers:
        if name.lower() == "authorization":
            found = re.search(r"Credential=([^,\s]+)", value)
            if found:
                return found.group(1).split("/")
    found = re.search(r"[?&]X-Amz-Credential=([^&]+)", url)
    return found.group(1).replace("%2F", "/").split("/") if found else []


def _account(url: str, headers: Sequence[tuple[str, str]]) -> str:
    key = (_credential(url, headers) or [""])[0]
    return key if _ACCOUNT.fullmatch(key) else DEFAULT_ACCOUNT


def _region(url: str, headers: Sequence[tuple[str, str]]) -> str:
    parts = _credential(url, headers)
    region = parts[2] if len(parts) > 2 else ""
    return region if re.fullmatch(r"[a-z0-9-]{1,32}", region) else DEFAULT_REGION


def _operation_name(service: str, method: str, headers: Sequence[tuple[str, str]]) -> str:
    for name, value in headers:
        if name.lower() == "x-amz-target":
            return value.rpartition(".")[2]
    return f"this {method} request" if service == "s3" else "this operation"


def _plain_headers(given: Any, method: str) -> list[tuple[str, str]]:
    """Without those of a connection; the length stays where no body says it (HeadObject)."""
    items = given.items() if hasattr(given, "items") else given
    left_out = {"content-length", "transfer-encoding", "connection", "server", "status", "date"}
    if method == "HEAD":
        left_out.remove("content-length")
    return [(str(name), str(value)) for name, value in items if str(name).lower() not in left_out]


def _plain_body(content: Any) -> bytes:
    if content is None:
        return b""
    if isinstance(content, str):
        return content.encode("utf-8", "surrogateescape")
    if isinstance(content, (bytes, bytearray, memoryview)):
        return bytes(content)
    return b"".join(piece.encode() if isinstance(piece, str) else piece for piece in content)
