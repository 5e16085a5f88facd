"""Both SES APIs on a store in memory: what is accepted, what is refused and how it is delivered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from email import message_from_bytes, policy
from typing import Any, TypeVar

import pytest

from emulator import jobs
from emulator.adapters.clock import LiveClock
from emulator.adapters.sqlite import SqliteStore
from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.scope import Scope
from emulator.ports import Mailer, MailerUnavailable, MailRefused, OutgoingMail, Transaction
from emulator.services.ses import inbox, inbox_pages, store
from emulator.services.ses.operations import SesOperations
from emulator.services.ses.operations.feedback import Feedback
from emulator.services.ses.wire import SCHEMA
from emulator.services.ses.worker import DeliveryWorker
from emulator.services.sesv2.operations import SesV2Operations
from emulator.settings import LiveSettings

T = TypeVar("T")
SCOPE = Scope()
START = 1_700_000_000.0


class ScriptedMailer(Mailer):
    """Raises what it was given, in turn; takes everything afterwards."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.sent: list[OutgoingMail] = []

    async def send(self, mail: OutgoingMail) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append(mail)


class Bench:
    """Operations and worker on a fresh store."""

    def __init__(self) -> None:
        self.settings = LiveSettings()
        self.clock = LiveClock(frozen=True, start_at=START)
        self.store = SqliteStore(self.clock, None, seed=1)
        self.store.add_schema(jobs.SCHEMA)
        self.store.add_schema(SCHEMA)
        self.v1 = SesOperations(self.settings)
        self.v2 = SesV2Operations(self.v1)

    def do(self, method: Callable[..., T], request: dict[str, Any], scope: Scope = SCOPE) -> T:
        return self.run(lambda tx: method(tx, scope, request))

    def run(self, change: Callable[[Transaction], T]) -> T:
        return asyncio.run(self.store.transact(change))

    def verify(self, name: str = "example.com") -> None:
        self.do(self.v2.create_email_identity, {"EmailIdentity": name})

    def messages(self) -> list[dict[str, Any]]:
        return self.run(inbox.list_messages)

    def raw(self, identifier: str) -> bytes:
        found = self.run(lambda tx: store.get_message(tx, identifier))
        assert found is not None
        return found[1].raw

    def pending(self) -> list[jobs.Job]:
        return self.run(jobs.pending)

    def deliver(self, mailer: Mailer | None = None) -> None:
        job = self.pending()[0]
        self.clock.jump(job.due_at)
        asyncio.run(DeliveryWorker(self.store, mailer, Feedback(self.v1)).deliver(job))


@pytest.fixture
def bench() -> Any:
    bench = Bench()
    yield bench
    bench.store.close()


def v1_mail(**changes: Any) -> dict[str, Any]:
    return {
        "Source": "reports@example.com",
        "Destination": {"ToAddresses": ["ada@example.org"]},
        "Message": {"Subject": {"Data": "Größe"}, "Body": {"Text": {"Data": "Hello\n"}}},
        **changes,
    }


def v2_mail(**changes: Any) -> dict[str, Any]:
    body = {"Html": {"Data": "<b>é</b>"}, "Text": {"Data": "é"}}
    return {
        "FromEmailAddress": "Reports <reports@example.com>",
        "Destination": {"ToAddresses": ["ada@example.org"], "BccAddresses": ["secret@example.org"]},
        "Content": {"Simple": {"Subject": {"Data": "Report"}, "Body": body}},
        **changes,
    }


def refused(action: Callable[[], Any]) -> tuple[str, str, int]:
    with pytest.raises(AwsError) as caught:
        action()
    return caught.value.code, caught.value.message, caught.value.status


def test_an_accepted_message_is_stored_once_with_one_delivery_job(bench: Bench) -> None:
    bench.verify()
    identifier = bench.do(bench.v1.send_email, v1_mail())["MessageId"]
    [message] = bench.messages()
    assert message["id"] == identifier
    assert message["sent_at"] == "2023-11-14T22:13:20.000Z"
    assert (message["from"], message["to"], message["subject"]) == ("reports@example.com", ["ada@example.org"], "Größe")
    assert message["delivery"] == {"state": "pending", "detail": ""}
    [job] = bench.pending()
    assert (job.kind, job.payload["id"]) == ("ses.deliver", identifier)
    bench.deliver()
    assert bench.messages()[0]["delivery"]["state"] == "delivered"
    assert bench.pending() == []


