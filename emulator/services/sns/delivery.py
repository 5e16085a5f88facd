"""From an accepted message to its subscribers: what is delivered at once, what waits, what ends in a dead-letter queue.

Queues, functions and mailboxes receive in the transaction of the Publish, so that nothing between the two can be
lost or repeated. HTTP endpoints, and whoever failed for the receiver's fault, get a durable job. A page of
subscriptions is served at a time; the next page is a job of its own, so that no commit grows with the topic.
"""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from emulator import jobs
from emulator.aws.arn import Arn
from emulator.aws.calls import TRACE_MEMBER, Calls
from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.event_pattern import InvalidPattern, Pattern
from emulator.aws.scope import Scope
from emulator.aws.telemetry import Datum, LogSink, MetricSink
from emulator.jobs import Job
from emulator.ports import Transaction
from emulator.services.ses.operations import SesOperations
from emulator.services.sns import delivery_status, filters, formats, model, store, store_documents
from emulator.services.sns.delivery_status import Delivered, Failure
from emulator.services.sns.endpoints import reachable_endpoint
from emulator.services.sns.model import Message, Subscription, Topic

remarks = logging.getLogger("emulator.functions")
"""What people see while the emulator runs: here, what nobody hears of otherwise."""

DELIVER = "sns.deliver"
"""Job kind: one more try for one subscription. Payload {subscription, failures}, body the message."""
FAN_OUT = "sns.fan_out"
"""Job kind: the next page of a topic's subscriptions. Payload {topic, after}, body the message."""

FAN_OUT_PAGE = 100
"""Subscriptions served in one commit. A FIFO topic has no more than 100 (SNS quotas), so its order holds."""
MOST_QUEUE_ATTRIBUTES = 10


