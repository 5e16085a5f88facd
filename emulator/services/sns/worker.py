"""What SNS does after a Publish: HTTP endpoints, further tries, and further pages of large topics.

Load · call · commit. A function, queue or mailbox is served inside the commit; only HTTP leaves the process.
"""

from __future__ import annotations

from dataclasses import dataclass

from emulator import jobs
from emulator.jobs import Job
from emulator.ports import EndpointUnreachable, HttpSender, Store, Transaction
from emulator.services.sns import formats, model, store
from emulator.services.sns.delivery import Deliveries, Failure, message_of
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
        failure: Failure | None = None
        over_http = delivery is not None and delivery.subscription.protocol in ("http", "https")
        if delivery is not None and over_http:
            failure = await self._post(delivery)
        await self._rows.transact(lambda tx: self._commit(tx, job, delivery, failure, over_http))

    async def _post(self, delivery: _Delivery) -> Failure | None:
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
        if message.kind == "Notification":
            headers["x-amz-sns-subscription-arn"] = subscription.arn
            if subscription.raw:
                headers["x-amz-sns-rawdelivery"] = "true"
        body = self._deliveries.body(topic, subscription, message).encode("utf-8", "replace")
        try:
            status = await self._http.post(subscription.endpoint, headers, body, HTTP_TIMEOUT_SECONDS)
        except EndpointUnreachable as error:
            return Failure(str(error), True)
        if 200 <= status < 300:
            return None
        # 4xx but 429 is the endpoint's final no; everything else is tried again (message delivery retries, SNS guide).
        return Failure(f"HTTP {status}", not (400 <= status < 500 and status != 429))

    def _commit(
        self, tx: Transaction, job: Job, delivery: _Delivery | None, failure: Failure | None, over_http: bool
    ) -> None:
        if jobs.load(tx, job.id) is None:
            return
        if delivery is None:
            jobs.complete(tx, job.id)
            return
        topic, subscription, message = delivery.topic, delivery.subscription, delivery.message
        if not over_http:
            failure = self._deliveries.deliver(tx, topic, subscription, message)
        if failure is None:
            jobs.complete(tx, job.id)
            self._deliveries.count(tx, topic, {"NumberOfNotificationsDelivered": 1})
            return
        failures = int(job.payload["failures"]) + 1
        delay = None
        if failure.retryable and over_http:
            policy = model.endpoint_policy(topic, subscription)["healthyRetryPolicy"]
            delay = model.http_retry_delay(policy, failures)
        elif failure.retryable:
            delay = model.managed_retry_delay(failures)
        if delay is not None:
            jobs.reschedule(tx, job.id, tx.now + delay, {**job.payload, "failures": failures})
            return
        jobs.complete(tx, job.id)
        self._deliveries.count(tx, topic, {self._deliveries.give_up(tx, topic, subscription, message, failure): 1})


def _load(tx: Transaction, job: Job) -> _Delivery | None:
    """What is to be delivered; None if topic or subscription are gone, or somebody else was confirmed meanwhile."""
    subscription = store.find_subscription(tx, job.payload["subscription"])
    topic = topic_by_arn(tx, subscription.topic_arn) if subscription is not None else None
    if subscription is None or topic is None:
        return None
    message = message_of(job)
    if message.kind == formats.CONFIRMATION and (subscription.confirmed or subscription.token != message.token):
        return None
    return _Delivery(topic, subscription, message)