def test_a_composed_message_is_complete_and_hides_blind_copies(bench: Bench) -> None:
    bench.verify()
    identifier = bench.do(bench.v2.send_email, v2_mail())["MessageId"]
    raw = bench.raw(identifier)
    parsed = message_from_bytes(raw, policy=policy.default)
    assert parsed["From"] == "Reports <reports@example.com>"
    assert parsed["Message-ID"] == f"<{identifier}@email.amazonses.com>"
    assert parsed["Date"] == "Tue, 14 Nov 2023 22:13:20 +0000"
    assert parsed.get_content_type() == "multipart/alternative"
    assert b"secret" not in raw
    assert [part.get_content().strip() for part in parsed.iter_parts()] == ["é", "<b>é</b>"]  # type: ignore[attr-defined]


def test_simple_headers_and_attachments_travel_with_the_message(bench: Bench) -> None:
    bench.verify()
    simple = {
        "Subject": {"Data": "With a file"},
        "Body": {"Text": {"Data": "see below"}},
        "Headers": [{"Name": "X-Report", "Value": "42"}],
        "Attachments": [{"FileName": "a.csv", "RawContent": b"1,2\n", "ContentDescription": "numbers"}],
    }
    bench.do(bench.v2.send_email, v2_mail(Content={"Simple": simple}))
    [message] = bench.messages()
    [file] = message["attachments"]
    assert (file["filename"], file["content_type"], file["size"]) == ("a.csv", "text/csv", 4)
    assert {"name": "X-Report", "value": "42"} in message["headers"]


def test_an_unverified_sender_is_refused_with_the_region_in_upper_case(bench: Bench) -> None:
    text = "Email address is not verified. The following identities failed the check in region US-EAST-1: "
    answer = refused(lambda: bench.do(bench.v1.send_email, v1_mail()))
    assert answer == ("MessageRejected", text + "reports@example.com", 400)
    answer = refused(lambda: bench.do(bench.v2.send_email, v2_mail()))
    assert answer == ("MessageRejected", text + "Reports <reports@example.com>", 400)
    assert bench.messages() == []
    assert bench.pending() == []


def test_identities_belong_to_one_account_and_region(bench: Bench) -> None:
    bench.verify()
    for other in (Scope("111111111111", "us-east-1"), Scope("000000000000", "eu-west-1")):
        assert refused(lambda other=other: bench.do(bench.v1.send_email, v1_mail(), other))[0] == "MessageRejected"


def test_a_pending_identity_may_not_send(bench: Bench) -> None:
    bench.settings.ses_auto_verify = False
    bench.do(bench.v1.verify_email_identity, {"EmailAddress": "reports@Example.com"})
    asked = {"Identities": ["reports@example.com", "unknown@example.com"]}
    answer = bench.do(bench.v1.get_identity_verification_attributes, asked)
    assert answer == {"VerificationAttributes": {"reports@example.com": {"VerificationStatus": "Pending"}}}
    assert refused(lambda: bench.do(bench.v1.send_email, v1_mail()))[0] == "MessageRejected"


