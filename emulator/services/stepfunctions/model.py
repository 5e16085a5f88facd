"""What Step Functions keeps, how its ARNs are written and read, and its rules for names and lists. Pure."""

from __future__ import annotations

import base64
import json
import re
import zlib
from dataclasses import dataclass, field, replace
from typing import Any

from emulator.aws.errors import AwsError, validation_errors
from emulator.aws.scope import Scope
from emulator.aws.tags import counted, refused

from .asl import json_words

MAX_DEFINITION_CHARACTERS = 1_048_576
MAX_INPUT_BYTES = 262_144
MOST_DIAGNOSTICS = 100
"""Of one definition, in an answer."""
MAX_TAGS = 50
TOKEN_SECONDS = 86_400.0
"""How long a page token can be used."""
OWNED_KEY = {"type": "AWS_OWNED_KEY"}
"""What DescribeStateMachine shows of machines whose encryption nobody configured [R:sfn_api_variable_references]."""
STANDARD, EXPRESS = "STANDARD", "EXPRESS"
_BAD_NAME = re.compile(r"[\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")

REDRIVABLE_SECONDS = 14 * 86400.0
MOST_EVENTS_TO_REDRIVE = 24_999
"""How long, and with how much history, an execution that did not succeed can be redriven [D:redrive-executions]."""
RETAINED_SECONDS = 90 * 86400.0
"""How long AWS remembers an execution that has ended, and so its name [D:service-quotas]."""


@dataclass(slots=True)
class StateMachine:
    """A state machine as stored."""

    arn: str
    name: str
    definition: str
    role_arn: str
    created_at: float
    updated_at: float
    revision_id: str | None = None
    logging: dict[str, Any] = field(default_factory=lambda: {"level": "OFF", "includeExecutionData": False})
    tracing: dict[str, Any] = field(default_factory=lambda: {"enabled": False})
    tags: dict[str, str] = field(default_factory=dict)
    type: str = STANDARD
    encryption: dict[str, Any] | None = None
    """As the caller gave it; None if it did not."""
    last_version: int = 0
    """The highest version number ever given; numbers are not used again."""
    version_arn: str | None = None
    alias_arn: str | None = None
    """The version that this is, and the alias that led to it."""

    @property
    def express(self) -> bool:
        return self.type == EXPRESS


@dataclass(slots=True)
class Version:
    """An immutable snapshot of a machine, as stored."""

    arn: str
    machine_arn: str
    number: int
    created_at: float
    description: str
    revision_id: str | None
    snapshot: dict[str, Any]
    """definition, role, logging, tracing, encryption of the machine."""


@dataclass(slots=True)
class Alias:
    """A name for one or two versions, as stored."""

    arn: str
    machine_arn: str
    name: str
    description: str | None
    routing: list[dict[str, Any]]
    created_at: float
    updated_at: float


@dataclass(slots=True)
class Activity:
    """An activity as stored."""

    arn: str
    name: str
    created_at: float
    encryption: dict[str, Any]
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ActivityTask:
    """A task that waits for a worker."""

    execution_id: int
    token: str
    input: str


@dataclass(slots=True)
class StoredExecution:
    """An execution as stored; `definition` and role are those it was started with."""

    id: int
    arn: str
    name: str
    account: str
    region: str
    machine_arn: str
    definition: str
    role_arn: str
    started_at: float
    input: str
    status: str = "RUNNING"
    stopped_at: float | None = None
    output: str | None = None
    error: str | None = None
    cause: str | None = None
    revision_id: str | None = None
    trace_header: str | None = None
    parent_id: int | None = None
    parent_token: str | None = None
    """The execution and the task in it that wait for this one (`startExecution.sync`)."""
    version_arn: str | None = None
    alias_arn: str | None = None
    logging: str | None = None
    """The machine's logging configuration as JSON; None if its level is OFF."""
    redrive_count: int = 0
    redriven_at: float | None = None
    test_case: str | None = None
    """Of the mock configuration file; only while it starts: what runs remembers it itself (task_mocks.py)."""
    new_child: bool = False
    """A child of a map run that is being started: its map run writes down in one go what became of it."""

    @property
    def machine_name(self) -> str:
        return self.machine_arn.rsplit(":", 1)[-1]

    def called_as(self, role: str | None) -> StoredExecution:
        """The same, for calls that a role makes (`Credentials`): they are its account's."""
        return self if role is None else replace(self, account=role.split(":")[4])

    @property
    def of_map_run(self) -> bool:
        """Whether it is a child of a map run: such a machine is called `name/label`."""
        return "/" in self.machine_arn


