"""Contact lists and contacts of SES API v2, as data: who is on a list, and which topics they want mail of.

What a list says of a recipient decides whether mail sent by it (`ListManagementOptions`) reaches them.
"""

from __future__ import annotations

from typing import Any

from emulator.aws.errors import AwsError
from emulator.aws.page_tokens import write_token
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.ses import store_documents
from emulator.services.ses.model import Refused, parse_address
from emulator.services.ses.operations.dialect import V2, Dialect, names_after, page_size
from emulator.services.ses.store_documents import Document, Kind

LISTS = Kind("contact-list")
MOST_LISTS = 1
"""An account has one contact list in a region (SES developer guide, "Using list management") [D]."""
MOST_TOPICS = 20


class ContactOperations:
    """Contact lists of one emulator; shapes are v2's, because v1 has none."""

    def create_list(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """CreateContactList."""
        name = request["ContactListName"]
        if store_documents.get(tx, scope, LISTS, name) is not None:
            raise AwsError("AlreadyExistsException", f"List with name: {name} already exists.")
        if store_documents.count(tx, scope, LISTS) >= MOST_LISTS:
            raise AwsError("LimitExceededException", "Maximum number of contact lists exceeded.")
        self._keep_list(tx, scope, request, list(request.get("Tags") or ()))
        return {}

    def update_list(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """UpdateContactList: replaces topics and description."""
        self._keep_list(tx, scope, request, _list(tx, scope, request).body["Tags"])
        return {}

    def _keep_list(self, tx: Transaction, scope: Scope, request: dict[str, Any], tags: list[Any]) -> None:
        topics = list(request.get("Topics") or ())
        names = {topic["TopicName"] for topic in topics}
        if len(topics) > MOST_TOPICS or len(names) < len(topics):
            raise AwsError(V2.bad_request, f"A list has at most {MOST_TOPICS} topics, of different names.")
        body = {"Topics": topics, "Description": request.get("Description"), "Tags": tags}
        store_documents.put(tx, scope, LISTS, request["ContactListName"], body)

    def get_list(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """GetContactList."""
        found = _list(tx, scope, request)
        described = {name: value for name, value in found.body.items() if value is not None}
        times = {"CreatedTimestamp": found.created_at, "LastUpdatedTimestamp": found.updated_at}
        return {"ContactListName": found.name, **described, **times}

    def list_lists(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """ListContactLists."""
        found = store_documents.page(tx, scope, LISTS)
        return {"ContactLists": [{"ContactListName": e.name, "LastUpdatedTimestamp": e.updated_at} for e in found]}

    def delete_list(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """DeleteContactList, with its contacts."""
        found = _list(tx, scope, request)
        store_documents.delete(tx, scope, LISTS, found.name)
        store_documents.delete_all(tx, scope, _contacts(found.name))
        return {}

    def create_contact(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """CreateContact."""
        kind = _contacts(_list(tx, scope, request).name)
        address = request["EmailAddress"]
        try:
            parse_address(address)
        except Refused as error:
            raise V2.refuse(error) from None
        if store_documents.get(tx, scope, kind, address) is not None:
            raise AwsError("AlreadyExistsException", f"Contact with email address: {address} already exists.")
        self._keep_contact(tx, scope, request)
        return {}

    def update_contact(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """UpdateContact: replaces preferences and attributes."""
        _contact(tx, scope, request)
        self._keep_contact(tx, scope, request)
        return {}

    def _keep_contact(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> None:
        wanted = _list(tx, scope, request)
        known = {topic["TopicName"] for topic in wanted.body["Topics"]}
        preferences = list(request.get("TopicPreferences") or ())
        for each in preferences:
            if each["TopicName"] not in known:
                raise AwsError("NotFoundException", f"Topic {each['TopicName']} does not exist.", 404)
        body = {
            "TopicPreferences": preferences,
            "UnsubscribeAll": bool(request.get("UnsubscribeAll")),
            "AttributesData": request.get("AttributesData"),
        }
        store_documents.put(tx, scope, _contacts(wanted.name), request["EmailAddress"], body)

    def get_contact(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """GetContact, with what the list's topics give to who has no preference."""
        wanted, found = _list(tx, scope, request), _contact(tx, scope, request)
        described = {name: value for name, value in found.body.items() if value is not None}
        return {
            "ContactListName": wanted.name,
            "EmailAddress": found.name,
            "TopicDefaultPreferences": _defaults(wanted),
            **described,
            "CreatedTimestamp": found.created_at,
            "LastUpdatedTimestamp": found.updated_at,
        }

    def list_contacts(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """ListContacts, by status and topic, up to 1,000 a page."""
        wanted = _list(tx, scope, request)
        size = page_size(request.get("PageSize"), 1000, V2)
        after = names_after(request.get("NextToken"), V2)
        asked = request.get("Filter") or {}
        found = [
            each
            for each in store_documents.page(tx, scope, _contacts(wanted.name), after)
            if _wants(wanted, each, asked)
        ]
        listed = [
            {
                "EmailAddress": each.name,
                "TopicPreferences": each.body["TopicPreferences"],
                "TopicDefaultPreferences": _defaults(wanted),
                "UnsubscribeAll": each.body["UnsubscribeAll"],
                "LastUpdatedTimestamp": each.updated_at,
            }
            for each in found[:size]
        ]
        token = {"NextToken": write_token(found[size - 1].name)} if len(found) > size else {}
        return {"Contacts": listed, **token}

    def delete_contact(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """DeleteContact."""
        found = _contact(tx, scope, request)
        store_documents.delete(tx, scope, _contacts(request["ContactListName"]), found.name)
        return {}

    def table(self) -> dict[str, Any]:
        """Operation name to method, for wire.py."""
        return {
            "CreateContactList": self.create_list,
            "UpdateContactList": self.update_list,
            "GetContactList": self.get_list,
            "ListContactLists": self.list_lists,
            "DeleteContactList": self.delete_list,
            "CreateContact": self.create_contact,
            "UpdateContact": self.update_contact,
            "GetContact": self.get_contact,
            "ListContacts": self.list_contacts,
            "DeleteContact": self.delete_contact,
        }


# ── sending by a list ───────────────────────────────────────────────────────────────────────────


def check_list(tx: Transaction, scope: Scope, list_name: str, topic: str, dialect: Dialect) -> None:
    """Refuse a list or topic that is not there; the text about topics is unverified."""
    found = store_documents.get(tx, scope, LISTS, list_name)
    if found is None:
        text = f"List with name: {list_name} doesn't exist."
        raise dialect.error("MessageRejected", "NotFoundException", text, 404)
    if topic and topic not in {each["TopicName"] for each in found.body["Topics"]}:
        text = f"Topic {topic} does not exist."
        raise dialect.error("MessageRejected", "NotFoundException", text, 404)


def opted_out(tx: Transaction, scope: Scope, list_name: str, topic: str, address: str) -> bool:
    """Whether a contact wants no mail of a list or topic. Who is no contact has not said so (unverified)."""
    wanted = store_documents.get(tx, scope, LISTS, list_name)
    contact = store_documents.get(tx, scope, _contacts(list_name), address)
    if wanted is None or contact is None:
        return False
    return bool(contact.body["UnsubscribeAll"]) or (bool(topic) and _statuses(wanted, contact).get(topic) == "OPT_OUT")


def opt_out(
    tx: Transaction, scope: Scope, list_name: str, topic: str, address: str
) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Take an address off a topic, or off the list if there is none; its preferences before and after, for events.

    Who is no contact yet becomes one (unverified). None if the list is gone.
    """
    wanted = store_documents.get(tx, scope, LISTS, list_name)
    if wanted is None:
        return None
    contact = store_documents.get(tx, scope, _contacts(list_name), address)
    body: dict[str, Any] = {"TopicPreferences": [], "UnsubscribeAll": False}
    body = contact.body if contact is not None else body
    before = _told(wanted, body)
    if topic:
        kept = [each for each in body["TopicPreferences"] if each["TopicName"] != topic]
        body = {**body, "TopicPreferences": [*kept, {"TopicName": topic, "SubscriptionStatus": "OPT_OUT"}]}
    else:
        body = {**body, "UnsubscribeAll": True}
    store_documents.put(tx, scope, _contacts(list_name), address, {"AttributesData": None, **body})
    return before, _told(wanted, body)


def _told(wanted: Document, body: dict[str, Any]) -> dict[str, Any]:
    """Preferences in the words of Subscription events."""
    own = {each["TopicName"]: each["SubscriptionStatus"] for each in body["TopicPreferences"]}
    statuses = {each["TopicName"]: each["SubscriptionStatus"] for each in _defaults(wanted)} | own
    words = {"OPT_IN": "OptIn", "OPT_OUT": "OptOut"}
    listed = [{"topicName": name, "subscriptionStatus": words[status]} for name, status in statuses.items()]
    return {"unsubscribeAll": bool(body["UnsubscribeAll"]), "topicSubscriptionStatus": listed}


def _statuses(wanted: Document, contact: Document) -> dict[str, str]:
    own = {each["TopicName"]: each["SubscriptionStatus"] for each in contact.body["TopicPreferences"]}
    return {each["TopicName"]: each["SubscriptionStatus"] for each in _defaults(wanted)} | own


def _contacts(list_name: str) -> Kind:
    return Kind("contact", list_name)


def _list(tx: Transaction, scope: Scope, request: dict[str, Any]) -> Document:
    name = request["ContactListName"]
    found = store_documents.get(tx, scope, LISTS, name)
    if found is None:
        raise AwsError("NotFoundException", f"List with name: {name} doesn't exist.", 404)
    return found


def _contact(tx: Transaction, scope: Scope, request: dict[str, Any]) -> Document:
    kind = _contacts(_list(tx, scope, request).name)
    found = store_documents.get(tx, scope, kind, request["EmailAddress"])
    if found is None:
        raise AwsError(
            "NotFoundException", f"Contact with email address: {request['EmailAddress']} doesn't exist.", 404
        )
    return found


def _defaults(wanted: Document) -> list[dict[str, str]]:
    return [
        {"TopicName": topic["TopicName"], "SubscriptionStatus": topic["DefaultSubscriptionStatus"]}
        for topic in wanted.body["Topics"]
    ]


def _wants(wanted: Document, contact: Document, asked: dict[str, Any]) -> bool:
    """Whether a contact fits a filter."""
    status = asked.get("FilteredStatus")
    topic = asked.get("TopicFilter") or {}
    body = contact.body
    found = "OPT_OUT" if body["UnsubscribeAll"] else "OPT_IN"
    if topic.get("TopicName") and not body["UnsubscribeAll"]:
        own = {each["TopicName"]: each["SubscriptionStatus"] for each in body["TopicPreferences"]}
        default = {each["TopicName"]: each["SubscriptionStatus"] for each in _defaults(wanted)}
        known = {**default, **own} if topic.get("UseDefaultIfPreferenceUnavailable") else own
        found = known.get(topic["TopicName"], "")
    return status in (None, found)