def test_in_the_sandbox_recipients_must_be_verified_except_the_simulator(bench: Bench) -> None:
    bench.verify()
    bench.settings.ses_sandbox = True
    code, text, _ = refused(lambda: bench.do(bench.v2.send_email, v2_mail()))
    assert code == "MessageRejected"
    assert text.endswith("US-EAST-1: ada@example.org, secret@example.org")
    to = {"ToAddresses": ["success@simulator.amazonses.com"]}
    assert bench.do(bench.v2.send_email, v2_mail(Destination=to))["MessageId"]
    assert bench.do(bench.v1.get_send_quota, {})["Max24HourSend"] == 200.0
    assert bench.do(bench.v2.get_account, {})["ProductionAccessEnabled"] is False


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"Destination": {"ToAddresses": ["ada"]}}, "Missing final '@domain'"),
        ({"Destination": {"ToAddresses": ["a@x.org\r\nBcc: b@x.org"]}}, "Local address contains control or whitespace"),
        ({"Destination": {}}, "Missing required header 'To'."),
        ({"Destination": {"ToAddresses": [f"a{n}@example.org" for n in range(51)]}}, "Recipient count exceeds 50."),
        (
            {"Message": {"Subject": {"Data": "a\r\nBcc: b@x.org"}, "Body": {"Text": {"Data": ""}}}},
            "Header 'Subject' contains control characters.",
        ),
        (
            {"Tags": [{"Name": "a b", "Value": "c"}]},
            "Invalid tag name <a b>: only alphanumeric ASCII characters, '_',  '-' are allowed.",
        ),
    ],
)
def test_v1_refuses_malformed_requests_as_invalid_parameter_values(bench: Bench, changes: Any, text: str) -> None:
    bench.verify()
    answer = refused(lambda: bench.do(bench.v1.send_email, v1_mail(**changes)))
    assert answer == ("InvalidParameterValue", text, 400)


def test_v2_refuses_malformed_requests_as_bad_requests(bench: Bench) -> None:
    bench.verify()
    answer = refused(lambda: bench.do(bench.v2.send_email, v2_mail(Destination={"ToAddresses": [""]})))
    assert answer == ("BadRequestException", "Invalid email address .", 400)
    assert refused(lambda: bench.do(bench.v2.send_email, v2_mail(Content={})))[0] == "BadRequestException"


def test_a_message_over_ten_megabytes_is_refused_by_v1_and_taken_by_v2(bench: Bench) -> None:
    bench.verify()
    raw = b"From: reports@example.com\r\nTo: ada@example.org\r\n\r\n" + b"x" * 70 * 160_000
    code, text, _ = refused(lambda: bench.do(bench.v1.send_raw_email, {"RawMessage": {"Data": raw}}))
    assert (code, text) == ("InvalidParameterValue", f"Message length is more than 10485760 bytes long: '{len(raw)}'.")
    assert bench.do(bench.v2.send_email, {"Content": {"Raw": {"Data": raw}}})["MessageId"]


def test_an_unknown_configuration_set_is_the_error_of_each_api(bench: Bench) -> None:
    bench.verify()
    text = "Configuration set <x> does not exist."
    v1 = refused(lambda: bench.do(bench.v1.send_email, v1_mail(ConfigurationSetName="x")))
    assert v1 == ("ConfigurationSetDoesNotExist", text, 400)
    v2 = refused(lambda: bench.do(bench.v2.send_email, v2_mail(ConfigurationSetName="x")))
    assert v2 == ("NotFoundException", text, 404)


def test_what_is_not_emulated_is_refused_by_name(bench: Bench) -> None:
    bench.verify()
    for changes in ({"ConfigurationOverrides": {"TrackingOptions": {}}}, {"TenantName": "t"}, {"EndpointId": "e"}):
        with pytest.raises(NotEmulated):
            bench.do(bench.v2.send_email, v2_mail(**changes))


def test_a_raw_message_keeps_its_bytes_and_gets_the_headers_of_ses(bench: Bench) -> None:
    bench.verify()
    raw = (
        b"From: Reports <reports@example.com>\nTo: Ada <ada@example.org>, bob@example.org\nBcc: secret@example.org\n"
        b"Subject: =?utf-8?q?Gr=C3=B6=C3=9Fe?=\nMessage-ID: <mine@example.com>\nX-Mine: a\n b\n\nHello\n"
    )
    identifier = bench.do(bench.v1.send_raw_email, {"RawMessage": {"Data": raw}})["MessageId"]
    [message] = bench.messages()
    assert (message["subject"], message["text"]) == ("Größe", "Hello")
    assert (message["to"], message["bcc"]) == (["Ada <ada@example.org>", "bob@example.org"], ["secret@example.org"])
    sent = bench.raw(identifier)
    assert sent.endswith(b"\r\n\r\nHello\n")
    assert b"X-Mine: a\r\n b\r\n" in sent
    assert b"mine@example.com" not in sent
    assert b"secret" not in sent