class Deliveries:
    """Delivers notifications inside a transaction; HTTP is left to the worker."""

    def __init__(self, calls: Calls, ses: SesOperations, logs: LogSink, metrics: MetricSink, base_url: str) -> None:
        self._calls = calls
        self._ses = ses
        self._logs = logs
        self._metrics = metrics
        self.base_url = base_url
        self._pattern = lru_cache(1024)(filters.compile_policy)

    def fan_out(self, tx: Transaction, topic: Topic, message: Message, after: int = 0) -> None:
        """Serve one page of a topic's subscriptions, and queue the next page if there is one."""
        page = store.subscriptions_of(tx, topic.arn, after, FAN_OUT_PAGE)
        counts: dict[str, int] = {}
        for _, subscription in page:
            outcome = self._notify(tx, topic, subscription, message)
            counts[outcome] = counts.get(outcome, 0) + 1
        self.count(tx, topic, counts)
        if len(page) == FAN_OUT_PAGE:
            jobs.enqueue(tx, FAN_OUT, {"topic": topic.arn, "after": page[-1][0]}, body=_stored(message))

    def count(self, tx: Transaction, topic: Topic, counts: Mapping[str, int]) -> None:
        """Add to the topic's CloudWatch metrics."""
        data = [Datum(name, number) for name, number in counts.items() if name]
        if data:
            self._metrics.add(tx, topic.scope, "AWS/SNS", {"TopicName": topic.name}, data)

    def _notify(self, tx: Transaction, topic: Topic, subscription: Subscription, message: Message) -> str:
        """Deliver to one subscription or queue its job; the metric that counts it."""
        if not subscription.confirmed:
            return ""
        if not self._wanted(subscription, message):
            return "NumberOfNotificationsFilteredOut"
        if subscription.protocol in ("http", "https"):
            enqueue_delivery(tx, subscription.arn, message)
            return ""
        failure = self.deliver(tx, topic, subscription, message)
        if isinstance(failure, Delivered):
            self.log(tx, topic, subscription, message, failure, 1)
            return "NumberOfNotificationsDelivered"
        delay = model.managed_retry_delay(1) if failure.retryable else None
        if delay is not None:
            enqueue_delivery(tx, subscription.arn, message, 1, tx.now + delay, failure.text[:500])
            return ""
        return self.give_up(tx, topic, subscription, message, failure, 1)

    def log(
        self,
        tx: Transaction,
        topic: Topic,
        subscription: Subscription,
        message: Message,
        outcome: Delivered | Failure,
        attempts: int,
    ) -> None:
        """Delivery status logging, if the topic asks for it."""
        if any("FeedbackRoleArn" in name for name in topic.attributes):
            delivery_status.log(tx, self._logs, topic, subscription, message, outcome, attempts)

    def _wanted(self, subscription: Subscription, message: Message) -> bool:
        text = subscription.attributes.get("FilterPolicy")
        if not text:
            return True
        scope = subscription.attributes.get("FilterPolicyScope", filters.ATTRIBUTES)
        try:
            pattern: Pattern | None = self._pattern(text, scope)
        except InvalidPattern:
            return False  # refused when set; a policy that older data holds accepts nothing
        body = message.for_protocol(subscription.protocol)
        return pattern is None or filters.wants(pattern, scope, body, message.attributes)

    def deliver(
        self, tx: Transaction, topic: Topic, subscription: Subscription, message: Message
    ) -> Delivered | Failure:
        """Hand a message to a queue, a function, a mailbox, a phone or an application, in this transaction."""
        try:
            if subscription.protocol == "sqs":
                sent = self._send_to_queue(tx, topic, subscription, message, subscription.endpoint)
                return Delivered(200, f'{{"sqsMessageId":"{sent["MessageId"]}"}}')
            if subscription.protocol == "lambda":
                self._invoke(tx, topic, subscription, message)
                return Delivered(202)
            if subscription.protocol in ("email", "email-json"):
                self.send_mail(tx, topic, subscription, message)
            elif subscription.protocol == "application":
                self.push(tx, message, subscription.endpoint)
            else:
                text = message.for_protocol(subscription.protocol)
                self.send_text(tx, topic.scope, message.id, subscription.endpoint, text, topic.name)
        except AwsError as error:
            retryable = error.status >= 500 or error.status == 429
            return Failure(f"{error.code}: {error.message}", retryable, error.status)
        except NotEmulated as missing:
            return Failure(str(missing), False)
        return Delivered()

    def give_up(
        self,
        tx: Transaction,
        topic: Topic,
        subscription: Subscription,
        message: Message,
        failure: Failure,
        attempts: int,
    ) -> str:
        """The message goes to the subscription's dead-letter queue, or is lost; the metric that counts it."""
        self.log(tx, topic, subscription, message, failure, attempts)
        queue = subscription.dead_letter_queue
        outcome, told = "NumberOfNotificationsFailed", "no dead-letter queue"
        if queue is not None and message.kind == "Notification":
            try:
                self._send_to_queue(tx, topic, subscription, message, queue)
                self.count(tx, topic, {"NumberOfNotificationsRedrivenToDlq": 1})
                told = f"sent to {queue.rpartition(':')[2]}"
            except (AwsError, NotEmulated) as refusal:
                self.count(tx, topic, {"NumberOfNotificationsFailedToRedriveToDlq": 1})
                told = f"the dead-letter queue refused it: {refusal}"
        line = f"topic {topic.name}: message {message.id} not delivered to {subscription.endpoint} ({failure.text})"
        tx.after_commit(lambda: remarks.info("%s; %s", line, told))
        return outcome

    def body(self, topic: Topic, subscription: Subscription, message: Message) -> str:
        """What a queue or an HTTP endpoint receives: the envelope, or the bare message."""
        if subscription.raw and message.kind == "Notification":
            return message.for_protocol(subscription.protocol)
        return formats.as_text(formats.envelope(message, subscription, self.base_url, _version(topic)))

    def _send_to_queue(
        self, tx: Transaction, topic: Topic, subscription: Subscription, message: Message, queue_arn: str
    ) -> dict[str, Any]:
        arn = Arn.parse(queue_arn)
        if arn is None:
            raise AwsError("InvalidParameter", f"no queue has the ARN {queue_arn}")
        request: dict[str, Any] = {
            "QueueUrl": f"{self.base_url}/{arn.account}/{arn.resource}",
            "MessageBody": self.body(topic, subscription, message),
        }
        if subscription.raw and message.attributes:
            if len(message.attributes) > MOST_QUEUE_ATTRIBUTES:
                # "… Amazon SNS discards the message as a client-side error" (raw message delivery, SNS guide)
                raise AwsError("InvalidParameterValue", "more than 10 message attributes")
            request["MessageAttributes"] = _queue_attributes(message.attributes)
        if message.trace_id:
            trace = {"DataType": "String", "StringValue": message.trace_id}
            request["MessageSystemAttributes"] = {"AWSTraceHeader": trace}
        if arn.resource.endswith(".fifo"):
            request["MessageGroupId"] = message.group_id or topic.name
            request["MessageDeduplicationId"] = message.deduplication_id or message.id
        elif message.group_id is not None and not topic.fifo:
            request["MessageGroupId"] = message.group_id
        return self._calls.call(tx, Scope(arn.account, arn.region), "sqs", "SendMessage", request)

    def _invoke(self, tx: Transaction, topic: Topic, subscription: Subscription, message: Message) -> None:
        arn = Arn.parse(subscription.endpoint)
        scope = topic.scope if arn is None else Scope(arn.account, arn.region)
        event = formats.lambda_event(message, subscription, self.base_url, _version(topic))
        request = {
            "FunctionName": subscription.endpoint,
            "InvocationType": "Event",
            "Payload": json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode(),
            TRACE_MEMBER: message.trace_id,
        }
        self._calls.call(tx, scope, "lambda", "Invoke", request)

    def send_mail(self, tx: Transaction, topic: Topic, subscription: Subscription, message: Message) -> None:
        """Put a notification, or the request to confirm, into a subscriber's mailbox."""
        subject, text = formats.mail_of(message, subscription, self.base_url, _version(topic))
        name = topic.attributes.get("DisplayName") or "AWS Notifications"
        sender = f'"{name}" <no-reply@sns.amazonaws.com>' if _quotable(name) else formats.SENDER
        self._ses.send_for_aws(tx, topic.scope, sender, subscription.endpoint, subject, text)

    def send_text(
        self,
        tx: Transaction,
        scope: Scope,
        message_id: str,
        destination: str,
        text: str,
        group: str = "DirectPublishToPhoneNumber",
        kind: str = "",
    ) -> None:
        """Keep a text message as a record in the log group of delivery status; AWS's has not the text.

        A number that has opted out gets none, which the group of failures says.
        """
        settings = store_documents.get(tx, scope, store_documents.TEXT_SETTINGS, "")
        default = settings.body.get("DefaultSMSType") if settings is not None else None
        opted = store_documents.get(tx, scope, store_documents.OPTED_OUT, destination)
        out = opted is not None and bool(opted.body["out"])
        answer = "Phone number is opted out" if out else "Message has been accepted"
        entry = {
            "notification": {"messageId": message_id, "timestamp": model.iso(tx.now), "message": text},
            "delivery": {
                "destination": destination,
                "smsType": kind or default or "Promotional",
                "providerResponse": answer,
            },
            "status": "FAILURE" if out else "SUCCESS",
        }
        delivery_status.write(tx, self._logs, scope, group, message_id, entry)

    def push(self, tx: Transaction, message: Message, endpoint_arn: str) -> None:
        """Keep a push message as a record in its application's log group. Raises `AwsError` if nothing takes it."""
        scope, application, endpoint = reachable_endpoint(tx, endpoint_arn, "TargetArn")
        entry = {
            "notification": {
                "messageId": message.id,
                "timestamp": model.iso(tx.now),
                "message": message.for_protocol(application.partition("/")[0]),
            },
            "delivery": {
                "destination": endpoint_arn,
                "token": endpoint.body["Token"],
                "providerResponse": "Message has been accepted",
            },
            "status": "SUCCESS",
        }
        delivery_status.write(tx, self._logs, scope, f"app/{application}", message.id, entry)


