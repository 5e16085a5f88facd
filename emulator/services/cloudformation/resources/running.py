"""Runs a row's functions: in the caller's transaction where the service is native, around awaits where it is delegated.

Decides who answers a call and what an answer's failure means; knows neither stacks nor events.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any, TypeVar

from emulator.aws.calls import SERVICE_MEMBER, Calls
from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.protocol import load_service
from emulator.aws.service import READ_PREFIXES, Services
from emulator.ports import Json, Transaction
from emulator.services.cloudformation.resources.shapes import shaped
from emulator.services.cloudformation.resources.types import Call, ResourceFailed, ResourceType, Subject
from emulator.services.cloudformation.resources.values import MALFORMED, malformed, with_plain_tags

T = TypeVar("T")
Fetched = dict[int, dict[str, Any]]
"""By the place among a step's calls: members of requests that had to be fetched before the transaction (code from S3),
and answers of delegated services."""
_DROPPED = object()
"""A member that the request has no more."""

_GONE = ("NotFound", "NonExistent", "NoSuch", "DoesNotExist", "NotExist", "ResourceNotFoundException")
"""In the codes of errors that say that something is not there."""


class MustFetch(Exception):
    """A call needs what cannot be awaited in a transaction: fetch it with `Running.fetch` and run the step again."""

    def __init__(self, place: int, service: str, operation: str, request: dict[str, Any]) -> None:
        super().__init__(operation)
        self.place = place
        self.service = service
        self.operation = operation
        self.request = request


class Running:
    """Runs steps of resource types."""

    def __init__(self, services: Services, calls: Calls) -> None:
        self._services = services
        self._calls = calls

    def in_transaction(self, row: ResourceType) -> bool:
        """Whether a row's calls can be in the commit that says that they were made."""
        return not row.service or self._services.get(row.service) is not None

    def now(
        self, tx: Transaction, row: ResourceType, it: Subject, steps: Generator[Call, Json, T], fetched: Fetched
    ) -> T:
        """Run a step in a transaction. Raises AwsError, NotEmulated, ResourceFailed, MustFetch."""
        place = 0
        try:
            call = _next(it, steps)
            while True:
                service = call.service or row.service
                try:
                    answer = self._native(tx, it, service, call, place, fetched)
                except (AwsError, NotEmulated, ResourceFailed) as problem:
                    call = _next(it, steps, problem=problem)
                else:
                    call = _next(it, steps, answer)
                place += 1
        except StopIteration as end:
            return end.value

    def _native(
        self, tx: Transaction, it: Subject, service: str, call: Call, place: int, fetched: Mapping[int, dict[str, Any]]
    ) -> dict[str, Any]:
        found, native = fetched.get(place), self._services.get(service)
        if native is None and found is not None:
            return found  # a delegated service's answer: an object in S3
        request = shaped(service, call.operation, call.request)
        if native is not None:  # botocore, which writes requests to delegated services, knows models' members only
            request = {**request, SERVICE_MEMBER: True}
        if found is not None:  # what names another call's result names that of this run, not of the one undone
            request = {name: value for name, value in {**request, **found}.items() if value is not _DROPPED}
        else:
            load_service(service).operation(call.operation).validate(with_plain_tags(request))
            if native is None or call.operation in native.prepared:
                raise MustFetch(place, service, call.operation, request)
        return self._calls.call(tx, it.scope, service, call.operation, request)

    async def fetch(self, it: Subject, missing: MustFetch) -> dict[str, Any]:
        """What was changed of a call's request for what it refers to elsewhere, or a delegated service's answer.

        Rows of native services may read from delegated ones in this way; what they change is undone by no rollback.
        Raises AwsError, NotEmulated.
        """
        native = self._services.get(missing.service)
        if native is None:
            return await self._calls.delegated(it.scope, missing.service, missing.operation, missing.request)
        asked = missing.request
        ready = await native.prefetch(missing.operation, it.scope, asked)
        changed = {name: value for name, value in ready.items() if name not in asked or asked[name] is not value}
        return {**changed, **dict.fromkeys(set(asked) - set(ready), _DROPPED)}

    async def outside(
        self, row: ResourceType, it: Subject, steps: Generator[Call, Json, T], answered: list[str] | None = None
    ) -> T:
        """Run a step of a delegated service; what succeeded is added to `answered`. Raises as `now` does."""
        try:
            call = _next(it, steps)
            while True:
                try:
                    answer = await self._outside(it, call.service or row.service, call)
                    if answered is not None and not call.operation.startswith(READ_PREFIXES):
                        answered.append(call.operation)
                except (AwsError, NotEmulated, ResourceFailed) as problem:
                    call = _next(it, steps, problem=problem)
                else:
                    call = _next(it, steps, answer)
        except StopIteration as end:
            return end.value

    async def _outside(self, it: Subject, service: str, call: Call) -> dict[str, Any]:
        request = shaped(service, call.operation, call.request)
        load_service(service).operation(call.operation).validate(with_plain_tags(request))
        native = self._services.get(service)
        if native is not None:
            return await native.call(call.operation, it.scope, {**request, SERVICE_MEMBER: True}, it.token)
        return await self._calls.delegated(it.scope, service, call.operation, request)


def _next(
    it: Subject, steps: Generator[Call, Json, Any], answer: Json = None, problem: Exception | None = None
) -> Call:
    """What a row's function asks next. It takes properties apart as their type has them: those that have another form
    are the template's mistake, and no reason to try the step again for ever.
    """
    try:
        return steps.send(answer) if problem is None else steps.throw(problem)
    except MALFORMED as odd:
        raise malformed(it.logical_id, odd) from odd


def is_gone(problem: Exception) -> bool:
    """Whether an error says that what was to be deleted is not there."""
    return isinstance(problem, AwsError) and (problem.status == 404 or any(word in problem.code for word in _GONE))


def reason_of(problem: Exception, service: str) -> str:
    """The reason of a failure, in the words in which CloudFormation hands on those of other services."""
    if isinstance(problem, ResourceFailed):
        return str(problem)
    if isinstance(problem, NotEmulated):
        detail = f" ({problem.detail})" if problem.detail else ""
        return f"{problem.service}.{problem.operation} is not emulated{detail}; see docs/compatibility.md"
    assert isinstance(problem, AwsError)
    return f"{problem.message} (Service: {_TITLES.get(service, service)}, Status Code: {problem.status})"


_TITLES = {
    "lambda": "Lambda",
    "sqs": "Sqs",
    "sns": "Sns",
    "stepfunctions": "Sfn",
    "events": "EventBridge",
    "iam": "Iam",
    "s3": "S3",
    "dynamodb": "DynamoDb",
    "logs": "CloudWatchLogs",
    "apigateway": "ApiGateway",
    "apigatewayv2": "ApiGatewayV2",
    "scheduler": "Scheduler",
    "pipes": "Pipes",
    "ssm": "Ssm",
    "secretsmanager": "SecretsManager",
    "kms": "Kms",
    "kinesis": "Kinesis",
    "ses": "Ses",
    "sesv2": "SesV2",
    "cloudwatch": "CloudWatch",
    "cognito-idp": "CognitoIdentityProvider",
}
"""What AWS's Java clients call themselves, which is what such reasons show."""
