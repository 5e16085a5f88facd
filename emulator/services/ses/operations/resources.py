"""Tags of everything that API v2 names, and pools of dedicated addresses and settings of the account, as data.

Pools have no addresses here: nobody leases one, and mail goes out as it does. Texts of refusals are unverified.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from emulator.aws.arn import Arn
from emulator.aws.errors import AwsError
from emulator.aws.page_tokens import write_token
from emulator.aws.scope import Scope
from emulator.aws.tags import counted, refused
from emulator.ports import Transaction
from emulator.services.ses import store, store_documents
from emulator.services.ses.model import identity_name
from emulator.services.ses.operations.contacts import LISTS
from emulator.services.ses.operations.dialect import V2, names_after, page_size
from emulator.services.ses.operations.sending import CONFIGURATION_SETS, Sending
from emulator.services.ses.operations.templates import TEMPLATES
from emulator.services.ses.store_documents import Document, Kind

POOLS = Kind("ip-pool")
MOST_POOLS = 50
MOST_TAGS = 50
_TAGGED = {
    "configuration-set": (CONFIGURATION_SETS, "Tags"),
    "contact-list": (LISTS, "Tags"),
    "dedicated-ip-pool": (POOLS, "Tags"),
    "template": (TEMPLATES, "tags"),
}
"""What has tags besides identities, by the first part of its ARN: where it is kept, and its member of tags."""


class ResourceOperations:
    """v2's operations on tags, pools and the account."""

    def __init__(self, ses: Sending) -> None:
        self._ses = ses

    # ── tags ────────────────────────────────────────────────────────────────────────────────────

    def tag(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """TagResource."""
        arn = request["ResourceArn"]
        given = {each["Key"]: each.get("Value") or "" for each in request["Tags"]}
        tags = _read(tx, scope, arn) | given
        if refused(given, request):
            raise AwsError(V2.bad_request, "Tag keys must not begin with aws:.")
        if counted(tags) > MOST_TAGS:
            raise AwsError(V2.bad_request, f"A resource has at most {MOST_TAGS} tags.")
        _write(tx, scope, arn, tags)
        return {}

    def untag(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """UntagResource: a key that is not there is no error."""
        arn = request["ResourceArn"]
        kept = {key: value for key, value in _read(tx, scope, arn).items() if key not in request["TagKeys"]}
        _write(tx, scope, arn, kept)
        return {}

    def tags(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """ListTagsForResource."""
        return {"Tags": _listed(_read(tx, scope, request["ResourceArn"]))}

    # ── pools of dedicated addresses ────────────────────────────────────────────────────────────

    def create_pool(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """CreateDedicatedIpPool."""
        name = request["PoolName"]
        if store_documents.get(tx, scope, POOLS, name) is not None:
            raise AwsError("AlreadyExistsException", f"Dedicated IP pool {name} already exists.")
        if store_documents.count(tx, scope, POOLS) >= MOST_POOLS:
            raise AwsError("LimitExceededException", "Maximum number of dedicated IP pools exceeded.")
        body = {"ScalingMode": request.get("ScalingMode") or "STANDARD", "Tags": list(request.get("Tags") or ())}
        store_documents.put(tx, scope, POOLS, name, body)
        return {}

    def get_pool(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """GetDedicatedIpPool."""
        found = _pool(tx, scope, request["PoolName"])
        return {"DedicatedIpPool": {"PoolName": found.name, "ScalingMode": found.body["ScalingMode"]}}

    def list_pools(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """ListDedicatedIpPools."""
        size = page_size(request.get("PageSize"), 1000, V2)
        found = store_documents.page(tx, scope, POOLS, names_after(request.get("NextToken"), V2), size + 1)
        token = {"NextToken": write_token(found[size - 1].name)} if len(found) > size else {}
        return {"DedicatedIpPools": [each.name for each in found[:size]], **token}

    def delete_pool(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """DeleteDedicatedIpPool."""
        store_documents.delete(tx, scope, POOLS, _pool(tx, scope, request["PoolName"]).name)
        return {}

    def scale_pool(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """PutDedicatedIpPoolScalingAttributes: a managed pool stays managed [M]."""
        found = _pool(tx, scope, request["PoolName"])
        if found.body["ScalingMode"] == "MANAGED" and request["ScalingMode"] != "MANAGED":
            raise AwsError(V2.bad_request, "A managed dedicated IP pool cannot be changed to STANDARD.")
        store_documents.put(tx, scope, POOLS, found.name, {**found.body, "ScalingMode": request["ScalingMode"]})
        return {}

    def list_addresses(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """GetDedicatedIps: none."""
        if request.get("PoolName"):
            _pool(tx, scope, request["PoolName"])
        return {"DedicatedIps": []}

    def no_address(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """GetDedicatedIp, PutDedicatedIpInPool, PutDedicatedIpWarmupAttributes: nobody has leased the address."""
        raise AwsError("NotFoundException", f"Dedicated IP {request['Ip']} does not exist.", 404)

    # ── the account ─────────────────────────────────────────────────────────────────────────────

    def put_warmup(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """PutAccountDedicatedIpWarmupAttributes: kept and shown."""
        self._ses.change_account(tx, scope, {"Warmup": bool(request.get("AutoWarmupEnabled"))})
        return {}

    def put_vdm(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """PutAccountVdmAttributes: kept and shown; nothing is advised."""
        self._ses.change_account(tx, scope, {"Vdm": request["VdmAttributes"]})
        return {}

    def table(self) -> dict[str, Any]:
        """Operation name to method, for wire.py."""
        return {
            "TagResource": self.tag,
            "UntagResource": self.untag,
            "ListTagsForResource": self.tags,
            "CreateDedicatedIpPool": self.create_pool,
            "GetDedicatedIpPool": self.get_pool,
            "ListDedicatedIpPools": self.list_pools,
            "DeleteDedicatedIpPool": self.delete_pool,
            "PutDedicatedIpPoolScalingAttributes": self.scale_pool,
            "GetDedicatedIps": self.list_addresses,
            "GetDedicatedIp": self.no_address,
            "PutDedicatedIpInPool": self.no_address,
            "PutDedicatedIpWarmupAttributes": self.no_address,
            "PutAccountDedicatedIpWarmupAttributes": self.put_warmup,
            "PutAccountVdmAttributes": self.put_vdm,
        }


def _pool(tx: Transaction, scope: Scope, name: str) -> Document:
    found = store_documents.get(tx, scope, POOLS, name)
    if found is None:
        raise AwsError("NotFoundException", f"Dedicated IP pool {name} does not exist.", 404)
    return found


def _parts(scope: Scope, text: str) -> tuple[str, str]:
    """(kind, name) of the ARN of an own resource. Raises BadRequestException or NotFoundException."""
    arn = Arn.parse(text)
    if arn is None or arn.service != "ses" or "/" not in arn.resource:
        raise AwsError(V2.bad_request, f"Invalid ARN <{text}>.")
    if (arn.account, arn.region) != (scope.account, scope.region):
        raise _missing(text)
    kind, _, name = arn.resource.partition("/")
    return kind, name


def _missing(arn: str) -> AwsError:
    return AwsError("NotFoundException", f"Resource {arn} does not exist.", 404)


def _read(tx: Transaction, scope: Scope, arn: str) -> dict[str, str]:
    kind, name = _parts(scope, arn)
    if kind == "identity":
        identity = store.get_identity(tx, scope, identity_name(name))
        if identity is None:
            raise _missing(arn)
        return dict(identity.tags)
    if kind not in _TAGGED:
        raise _missing(arn)
    place, member = _TAGGED[kind]
    found = store_documents.get(tx, scope, place, name)
    if found is None:
        raise _missing(arn)
    return {each["Key"]: each.get("Value") or "" for each in found.body.get(member) or ()}


def _write(tx: Transaction, scope: Scope, arn: str, tags: dict[str, str]) -> None:
    kind, name = _parts(scope, arn)
    if kind == "identity":
        identity = store.get_identity(tx, scope, identity_name(name))
        assert identity is not None, "its tags have been read"
        store.put_identity(tx, scope, replace(identity, tags=tuple(tags.items())))
        return
    place, member = _TAGGED[kind]
    found = store_documents.get(tx, scope, place, name)
    assert found is not None, "its tags have been read"
    store_documents.put(tx, scope, place, name, {**found.body, member: _listed(tags)})


def _listed(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
