"""What has to be fetched from delegated services before a transaction: templates in S3, SSM parameters, secrets.

Decides how a URL names an object and how a value is asked for; what is done with it is others'.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from emulator.aws.calls import Calls
from emulator.aws.errors import AwsError
from emulator.aws.scope import Scope
from emulator.deploy.template.dynamic import DynamicReference
from emulator.ports import Clock
from emulator.services.cloudformation.model import validation_error
from emulator.services.cloudformation.resources.types import ResourceFailed

_VIRTUAL_HOST = re.compile(r"(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\.s3[.-]", re.IGNORECASE)
LARGEST_TEMPLATE = 1_000_000


class Fetching:
    """Asks delegated services, by the account and region of a stack."""

    def __init__(self, calls: Calls, clock: Clock) -> None:
        self._calls = calls
        self.clock = clock

    async def template(self, scope: Scope, url: str) -> str:
        """The template that a TemplateURL names. Raises AwsError in AWS's words."""
        place = place_of_object(url)
        if place is None:
            raise validation_error("TemplateURL must be a supported URL.")
        body = await self._object(scope, *place)
        if len(body) > LARGEST_TEMPLATE:
            raise validation_error("Template may not exceed 1000000 bytes in size.")
        try:
            return body.decode()
        except UnicodeDecodeError as problem:
            raise validation_error("Template format error: unsupported structure.") from problem

    async def text(self, scope: Scope, location: str) -> str:
        """The object at an `s3://` location, for AWS::Include. Raises AwsError."""
        bucket, _, key = location.removeprefix("s3://").partition("/")
        return (await self._object(scope, bucket, key, None)).decode("utf-8", "replace")

    async def _object(self, scope: Scope, bucket: str, key: str, version: str | None) -> bytes:
        request: dict[str, Any] = {"Bucket": bucket, "Key": key}
        if version is not None:
            request["VersionId"] = version
        try:
            answer = await self._calls.delegated(scope, "s3", "GetObject", request)
        except AwsError as problem:
            if problem.code in ("NoSuchBucket", "NoSuchKey", "404"):
                text = (
                    f"S3 error: {problem.message or 'The specified key does not exist.'}\nFor more information check "
                )
                raise validation_error(
                    f"{text}http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"
                ) from problem
            raise validation_error(f"S3 error: {problem.message}") from problem
        return answer["Body"]

    async def parameters(self, scope: Scope, names: Iterable[str]) -> dict[str, str]:
        """Values of SSM parameters by name; those that are not there are left out."""
        found: dict[str, str] = {}
        for name in dict.fromkeys(names):
            try:
                answer = await self._calls.delegated(scope, "ssm", "GetParameter", {"Name": name})
            except AwsError:
                continue
            found[name] = answer["Parameter"]["Value"]
        return found

    async def dynamic(self, scope: Scope, references: Iterable[DynamicReference]) -> Mapping[str, str]:
        """Values of dynamic references by their texts. Raises ResourceFailed, TemplateError."""
        found: dict[str, str] = {}
        for reference in references:
            if reference.text in found:
                continue
            if reference.service == "secretsmanager":
                found[reference.text] = reference.chosen(await self._secret(scope, reference))
            else:
                found[reference.text] = await self._parameter(scope, reference)
        return found

    async def _secret(self, scope: Scope, reference: DynamicReference) -> str:
        request: dict[str, Any] = {"SecretId": reference.name}
        if reference.stage is not None:
            request["VersionStage"] = reference.stage
        if reference.version is not None:
            request["VersionId"] = reference.version
        try:
            answer = await self._calls.delegated(scope, "secretsmanager", "GetSecretValue", request)
        except AwsError as problem:
            raise ResourceFailed(f"{problem.message} (Service: AWSSecretsManager; Code: {problem.code})") from problem
        if "SecretString" not in answer:
            raise ResourceFailed(f"Secret {reference.name} has no SecretString")
        return answer["SecretString"]

    async def _parameter(self, scope: Scope, reference: DynamicReference) -> str:
        name = reference.name if reference.version is None else f"{reference.name}:{reference.version}"
        secure = reference.service == "ssm-secure"
        try:
            answer = await self._calls.delegated(scope, "ssm", "GetParameter", {"Name": name, "WithDecryption": secure})
        except AwsError as problem:
            raise ResourceFailed(
                f"Parameters: [{reference.service}:{reference.name}:{reference.version or ''}] cannot be found."
            ) from problem
        if not secure and answer["Parameter"].get("Type") == "SecureString":
            raise ResourceFailed(
                f"Incorrect format is used in the following SSM reference: [{reference.text}]: it is a SecureString"
            )
        return answer["Parameter"]["Value"]


def place_of_object(url: str) -> tuple[str, str, str | None] | None:
    """Bucket, key and version that a URL of an object names; None if it is none."""
    parts = urlsplit(url)
    if parts.scheme == "s3" and parts.netloc and len(parts.path) > 1:
        return parts.netloc, parts.path[1:], None
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return None
    version = next((pair[10:] for pair in parts.query.split("&") if pair.startswith("versionId=")), None)
    virtual = _VIRTUAL_HOST.match(parts.netloc)
    path = unquote(parts.path.lstrip("/"))
    if virtual is not None:
        return (virtual["bucket"], path, version) if path else None
    bucket, _, key = path.partition("/")
    return (bucket, key, version) if bucket and key else None
