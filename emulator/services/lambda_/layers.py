"""What a layer version is: its names, how it is shown, who may use it, and what a function's list of layers may be.

Values and pure rules. The recordings at hand hold no layer: texts are AWS's as third parties report them, and
marked where nobody does. Where versions are kept and how they get into an execution environment is not known here.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from emulator.aws.errors import AwsError
from emulator.aws.scope import Scope
from emulator.services.lambda_.model import timestamp
from emulator.services.lambda_.rules.errors import invalid_parameter, not_found
from emulator.services.lambda_.rules.package import LARGEST_UNZIPPED_BYTES

MOST_LAYERS = 5

_VERSION_ARN = re.compile(
    r"arn:aws[a-zA-Z-]*:lambda:([a-z0-9-]+):(\d{12}):layer:([a-zA-Z0-9_-]{1,140}):([0-9]{1,18})", re.ASCII
)
_LAYER_ARN = re.compile(r"arn:aws[a-zA-Z-]*:lambda:([a-z0-9-]+):(\d{12}):layer:([a-zA-Z0-9_-]{1,140})", re.ASCII)


@dataclass(frozen=True, slots=True)
class LayerName:
    """A layer as a caller named it: by name, or by the ARN of anyone's."""

    scope: Scope
    name: str

    @property
    def arn(self) -> str:
        """ARN without version."""
        return f"arn:aws:lambda:{self.scope.region}:{self.scope.account}:layer:{self.name}"

    def version_arn(self, version: int) -> str:
        """ARN of one version."""
        return f"{self.arn}:{version}"


@dataclass(frozen=True, slots=True)
class LayerVersion:
    """One immutable version of a layer; `settings` are the optional members as they were given, in AWS's names."""

    layer: LayerName
    version: int
    sha256: str
    """Base64, as `CodeSha256`."""
    size: int
    unzipped_size: int
    created: float
    settings: dict[str, Any] = field(default_factory=dict)
    """`Description`, `CompatibleRuntimes`, `CompatibleArchitectures`, `LicenseInfo`; members that were given only."""
    policy: list[dict[str, Any]] = field(default_factory=list)
    policy_revision: str = ""
    deleted: bool = False
    """No new function may use it and nobody sees it; functions that have it keep it."""

    @property
    def arn(self) -> str:
        """ARN with version."""
        return self.layer.version_arn(self.version)

    @property
    def compatible_runtimes(self) -> list[str]:
        """As given; AWS shows them to people and enforces nothing."""
        return self.settings.get("CompatibleRuntimes", [])

    def describe_listed(self) -> dict[str, Any]:
        """`LayerVersionsListItem`."""
        result: dict[str, Any] = {
            "LayerVersionArn": self.arn,
            "Version": self.version,
            "Description": self.settings.get("Description", ""),
            "CreatedDate": timestamp(self.created),
        }
        for member in ("CompatibleArchitectures", "CompatibleRuntimes", "LicenseInfo"):
            if member in self.settings:
                result[member] = self.settings[member]
        return result

    def describe(self, location: str) -> dict[str, Any]:
        """`GetLayerVersionResponse`; `location` is where the archive can be fetched."""
        return {
            "Content": {"Location": location, "CodeSha256": self.sha256, "CodeSize": self.size},
            "LayerArn": self.layer.arn,
            **self.describe_listed(),
        }

    def is_compatible(self, runtime: str | None, architecture: str | None) -> bool:
        """Whether a list filtered by these shows it; a version that names none fits no filter (unverified)."""
        return (runtime is None or runtime in self.compatible_runtimes) and (
            architecture is None or architecture in self.settings.get("CompatibleArchitectures", [])
        )

    def may_be_read_by(self, account: str) -> bool:
        """Whether an account may use this version: its owner, or whom the policy names (no organization)."""
        if account == self.layer.scope.account:
            return True
        principals = [statement["Principal"] for statement in self.policy if "Condition" not in statement]
        return any(who == "*" or who == {"AWS": f"arn:aws:iam::{account}:root"} for who in principals)


def parse_layer(text: str, scope: Scope) -> LayerName:
    """Read `LayerName`, whose form the service's model has checked. Raises 404 for other regions (unverified)."""
    match = _LAYER_ARN.fullmatch(text)
    if match is None:
        return LayerName(scope, text)
    region, account, name = match.groups()
    if region != scope.region:
        raise not_found(f"Layers from '{region}' are not reachable in this region ('{scope.region}')")
    return LayerName(Scope(account, region), name)


def parse_version_arn(arn: str) -> tuple[LayerName, int] | None:
    """The layer and version of an ARN, None if it is no ARN of a layer version."""
    match = _VERSION_ARN.fullmatch(arn)
    if match is None:
        return None
    region, account, name, version = match.groups()
    return LayerName(Scope(account, region), name), int(version)


def check_layer_arns(arns: Sequence[str], scope: Scope) -> None:
    """What can be said of a function's list of layers without looking them up."""
    if len(arns) > MOST_LAYERS:
        raise invalid_parameter(f"Cannot reference more than {MOST_LAYERS} layers.")
    seen: dict[LayerName, str] = {}
    for arn in arns:
        parsed = parse_version_arn(arn)
        if parsed is None:  # the model lets AWS's own `:::awslayer:` form through; we have none
            raise invalid_parameter(f"Layer version {arn} does not exist.")
        layer, _ = parsed
        if layer.scope.region != scope.region:
            raise invalid_parameter(
                "Layers are not in the same region as the function. "
                f"Layers are expected to be in region {scope.region}."
            )
        if layer in seen:
            raise invalid_parameter(
                "Two different versions of the same layer are not allowed to be referenced in the same function. "
                f"{seen[layer]} and {arn} are versions of the same layer."
            )
        seen[layer] = arn


def check_unzipped_size(code_bytes: int, layers: Sequence[LayerVersion]) -> None:
    """Code and layers share one limit."""
    total = code_bytes + sum(layer.unzipped_size for layer in layers)
    if total > LARGEST_UNZIPPED_BYTES:
        raise invalid_parameter(
            f"Function code combined with layers exceeds the maximum allowed size of {LARGEST_UNZIPPED_BYTES} bytes. "
            f"The actual size is {total} bytes."
        )


def unzipped_size(package: bytes) -> int:
    """Bytes of all members of a package that `rules.package.check_package` has let through."""
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        return sum(member.file_size for member in archive.infolist())


def access_denied(scope: Scope, action: str, arn: str) -> AwsError:
    """403: another account's layer, be it absent or only not shared."""
    return AwsError(
        "AccessDeniedException",
        f"User: arn:aws:iam::{scope.account}:root is not authorized to perform: lambda:{action} on resource: {arn} "
        f"because no resource-based policy allows the lambda:{action} action",
        403,
    )


def policy_statement(arn: str, request: dict[str, Any]) -> dict[str, Any]:
    """A statement of a layer version's policy as AWS writes it."""
    principal: str = request["Principal"]
    if principal != "*":
        account = principal if principal.isdecimal() else principal.split(":")[4]
        who: Any = {"AWS": f"arn:aws:iam::{account}:root"}
    else:
        who = "*"
    statement: dict[str, Any] = {
        "Sid": request["StatementId"],
        "Effect": "Allow",
        "Principal": who,
        "Action": request["Action"],
        "Resource": arn,
    }
    if request.get("OrganizationId") is not None:
        statement["Condition"] = {"StringEquals": {"aws:PrincipalOrgID": request["OrganizationId"]}}
    return statement
