"""What a caller can ask of Pipes, one method per AWS action."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from emulator import jobs
from emulator.aws.arn import Arn
from emulator.aws.errors import AwsError
from emulator.aws.page_tokens import read_token, write_token
from emulator.aws.scope import Scope
from emulator.aws.tags import counted, refuse
from emulator.ports import Transaction
from emulator.services.lambda_.event_sources.streams.polling import StreamPolling
from emulator.services.lambda_.event_sources.streams.source import Position
from emulator.services.pipes import store
from emulator.services.pipes.model import PASSING, RUNNING, STOPPED, Pipe, check, conflict, invalid, not_found
from emulator.services.pipes.polling import Polling
from emulator.services.pipes.streams import reading_of

CHANGE = "pipes.change"
"""Job kind: the end of a state of passage. Payload {account, region, name}."""
MOST_PIPES = 1_000
_POSITION = ("StartingPosition", "StartingPositionTimestamp")
LARGEST_PAGE = 100
_SETTINGS = (
    "Description", "SourceParameters", "Enrichment", "EnrichmentParameters", "Target", "TargetParameters", "RoleArn",
    "LogConfiguration", "KmsKeyIdentifier",
)  # fmt: skip


class PipeOperations:
    """All operations of EventBridge Pipes."""

    def __init__(self, polling: Polling, streams: StreamPolling) -> None:
        self._polling = polling
        self._streams = streams

    def table(self) -> dict[str, Callable[..., Any]]:
        """From AWS's name to method."""
        return {
            "CreatePipe": self.create_pipe,
            "UpdatePipe": self.update_pipe,
            "DescribePipe": self.describe_pipe,
            "DeletePipe": self.delete_pipe,
            "ListPipes": self.list_pipes,
            "StartPipe": self.start_pipe,
            "StopPipe": self.stop_pipe,
            "TagResource": self.tag_resource,
            "UntagResource": self.untag_resource,
            "ListTagsForResource": self.list_tags_for_resource,
        }

    def create_pipe(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Create a pipe; a job makes it RUNNING or STOPPED."""
        name = request["Name"]
        given = {member: request[member] for member in ("Source", *_SETTINGS) if request.get(member) is not None}
        definition = _with_seconds(given)
        check(definition, "CreatePipe")
        if store.find_pipe(tx, scope, name) is not None:
            raise conflict(f"Pipe {name} already exists.", name)
        if len(store.list_pipes(tx, scope, "")) >= MOST_PIPES:
            members = {
                "resourceId": name,
                "resourceType": "Pipe",
                "serviceCode": "pipes",
                "quotaCode": "L-10C7F1E3",
            }
            raise AwsError("ServiceQuotaExceededException", "The quota of pipes is reached.", 402, members)
        refuse(request.get("Tags"), request, invalid)
        desired = request.get("DesiredState") or RUNNING
        made = Pipe(scope, name, definition, desired, "CREATING", tx.now, tx.now, tags=dict(request.get("Tags") or {}))
        store.insert_pipe(tx, made)
        self._polling.watch(made.source)
        _enqueue(tx, made)
        return made.changed()

    def update_pipe(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Change a pipe; what is not given stays, and an object that is given replaces all of the old one."""
        pipe = _changeable(tx, scope, request["Name"])
        definition = dict(pipe.definition)
        for member in _SETTINGS:
            if request.get(member) is None:
                continue
            if member == "SourceParameters":
                definition[member] = _source_changed(definition.get(member) or {}, request[member])
            else:
                definition[member] = request[member]
        if request.get("Enrichment") == "":
            definition.pop("EnrichmentParameters", None)
        check(definition, "UpdatePipe")
        desired = request.get("DesiredState") or pipe.desired
        return self._change(tx, replace(pipe, definition=definition, desired=desired), "UPDATING")

    def describe_pipe(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """A pipe."""
        return _required(tx, scope, request["Name"]).described()

    def delete_pipe(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Delete a pipe; what it has taken goes back to the queue."""
        return self._change(tx, _changeable(tx, scope, request["Name"]), "DELETING")

    def start_pipe(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Read the source again."""
        pipe = _changeable(tx, scope, request["Name"])
        if pipe.state == RUNNING:
            raise conflict(f"Pipe {pipe.name} is already in RUNNING state.", pipe.name)
        return self._change(tx, replace(pipe, desired=RUNNING), "STARTING")

    def stop_pipe(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Read the source no more; what was taken is brought to its end."""
        pipe = _changeable(tx, scope, request["Name"])
        if pipe.state == STOPPED:
            raise conflict(f"Pipe {pipe.name} is already in STOPPED state.", pipe.name)
        return self._change(tx, replace(pipe, desired=STOPPED), "STOPPING")

    def _change(self, tx: Transaction, pipe: Pipe, state: str) -> dict[str, Any]:
        changed = replace(pipe, state=state, modified_at=tx.now, reason=None)
        if not changed.reads_stream:
            self._polling.stop(tx, changed)
        store.update_pipe(tx, changed)
        _enqueue(tx, changed)
        return changed.changed()

    def finish_change(
        self, tx: Transaction, scope: Scope, name: str, positions: dict[str, Position] | None = None
    ) -> None:
        """End a state of passage. `positions` is where reading of a stream begins; None if there is no such stream."""
        pipe = store.find_pipe(tx, scope, name)
        if pipe is None or pipe.state not in PASSING:
            return
        if pipe.state == "DELETING":
            self._streams.remove(tx, pipe.arn)
            store.delete_pipe(tx, pipe)
            return
        there = positions is not None if pipe.reads_stream else self._polling.exists(tx, pipe.source)
        if not there:
            failed = {"CREATING": "CREATE_FAILED", "UPDATING": "UPDATE_FAILED", "STARTING": "START_FAILED"}
            reason = f"The source {pipe.source} does not exist."
            store.update_pipe(tx, replace(pipe, state=failed.get(pipe.state, STOPPED), reason=reason))
            return
        done = replace(pipe, state=pipe.desired)
        store.update_pipe(tx, done)
        if positions is None:
            self._polling.plan(tx, scope, name)
        elif pipe.state == "CREATING" or not self._streams.reads(tx, pipe.arn):
            self._streams.add(tx, reading_of(done), positions)
        else:
            self._streams.share(tx, reading_of(done))

    def list_pipes(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Pipes by name."""
        try:
            after = read_token(request.get("NextToken"))
        except ValueError:
            raise invalid("Invalid NextToken.") from None
        size = int(request.get("Limit") or LARGEST_PAGE)
        found = [
            pipe
            for pipe in store.list_pipes(tx, scope, request.get("NamePrefix") or "")
            if pipe.name > after
            and request.get("DesiredState") in (None, pipe.desired)
            and request.get("CurrentState") in (None, pipe.state)
            and pipe.source.startswith(request.get("SourcePrefix") or "")
            and pipe.target.startswith(request.get("TargetPrefix") or "")
        ]
        more = {"NextToken": write_token(found[size - 1].name)} if len(found) > size else {}
        return {"Pipes": [pipe.listed() for pipe in found[:size]], **more}

    # ── tags ────────────────────────────────────────────────────────────────────────────────────

    def tag_resource(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Add or change tags."""
        pipe = _tagged(tx, request["resourceArn"])
        refuse(request["tags"], request, invalid)
        tags = {**pipe.tags, **request["tags"]}
        if counted(tags) > 50:
            raise invalid("A pipe can have 50 tags at most.")
        store.update_pipe(tx, replace(pipe, tags=tags))
        return {}

    def untag_resource(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Remove tags."""
        pipe = _tagged(tx, request["resourceArn"])
        refuse(request["tagKeys"], request, invalid)
        kept = {key: value for key, value in pipe.tags.items() if key not in request["tagKeys"]}
        store.update_pipe(tx, replace(pipe, tags=kept))
        return {}

    def list_tags_for_resource(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """The tags of a pipe."""
        return {"tags": dict(_tagged(tx, request["resourceArn"]).tags)}


def _source_changed(before: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of a source after a change: where a stream is read from cannot be changed, so it stays."""
    changed = {**before, **given}
    for member in ("KinesisStreamParameters", "DynamoDBStreamParameters"):
        if member in given and member in before:
            kept = {name: before[member][name] for name in _POSITION if name in before[member]}
            changed[member] = {**given[member], **kept}
    return changed


def _with_seconds(definition: dict[str, Any]) -> dict[str, Any]:
    """A definition that can be kept: the time at which reading of a stream begins as seconds."""
    source = definition.get("SourceParameters") or {}
    own = source.get("KinesisStreamParameters") or {}
    at = own.get("StartingPositionTimestamp")
    if not isinstance(at, datetime):
        return definition
    kinesis = {**own, "StartingPositionTimestamp": at.timestamp()}
    return {**definition, "SourceParameters": {**source, "KinesisStreamParameters": kinesis}}


def _enqueue(tx: Transaction, pipe: Pipe) -> None:
    """AWS takes a minute or two for a change; here it is done as soon as somebody looks."""
    jobs.enqueue(tx, CHANGE, {"account": pipe.scope.account, "region": pipe.scope.region, "name": pipe.name})


def _required(tx: Transaction, scope: Scope, name: str) -> Pipe:
    pipe = store.find_pipe(tx, scope, name)
    if pipe is None:
        raise not_found(name)
    return pipe


def _changeable(tx: Transaction, scope: Scope, name: str) -> Pipe:
    pipe = _required(tx, scope, name)
    if pipe.state in PASSING:
        raise conflict(f"Pipe {name} is in {pipe.state} state.", name)
    return pipe


def _tagged(tx: Transaction, text: str) -> Pipe:
    arn = Arn.parse(text)
    kind, _, name = arn.resource.partition("/") if arn is not None else ("", "", "")
    if arn is None or arn.service != "pipes" or kind != "pipe":
        raise invalid(f"{text} is not the ARN of a pipe.")
    return _required(tx, Scope(arn.account, arn.region), name)
