"""Stands between all clients of S3 and the library: keeps the notification configurations, and tells of what succeeds.

What is told is committed before the client has its answer. The library is asked for what an answer does not say (size,
tag and version of an object that was written); requests that are told of go one after another, so that sequencers have
the order of the writes. A bucket that notifies nobody costs one look into the store for each write.

A delivery that is refused (the queue has gone) is logged and dropped; AWS tries for a while.
"""

from __future__ import annotations

import logging
import re
from asyncio import Lock
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

from emulator.aws.addressing import address_of
from emulator.aws.arn import Arn
from emulator.aws.calls import SERVICE_MEMBER
from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.http import HttpRequest
from emulator.aws.protocol import load_service
from emulator.aws.scope import DEFAULT_REGION, Scope
from emulator.aws.service import Context
from emulator.ports import AskLibrary, DelegatedAnswer, DelegatedRequest, Transaction
from emulator.services.s3 import model, records, store
from emulator.services.s3.model import Rule
from emulator.services.s3.records import Happening
from emulator.services.s3.requests import Act, act_of
from emulator.services.s3.store import Notified

logger = logging.getLogger("emulator.delegated")

SUBJECT = "Amazon S3 Notification"
REMOVED = ("ObjectRemoved:Delete", "ObjectRemoved:DeleteMarkerCreated")
_XML = [("Content-Type", "application/xml")]
_QUIET = re.compile(rb"<Quiet>[^<]*</Quiet>")
_DELETED = re.compile(rb"<Deleted>.*?</Deleted>", re.DOTALL)


