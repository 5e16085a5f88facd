"""Which keys an identity is to be signed with: Easy DKIM's lengths, selectors of own keys; in stacks, too."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator
from tests.wire.cloudformation_support import create, template, update

DOMAIN = "mail.example.com"
OWN = {"DomainSigningSelector": "mine", "DomainSigningPrivateKey": "TUlJRXBBSUJBQUtDQVFFQQ=="}


def shown(emulator: RunningEmulator) -> dict[str, Any]:
    """The identity's DkimAttributes."""
    return emulator.client("sesv2").get_email_identity(EmailIdentity=DOMAIN)["DkimAttributes"]


def test_an_identity_is_made_with_the_length_that_its_easy_dkim_keys_shall_have(emulator: RunningEmulator) -> None:
    ses = emulator.client("sesv2")
    attributes = {"NextSigningKeyLength": "RSA_1024_BIT"}
    made = ses.create_email_identity(EmailIdentity=DOMAIN, DkimSigningAttributes=attributes)["DkimAttributes"]
    assert made["CurrentSigningKeyLength"] == made["NextSigningKeyLength"] == "RSA_1024_BIT"
    assert len(made["Tokens"]) == 3
    answer = ses.put_email_identity_dkim_signing_attributes(
        EmailIdentity=DOMAIN,
        SigningAttributesOrigin="AWS_SES",
        SigningAttributes={"NextSigningKeyLength": "RSA_2048_BIT"},
    )
    assert (answer["DkimStatus"], answer["DkimTokens"]) == ("SUCCESS", made["Tokens"])
    now = shown(emulator)
    assert (now["CurrentSigningKeyLength"], now["NextSigningKeyLength"]) == ("RSA_1024_BIT", "RSA_2048_BIT")


def test_of_an_own_key_the_selector_is_shown(emulator: RunningEmulator) -> None:
    ses = emulator.client("sesv2")
    ses.create_email_identity(EmailIdentity=DOMAIN, DkimSigningAttributes=OWN)
    expected = {"SigningEnabled": True, "Status": "SUCCESS", "Tokens": ["mine"], "SigningAttributesOrigin": "EXTERNAL"}
    assert shown(emulator) == expected
    ses.put_email_identity_dkim_signing_attributes(EmailIdentity=DOMAIN, SigningAttributesOrigin="AWS_SES")
    assert shown(emulator)["SigningAttributesOrigin"] == "AWS_SES"
    assert len(shown(emulator)["Tokens"]) == 3


@pytest.mark.parametrize(
    ("name", "attributes", "code"),
    [
        ("me@example.com", {"NextSigningKeyLength": "RSA_2048_BIT"}, "BadRequestException"),
        (DOMAIN, {"DomainSigningSelector": "mine"}, "BadRequestException"),
        (DOMAIN, {**OWN, "NextSigningKeyLength": "RSA_2048_BIT"}, "BadRequestException"),
        (DOMAIN, {**OWN, "DomainSigningAttributesOrigin": "AWS_SES"}, "BadRequestException"),
        (DOMAIN, {"DomainSigningAttributesOrigin": "AWS_SES_EU_WEST_1"}, None),
    ],
)
def test_attributes_that_do_not_go_together_are_refused_and_nothing_is_made(
    emulator: RunningEmulator, name: str, attributes: dict[str, Any], code: str | None
) -> None:
    ses = emulator.client("sesv2")
    with pytest.raises(ClientError) as refused:
        ses.create_email_identity(EmailIdentity=name, DkimSigningAttributes=attributes)
    status = refused.value.response["ResponseMetadata"]["HTTPStatusCode"]
    assert (status, refused.value.response["Error"]["Code"]) == (400, code) if code else status == 501
    assert ses.list_email_identities()["EmailIdentities"] == []


def test_a_stacks_identity_has_its_signing_attributes(emulator: RunningEmulator) -> None:
    def body(attributes: dict[str, Any]) -> str:
        properties = {"EmailIdentity": DOMAIN, **attributes}
        token = {"Value": {"Fn::GetAtt": ["It", "DkimDNSTokenName1"]}}
        return template({"It": {"Type": "AWS::SES::EmailIdentity", "Properties": properties}}, Outputs={"T": token})

    easy = {"DkimSigningAttributes": {"NextSigningKeyLength": "RSA_1024_BIT"}}
    stack = create(emulator, body(easy))
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert stack["Outputs"][0]["OutputValue"].endswith(f"._domainkey.{DOMAIN}")
    assert shown(emulator)["NextSigningKeyLength"] == "RSA_1024_BIT"
    stack = update(emulator, body({"DkimSigningAttributes": OWN}))
    assert (stack["StackStatus"], shown(emulator)["Tokens"]) == ("UPDATE_COMPLETE", ["mine"])
    assert stack["Outputs"][0]["OutputValue"] == ""
    update(emulator, body({}))
    assert shown(emulator)["SigningAttributesOrigin"] == "AWS_SES"
