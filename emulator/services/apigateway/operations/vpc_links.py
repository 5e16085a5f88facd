"""Operations on VPC links. There is no VPC here: an integration over a link calls its URI like any other."""

from __future__ import annotations

from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.apigateway import document_store as documents
from emulator.services.apigateway import store
from emulator.services.apigateway.document_store import Place
from emulator.services.apigateway.model import bad_request, not_found, short_id
from emulator.services.apigateway.operations.loading import Loading, given, page
from emulator.services.apigateway.patch import Patchable, Scalar, apply

VPC_LINK = Patchable(scalars={"/name": Scalar("name"), "/description": Scalar("description")}, strict=True)
_LINKS = Place("vpc link")
_EMPTY_NAME = "Name cannot be empty"


class VpcLinks(Loading):
    """CreateVpcLink … DeleteVpcLink [R:TestApiGatewayVpcLink]."""

    def create_vpc_link(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """A link. The answer says PENDING, as on AWS; the next one to ask finds it AVAILABLE."""
        if not request["name"]:
            raise bad_request(_EMPTY_NAME)
        for arn in request["targetArns"]:
            if arn.count(":") < 5 or not arn.startswith("arn:"):
                raise bad_request(f"Invalid ARN. ARN is not well formed {arn}")
        if len(request["targetArns"]) != 1:
            raise bad_request("VPC link must have exactly one target ARN")  # AWS: one load balancer; text unverified
        link: dict[str, Any] = {
            "id": short_id(tx.new_id(), 6),
            **given(request, "name", "description", "targetArns"),
            **({"tags": dict(request["tags"])} if request.get("tags") else {}),
        }
        self._keep_vpc_link(tx, scope, link)
        return {**link, "status": "PENDING"}

    def get_vpc_link(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """One link."""
        return {"tags": {}, **_ready(self._vpc_link(tx, scope, request["vpcLinkId"]))}

    def get_vpc_links(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """All links of the account and region."""
        return page([_ready(link) for link in documents.listed(tx, scope, _LINKS)], request)

    def update_vpc_link(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Change a link's name or description."""
        link = self._vpc_link(tx, scope, request["vpcLinkId"])
        link = apply(link, request.get("patchOperations") or [], VPC_LINK)
        if not link.get("name"):
            raise bad_request(_EMPTY_NAME)
        self._keep_vpc_link(tx, scope, link)
        return {"tags": {}, **_ready(link)}

    def delete_vpc_link(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Delete a link that no stage's integrations use."""
        link = self._vpc_link(tx, scope, request["vpcLinkId"])
        users = self._users_of_link(tx, scope, link["id"])
        if users:
            raise bad_request(
                f"Cannot delete vpc link. Vpc link '{link['id']}', is referenced in [{', '.join(users)}] in format of "
                "[Method:Resource:Stage]."
            )  # the text as users quote it, not recorded
        documents.delete(tx, scope, _LINKS, link["id"])
        return {}

    def _users_of_link(self, tx: Transaction, scope: Scope, link_id: str) -> list[str]:
        users: list[str] = []
        for api in store.list_apis(tx, scope, -1, 0):
            for stage in store.list_stages(tx, api.id):
                deployed = store.load_snapshot(tx, api.id, stage["deploymentId"])
                for resource in deployed.resources.values() if deployed else ():
                    for name, method in (resource.get("resourceMethods") or {}).items():
                        if (method.get("methodIntegration") or {}).get("connectionId") == link_id:
                            users.append(f"{name}:{resource['id']}:{stage['stageName']}")
        return users

    def _vpc_link(self, tx: Transaction, scope: Scope, link_id: str) -> dict[str, Any]:
        link = documents.load(tx, scope, _LINKS, link_id)
        if link is None:
            raise not_found("Invalid Vpc Link identifier specified")
        return link

    def _keep_vpc_link(self, tx: Transaction, scope: Scope, link: dict[str, Any]) -> None:
        documents.put(tx, scope, _LINKS, link["id"], link)


def _ready(link: dict[str, Any]) -> dict[str, Any]:
    return {**link, "status": "AVAILABLE", "statusMessage": "Your vpc link is ready for use"}
