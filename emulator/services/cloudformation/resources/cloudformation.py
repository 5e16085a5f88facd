"""CloudFormation's own types: nested stacks, custom resources, wait conditions; and CDK's metadata, which is nothing.

All but the last wait in AWS time: for a stack of its own, for an answer of the user's code, for signals. Where answers
go is `responses.py`'s to say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Mapping
from typing import Any, cast

from emulator.aws.arn import Arn
from emulator.aws.calls import ENDED_MEMBER
from emulator.aws.errors import AwsError
from emulator.ports import Json
from emulator.services.cloudformation.declared import UNANSWERED
from emulator.services.cloudformation.model import unique_letters
from emulator.services.cloudformation.resources.inert import INERT
from emulator.services.cloudformation.resources.types import (
    Call,
    Made,
    NameForm,
    ResourceFailed,
    ResourceType,
    Steps,
    Subject,
    words,
)
from emulator.services.cloudformation.resources.values import text_of
from emulator.services.cloudformation.responses import CUSTOM_RESOURCE, WAIT_CONDITION, response_url, token_of_url

NEVER_SECONDS = 10 * 365 * 86_400.0
"""A nested stack has all the time it takes."""
LONGEST_SERVICE_TIMEOUT = 3600

# ── custom resources ────────────────────────────────────────────────────────────────────────────


def _ask(it: Subject, kind: str, more: Mapping[str, Json]) -> Steps:
    """Send a request to the user's code and wait for the answer, which comes to a URL."""
    service_token = str(it.get("ServiceToken") or "")
    event: dict[str, Json] = {
        "RequestType": kind,
        "ServiceToken": service_token,
        "ResponseURL": response_url(it, CUSTOM_RESOURCE),
        "StackId": it.stack_id,
        "RequestId": it.token,
        "LogicalResourceId": it.logical_id,
        **more,
        "ResourceType": it.type_name,
        "ResourceProperties": _texts(it.properties),
    }
    arn = Arn.parse(service_token)
    if arn is not None and arn.service == "lambda":
        payload = json.dumps(event, separators=(",", ":")).encode()
        told = (UNANSWERED, {"stack": it.stack_id.rpartition("/")[2], "resource": it.logical_id, "token": it.token})
        request = {"FunctionName": service_token, "InvocationType": "Event", "Payload": payload, ENDED_MEMBER: told}
        yield Call("Invoke", request, "lambda")
    elif arn is not None and arn.service == "sns":
        message = json.dumps(event, separators=(",", ":"))
        subject = "AWS CloudFormation custom resource request"
        yield Call("Publish", {"TopicArn": service_token, "Subject": subject, "Message": message}, "sns")
    else:
        raise ResourceFailed(f"Invalid service token: {service_token}.")  # unverified
    return Made(it.physical_id, it.attributes, waits_seconds=_timeout(it), half=True)


def _timeout(it: Subject) -> float:
    given = it.get("ServiceTimeout", LONGEST_SERVICE_TIMEOUT)
    try:
        seconds = int(given)
    except (TypeError, ValueError):
        seconds = 0
    if not 1 <= seconds <= LONGEST_SERVICE_TIMEOUT:
        raise ResourceFailed("ServiceTimeout must be an integer between 1 and 3600.")  # unverified
    return float(seconds)


def _texts(value: Json) -> Json:
    """AWS sends scalars as texts."""
    if isinstance(value, Mapping):
        return {name: _texts(item) for name, item in cast(Mapping[str, Any], value).items()}
    if isinstance(value, list):
        return [_texts(item) for item in cast(list[Any], value)]
    return text_of(value) if value is not None else None


def _create_custom(it: Subject) -> Steps:
    return (yield from _ask(it, "Create", {}))


def _update_custom(it: Subject) -> Steps:
    if it.changed("ServiceToken"):
        raise ResourceFailed("Modifying service token is not allowed.")
    more = {"PhysicalResourceId": it.physical_id, "OldResourceProperties": _texts(it.previous)}
    return (yield from _ask(it, "Update", more))


def _delete_custom(it: Subject) -> Generator[Call, Json, Made | None]:
    return (yield from _ask(it, "Delete", {"PhysicalResourceId": it.physical_id}))