class Notifier:
    """Answers requests to S3, by asking the library."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._store = context.store
        self._in_order = Lock()

    async def around(self, request: DelegatedRequest, ask: AskLibrary) -> DelegatedAnswer:
        """Answer one request."""
        act = act_of(request)
        if act is None:
            return await ask(request)
        if act.event == "configure":
            return await self._configure(act.bucket, request, ask)
        if act.event == "configuration":
            return await self._configuration(act.bucket, request, ask)
        if act.event in ("make", "drop"):
            answer = await ask(request)
            if answer[0] < 300:
                await self._store.transact(lambda tx: store.forget(tx, act.bucket))
            return answer
        notified = await self._store.read(lambda tx: store.find(tx, act.bucket))
        if notified is None or not _anyone(notified, act.event):
            return await ask(request)
        async with self._in_order:
            if act.event == "ObjectRemoved:*":
                return await self._removal(act, notified, request, ask)
            return await self._writing(act, notified, request, ask)

    # ── configuration ──

    async def _configuration(self, bucket: str, request: DelegatedRequest, ask: AskLibrary) -> DelegatedAnswer:
        """GetBucketNotificationConfiguration; whether there is such a bucket, the library knows."""
        answer = await ask(request)
        if answer[0] != 200:
            return answer
        found = await self._store.read(lambda tx: store.find(tx, bucket))
        shown = load_service("s3").operation("GetBucketNotificationConfiguration")
        body = shown.serialize(found.configuration if found else {}, "", "rest-xml").body
        root = b"<NotificationConfiguration"
        body = body.replace(root, root + b' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"', 1)
        return 200, list(_XML), body

    async def _configure(self, bucket: str, request: DelegatedRequest, ask: AskLibrary) -> DelegatedAnswer:
        """PutBucketNotificationConfiguration: it replaces all of the bucket's."""
        answer = await ask(request._replace(method="GET", body=b""))
        if answer[0] != 200:
            return answer
        operation = load_service("s3").operation("PutBucketNotificationConfiguration")
        read = operation.parse(HttpRequest("PUT", f"/{bucket}", "notification", [], request.body), {"Bucket": bucket})
        if "NotificationConfiguration" not in read:
            raise model.malformed()
        given: dict[str, Any] = read["NotificationConfiguration"]
        account = _requester(request)
        asking = Scope(account, DEFAULT_REGION)
        found = await self._context.calls.delegated(asking, "s3", "HeadBucket", {"Bucket": bucket})
        owner = Scope(account, found.get("BucketRegion") or DEFAULT_REGION)
        unchecked = request.header("x-amz-skip-destination-validation").lower() == "true"
        await self._store.transact(lambda tx: self._save(tx, bucket, owner, given, unchecked))
        return 200, [], b""

    def _save(self, tx: Transaction, bucket: str, owner: Scope, given: dict[str, Any], unchecked: bool) -> None:
        configuration = model.with_ids(given, _ids(tx))
        rules = model.rules_of(configuration)
        for rule in rules:
            model.check_destination(rule, owner.account, owner.region)
        for rule in rules:
            refusal = self._try(tx, bucket, owner, rule)
            if refusal is not None and not unchecked:
                raise model.unreachable(rule.arn, refusal)
        if not rules and configuration.get("EventBridgeConfiguration") is None:
            store.forget(tx, bucket)
        else:
            store.save(tx, bucket, owner, configuration)

    def _try(self, tx: Transaction, bucket: str, owner: Scope, rule: Rule) -> str | None:
        """Send a queue or topic the test event, look for a function; why it cannot be, if it cannot [Q]."""
        message = records.test_message(bucket, tx.now, records.request_id_of(tx.new_id()))
        try:
            if not self._may_tell(tx, bucket, owner, rule):
                return model.not_permitted(rule)
            if rule.service != "lambda":
                self._send(tx, rule, message)
        except AwsError:
            return model.not_there(rule)
        return None

    def _may_tell(self, tx: Transaction, bucket: str, owner: Scope, rule: Rule) -> bool:
        """Whether the destination's policy lets S3 tell it of this bucket. Raises AwsError if there is none."""
        scope = _scope_of(rule.arn)
        call = self._context.calls.call
        if rule.service == "lambda":
            call(tx, scope, "lambda", "GetFunctionConfiguration", {"FunctionName": rule.arn})
            try:
                text = call(tx, scope, "lambda", "GetPolicy", {"FunctionName": rule.arn})["Policy"]
            except AwsError:
                text = ""
        elif rule.service == "sns":
            text = call(tx, scope, "sns", "GetTopicAttributes", {"TopicArn": rule.arn})["Attributes"]["Policy"]
        else:
            wanted = {"QueueUrl": self._url_of(rule.arn), "AttributeNames": ["Policy"]}
            text = call(tx, scope, "sqs", "GetQueueAttributes", wanted).get("Attributes", {}).get("Policy", "")
        return not self._context.settings.s3_checks_policies or model.permits(text, rule, bucket, owner.account)

    # ── what happens to objects ──

    async def _writing(
        self, act: Act, notified: Notified, request: DelegatedRequest, ask: AskLibrary
    ) -> DelegatedAnswer:
        """A request that writes an object, or something of it."""
        answer = await ask(request)
        status, headers, body = answer
        if status >= 300 and not (act.event == "ObjectCreated:Post" and status == 303):
            return answer
        now = self._context.clock.now()
        happening = self._happening(act, notified, request, headers, now)
        wanted: dict[str, Any] = {"Bucket": act.bucket, "Key": act.key}
        if happening.version:
            wanted["VersionId"] = happening.version
        found: dict[str, Any]
        try:
            found = await self._context.calls.delegated(notified.owner, "s3", "HeadObject", wanted)
        except (AwsError, NotEmulated):  # encrypted with a key of the client's: the request itself has to say it
            found = {"ContentLength": len(request.body), "ETag": _header(headers, "etag")}
        happening = replace(
            happening,
            size=found.get("ContentLength", 0),
            etag=(found.get("ETag") or "").strip('"'),
            version=happening.version or found.get("VersionId") or "",
        )
        await self._tell(notified, [happening])
        return status, headers, body

    async def _removal(
        self, act: Act, notified: Notified, request: DelegatedRequest, ask: AskLibrary
    ) -> DelegatedAnswer:
        """DeleteObject and DeleteObjects; what was not there is not told of (unverified)."""
        quiet = False
        asked = [(act.key, act.version)]
        if not act.key:
            read = _read_batch(request.body)
            if read is None:
                return await ask(request)
            asked, quiet, loud = read
            request = request._replace(body=loud)
        there = {each for each in asked if await self._exists(act.bucket, notified.owner, *each)}
        answer = await ask(request)
        status, headers, body = answer
        if status >= 300:
            return answer
        now = self._context.clock.now()
        base = self._happening(act, notified, request, headers, now)
        if act.key:
            marked = _header(headers, "x-amz-delete-marker").lower() == "true" and not act.version
            version = _header(headers, "x-amz-version-id") or act.version
            removed = [(act.key, act.version, version, marked)]
        else:
            removed = _removed_of(body)
            if quiet:
                body = _DELETED.sub(b"", body)
        told: list[Happening] = []
        for key, given, version, marked in removed:
            if marked:
                empty = "d41d8cd98f00b204e9800998ecf8427e"  # a delete marker has the tag of nothing
                told.append(replace(base, event=REMOVED[1], key=key, version=version, etag=empty))
            elif (key, given) in there:
                told.append(replace(base, event=REMOVED[0], key=key, version=version))
        await self._tell(notified, told)
        return status, headers, body

    async def _exists(self, bucket: str, owner: Scope, key: str, version: str) -> bool:
        wanted = {"Bucket": bucket, "Key": key, **({"VersionId": version} if version else {})}
        try:
            await self._context.calls.delegated(owner, "s3", "HeadObject", wanted)
        except AwsError as error:
            return error.status == 405  # a delete marker, asked for by its version
        return True

    def _happening(
        self, act: Act, notified: Notified, request: DelegatedRequest, headers: list[tuple[str, str]], now: float
    ) -> Happening:
        """What is known of every request; the rest is the caller's."""
        version = _header(headers, "x-amz-version-id") or act.version
        requester, request_id = _requester(request), _header(headers, "x-amz-request-id")
        return Happening(
            act.event, act.bucket, notified.owner, requester, act.key, None, "", version, "", request_id, now
        )

    async def _tell(self, notified: Notified, happenings: list[Happening]) -> None:
        if happenings:
            await self._store.transact(lambda tx: self._commit(tx, notified, happenings))

    def _commit(self, tx: Transaction, notified: Notified, happenings: list[Happening]) -> None:
        rules = notified.rules
        for happening in happenings:
            number = store.next_number(tx, happening.bucket)
            told = replace(
                happening,
                sequencer=records.sequencer_of(happening.at, number),
                request_id=happening.request_id or records.request_id_of(tx.new_id()),
            )
            for rule in rules:
                if rule.wants(told.event, told.key):
                    self._deliver(tx, rule, records.message_of(told, rule.id))
            entry = records.bridged(told) if notified.bridged else None
            if entry is not None:
                request = {"Entries": [entry], SERVICE_MEMBER: True}
                self._context.calls.call(tx, notified.owner, "events", "PutEvents", request)

    def _deliver(self, tx: Transaction, rule: Rule, message: str) -> None:
        try:
            self._send(tx, rule, message)
        except (AwsError, NotEmulated) as refusal:
            logger.info(f"S3 could not notify {rule.arn}: {refusal}")

    def _send(self, tx: Transaction, rule: Rule, message: str) -> None:
        scope = _scope_of(rule.arn)
        if rule.service == "lambda":
            request: dict[str, Any] = {
                "FunctionName": rule.arn,
                "InvocationType": "Event",
                "Payload": message.encode(),
            }
            self._context.calls.call(tx, scope, "lambda", "Invoke", request)
        elif rule.service == "sns":
            request = {"TopicArn": rule.arn, "Subject": SUBJECT, "Message": message}
            self._context.calls.call(tx, scope, "sns", "Publish", request)
        else:
            request = {"QueueUrl": self._url_of(rule.arn), "MessageBody": message}
            self._context.calls.call(tx, scope, "sqs", "SendMessage", request)

    def _url_of(self, arn: str) -> str:
        return f"{self._context.base_url}/{_scope_of(arn).account}/{arn.rpartition(':')[2]}"


