"""The account's suppression list, for sesv2: addresses that SES sends nothing to, and why.

Who is put on it by a bounce or a complaint, and what a message to them becomes, is feedback.py's.
"""

from __future__ import annotations

from typing import Any

from emulator.aws.errors import AwsError
from emulator.aws.page_tokens import write_token
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.ses import model, store_documents
from emulator.services.ses.model import Refused
from emulator.services.ses.operations.dialect import V2, names_after, page_size
from emulator.services.ses.operations.feedback import ALL_REASONS, SUPPRESSED
from emulator.services.ses.operations.sending import Sending


class SuppressionOperations:
    """Operations on the list; their shapes are v2's, because v1 has none."""

    def __init__(self, sending: Sending) -> None:
        self._sending = sending

    def put(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """PutSuppressedDestination: an address that is there gets the new reason."""
        address = request["EmailAddress"]
        try:
            mailbox = model.parse_address(address).mailbox
        except Refused as error:
            raise V2.refuse(error) from None
        body = {"EmailAddress": mailbox, "Reason": request["Reason"]}
        store_documents.put(tx, scope, SUPPRESSED, mailbox.lower(), body)
        return {}

    def get(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """GetSuppressedDestination."""
        address = request["EmailAddress"]
        found = store_documents.get(tx, scope, SUPPRESSED, address.lower())
        if found is None:
            raise _unknown(address)
        body = found.body
        known = {name: body[name] for name in ("MessageId", "FeedbackId") if name in body}
        return {
            "SuppressedDestination": {
                "EmailAddress": body["EmailAddress"],
                "Reason": body["Reason"],
                "LastUpdateTime": found.updated_at,
                **({"Attributes": known} if known else {}),
            }
        }

    def delete(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """DeleteSuppressedDestination."""
        address = request["EmailAddress"]
        if not store_documents.delete(tx, scope, SUPPRESSED, address.lower()):
            raise _unknown(address)
        return {}

    def list(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """ListSuppressedDestinations, up to 1,000 a page: by reason and time of the last change."""
        size = page_size(request.get("PageSize"), 1000, V2)
        reasons = request.get("Reasons") or ALL_REASONS
        start, end = _seconds(request.get("StartDate"), 0.0), _seconds(request.get("EndDate"), float("inf"))
        found = [
            each
            for each in store_documents.page(tx, scope, SUPPRESSED, names_after(request.get("NextToken"), V2))
            if each.body["Reason"] in reasons and start <= each.updated_at <= end
        ]
        listed = [
            {
                "EmailAddress": each.body["EmailAddress"],
                "Reason": each.body["Reason"],
                "LastUpdateTime": each.updated_at,
            }
            for each in found[:size]
        ]
        token = {"NextToken": write_token(found[size - 1].name)} if len(found) > size else {}
        return {"SuppressedDestinationSummaries": listed, **token}

    def put_account_attributes(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """PutAccountSuppressionAttributes: for which reasons the list is used; none turns it off."""
        self._sending.change_account(tx, scope, {"SuppressedReasons": list(request.get("SuppressedReasons") or ())})
        return {}

    def table(self) -> dict[str, Any]:
        """Operation name to method, for wire.py."""
        return {
            "PutSuppressedDestination": self.put,
            "GetSuppressedDestination": self.get,
            "DeleteSuppressedDestination": self.delete,
            "ListSuppressedDestinations": self.list,
            "PutAccountSuppressionAttributes": self.put_account_attributes,
        }


def _unknown(address: str) -> AwsError:
    return AwsError("NotFoundException", f"Email address {address} does not exist on your suppression list.", 404)


def _seconds(moment: Any, absent: float) -> float:
    if moment is None:
        return absent
    return float(moment.timestamp()) if hasattr(moment, "timestamp") else float(moment)