def machine_arn(scope: Scope, name: str) -> str:
    """`arn:aws:states:R:A:stateMachine:N`."""
    return f"arn:aws:states:{scope.region}:{scope.account}:stateMachine:{name}"


def activity_arn(scope: Scope, name: str) -> str:
    """`arn:aws:states:R:A:activity:N`."""
    return f"arn:aws:states:{scope.region}:{scope.account}:activity:{name}"


def execution_arn(machine: str, name: str) -> str:
    """`arn:aws:states:R:A:execution:N:name`."""
    return machine.replace(":stateMachine:", ":execution:", 1) + f":{name}"


def express_arn(machine: str, name: str, run: str) -> str:
    """`arn:aws:states:R:A:express:N:name:uuid`."""
    return machine.replace(":stateMachine:", ":express:", 1) + f":{name}:{run}"


def split_machine_arn(arn: str) -> tuple[str, str | None]:
    """(the machine's own ARN, version or alias in it) of a checked ARN."""
    parts = arn.split(":", 7)
    return ":".join(parts[:7]), parts[7] if len(parts) > 7 else None


def check_arn(arn: str, *kinds: str) -> None:
    """Raise `InvalidArn` unless this is a states ARN of one of the resource types."""
    if not arn.startswith("arn:"):
        raise AwsError("InvalidArn", f"Invalid Arn: 'Invalid ARN prefix: {arn}'")
    parts = arn.split(":")
    if len(parts) < 7 or parts[2] != "states":
        raise AwsError("InvalidArn", f"Invalid Arn: 'Invalid ARN: {arn}'")
    if parts[5] not in kinds:
        raise AwsError("InvalidArn", f"Invalid Arn: 'Resource type not valid in this context: {parts[5]}'")


def check_definition_length(text: str) -> None:
    """Raise `ValidationException` for a definition above AWS's limit."""
    if len(text) > MAX_DEFINITION_CHARACTERS:
        raise validation_errors(
            [
                "Value at 'definition' failed to satisfy constraint: Member must have length less than or equal to "
                f"{MAX_DEFINITION_CHARACTERS}"
            ]
        )


def is_name_free(execution: StoredExecution, now: float) -> bool:
    """Whether another execution may have the name of this one again."""
    return execution.stopped_at is not None and now - execution.stopped_at > RETAINED_SECONDS


def check_name(name: str) -> None:
    """Raise `InvalidName` for characters AWS does not take."""
    if not 1 <= len(name) <= 80:
        limit, word = ("greater", 1) if not name else ("less", 80)
        raise validation_errors(
            [
                f"Value '{name}' at 'name' failed to satisfy constraint: Member must have length {limit} than or "
                f"equal to {word}"
            ]
        )
    if _BAD_NAME.search(name):
        raise AwsError("InvalidName", f"Invalid Name: '{name}'")


def page_size(request: dict[str, Any], token_limit: int) -> int:
    """`maxResults`, 0 meaning 100; checks `nextToken`'s length too."""
    size = request.get("maxResults", 0)
    if size < 0 or size > 1000:
        bound = "less than or equal to 1000" if size > 0 else "greater than or equal to 0"
        raise validation_errors(
            [f"Value '{size}' at 'maxResults' failed to satisfy constraint: Member must have value {bound}"]
        )
    token = request.get("nextToken", "")
    if len(token) > token_limit:
        raise validation_errors(
            [
                f"Value '{token}' at 'nextToken' failed to satisfy constraint: Member must have length less than or "
                f"equal to {token_limit}"
            ]
        )
    return size or 100


