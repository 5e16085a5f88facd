"""What SNS does after a Publish: HTTP endpoints, further tries, and further pages of large topics.

Load · call · commit. A function, queue or mailbox is served inside the commit; only HTTP leaves the process.
"""

from __future__ import annotations

from dataclasses import dataclass

from emulator import jobs
from emulator.jobs import Job
from emulator.ports import EndpointUnreachable, HttpSender, Store, Transaction
from emulator.services.sns import formats, model, store, store_documents
from emulator.services.sns.delivery import Deliveries, message_of
from emulator.services.sns.delivery_status import Delivered, Failure
from emulator.services.sns.model import Message, Subscription, Topic
from emulator.services.sns.operations.topics import topic_by_arn

HTTP_TIMEOUT_SECONDS = 15.0
"""How long SNS waits for an endpoint; host time here."""


@dataclass(frozen=True, slots=True)
class _Delivery:
    topic: Topic
    subscription: Subscription
    message: Message


class SnsWorker:
    """Runs `sns.deliver` and `sns.fan_out` jobs."""

    def __init__(self, rows: Store, deliveries: Deliveries, http: HttpSender | None) -> None:
        self._rows = rows
        self._deliveries = deliveries
        self._http = http

    async def fan_out(self, job: Job) -> None:
        """Serve the next page of a topic's subscriptions."""

        def change(tx: Transaction) -> None:
            if not jobs.complete(tx, job.id):
                return
            topic = topic_by_arn(tx, job.payload["topic"])
            if topic is not None:
                self._deliveries.fan_out(tx, topic, message_of(job), job.payload["after"])

        await self._rows.transact(change)

    async def deliver(self, job: Job) -> None:
        """One more try for one subscription."""
        delivery = await self._rows.read(lambda tx: _load(tx, job))
        outcome: Delivered | Failure | None = None
        over_http = delivery is not None and delivery.subscription.protocol in ("http", "https")
        if delivery is not None and over_http:
            outcome = await self._post(delivery)
        await self._rows.transact(lambda tx: self._commit(tx, job, delivery, outcome))

    async def _post(self, delivery: _Delivery) -> Delivered | Failure:
        topic, subscription, message = delivery.topic, delivery.subscription, delivery.message
        if self._http is None:
            return Failure("this emulator calls no HTTP endpoints", False)
        policy = model.endpoint_policy(topic, subscription)
        headers = {
            "x-amz-sns-message-type": message.kind,
            "x-amz-sns-message-id": message.id,
            "x-amz-sns-topic-arn": topic.arn,
            "Content-Type": str(policy["requestPolicy"].get("headerContentType", "text/plain; charset=UTF-8")),
            "User-Agent": "Amazon Simple Notification Service Agent",
        }
        if message.kind != formats.CONFIRMATION:
            headers["x-amz-sns-subscription-arn"] = subscription.arn
            if subscription.raw and message.kind == "Notification":
                headers["x-amz-sns-rawdelivery"] = "true"
        body = self._deliveries.body(topic, subscription, message).encode("utf-8", "replace")
        try:
            status = await self._http.post(subscription.endpoint, headers, body, HTTP_TIMEOUT_SECONDS)
        except EndpointUnreachable as error:
            return Failure(str(error), True)
        if 200 <= status < 300:
            return Delivered(status)
        # 4xx but 429 is the endpoint's final no; everything else is tried again (message delivery retries, SNS guide).
        return Failure(f"HTTP {status}", not (400 <= status < 500 and status != 429), status)

    def _commit(
        self, tx: Transaction, job: Job, delivery: _Delivery | None, outcome: Delivered | Failure | None
    ) -> None:
        if jobs.load(tx, job.id) is None:
            return
        if delivery is None:
            jobs.complete(tx, job.id)
            return
        topic, subscription, message = delivery.topic, delivery.subscription, delivery.message
        over_http = outcome is not None
        if outcome is None:
            outcome = self._deliveries.deliver(tx, topic, subscription, message)
        attempts = int(job.payload["failures"]) + 1
        if isinstance(outcome, Delivered):
            jobs.complete(tx, job.id)
            self._deliveries.log(tx, topic, subscription, message, outcome, attempts)
            self._deliveries.count(tx, topic, {"NumberOfNotificationsDelivered": 1})
            return
        delay = None
        if outcome.retryable and over_http:
            policy = model.endpoint_policy(topic, subscription)["healthyRetryPolicy"]
            delay = model.http_retry_delay(policy, attempts)
        elif outcome.retryable:
            delay = model.managed_retry_delay(attempts)
        if delay is not None:
            told = {"failures": attempts, "why": outcome.text[:500], "to": subscription.endpoint}
            jobs.reschedule(tx, job.id, tx.now + delay, {**job.payload, **told})
            return
        jobs.complete(tx, job.id)
        counted = self._deliveries.give_up(tx, topic, subscription, message, outcome, attempts)
        self._deliveries.count(tx, topic, {counted: 1})


def _load(tx: Transaction, job: Job) -> _Delivery | None:
    """What is to be delivered; None if topic or subscription are gone, or somebody else was confirmed meanwhile."""
    message = message_of(job)
    if message.kind == formats.CANCELLATION:
        return _cancelled(tx, message)
    subscription = store.find_subscription(tx, job.payload["subscription"])
    topic = topic_by_arn(tx, subscription.topic_arn) if subscription is not None else None
    if subscription is None or topic is None:
        return None
    if message.kind == formats.CONFIRMATION and (subscription.confirmed or subscription.token != message.token):
        return None
    return _Delivery(topic, subscription, message)


def _cancelled(tx: Transaction, message: Message) -> _Delivery | None:
    """The goodbye to an endpoint whose subscription is gone, but may be restored."""
    topic = topic_by_arn(tx, message.topic_arn)
    if topic is None or message.token is None:
        return None
    kept = store_documents.get(tx, topic.scope, store_documents.CANCELLED, message.token)
    return None if kept is None else _Delivery(topic, Subscription(**kept.body), message)