def test_destinations_override_the_headers_of_a_raw_message(bench: Bench) -> None:
    bench.verify()
    raw = b"From: reports@example.com\r\nTo: ada@example.org, bob@example.org\r\n\r\nHello"
    request = {"RawMessage": {"Data": raw}, "Destinations": ["bob@example.org", "eve@example.org"]}
    bench.do(bench.v1.send_raw_email, request)
    [message] = bench.messages()
    assert (message["to"], message["bcc"]) == (["bob@example.org"], ["eve@example.org"])


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"To: a@example.org\r\n\r\nx", "Missing required header 'From'."),
        (b"", "Missing required header 'From'."),
        (b": x\r\n\r\n", "Empty header names are illegal."),
        (b"<!DOCTYPE html>\r\n", "Illegal header '<!DOCTYPE html>'."),
        (b"From: a@example.com\r\nFrom: b@example.com\r\n\r\n", "Duplicate header 'From'."),
        (b"From: a@example.com\r\nTo: ada\r\n\r\n", "Missing final '@domain'"),
        (b"From: \xff\xfe\r\nTo: a@b.co\r\n\r\n", "Local address contains illegal character"),
    ],
)
def test_a_malformed_raw_message_is_refused(bench: Bench, raw: bytes, text: str) -> None:
    answer = refused(lambda: bench.do(bench.v1.send_raw_email, {"RawMessage": {"Data": raw}}))
    assert answer[:2] == ("InvalidParameterValue", text)


def test_identities_live_from_creation_to_deletion(bench: Bench) -> None:
    created = bench.do(bench.v2.create_email_identity, {"EmailIdentity": "Example.com"})
    assert (created["IdentityType"], created["VerifiedForSendingStatus"]) == ("DOMAIN", True)
    assert len(created["DkimAttributes"]["Tokens"]) == 3
    again = refused(lambda: bench.do(bench.v2.create_email_identity, {"EmailIdentity": "example.com"}))
    assert again == ("AlreadyExistsException", "Email identity example.com already exist.", 400)
    token = bench.do(bench.v1.verify_domain_identity, {"Domain": "example.com"})["VerificationToken"]
    assert len(token) == 44
    bench.do(bench.v1.verify_email_identity, {"EmailAddress": "a@example.org"})
    assert bench.do(bench.v1.list_verified_email_addresses, {}) == {"VerifiedEmailAddresses": ["a@example.org"]}
    assert bench.do(bench.v1.list_identities, {"IdentityType": "Domain"}) == {"Identities": ["example.com"]}
    page = bench.do(bench.v2.list_email_identities, {"PageSize": 1})
    rest = bench.do(bench.v2.list_email_identities, {"NextToken": page["NextToken"]})
    names = [identity["IdentityName"] for identity in page["EmailIdentities"] + rest["EmailIdentities"]]
    assert names == ["a@example.org", "example.com"]
    bench.do(bench.v2.delete_email_identity, {"EmailIdentity": "example.com"})
    gone = refused(lambda: bench.do(bench.v2.get_email_identity, {"EmailIdentity": "example.com"}))
    assert gone == ("NotFoundException", "Email identity example.com does not exist.", 404)
    assert bench.do(bench.v1.delete_identity, {"Identity": "example.com"}) == {}


def test_quota_and_statistics_count_recipients_but_not_the_simulator(bench: Bench) -> None:
    bench.verify()
    bench.do(bench.v2.send_email, v2_mail())
    bench.do(bench.v2.send_email, v2_mail(Destination={"ToAddresses": ["bounce@simulator.amazonses.com"]}))
    assert bench.do(bench.v1.get_send_quota, {})["SentLast24Hours"] == 2.0
    [point] = bench.do(bench.v1.get_send_statistics, {})["SendDataPoints"]
    assert (point["DeliveryAttempts"], point["Bounces"]) == (2, 0)


