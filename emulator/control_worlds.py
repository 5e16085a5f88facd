"""`/_emulator/worlds`, `executions`, `attempts`, `apis`: what a test asks about the world it has to itself.

Plain functions of an emulator, like control_clock.py's: the control API serves them, a harness in the same process
calls them. They look through the eyes of the services: whatever they show, boto3 would show too, in more calls.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from emulator import worlds
from emulator.aws.errors import AwsError
from emulator.aws.scope import DEFAULT_ACCOUNT, Scope
from emulator.control_clock import Refused
from emulator.ports import Transaction
from emulator.services.ses import inbox
from emulator.services.ses.inbox import Search

if TYPE_CHECKING:
    from emulator.app import Emulator

MOST_EXECUTIONS = 1000
MOST_ATTEMPTS = 10_000


async def begin(emulator: Emulator) -> dict[str, Any]:
    """A world: an account that nobody else uses. Its id is the access key id of its clients, with any secret."""
    world = await emulator.begin_world()
    return {"account": world.account, "begun_at": world.begun_at, "region": emulator.settings.region}


async def list_worlds(emulator: Emulator) -> dict[str, Any]:
    """Worlds that have begun and not ended."""
    found = await emulator.store.read(worlds.alive)
    shown = [
        {"account": each.account, "begun_at": each.begun_at, "held": emulator.is_held(each.account)} for each in found
    ]
    return {"worlds": shown}


async def end(emulator: Emulator, account: str) -> dict[str, Any]:
    """End a world: what it has is forgotten, what of it still runs or waits ends. Others do not notice."""
    if not await emulator.end_world(account):
        raise Refused(404, f"there is no world {account}; GET /_emulator/worlds lists them")
    return {"ended": account}


async def executions(
    emulator: Emulator, account: str = "", region: str = "", machine: str = "", status: str = ""
) -> dict[str, Any]:
    """Executions of standard state machines, oldest first, with input, output and the states they have entered.

    machine (a name or an ARN) and status (RUNNING, SUCCEEDED, …) narrow them down. Of all regions, if none is named.
    """

    def query(tx: Transaction) -> list[dict[str, Any]]:
        found = [
            each for scope in scopes(tx, account, region) for each in _executions(emulator, tx, scope, machine, status)
        ]
        return sorted(found, key=lambda one: one["started_at"])[-MOST_EXECUTIONS:]

    return {"executions": await emulator.store.read(query)}


async def attempts(emulator: Emulator, account: str = "", region: str = "", function: str = "") -> dict[str, Any]:
    """Attempts at running functions, oldest first; function (a name or an ARN) narrows them down.

    Of all regions, if none is named.
    """

    def query(tx: Transaction) -> list[dict[str, Any]]:
        recent, wanted = emulator.lambda_.operations.recent_invocations, scopes(tx, account, region)
        found = [each for scope in wanted for each in recent(tx, scope, MOST_ATTEMPTS)]
        if len(wanted) > 1:
            found.sort(key=lambda one: one["started_at"])
        return [each for each in found if function in ("", each["function_name"], each["function_arn"])]

    return {"attempts": await emulator.store.read(query)}


async def apis(emulator: Emulator, account: str = "", region: str = "") -> dict[str, Any]:
    """Stages of deployed APIs, and where each answers."""
    scope = _scope(emulator, account, region)
    return {"apis": await emulator.store.read(lambda tx: list(_stages(emulator, tx, scope)))}


async def find_mail(emulator: Emulator, search: Search, wait: float = 0.0) -> list[dict[str, Any]]:
    """Messages that a search finds; if there is none, those that come first within `wait` seconds of AWS time."""
    if not wait:
        return await emulator.store.read(lambda tx: inbox.list_messages(tx, search=search))
    with emulator.clients:
        return await emulator.ses.arrivals.wait_for(emulator.store, emulator.clock, search, wait)


def _scope(emulator: Emulator, account: str, region: str) -> Scope:
    return Scope(account or DEFAULT_ACCOUNT, region or emulator.settings.region)


def scopes(tx: Transaction, account: str, region: str = "") -> list[Scope]:
    """Where an account has anything, or one region of it."""
    account = account or DEFAULT_ACCOUNT
    return [Scope(account, each) for each in ([region] if region else worlds.regions(tx, account))]


def ask(emulator: Emulator, tx: Transaction, scope: Scope, operation: str, request: dict[str, Any]) -> dict[str, Any]:
    """The answer of an operation of a native service, as `service.Operation`."""
    service, _, name = operation.partition(".")
    native = emulator.services.get(service)
    method = native.transactional(name) if native is not None else None
    assert method is not None, operation
    return method(tx, scope, request)


def pages(
    emulator: Emulator, tx: Transaction, scope: Scope, operation: str, request: dict[str, Any], member: str
) -> Iterator[dict[str, Any]]:
    """Each item of `member` of an operation that answers in pages."""
    token: dict[str, Any] = {}
    while True:
        answer = ask(emulator, tx, scope, operation, {**request, **token})
        yield from answer[member]
        if not answer.get("nextToken"):
            return
        token = {"nextToken": answer["nextToken"]}


def list_executions(
    emulator: Emulator, tx: Transaction, scope: Scope, machine: str = "", status: str = ""
) -> list[dict[str, Any]]:
    """Executions of standard state machines as ListExecutions shows them, oldest first. Raises Refused."""
    found: list[dict[str, Any]] = []
    for each in pages(emulator, tx, scope, "stepfunctions.ListStateMachines", {}, "stateMachines"):
        if machine not in ("", each["name"], each["stateMachineArn"]) or each["type"] != "STANDARD":
            continue
        asked: dict[str, Any] = {"stateMachineArn": each["stateMachineArn"], "maxResults": MOST_EXECUTIONS}
        if status:
            asked["statusFilter"] = status
        try:
            found += pages(emulator, tx, scope, "stepfunctions.ListExecutions", asked, "executions")
        except AwsError as error:
            raise Refused(400, error.message) from error
    return sorted(found, key=lambda one: one["startDate"])[-MOST_EXECUTIONS:]


def _executions(
    emulator: Emulator, tx: Transaction, scope: Scope, machine: str, status: str
) -> Iterator[dict[str, Any]]:
    for each in list_executions(emulator, tx, scope, machine, status):
        arn = {"executionArn": each["executionArn"]}
        described = ask(emulator, tx, scope, "stepfunctions.DescribeExecution", arn)
        history = pages(emulator, tx, scope, "stepfunctions.GetExecutionHistory", {**arn, "maxResults": 1000}, "events")
        entered = [
            event["stateEnteredEventDetails"]["name"] for event in history if "stateEnteredEventDetails" in event
        ]
        yield {
            "arn": described["executionArn"],
            "name": described["name"],
            "machine": described["stateMachineArn"].rpartition(":")[2],
            "status": described["status"],
            "started_at": described["startDate"],
            "stopped_at": described.get("stopDate"),
            "input": json.loads(described.get("input") or "null"),
            "output": json.loads(described.get("output") or "null"),
            "error": described.get("error"),
            "cause": described.get("cause"),
            "states": entered,
        }


def _stages(emulator: Emulator, tx: Transaction, scope: Scope) -> Iterator[dict[str, Any]]:
    base = emulator.base_url
    for api in ask(emulator, tx, scope, "apigateway.GetRestApis", {"limit": 500})["items"]:
        stages = ask(emulator, tx, scope, "apigateway.GetStages", {"restApiId": api["id"]})["item"]
        for stage in stages:
            url = f"{base}/_aws/execute-api/{api['id']}/{stage['stageName']}"
            yield {"id": api["id"], "name": api["name"], "kind": "REST", "stage": stage["stageName"], "url": url}
    for api in ask(emulator, tx, scope, "apigatewayv2.GetApis", {"MaxResults": "500"})["Items"]:
        for stage in ask(emulator, tx, scope, "apigatewayv2.GetStages", {"ApiId": api["ApiId"]})["Items"]:
            name = stage["StageName"]
            url = f"{base}/_aws/execute-api/{api['ApiId']}" + ("" if name == "$default" else f"/{name}")
            yield {"id": api["ApiId"], "name": api["Name"], "kind": api["ProtocolType"], "stage": name, "url": url}