def write_token(request: dict[str, Any], position: int, now: float) -> str:
    """An opaque page token, for requests that ask for the same."""
    return base64.urlsafe_b64encode(f"v1:{int(now)}:{position}:{_asked(request)}".encode()).decode()


def _asked(request: dict[str, Any]) -> int:
    """What tells requests apart: "keep all other arguments unchanged" [API reference, nextToken]."""
    asked = {name: value for name, value in request.items() if name not in ("nextToken", "maxResults")}
    return zlib.crc32(json.dumps(asked, sort_keys=True).encode())


def read_token(request: dict[str, Any], now: float, problem: str | None = None) -> int | None:
    """The position in a page token.

    Raises `InvalidToken`, with the text `problem` if given, also after 24 hours and for a token of another list.
    """
    token = request.get("nextToken")
    if token is None:
        return None
    try:
        version, written, position, asked = base64.urlsafe_b64decode(token.encode()).decode().split(":")
        numbers = all(part.isascii() and part.isdigit() and len(part) < 16 for part in (written, position, asked))
        if version == "v1" and numbers and now - int(written) <= TOKEN_SECONDS and int(asked) == _asked(request):
            return int(position)
    except ValueError:
        pass
    raise AwsError("InvalidToken", problem or f"Invalid Token: 'Invalid token: {token}'")


def tags_of(request: dict[str, Any]) -> dict[str, str]:
    """Tags of a request, as kept. Raises ValidationException for one without a key: the model lets it pass."""
    tags: dict[str, str] = {}
    for number, tag in enumerate(request.get("tags") or (), 1):
        if tag.get("key") is None:
            where = f"tags.{number}.member.key"
            raise validation_errors([f"Value null at '{where}' failed to satisfy constraint: Member must not be null"])
        if refused([tag["key"]], request):  # [D:sfn-best-practices tagging]; the text is unverified
            raise validation_errors([f"Tag key '{tag['key']}' must not begin with 'aws:'"])
        tags[tag["key"]] = tag.get("value") or ""
    if counted(tags) > MAX_TAGS:
        raise too_many_tags()
    return tags


def too_many_tags() -> AwsError:
    """The text is unverified."""
    return AwsError("TooManyTags", f"A resource can have at most {MAX_TAGS} tags.")


def encryption_of(given: dict[str, Any] | None) -> dict[str, Any]:
    """An encryption configuration as it is shown. Raises `InvalidEncryptionConfiguration`; its texts are unverified."""
    if given is None:
        return dict(OWNED_KEY)
    kind, period = given["type"], given.get("kmsDataKeyReusePeriodSeconds")
    problem = None
    if kind == OWNED_KEY["type"]:
        if given.get("kmsKeyId") is not None or period is not None:
            problem = "kmsKeyId and kmsDataKeyReusePeriodSeconds are only for the type CUSTOMER_MANAGED_KMS_KEY"
    elif not given.get("kmsKeyId"):
        problem = "kmsKeyId must be specified for the type CUSTOMER_MANAGED_KMS_KEY"
    elif period is not None and not 60 <= period <= 900:
        problem = "kmsDataKeyReusePeriodSeconds must be between 60 and 900"
    if problem is not None:
        raise AwsError("InvalidEncryptionConfiguration", f"Invalid Encryption Configuration: {problem}.")
    if kind == OWNED_KEY["type"]:
        return dict(OWNED_KEY)
    return {"kmsKeyId": given["kmsKeyId"], "kmsDataKeyReusePeriodSeconds": period or 300, "type": kind}


def input_problem(text: str, error: ValueError) -> str:
    """How AWS words its refusal of an execution input."""
    return json_words.explain(text, error)[0] if text.strip() else "Invalid execution input."
