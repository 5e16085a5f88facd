"""Dynamic references: `{{resolve:ssm:name:version}}`, `ssm-secure`, `secretsmanager`, in the texts of properties.

Decides which there are and what stands in their places; whoever may wait fetches the values in between. Change sets and
comparisons see the references and never the values, as on AWS.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from emulator.deploy.template.document import Path, TemplateError
from emulator.ports import Json

_REFERENCE = re.compile(r"\{\{resolve:(ssm|ssm-secure|secretsmanager):([^{}]*)\}\}")
_SSM_NAME = re.compile(r"([a-zA-Z0-9_.\-/]+|arn:[^:]+:ssm:[^:]*:[^:]*:parameter/[a-zA-Z0-9_.\-/]+)(?::(\d+))?\Z")

SECURE_PROPERTIES = {
    ("AWS::DirectoryService::MicrosoftAD", "Password"),
    ("AWS::DirectoryService::SimpleAD", "Password"),
    ("AWS::ElastiCache::ReplicationGroup", "AuthToken"),
    ("AWS::IAM::User", "LoginProfile/Password"),
    ("AWS::KinesisFirehose::DeliveryStream", "RedshiftDestinationConfiguration/Password"),
    ("AWS::OpsWorks::App", "AppSource/Password"),
    ("AWS::OpsWorks::Stack", "CustomCookbooksSource/Password"),
    ("AWS::OpsWorks::Stack", "RdsDbInstances/DbPassword"),
    ("AWS::RDS::DBCluster", "MasterUserPassword"),
    ("AWS::RDS::DBInstance", "MasterUserPassword"),
    ("AWS::Redshift::Cluster", "MasterUserPassword"),
}
"""AWS: "Resources that support dynamic parameter patterns for secure strings"."""


class DynamicReference(NamedTuple):
    """What to fetch."""

    text: str
    """As written, with its braces: the key of what was found."""
    service: str
    """`ssm`, `ssm-secure` or `secretsmanager`."""
    name: str
    """Of a parameter, or name or ARN of a secret."""
    version: str | None = None
    """Of a parameter; of a secret its version id."""
    stage: str | None = None
    """Of a secret."""
    key: str | None = None
    """In the JSON of a secret; None for all of it."""

    def chosen(self, secret: str) -> str:
        """What of a secret's text is meant. Raises TemplateError if it is not JSON or has no such key."""
        if self.key is None:
            return secret
        try:
            members = json.loads(secret)
        except ValueError as error:
            raise TemplateError("Could not parse SecretString JSON") from error
        if not isinstance(members, dict) or self.key not in members:
            raise TemplateError("Could not find a value associated with JSONKey in SecretString")
        value = members[self.key]
        return value if isinstance(value, str) else json.dumps(value)


def dynamic_references(value: Json, resource_type: str, path: Path = ()) -> Iterator[DynamicReference]:
    """Those in an evaluated value. Raises TemplateError, without location, for one that is malformed or not allowed
    there."""
    for text, where in _texts(value, path):
        if "{{resolve:" not in text:
            continue
        for match in _REFERENCE.finditer(text):
            reference = _read(match.group(0), match.group(1), match.group(2), where)
            if reference.service == "ssm-secure":
                plain = "/".join(str(step) for step in where if isinstance(step, str))
                if (resource_type, plain) not in SECURE_PROPERTIES:
                    raise TemplateError(
                        f"SSM Secure reference is not supported in: [{resource_type}/Properties/{plain}]", where
                    )
            yield reference


def substituted(value: Json, found: Mapping[str, str]) -> Json:
    """The value with what was found in the place of each reference, by the text of the reference."""
    if isinstance(value, str):
        return _REFERENCE.sub(lambda match: found.get(match.group(0), match.group(0)), value) if found else value
    if isinstance(value, dict):
        return {name: substituted(item, found) for name, item in value.items()}
    return [substituted(item, found) for item in value] if isinstance(value, list) else value


def _texts(value: Json, path: Path) -> Iterator[tuple[str, Path]]:
    if isinstance(value, str):
        yield value, path
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _texts(item, (*path, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, (*path, index))


def _read(text: str, service: str, rest: str, path: Path) -> DynamicReference:
    if service != "secretsmanager":
        match = _SSM_NAME.match(rest)
        if match is None:
            kind = "SSM Secure" if service == "ssm-secure" else "SSM"
            raise TemplateError(f"Incorrect format is used in the following {kind} reference: [{text}]", path)
        return DynamicReference(text, service, match.group(1), match.group(2))
    name, fields = _secret(rest)
    kind, key, stage, version = [*fields, "", "", "", ""][:4]
    if not name or len(fields) > 4 or kind not in ("", "SecretString") or (stage and version):
        raise TemplateError(f"Incorrect format is used in the following SecretsManager reference: [{text}]", path)
    return DynamicReference(text, service, name, version or None, stage or None, key or None)


def _secret(rest: str) -> tuple[str, list[str]]:
    """An ARN has colons of its own: seven parts."""
    fields = rest.split(":")
    length = 7 if rest.startswith("arn:") else 1
    return ":".join(fields[:length]), fields[length:]
