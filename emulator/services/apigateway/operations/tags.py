"""Operations on tags: TagResource, UntagResource, GetTags, for everything of API Gateway that has tags."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from emulator.aws.scope import Scope
from emulator.aws.tags import counted, refused
from emulator.ports import Transaction
from emulator.services.apigateway import domain_store, plan_store, store
from emulator.services.apigateway.model import bad_request
from emulator.services.apigateway.operations.deployments import Deployments
from emulator.services.apigateway.operations.domain_names import DomainNames
from emulator.services.apigateway.operations.keys import ApiKeys
from emulator.services.apigateway.operations.usage_plans import UsagePlans
from emulator.services.apigateway.operations.vpc_links import VpcLinks

MOST_TAGS = 50
_INVALID_ARN = "Invalid ARN specified in the request"
Tagged = tuple[dict[str, Any], Callable[[], None]]
"""What holds the tags, and how it is kept once they have changed."""


class Tags(Deployments, VpcLinks, DomainNames, ApiKeys, UsagePlans):
    """What is tagged is named by its ARN: `arn:aws:apigateway:REGION::/KIND/ID`."""

    def tag_resource(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Add tags."""
        held, keep = self._tagged(tx, scope, request["resourceArn"])
        given: dict[str, str] = request.get("tags") or {}
        _check_keys(given, request)
        tags = {**held.get("tags", {}), **given}
        _check(tags)
        held["tags"] = tags
        keep()
        return {}

    def untag_resource(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Remove tags; those that are not there are no error."""
        held, keep = self._tagged(tx, scope, request["resourceArn"])
        removed: list[str] = request.get("tagKeys") or []
        _check_keys(removed, request)
        held["tags"] = {name: value for name, value in held.get("tags", {}).items() if name not in removed}
        keep()
        return {}

    def get_tags(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """All tags; AWS pages them no more than the emulator does."""
        return {"tags": self._tagged(tx, scope, request["resourceArn"])[0].get("tags", {})}

    def _tagged(self, tx: Transaction, scope: Scope, arn: str) -> Tagged:
        kind, _, rest = arn.partition("::/")[2].partition("/")
        identifier, _, below = rest.partition("/")
        if kind == "restapis" and below.startswith("stages/"):
            request = {"restApiId": identifier, "stageName": below.removeprefix("stages/")}
            api, stage = self._stage(tx, scope, request)
            return stage, lambda: store.put_stage(tx, scope, api.id, stage)
        if below or not identifier:
            raise bad_request(_INVALID_ARN)
        if kind == "restapis":
            api = self._api(tx, scope, identifier)
            return api.settings, lambda: store.save_api(tx, api)
        if kind == "apikeys":
            key = self._api_key(tx, scope, identifier)
            return key, lambda: plan_store.put_key(tx, scope, key)
        if kind == "usageplans":
            plan = self._plan(tx, scope, identifier)
            return plan, lambda: plan_store.put_plan(tx, scope, plan)
        if kind == "vpclinks":
            link = self._vpc_link(tx, scope, identifier)
            return link, lambda: self._keep_vpc_link(tx, scope, link)
        if kind == "clientcertificates":
            certificate = self._certificate(tx, scope, identifier)
            return certificate, lambda: self._keep_certificate(tx, scope, certificate)
        if kind == "domainnames":
            domain = self._domain(tx, scope, identifier)
            return domain, lambda: domain_store.keep(tx, scope, domain)
        raise bad_request(_INVALID_ARN)


def _check_keys(keys: Iterable[str], request: Mapping[str, Any]) -> None:
    """Raise the refusal of keys that only AWS sets and takes away (of UntagResource, unverified)."""
    name = refused(keys, request)
    if name is not None:
        raise bad_request(f"Invalid tag specified: {name}")


def _check(tags: dict[str, str]) -> None:
    """Raise unless AWS lets a thing have these tags (texts unverified)."""
    if counted(tags) > MOST_TAGS:
        raise bad_request(f"The number of tags exceeds the limit of {MOST_TAGS}")
    for name, value in tags.items():
        if not 1 <= len(name) <= 128 or len(value) > 256:
            raise bad_request(f"Invalid tag specified: {name}")
