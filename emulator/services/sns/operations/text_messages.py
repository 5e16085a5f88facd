"""Text messages' settings, opted-out numbers and the sandbox's numbers, as records: no phone is reached.

A number opts out by a reply, as on AWS; here the reply is handed in (`POST /_emulator/texts`).
Texts of errors are unverified.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from emulator.aws.errors import AwsError
from emulator.aws.page_tokens import write_token
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.sns import model, store_documents
from emulator.services.sns.delivery import Deliveries
from emulator.services.sns.model import invalid
from emulator.services.sns.operations.paging import page_after
from emulator.services.sns.store_documents import OPTED_OUT, SANDBOX_NUMBER, TEXT_SETTINGS

SETTINGS = re.compile(
    "MonthlySpendLimit|DeliveryStatusIAMRole|DeliveryStatusSuccessSamplingRate|DefaultSenderID|DefaultSMSType"
    "|UsageReportS3Bucket"
)
DEFAULTS = {"MonthlySpendLimit": "1"}
STOP_WORDS = frozenset({"ARRET", "CANCEL", "END", "OPT-OUT", "OPTOUT", "QUIT", "REMOVE", "STOP", "TD", "UNSUBSCRIBE"})
"""What a reply says to opt out (SNS guide, "Opting out of receiving SMS messages")."""
OPT_IN_AGAIN_SECONDS = 30 * 86400.0
"""A number can be opted in once in 30 days."""


class TextMessageOperations:
    """SNS's operations on text messages."""

    def __init__(self, deliveries: Deliveries) -> None:
        self._deliveries = deliveries

    def get_settings(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """GetSMSAttributes: those asked for, or all."""
        asked = request.get("attributes")
        for name in asked or ():
            if not SETTINGS.fullmatch(name):
                raise invalid(f"{name} is not a valid attribute")
        found = text_settings(tx, scope)
        return {"attributes": {name: value for name, value in found.items() if not asked or name in asked}}

    def set_settings(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """SetSMSAttributes."""
        given = {name: str(value) for name, value in request["attributes"].items()}
        for name, value in given.items():
            _check_setting(name, value)
        store_documents.put(tx, scope, TEXT_SETTINGS, "", {**text_settings(tx, scope), **given})
        return {}

    def check_opted_out(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """CheckIfPhoneNumberIsOptedOut."""
        number = _number(request["phoneNumber"])
        found = store_documents.get(tx, scope, OPTED_OUT, number)
        return {"isOptedOut": found is not None and found.body["out"]}

    def list_opted_out(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """ListPhoneNumbersOptedOut, 100 at a time."""
        after = page_after({"NextToken": request.get("nextToken")})
        numbers: list[str] = []
        while len(numbers) <= model.PAGE:
            found = store_documents.page(tx, scope, OPTED_OUT, after, model.PAGE + 1)
            numbers += [each.name for each in found if each.body["out"]]
            if len(found) <= model.PAGE:
                break
            after = found[-1].name
        token = {"nextToken": write_token(numbers[model.PAGE - 1])} if len(numbers) > model.PAGE else {}
        return {"phoneNumbers": numbers[: model.PAGE], **token}

    def opt_in(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """OptInPhoneNumber: once in 30 days."""
        number = _number(request["phoneNumber"])
        found = store_documents.get(tx, scope, OPTED_OUT, number)
        if found is None or not found.body["out"]:
            return {}
        if tx.now - found.body.get("in_at", -OPT_IN_AGAIN_SECONDS) < OPT_IN_AGAIN_SECONDS:
            raise invalid(f"Cannot opt in phone number {number}: it has been opted in within the last 30 days")
        store_documents.put(tx, scope, OPTED_OUT, number, {"out": False, "in_at": tx.now})
        return {}

    def reply(self, tx: Transaction, scope: Scope, number: str, text: str) -> bool:
        """A text message from a phone; whether it is one that opts out. Raises InvalidParameter."""
        number = _number(number)
        if text.strip().upper() not in STOP_WORDS:
            return False
        found = store_documents.get(tx, scope, OPTED_OUT, number)
        store_documents.put(tx, scope, OPTED_OUT, number, {**(found.body if found else {}), "out": True})
        return True

    # ── the sandbox, as data ────────────────────────────────────────────────────────────────────

    def sandbox_status(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """GetSMSSandboxAccountStatus: every number is written to here."""
        return {"IsInSandbox": False}

    def create_sandbox_number(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """CreateSMSSandboxPhoneNumber: sends a one-time password, to be read in the records of text messages."""
        number = _number(request["PhoneNumber"])
        opted = store_documents.get(tx, scope, OPTED_OUT, number)
        if opted is not None and opted.body["out"]:
            raise AwsError("OptedOut", f"Phone number {number} is opted out")
        identifier = tx.new_id()
        password = f"{int(hashlib.sha256(identifier.encode()).hexdigest()[:12], 16) % 1_000_000:06}"
        store_documents.put(tx, scope, SANDBOX_NUMBER, number, {"Status": "Pending", "password": password})
        self._deliveries.send_text(tx, scope, identifier, number, f"Your verification code is {password}")
        return {}

    def verify_sandbox_number(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """VerifySMSSandboxPhoneNumber."""
        number = _number(request["PhoneNumber"])
        found = store_documents.get(tx, scope, SANDBOX_NUMBER, number)
        if found is None:
            raise AwsError("ResourceNotFound", f"Phone number {number} does not exist", 404)
        if request["OneTimePassword"] != found.body["password"]:
            text = "The one-time password is not valid"
            raise AwsError("VerificationException", text, 400, {"Status": "FAILED"}, "Message")
        store_documents.put(tx, scope, SANDBOX_NUMBER, number, {**found.body, "Status": "Verified"})
        return {}

    def delete_sandbox_number(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """DeleteSMSSandboxPhoneNumber."""
        number = _number(request["PhoneNumber"])
        if not store_documents.delete(tx, scope, SANDBOX_NUMBER, number):
            raise AwsError("ResourceNotFound", f"Phone number {number} does not exist", 404)
        return {}

    def list_sandbox_numbers(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """ListSMSSandboxPhoneNumbers, up to 100 at a time."""
        size = int(request.get("MaxResults") or model.PAGE)
        found = store_documents.page(tx, scope, SANDBOX_NUMBER, page_after(request), size + 1)
        listed = [{"PhoneNumber": each.name, "Status": each.body["Status"]} for each in found[:size]]
        return {"PhoneNumbers": listed, **({"NextToken": write_token(found[size - 1].name)} if found[size:] else {})}

    def list_origination_numbers(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """ListOriginationNumbers: nobody buys numbers here."""
        return {"PhoneNumbers": []}

    def table(self) -> dict[str, Any]:
        """From AWS's name to method."""
        return {
            "GetSMSAttributes": self.get_settings,
            "SetSMSAttributes": self.set_settings,
            "CheckIfPhoneNumberIsOptedOut": self.check_opted_out,
            "ListPhoneNumbersOptedOut": self.list_opted_out,
            "OptInPhoneNumber": self.opt_in,
            "GetSMSSandboxAccountStatus": self.sandbox_status,
            "CreateSMSSandboxPhoneNumber": self.create_sandbox_number,
            "VerifySMSSandboxPhoneNumber": self.verify_sandbox_number,
            "DeleteSMSSandboxPhoneNumber": self.delete_sandbox_number,
            "ListSMSSandboxPhoneNumbers": self.list_sandbox_numbers,
            "ListOriginationNumbers": self.list_origination_numbers,
        }


def text_settings(tx: Transaction, scope: Scope) -> dict[str, str]:
    """What is set for the account's text messages."""
    found = store_documents.get(tx, scope, TEXT_SETTINGS, "")
    return {**DEFAULTS, **(found.body if found is not None else {})}


def _number(text: str) -> str:
    if not model.PHONE_NUMBER.fullmatch(text):
        raise invalid(f"PhoneNumber Reason: {text} is not a valid phone number")
    return text


def _check_setting(name: str, value: str) -> None:
    if not SETTINGS.fullmatch(name):
        raise invalid(f"{name} is not a valid attribute")
    if name == "DefaultSMSType" and value not in ("Promotional", "Transactional"):
        raise invalid("DefaultSMSType is invalid")
    if name == "DefaultSenderID" and value and not model.SENDER_ID.fullmatch(value):
        raise invalid("DefaultSenderID is invalid")
    if name in ("DeliveryStatusSuccessSamplingRate", "MonthlySpendLimit"):
        most = 100 if name.endswith("Rate") else 10**9
        if value and (not value.isascii() or not value.isdigit() or int(value[:12]) > most):
            raise invalid(f"{name} is invalid")