def _anyone(notified: Notified, event: str) -> bool:
    if notified.bridged:
        return True
    return any(rule.wants_some(each) for rule in notified.rules for each in (REMOVED if event[-1] == "*" else [event]))


def _ids(tx: Transaction) -> Iterator[str]:
    while True:
        yield tx.new_id()


def _requester(request: DelegatedRequest) -> str:
    """The account that has signed a request."""
    parts = urlsplit(request.url)
    read = HttpRequest(request.method, parts.path, parts.query, list(request.headers))
    return address_of(read, lambda name: name == "s3").scope.account


def _scope_of(arn: str) -> Scope:
    parsed = Arn.parse(arn)
    assert parsed is not None, f"{arn} was checked when it was configured"
    return Scope(parsed.account, parsed.region)


def _header(headers: list[tuple[str, str]], name: str) -> str:
    return next((value for key, value in headers if key.lower() == name), "")


# ── DeleteObjects ──


def _read_batch(body: bytes) -> tuple[list[tuple[str, str]], bool, bytes] | None:
    """The objects to delete, whether the answer is to be quiet, and the body of a request whose answer is not."""
    root = _parsed(body)
    if root is None:
        return None
    quiet = False
    asked: list[tuple[str, str]] = []
    for child in root:
        if _tag(child) == "Quiet":
            quiet = (child.text or "").strip().lower() == "true"
        elif _tag(child) == "Object":
            asked.append((_text(child, "Key"), _text(child, "VersionId")))
    return asked, quiet, _QUIET.sub(b"", body) if quiet else body


def _removed_of(body: bytes) -> list[tuple[str, str, str, bool]]:
    """(key, version asked for, version told, whether a delete marker was made) of what an answer says is deleted."""
    root = _parsed(body)
    removed: list[tuple[str, str, str, bool]] = []
    for child in root if root is not None else ():
        if _tag(child) == "Deleted":
            given, marker = _text(child, "VersionId"), _text(child, "DeleteMarkerVersionId")
            marked = _text(child, "DeleteMarker").lower() == "true" and not given
            removed.append((_text(child, "Key"), given, marker if marked else given, marked))
    return removed


def _parsed(body: bytes) -> ElementTree.Element | None:
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        return None
    try:
        return ElementTree.fromstring(body)
    except ElementTree.ParseError:
        return None


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _text(element: ElementTree.Element, name: str) -> str:
    return next(((child.text or "") for child in element if _tag(child) == name), "")
