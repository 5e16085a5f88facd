"""What a code signing config is, how it is shown, and what it says of a package without a signature.

A signature that is there is not verified: that takes AWS Signer's certificates.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass, field
from typing import Any

from emulator.aws.errors import AwsError
from emulator.aws.scope import Scope
from emulator.services.lambda_.model import timestamp
from emulator.services.lambda_.rules.errors import UNTYPED

SIGNATURE_PREFIX = "META-INF/aws_signer_signature"


@dataclass(frozen=True, slots=True)
class CodeSigningConfig:
    """Whose signatures are trusted, and what becomes of code without one."""

    scope: Scope
    config_id: str
    description: str
    publishers: list[str]
    policy: str
    """`Warn` or `Enforce`."""
    tags: dict[str, str] = field(default_factory=dict)
    modified: float = 0.0

    @property
    def arn(self) -> str:
        """The config's ARN."""
        return f"arn:aws:lambda:{self.scope.region}:{self.scope.account}:code-signing-config:{self.config_id}"

    def describe(self) -> dict[str, Any]:
        """`CodeSigningConfig` [R:test_function_code_signing_config]."""
        return {
            "CodeSigningConfigId": self.config_id,
            "CodeSigningConfigArn": self.arn,
            "Description": self.description,
            "AllowedPublishers": {"SigningProfileVersionArns": self.publishers},
            "CodeSigningPolicies": {"UntrustedArtifactOnDeployment": self.policy},
            "LastModified": timestamp(self.modified),
        }


def is_signed(package: bytes) -> bool:
    """Whether a package carries a signature of AWS Signer (the name of the member is unverified)."""
    try:
        with zipfile.ZipFile(io.BytesIO(package)) as archive:
            return any(name.startswith(SIGNATURE_PREFIX) for name in archive.namelist())
    except (zipfile.BadZipFile, ValueError):
        return False


def verification_failed(what: str) -> AwsError:
    """400: the policy is Enforce; `what` is the function's name or a layer version's ARN (texts as users report them).

    Public reports: aws-cdk issue 29474 (a function), opentelemetry-lambda issue 1548 (a layer).
    """
    text = (
        "Lambda cannot deploy the function. The function or layer might be signed using a signature that the client "
        f"is not configured to accept. Check the provided signature for {what}."
    )
    return AwsError("CodeVerificationFailedException", text, 400, {"Type": "User"})


def config_not_found(arn: str) -> AwsError:
    """404 of the configs' own operations: without `Type` [R:test_code_signing_not_found_excs]."""
    text = f"The Lambda code signing configuration {arn} can not be found."
    return AwsError("ResourceNotFoundException", text, 404, UNTYPED)


def config_of_function_not_found(arn: str) -> AwsError:
    """404 of PutFunctionCodeSigningConfig [R:test_code_signing_not_found_excs]."""
    text = (
        f"The code signing configuration cannot be found. Check that the provided configuration is not deleted: {arn}."
    )
    return AwsError("CodeSigningConfigNotFoundException", text, 404, {"Type": "User"})
