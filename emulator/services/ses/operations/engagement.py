"""What recipients do with a message: open it, follow its links, leave the list it was sent by.

Each is told of in the transaction in which it happens. Whoever has a message's id, which is in its links, speaks for
its recipient, as with SES's own links.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.ses import events, store, store_documents, tracking
from emulator.services.ses.model import Message
from emulator.services.ses.operations import contacts
from emulator.services.ses.operations.feedback import Feedback
from emulator.services.ses.operations.sending import TRACKED, Sending
from emulator.services.ses.tracking import Link


@dataclass(frozen=True, slots=True)
class Reader:
    """Who follows a link: what Open and Click records say of them."""

    address: str
    agent: str


class Engagement:
    """Everything that comes of a message once it is in a mailbox."""

    def __init__(self, sending: Sending) -> None:
        self._publisher = sending.publisher
        self._feedback = Feedback(sending)

    def opened(self, tx: Transaction, message_id: str, reader: Reader) -> bool:
        """A message's picture was loaded; False if there is no such message."""
        found = store.get_message(tx, message_id)
        if found is None or store_documents.get(tx, found[0], TRACKED, message_id) is None:
            return False
        scope, message = found
        if tx.now <= message.sent_at + tracking.TRACKED_SECONDS:
            self._publisher.publish(
                tx, scope, events.OPEN, message, events.opened(tx.now, reader.address, reader.agent)
            )
        return True

    def clicked(self, tx: Transaction, message_id: str, number: int, reader: Reader) -> str | None:
        """A link was followed: where it leads, None if nobody has sent it."""
        found = store.get_message(tx, message_id)
        document = store_documents.get(tx, found[0], TRACKED, message_id) if found is not None else None
        links: list[Any] = document.body["links"] if document is not None else []
        if found is None or not 0 <= number < len(links):
            return None
        scope, message = found
        link = Link(links[number]["url"], tuple((name, value) for name, value in links[number]["tags"]))
        if tx.now <= message.sent_at + tracking.TRACKED_SECONDS:
            told = events.clicked(tx.now, reader.address, reader.agent, link.url, tracking.link_tags(link))
            self._publisher.publish(tx, scope, events.CLICK, message, told)
        return link.url

    def complained(self, tx: Transaction, message_id: str, recipient: str) -> bool:
        """A recipient calls a message spam; False if it was not sent to them."""
        found = store.get_message(tx, message_id)
        if found is None or recipient not in found[1].recipients or not found[1].sent.operation:
            return False
        self._feedback.complained(tx, found[0], found[1], recipient)
        return True

    def subscription(self, tx: Transaction, message_id: str) -> tuple[Scope, Message] | None:
        """The message whose recipient wants to leave a list; None if it was not sent by one."""
        found = store.get_message(tx, message_id)
        return found if found is not None and found[1].sent.contact_list else None

    def unsubscribe(self, tx: Transaction, message_id: str, source: str) -> bool:
        """The recipient leaves the topic or the whole list; False if the message was not sent by one."""
        found = self.subscription(tx, message_id)
        if found is None:
            return False
        scope, message = found
        changed = contacts.opt_out(tx, scope, message.sent.contact_list, message.sent.topic, message.recipients[0])
        if changed is None:
            return False
        before, after = changed
        told = events.subscription(tx.now, message.sent.contact_list, source, after, before)
        self._publisher.publish(tx, scope, events.SUBSCRIPTION, message, told)
        return True
