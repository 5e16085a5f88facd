"""A stack made or changed by CloudFormation's API, and what failed.

Decides which operation a stack's state asks for, and waits for its end. Knows no files.
"""

from __future__ import annotations

import contextlib
import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from emulator.deploy.up.packaging import BUCKET

Client = Callable[[str], Any]
"""boto3's service name → a client."""

LARGEST_BODY_BYTES = 51_200
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
POLL_SECONDS = 0.02
LONGEST_POLL_SECONDS = 0.1
NOTE_SECONDS = 5.0
"""How often a deployment that takes long says what it waits for."""
_NO_UPDATES = "No updates are to be performed."
_CANNOT_BE_UPDATED = frozenset(
    {"CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED", "REVIEW_IN_PROGRESS"}
)
"""What is left of a creation that failed, or of a change set: nothing serves there."""
_BUSY = re.compile(r"_IN_PROGRESS state and can not be updated|^Stack \[.*\] already exists")
"""Somebody else was faster."""
MOST_TRIES = 5
_CONSEQUENCES = ("Resource creation cancelled", "Resource update cancelled")


class Refused(Exception):
    """CloudFormation did not take the template; nothing has changed."""


@dataclass(frozen=True)
class Failure:
    """A resource that could not be made or changed."""

    logical_id: str
    type: str
    reason: str
    stack: str
    within: tuple[str, ...] = ()
    """Logical ids of the nested stacks that lead to it."""


@dataclass(frozen=True)
class Outcome:
    """How a deployment ended."""

    action: str
    """`created`, `updated` or `unchanged`; `failed`."""
    status: str
    changes: Mapping[str, int]
    """How many resources were created, changed and deleted."""
    failures: tuple[Failure, ...] = ()


_Version = tuple[str, str, Any]


def _version(stack: Mapping[str, Any]) -> _Version:
    """What changes whenever anybody changes a stack."""
    return stack["StackId"], stack["StackStatus"], stack.get("LastUpdatedTime")


def _is_custom(kind: str) -> bool:
    return kind.startswith("Custom::") or kind == "AWS::CloudFormation::CustomResource"