def _answered(it: Subject, signals: list[Json]) -> Made | None:
    """What the user's code has answered."""
    answers = [said for said in signals if not is_attempt(said)]
    if not answers:
        return None
    answer = answers[0]
    if not isinstance(answer, Mapping):
        raise ResourceFailed("Invalid response object: it must be a JSON object.", _made_up(it))  # unverified
    said = cast(Mapping[str, Any], answer)
    if "_problem" in said:
        raise ResourceFailed(str(said["_problem"]), _made_up(it))
    if "_silence" in said:
        raise ResourceFailed(
            f"{_no_answer(it, [])} {said['_silence']} AWS would have waited until {_timeout(it):.0f} seconds are over.",
            _made_up(it),
        )
    physical_id = said.get("PhysicalResourceId")
    if said.get("Status") != "SUCCESS":
        reason = said.get("Reason") or ""
        raise ResourceFailed(
            f"Received response status [{said.get('Status')}] from custom resource. Message returned: {reason}"
            f" (RequestId: {it.token})",
            str(physical_id or _made_up(it)),
        )
    if not isinstance(physical_id, str) or not physical_id:
        if not it.physical_id:
            raise ResourceFailed("Invalid PhysicalResourceId", _made_up(it))
        physical_id = it.physical_id
    data = said.get("Data")
    return Made(physical_id, dict(cast(Mapping[str, Any], data)) if isinstance(data, Mapping) else {})


def _made_up(it: Subject) -> str:
    """The physical id of a custom resource that did not say one: it is deleted by it."""
    return f"{it.stack_name}-{it.logical_id}-{unique_letters(it.token)}"


ATTEMPT = "_attempt"
"""A signal's member: how an attempt of the function failed that is not the last."""


def is_attempt(said: Json) -> bool:
    """Whether a signal tells of a failed attempt, and is no answer."""
    return isinstance(said, Mapping) and ATTEMPT in said


def _no_answer(it: Subject, signals: list[Json]) -> ResourceFailed:
    """AWS's sentence; what the last attempt failed with, if it did, is ours."""
    failed = [str(cast(Mapping[str, Any], said)[ATTEMPT]) for said in signals if is_attempt(said)][-1:]
    return ResourceFailed(
        "CloudFormation did not receive a response from your Custom Resource. Please check your logs for requestId "
        f"[{it.token}]. If you are using the Python cfn-response module, you may need to update your Lambda function "
        + " ".join(["code so that CloudFormation can attach the updated version.", *failed]),
        _made_up(it),
    )


# ── wait conditions ─────────────────────────────────────────────────────────────────────────────


def _create_handle(it: Subject) -> Steps:
    return Made(response_url(it, WAIT_CONDITION))
    yield


def _nothing(it: Subject) -> Generator[Call, Json, Made | None]:
    return None
    yield


def _create_condition(it: Subject) -> Steps:
    name = f"arn:aws:cloudformation:{it.scope.region}:{it.scope.account}:waitcondition/{it.stack_name}/{it.token}"
    signal = it.creation_policy.get("ResourceSignal") if it.creation_policy else None
    if signal is not None:
        return Made(f"{name}/{it.logical_id}", waits_seconds=_iso_duration(str(signal.get("Timeout", "PT5M"))))
    handle = token_of_url(str(it.get("Handle") or ""))
    if handle is None:
        raise ResourceFailed("WaitCondition's Handle must be the reference of a WaitConditionHandle")  # unverified
    try:
        seconds = float(it.get("Timeout"))
    except (TypeError, ValueError):
        raise ResourceFailed("Property Timeout cannot be empty.") from None
    if not 0 <= seconds <= 43_200:
        raise ResourceFailed("Timeout must be between 0 and 43200 seconds")  # unverified
    return Made(f"{name}/{it.logical_id}", waits_seconds=seconds, heard=handle)
    yield


def _update_condition(it: Subject) -> Steps:
    raise ResourceFailed(f"Update to resource type {it.type_name} is not supported.")
    yield


_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?\Z")


def _iso_duration(text: str) -> float:
    match = _DURATION.match(text)
    if match is None:
        raise ResourceFailed(f"Invalid timeout format: {text}")  # unverified
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    return float(min(total, 43_200))


def _expected(it: Subject) -> int:
    signal = it.creation_policy.get("ResourceSignal") if it.creation_policy else None
    given = signal.get("Count", 1) if signal is not None else it.get("Count", 1)
    try:
        return max(0, int(given))
    except (TypeError, ValueError):
        return 1


def _signalled(it: Subject, signals: list[Json]) -> Made | None:
    """Enough signals of different ids, or one that says failure."""
    received = _received(signals)
    for unique_id, said in received.items():
        if said.get("Status") == "FAILURE":
            raise ResourceFailed(
                f"WaitCondition received failed message: '{said.get('Reason') or ''}' for uniqueId: {unique_id}"
            )
    if len(received) < _expected(it):
        return None
    data = {unique_id: text_of(said.get("Data") or "") for unique_id, said in received.items()}
    return Made(it.physical_id, {"Data": json.dumps(data, separators=(",", ":"))})


def _received(signals: list[Json]) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for said in signals:
        if isinstance(said, Mapping) and "UniqueId" in said:
            found.setdefault(str(cast(Any, said["UniqueId"])), cast(Mapping[str, Any], said))
    return found


