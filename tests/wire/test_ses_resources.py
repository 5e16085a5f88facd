"""Tags, pools, settings of the account, bounces of incoming mail, messages that expire: through real boto3 clients."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.settings import Settings
from emulator.testing import RunningEmulator
from tests.wire.test_ses_events import error_of
from tests.wire.test_ses_receiving import rule

ARN = "arn:aws:ses:us-east-1:000000000000:"


def test_everything_that_v2_names_can_be_tagged(emulator: RunningEmulator) -> None:
    v2 = emulator.client("sesv2")
    first = [{"Key": "a", "Value": "1"}]
    v2.create_email_identity(EmailIdentity="example.com", Tags=first)
    v2.create_configuration_set(ConfigurationSetName="n", Tags=first)
    v2.create_contact_list(ContactListName="n", Tags=first)
    v2.create_dedicated_ip_pool(PoolName="n", Tags=first)
    v2.create_email_template(TemplateName="n", TemplateContent={"Subject": "s", "Text": "t"}, Tags=first)
    for resource in (
        "identity/example.com",
        "configuration-set/n",
        "contact-list/n",
        "dedicated-ip-pool/n",
        "template/n",
    ):
        assert v2.list_tags_for_resource(ResourceArn=ARN + resource)["Tags"] == first
        v2.tag_resource(ResourceArn=ARN + resource, Tags=[{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "3"}])
        v2.untag_resource(ResourceArn=ARN + resource, TagKeys=["b", "c"])
        assert v2.list_tags_for_resource(ResourceArn=ARN + resource)["Tags"] == [{"Key": "a", "Value": "3"}]
    assert v2.get_email_identity(EmailIdentity="example.com")["Tags"] == [{"Key": "a", "Value": "3"}]
    assert v2.get_configuration_set(ConfigurationSetName="n")["Tags"] == [{"Key": "a", "Value": "3"}]
    for arn in (
        ARN + "identity/none",
        ARN + "template/none",
        ARN + "spoon/n",
        ARN.replace("us-", "eu-") + "template/n",
    ):
        assert error_of(v2.list_tags_for_resource, ResourceArn=arn)[0] == "NotFoundException"
    assert error_of(v2.tag_resource, ResourceArn="nope", Tags=first)[0] == "BadRequestException"
    many = [{"Key": f"k{number}", "Value": ""} for number in range(51)]
    assert error_of(v2.tag_resource, ResourceArn=ARN + "template/n", Tags=many)[0] == "BadRequestException"


def test_pools_and_settings_of_the_account_are_kept(emulator: RunningEmulator) -> None:
    v2 = emulator.client("sesv2")
    v2.create_dedicated_ip_pool(PoolName="p")
    assert error_of(v2.create_dedicated_ip_pool, PoolName="p")[0] == "AlreadyExistsException"
    assert v2.list_dedicated_ip_pools()["DedicatedIpPools"] == ["p"]
    assert v2.get_dedicated_ip_pool(PoolName="p")["DedicatedIpPool"] == {"PoolName": "p", "ScalingMode": "STANDARD"}
    v2.put_dedicated_ip_pool_scaling_attributes(PoolName="p", ScalingMode="MANAGED")
    answer = error_of(v2.put_dedicated_ip_pool_scaling_attributes, PoolName="p", ScalingMode="STANDARD")
    assert answer[0] == "BadRequestException"
    assert v2.get_dedicated_ips(PoolName="p")["DedicatedIps"] == []
    assert error_of(v2.get_dedicated_ip, Ip="192.0.2.1")[0] == "NotFoundException"
    assert error_of(v2.put_dedicated_ip_in_pool, Ip="192.0.2.1", DestinationPoolName="p")[2] == 404
    v2.delete_dedicated_ip_pool(PoolName="p")
    assert error_of(v2.delete_dedicated_ip_pool, PoolName="p")[0] == "NotFoundException"
    assert error_of(v2.get_dedicated_ips, PoolName="p")[0] == "NotFoundException"
    v2.put_account_dedicated_ip_warmup_attributes(AutoWarmupEnabled=False)
    v2.put_account_vdm_attributes(VdmAttributes={"VdmEnabled": "ENABLED"})
    account = v2.get_account()
    assert (account["DedicatedIpAutoWarmupEnabled"], account["VdmAttributes"]) == (False, {"VdmEnabled": "ENABLED"})


def test_an_application_bounces_a_message_that_came_in(emulator: RunningEmulator) -> None:
    ses = emulator.client("ses")
    ses.verify_domain_identity(Domain="example.com")
    ses.create_receipt_rule_set(RuleSetName="set")
    ses.set_active_receipt_rule_set(RuleSetName="set")
    ses.create_receipt_rule(RuleSetName="set", Rule=rule("r", {"StopAction": {"Scope": "RuleSet"}}))
    mail = {"from": "ada@outside.org", "to": ["orders@example.com"], "subject": "s", "text": "t"}
    identifier = emulator.control("POST", "inbound", mail)["id"]
    request: dict[str, Any] = {
        "OriginalMessageId": identifier,
        "BounceSender": "no@example.com",
        "Explanation": "Nobody here.",
        "BouncedRecipientInfoList": [{"Recipient": "orders@example.com", "BounceType": "DoesNotExist"}],
    }
    for changes in (
        {"OriginalMessageId": "other"},
        {"BounceSender": "no@elsewhere.org"},
    ):
        assert error_of(ses.send_bounce, **{**request, **changes})[0] == "MessageRejected"
    for told in (
        [],
        [{"Recipient": "orders@example.com"}],
        [{"Recipient": "x@example.com", "BounceType": "Undefined"}],
    ):
        answer = error_of(ses.send_bounce, **{**request, "BouncedRecipientInfoList": told})
        assert answer[0] in ("InvalidParameterValue", "ValidationError")
    sent = ses.send_bounce(**request)["MessageId"]
    [bounce] = emulator.inbox()
    assert (bounce["id"], bounce["from"], bounce["to"]) == (sent, "no@example.com", ["ada@outside.org"])
    assert "Nobody here." in bounce["text"]
    assert "Status: 5.1.1" in bounce["text"]
    emulator.advance(86401)
    assert error_of(ses.send_bounce, **request)[0] == "MessageRejected"


def test_a_message_that_cannot_leave_expires_when_its_configuration_set_says_so() -> None:
    with RunningEmulator(Settings(port=0, data=None, frozen=True, smtp="127.0.0.1:9")) as emulator:
        v2 = emulator.client("sesv2")
        v2.create_email_identity(EmailIdentity="example.com")
        v2.create_configuration_set(ConfigurationSetName="fast", DeliveryOptions={"MaxDeliverySeconds": 300})
        began = emulator.now()
        v2.send_email(
            FromEmailAddress="a@example.com",
            Destination={"ToAddresses": ["ada@example.org"]},
            Content={"Simple": {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}}},
            ConfigurationSetName="fast",
        )
        for _ in range(10):
            if emulator.inbox()[0]["delivery"]["state"] == "pending":
                emulator.advance(60)
        assert emulator.inbox()[0]["delivery"]["state"] == "bounced"
        assert 150 <= emulator.now() - began <= 360
        [point] = emulator.client("ses").get_send_statistics()["SendDataPoints"]
        assert (point["DeliveryAttempts"], point["Bounces"]) == (1, 1)


@pytest.mark.parametrize("operation", ["get_message_insights", "list_tenants", "create_deliverability_test_report"])
def test_what_is_absent_is_refused_by_name(emulator: RunningEmulator, operation: str) -> None:
    request: dict[str, dict[str, Any]] = {
        "get_message_insights": {"MessageId": "m"},
        "create_deliverability_test_report": {
            "FromEmailAddress": "a@example.com",
            "Content": {"Simple": {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}}},
        },
    }
    code, text, status = error_of(getattr(emulator.client("sesv2"), operation), **request.get(operation, {}))
    assert (status, "is not emulated" in text or "NotImplemented" in code) == (501, True)