class Stacks:
    """The stacks of an account and region."""

    def __init__(
        self,
        client: Client,
        sleep: Callable[[float], None] = time.sleep,
        note: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._client = client
        self._note = note
        """Tells what a long deployment waits for."""
        self._cloudformation = client("cloudformation")
        self._sleep = sleep
        self._uploaded: set[tuple[str, str]] = set()
        self._deployed: dict[str, tuple[dict[str, Any], _Version]] = {}
        """What each stack was last asked to be, and which state of it that was."""

    def upload(self, key: str, content: bytes, bucket: str = BUCKET) -> None:
        """Put an object where packaged templates find it, once."""
        if (bucket, key) in self._uploaded:
            return
        s3 = self._client("s3")
        if not any(bucket == known for known, _ in self._uploaded):
            self._make_bucket(bucket)
        s3.put_object(Bucket=bucket, Key=key, Body=content)
        self._uploaded.add((bucket, key))

    def _make_bucket(self, bucket: str) -> None:
        from botocore.exceptions import ClientError

        s3 = self._client("s3")
        region = s3.meta.region_name
        where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        try:
            s3.create_bucket(Bucket=bucket, **where)
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
                raise

    def deploy(
        self, name: str, template: Mapping[str, Any], parameters: Mapping[str, str], tries: int = MOST_TRIES
    ) -> Outcome:
        """Create or change a stack, and wait; also for whoever else deploys it at the same moment. Raises Refused."""
        from botocore.exceptions import ClientError

        request: dict[str, Any] = {
            "StackName": name,
            "Capabilities": CAPABILITIES,
            "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            **self._template(template),
        }
        stack = self._settled(name)
        if stack is not None and self._deployed.get(name) == (request, _version(stack)):
            return Outcome("unchanged", stack["StackStatus"], {})
        if stack is not None and stack["StackStatus"] in _CANNOT_BE_UPDATED:
            self.delete(name)
            stack = None
        if stack is not None and stack["StackStatus"] == "UPDATE_ROLLBACK_FAILED":
            stack = self._rolled_back(name)
        before = self._last_event(name) if stack is not None else None
        try:
            if stack is None:
                self._cloudformation.create_stack(**request)
            else:
                self._cloudformation.update_stack(**request)
        except ClientError as error:
            message = error.response["Error"]["Message"]
            if message == _NO_UPDATES and stack is not None:
                self._deployed[name] = (request, _version(stack))
                return Outcome("unchanged", stack["StackStatus"], {})
            if tries > 1 and _BUSY.search(message):
                return self.deploy(name, template, parameters, tries - 1)
            raise Refused(message) from error
        ended = self._settled(name)
        assert ended is not None, "a stack that is not deleted is there"
        outcome = self._outcome(name, stack is None, ended, before)
        if outcome.action != "failed":
            self._deployed[name] = (request, _version(ended))
        return outcome

    def _rolled_back(self, name: str) -> dict[str, Any] | None:
        """A stack whose rollback had failed, once more; what fails again stays as it is, that its owner can mend it."""
        self._cloudformation.continue_update_rollback(StackName=name)
        stack = self._settled(name)
        if stack is None or stack["StackStatus"] != "UPDATE_ROLLBACK_FAILED":
            return stack
        pages = self._cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
        resources = [each for page in pages for each in page["StackResourceSummaries"]]
        stuck = [each["LogicalResourceId"] for each in resources if each["ResourceStatus"] == "UPDATE_FAILED"]
        self._cloudformation.continue_update_rollback(StackName=name, ResourcesToSkip=stuck)
        return self._settled(name)

    def announce(self, transform: str) -> None:
        """Tell an emulator which transform comes: it loads it while the template is still being checked here."""
        body = json.dumps({"Transform": transform, "Resources": {}})

        def ask() -> None:
            from botocore.exceptions import BotoCoreError, ClientError

            with contextlib.suppress(BotoCoreError, ClientError):  # told by what follows
                self._cloudformation.validate_template(TemplateBody=body)

        threading.Thread(target=ask, name="announce", daemon=True).start()

    def delete(self, name: str) -> None:
        """Delete a stack, and wait."""
        self._cloudformation.delete_stack(StackName=name)
        self._settled(name)

    def outputs(self, name: str) -> list[dict[str, str]]:
        """The outputs of a stack."""
        found = self.find(name)
        return found.get("Outputs", []) if found else []

    def resources(self, name: str, inside: str = "") -> list[dict[str, Any]]:
        """The resources of a stack, and of those nested in it with the nested stack's logical id before theirs."""
        found: list[dict[str, Any]] = []
        for page in self._cloudformation.get_paginator("list_stack_resources").paginate(StackName=name):
            for item in page["StackResourceSummaries"]:
                if item["ResourceType"] == "AWS::CloudFormation::Stack" and item.get("PhysicalResourceId"):
                    found += self.resources(item["PhysicalResourceId"], f"{inside}{item['LogicalResourceId']}/")
                else:
                    found.append({**item, "LogicalResourceId": inside + item["LogicalResourceId"]})
        return [item for item in found if not item["ResourceStatus"].startswith("DELETE_COMPLETE")]

    def find(self, name: str) -> dict[str, Any] | None:
        """A stack that is there."""
        from botocore.exceptions import ClientError

        try:
            return self._cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in error.response["Error"]["Message"]:
                return None
            raise

    def _settled(self, name: str) -> dict[str, Any] | None:
        """The stack once nothing is under way with it; somebody else's deployment is waited for, too."""
        wait, waited = POLL_SECONDS, 0.0
        while True:
            found = self.find(name)
            if found is None or found["StackStatus"] == "DELETE_COMPLETE":
                return None
            if not found["StackStatus"].endswith("_IN_PROGRESS") or found["StackStatus"] == "REVIEW_IN_PROGRESS":
                return found
            self._sleep(wait)
            if waited // NOTE_SECONDS < (waited + wait) // NOTE_SECONDS:
                self._note(self._waiting_for(name, waited + wait))
            waited += wait
            wait = min(wait * 1.2, LONGEST_POLL_SECONDS)

    def _waiting_for(self, name: str, seconds: float) -> str:
        """What a deployment waits for, and where to look."""
        pages = self._cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
        resources = [each for page in pages for each in page["StackResourceSummaries"]]
        waiting = [each for each in resources if each["ResourceStatus"].endswith("_IN_PROGRESS")]
        named = ", ".join(f"{each['LogicalResourceId']} ({each['ResourceType']})" for each in waiting)
        text = f"waiting since {seconds:.0f} s for {named or name}"
        asked = [each for each in waiting if _is_custom(each["ResourceType"])]
        known = [each["ResourceStatusReason"] for each in asked if each.get("ResourceStatusReason")]
        if known:  # an attempt has failed, and is not the last
            return f"{text}: {' '.join(known)}"
        if asked:
            text += "; its function has not answered yet: `emulator logs -f` shows what it does. AWS waits an hour"
        return text

    def _template(self, template: Mapping[str, Any]) -> dict[str, str]:
        text = json.dumps(template, ensure_ascii=False, separators=(",", ":"))
        if len(text.encode()) <= LARGEST_BODY_BYTES:
            return {"TemplateBody": text}
        import hashlib

        key = hashlib.sha256(text.encode()).hexdigest() + ".template"
        self.upload(key, text.encode())
        return {"TemplateURL": f"https://s3.amazonaws.com/{BUCKET}/{key}"}

    def _last_event(self, name: str) -> str | None:
        events = self._cloudformation.describe_stack_events(StackName=name)["StackEvents"]
        return events[0]["EventId"] if events else None

    def _outcome(self, name: str, created: bool, ended: dict[str, Any], before: str | None) -> Outcome:
        status: str = ended["StackStatus"]
        if created and status == "CREATE_COMPLETE":  # three events of each resource would tell no more
            return Outcome("created", status, {"created": self._count(name), "changed": 0, "deleted": 0})
        events = self._events_since(ended["StackId"], before)
        counted = {"created": 0, "changed": 0, "deleted": 0}
        words = {"CREATE_COMPLETE": "created", "UPDATE_COMPLETE": "changed", "DELETE_COMPLETE": "deleted"}
        for event in events:
            word = words.get(event["ResourceStatus"])
            if word is not None and event["PhysicalResourceId"] != ended["StackId"]:
                counted[word] += 1
        if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            return Outcome("updated", status, counted)
        failures = self._failures(events, name) or self._refusals(events, ended)
        return Outcome("failed", status, {}, tuple(failures))

    def _count(self, name: str) -> int:
        pages = self._cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
        return sum(len(page["StackResourceSummaries"]) for page in pages)

    def _refusals(self, events: list[dict[str, Any]], ended: dict[str, Any]) -> list[Failure]:
        """Why a stack failed though no resource did: an output, say; at the resource that the reason names."""
        for event in reversed(events):
            reason = event.get("ResourceStatusReason", "").removesuffix(" Rollback requested by user.")
            if event["PhysicalResourceId"] == ended["StackId"] and "ROLLBACK" in event["ResourceStatus"] and reason:
                named = re.search(r"resource (\w+)", reason)
                return [Failure(named.group(1) if named else "", "", reason, ended["StackName"])]
        return []

    def _failures(self, events: list[dict[str, Any]], stack: str, within: tuple[str, ...] = ()) -> list[Failure]:
        """The resources that failed by themselves, the first first; of nested stacks those inside."""
        found: list[Failure] = []
        for event in reversed(events):
            reason = event.get("ResourceStatusReason", "")
            if not event["ResourceStatus"].endswith("_FAILED") or reason in _CONSEQUENCES:
                continue
            if event["PhysicalResourceId"] == event["StackId"]:
                continue
            inner = event["ResourceType"] == "AWS::CloudFormation::Stack" and event["PhysicalResourceId"]
            if inner:
                name: str = event["LogicalResourceId"]
                nested = self._failures(self._events_since(event["PhysicalResourceId"], None), name, (*within, name))
                if nested:
                    found += nested
                    continue
            found.append(Failure(event["LogicalResourceId"], event["ResourceType"], reason, stack, within))
        return found

    def _events_since(self, name: str, before: str | None) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for page in self._cloudformation.get_paginator("describe_stack_events").paginate(StackName=name):
            for event in page["StackEvents"]:
                if event["EventId"] == before:
                    return found
                found.append(event)
        return found