def _too_few(it: Subject, signals: list[Json]) -> ResourceFailed:
    received, expected = len(_received(signals)), _expected(it)
    if it.creation_policy:
        return ResourceFailed(
            f"Failed to receive {expected - received} resource signal(s) within the specified duration"
        )
    return ResourceFailed(f"WaitCondition timed out. Received {received} conditions when expecting {expected}")


# ── nested stacks ───────────────────────────────────────────────────────────────────────────────


def _request(it: Subject) -> dict[str, Any]:
    parameters: Mapping[str, Json] = it.get("Parameters") or {}
    values = {
        name: ",".join(text_of(item) for item in cast(list[Any], value)) if isinstance(value, list) else text_of(value)
        for name, value in parameters.items()
    }
    return {
        "TemplateURL": it.get("TemplateURL"),
        "Parameters": [{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()],
        "Tags": it.user_tags(),
        "NotificationARNs": it.get("NotificationARNs") or [],
        "Capabilities": list(it.capabilities),
        "_tells": [it.stack_id.rpartition("/")[2], it.token],
    }


def _create_stack(it: Subject) -> Steps:
    parent = it.stack_id.rpartition("/")[2]
    request = {**_request(it), **it.wanted("TimeoutInMinutes")}
    request.update({"StackName": it.name, "_parent": [parent, it.logical_id]})
    made = yield Call("CreateStack", request)
    return Made(made["StackId"], waits_seconds=NEVER_SECONDS)


def _update_stack(it: Subject) -> Steps:
    try:
        yield Call("UpdateStack", {**_request(it), "StackName": it.physical_id})
    except AwsError as problem:
        if "No updates are to be performed" in problem.message:
            return Made(it.physical_id, it.attributes)
        if "can not be updated" in problem.message and "_IN_PROGRESS" in problem.message:
            raise AwsError(_BUSY, problem.message) from problem
        raise
    return Made(it.physical_id, it.attributes, waits_seconds=NEVER_SECONDS)


def _delete_stack(it: Subject) -> Generator[Call, Json, Made | None]:
    try:
        found = yield Call("DescribeStacks", {"StackName": it.physical_id})
    except AwsError:
        return None
    if found["Stacks"][0]["StackStatus"] == "DELETE_COMPLETE":
        return None
    tells = [it.stack_id.rpartition("/")[2], it.token]
    try:
        yield Call("DeleteStack", {"StackName": it.physical_id, "_tells": tells})
    except AwsError as problem:
        if "cannot be deleted while in status" in problem.message:
            raise AwsError(_BUSY, problem.message) from problem
        raise
    return Made(it.physical_id, it.attributes, waits_seconds=NEVER_SECONDS)


_BUSY = "StackIsBusy"


def _settled(it: Subject, signals: list[Json]) -> Made | None:
    if not signals:
        return None
    said: Mapping[str, Any] = signals[-1]
    status, reason = str(said["status"]), str(said["reason"])
    if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        return Made(it.physical_id, {"Outputs": said["outputs"]})
    if status == "DELETE_COMPLETE" and not it.previous:
        return Made(it.physical_id)
    if status.startswith("UPDATE"):
        raise ResourceFailed(
            f"Embedded stack {it.physical_id} was not successfully updated. Currently in {status} with reason: {reason}"
        )
    what = "deleted" if status == "DELETE_FAILED" else "created"
    raise ResourceFailed(f"Embedded stack {it.physical_id} was not successfully {what}: {reason}")


TYPES = [
    ResourceType(
        name="AWS::CloudFormation::CustomResource",
        service="",
        properties=None,
        create=_create_custom,
        update=_update_custom,
        delete=_delete_custom,
        resume=_answered,
        timed_out=_no_answer,
    ),
    ResourceType(
        name="AWS::CloudFormation::WaitConditionHandle",
        service="",
        properties=frozenset(),
        create=_create_handle,
        delete=_nothing,
    ),
    ResourceType(
        name="AWS::CloudFormation::WaitCondition",
        service="",
        properties=words("Count Handle Timeout"),
        create=_create_condition,
        update=_update_condition,
        delete=_nothing,
        resume=_signalled,
        timed_out=_too_few,
    ),
    ResourceType(
        name="AWS::CloudFormation::Stack",
        service="cloudformation",
        properties=words("NotificationARNs Parameters Tags TemplateURL TimeoutInMinutes"),
        required=words("TemplateURL"),
        name_form=NameForm(128),
        create=_create_stack,
        update=_update_stack,
        delete=_delete_stack,
        resume=_settled,
        timed_out=lambda it, signals: ResourceFailed(f"Embedded stack {it.physical_id} did not settle"),
        busy=words(_BUSY),
        always_updates=True,
    ),
    ResourceType(
        name="AWS::CDK::Metadata",
        service="",
        properties=None,
        create=INERT.create,
        update=INERT.update,
        delete=INERT.delete,
    ),
]