def test_an_unavailable_relay_is_tried_again_later_with_the_same_message(bench: Bench) -> None:
    bench.verify()
    mailer = ScriptedMailer(MailerUnavailable("down"), MailerUnavailable("down"))
    bench.do(bench.v2.send_email, v2_mail())
    waits = []
    for _ in range(3):
        before = bench.clock.now()
        bench.deliver(mailer)
        waits.append(bench.clock.now() - before)
    assert waits == [0, 10, 20]
    [mail] = mailer.sent
    assert mail.recipients == ["ada@example.org", "secret@example.org"]
    assert mail.sender == "reports@example.com"
    assert bench.messages()[0]["delivery"] == {"state": "delivered", "detail": ""}
    assert bench.pending() == []


def test_a_relay_that_stays_down_ends_in_a_bounce(bench: Bench) -> None:
    bench.verify()
    mailer = ScriptedMailer(*[MailerUnavailable("down")] * 100)
    bench.do(bench.v2.send_email, v2_mail())
    while bench.pending():
        bench.deliver(mailer)
    assert bench.messages()[0]["delivery"]["state"] == "bounced"


def test_a_refusal_of_the_relay_is_a_bounce_and_not_tried_again(bench: Bench) -> None:
    bench.verify()
    bench.do(bench.v2.send_email, v2_mail())
    bench.deliver(ScriptedMailer(MailRefused("550 no such user")))
    [message, *forwarded] = bench.messages()
    assert message["delivery"] == {"state": "bounced", "detail": "550 no such user"}
    assert [mail["subject"] for mail in forwarded] == ["Delivery Status Notification (Failure)"] * 2
    assert [job.payload["id"] for job in bench.pending()] == [mail["id"] for mail in forwarded]


def test_the_mailbox_simulator_bounces_and_never_reaches_the_relay(bench: Bench) -> None:
    bench.verify()
    mailer = ScriptedMailer()
    bench.do(bench.v2.send_email, v2_mail(Destination={"ToAddresses": ["bounce+x@simulator.amazonses.com"]}))
    bench.deliver(mailer)
    assert bench.messages()[0]["delivery"]["state"] == "bounced"
    assert mailer.sent == []


def test_a_delivery_whose_job_is_gone_changes_nothing(bench: Bench) -> None:
    bench.verify()
    bench.do(bench.v2.send_email, v2_mail())
    [job] = bench.pending()
    bench.run(lambda tx: jobs.complete(tx, job.id))
    asyncio.run(DeliveryWorker(bench.store, None, Feedback(bench.v1)).deliver(job))
    assert bench.messages()[0]["delivery"]["state"] == "pending"


def test_the_inbox_finds_by_recipient_and_subject_and_its_pages_are_harmless(bench: Bench) -> None:
    bench.verify()
    body = {"Html": {"Data": "<script>alert('x')</script><p>\"quoted\"</p>"}, "Text": {"Data": "<i>"}}
    simple = {"Subject": {"Data": "<b>Bold</b>"}, "Body": body}
    identifier = bench.do(bench.v2.send_email, v2_mail(Content={"Simple": simple}))["MessageId"]
    assert len(bench.run(lambda tx: inbox.list_messages(tx, to="SECRET@example.org", subject="bold"))) == 1
    assert bench.run(lambda tx: inbox.list_messages(tx, to="nobody")) == []
    message = bench.run(lambda tx: inbox.get_message(tx, identifier))
    assert message is not None
    assert bench.run(lambda tx: inbox.get_message(tx, "unknown")) is None
    page = inbox_pages.render_message_page(message)
    assert "<script>" not in page
    assert 'sandbox="" ' in page
    assert "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;&lt;p&gt;&quot;quoted&quot;&lt;/p&gt;" in page
    assert "<b>Bold" not in page + inbox_pages.render_inbox_page([message])
    assert f"/_emulator/inbox/{identifier}" in inbox_pages.render_inbox_page([message])