def enqueue_delivery(
    tx: Transaction,
    subscription_arn: str,
    message: Message,
    failures: int = 0,
    due_at: float | None = None,
    why: str = "",
) -> None:
    """A job for one subscription."""
    payload: dict[str, Any] = {"subscription": subscription_arn, "failures": failures}
    if why:
        payload["why"] = why
    jobs.enqueue(tx, DELIVER, payload, due_at=due_at, body=_stored(message), owner=message.topic_arn)


def message_of(job: Job) -> Message:
    """The message a job carries."""
    return Message.from_json(json.loads(job.body))


def _stored(message: Message) -> bytes:
    return json.dumps(message.to_json(), separators=(",", ":"), ensure_ascii=False).encode()


def _version(topic: Topic) -> str:
    return topic.attributes.get("SignatureVersion", "1")


def _quotable(name: str) -> bool:
    return name.isascii() and name.isprintable() and not set(name) & set('"\\<>')


def _queue_attributes(attributes: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for name, attribute in attributes.items():
        kind = attribute["Type"]
        if kind.partition(".")[0] == "Binary":
            found[name] = {"DataType": kind, "BinaryValue": base64.b64decode(attribute["Value"])}
        else:
            found[name] = {"DataType": kind, "StringValue": attribute["Value"]}
    return found
