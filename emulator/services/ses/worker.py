"""What happens to a message after it was accepted: it leaves through the relay, if there is one, or is delivered here.

One job per message. The inbox shows a message from its acceptance; only its delivery state changes here. Knows no
SMTP: a Mailer takes the message, is unavailable (tried again with back-off for 14 hours) or refuses it (a bounce).
Whoever is on the suppression list or lives in the mailbox simulator is answered for here, and never reaches a relay.
"""

from __future__ import annotations

from dataclasses import dataclass

from emulator import jobs
from emulator.aws.scope import Scope
from emulator.jobs import Job
from emulator.ports import Mailer, MailerUnavailable, MailRefused, OutgoingMail, Store, Transaction
from emulator.services.ses import events, model, store
from emulator.services.ses.events import Bounce
from emulator.services.ses.model import Message
from emulator.services.ses.operations.feedback import Feedback

TAKEN = "250 2.6.0 Message received"
"""How the simulator's server, and a relay whose words are not known, answer a message [D]."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to become of a message: for whom the relay is asked, and who is answered for here."""

    scope: Scope
    message: Message
    relayed: tuple[str, ...]
    bounced: tuple[tuple[str, Bounce], ...]


class DeliveryWorker:
    """Runs the jobs of kind `ses.deliver`."""

    def __init__(self, rows: Store, mailer: Mailer | None, feedback: Feedback) -> None:
        self.rows = rows
        self.mailer = mailer
        self.feedback = feedback

    async def deliver(self, job: Job) -> None:
        """Deliver one message: load, hand over, commit. At least once towards the relay, same Message-ID each time."""
        plan = await self.rows.read(lambda tx: self._plan(tx, job.payload["id"]))
        failure = None
        if plan is not None and self.mailer is not None and plan.relayed:
            failure = await _hand_over(self.mailer, plan)
        await self.rows.transact(lambda tx: self._settle(tx, job, plan, failure))

    def _plan(self, tx: Transaction, identifier: str) -> Plan | None:
        found = store.get_message(tx, identifier)
        if found is None:
            return None
        scope, message = found
        bounced: list[tuple[str, Bounce]] = []
        for recipient in message.recipients:
            why = self.feedback.bounced_here(tx, scope, message, recipient)
            if why is not None:
                bounced.append((recipient, why))
        here = {recipient for recipient, _ in bounced}
        relayed = [each for each in message.recipients if each not in here and not model.is_simulator(each)]
        return Plan(scope, message, tuple(relayed), tuple(bounced))

    def _settle(self, tx: Transaction, job: Job, plan: Plan | None, failure: MailerUnavailable | None) -> None:
        if plan is None:
            jobs.complete(tx, job.id)
            return
        message = plan.message
        if failure is None:
            if jobs.complete(tx, job.id):
                self._end(tx, plan, None, "")
            return
        if isinstance(failure, MailRefused):
            if jobs.complete(tx, job.id):
                self._end(tx, plan, events.refused_by_server(str(failure)), str(failure))
            return
        attempts = int(job.payload["attempts"]) + 1
        limit = self.feedback.limit_seconds(tx, plan.scope, message)
        due_at = model.retry_at(attempts, message.sent_at, tx.now, limit)
        if due_at is not None:
            if jobs.reschedule(tx, job.id, due_at, {"id": message.id, "attempts": attempts}):
                store.set_delivery(tx, message.id, "pending", str(failure))
                if attempts == 1:
                    self.feedback.delayed(tx, plan.scope, message, list(plan.relayed), str(failure))
        elif jobs.complete(tx, job.id):
            text = f"gave up after {attempts} attempts: {failure}"
            self._end(tx, plan, events.expired(attempts, str(failure)), text)

    def _end(self, tx: Transaction, plan: Plan, refused: Bounce | None, text: str) -> None:
        """The message has been delivered or has come back: keep and tell how, of each recipient."""
        message = plan.message
        bounced = dict(plan.bounced)
        if refused is not None:
            bounced |= dict.fromkeys(plan.relayed, refused)
        delivered = [recipient for recipient in message.recipients if recipient not in bounced]
        if bounced and not delivered:
            first = next(iter(bounced.values()))
            store.set_delivery(tx, message.id, "bounced", text or first.diagnostic.removeprefix("smtp; "))
        else:
            detail = ", ".join(f"{recipient} bounced" for recipient in bounced)
            store.set_delivery(tx, message.id, "delivered", detail)
        for recipient in delivered:
            self.feedback.delivered(tx, plan.scope, message, recipient, TAKEN)
        for recipient, why in bounced.items():
            self.feedback.bounced(tx, plan.scope, message, recipient, why)


async def _hand_over(mailer: Mailer, plan: Plan) -> MailerUnavailable | None:
    message = plan.message
    try:
        await mailer.send(OutgoingMail(message.id, message.envelope_sender, list(plan.relayed), message.raw))
    except MailerUnavailable as error:
        return error
    return None
