"""What happens to a message after it was accepted: it leaves through the relay, if there is one, or is delivered here.

One job per message. The inbox shows a message from its acceptance; only its delivery state changes here. Knows no
SMTP: a Mailer takes the message, is unavailable (tried again with back-off for 14 hours) or refuses it (a bounce).
"""

from __future__ import annotations

from emulator import jobs
from emulator.jobs import Job
from emulator.ports import Mailer, MailerUnavailable, MailRefused, OutgoingMail, Store, Transaction
from emulator.services.ses import model, store
from emulator.services.ses.model import Delivery, Message


class DeliveryWorker:
    """Runs the jobs of kind `ses.deliver`."""

    def __init__(self, rows: Store, mailer: Mailer | None) -> None:
        self.rows = rows
        self.mailer = mailer

    async def deliver(self, job: Job) -> None:
        """Deliver one message: load, hand over, commit. At least once towards the relay, same Message-ID each time."""
        found = await self.rows.read(lambda tx: store.get_message(tx, job.payload["id"]))
        message = found[1] if found else None
        failure = None
        if message is not None and self.mailer is not None:
            failure = await _hand_over(self.mailer, message)
        await self.rows.transact(lambda tx: _settle(tx, job, message, failure))


async def _hand_over(mailer: Mailer, message: Message) -> MailerUnavailable | None:
    recipients = [mailbox for mailbox in message.recipients if not model.is_simulator(mailbox)]
    if not recipients:
        return None
    try:
        await mailer.send(OutgoingMail(message.id, message.envelope_sender, recipients, message.raw))
    except MailerUnavailable as error:
        return error
    return None


def _settle(tx: Transaction, job: Job, message: Message | None, failure: MailerUnavailable | None) -> None:
    if message is None:
        jobs.complete(tx, job.id)
        return
    if failure is None or isinstance(failure, MailRefused):
        if jobs.complete(tx, job.id):
            store.set_delivery(tx, message.id, *_outcome(message, failure))
        return
    attempts = int(job.payload["attempts"]) + 1
    due_at = model.retry_at(attempts, message.sent_at, tx.now)
    if due_at is not None:
        if jobs.reschedule(tx, job.id, due_at, {"id": message.id, "attempts": attempts}):
            store.set_delivery(tx, message.id, "pending", str(failure))
    elif jobs.complete(tx, job.id):
        store.set_delivery(tx, message.id, "bounced", f"gave up after {attempts} attempts: {failure}")


def _outcome(message: Message, failure: MailerUnavailable | None) -> tuple[Delivery, str]:
    if failure is not None:
        return "bounced", str(failure)
    simulated = next(filter(None, map(model.simulated_bounce, message.recipients)), None)
    return ("bounced", simulated) if simulated else ("delivered", "")
