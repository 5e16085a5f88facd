"""Operations on VPC links: kept and shown. There is no VPC here: an integration over a link calls its own URI."""

from __future__ import annotations

from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.apigateway.model import bad_request, not_found, short_id
from emulator.services.apigatewayv2 import store
from emulator.services.apigatewayv2.model import Document, given_tags
from emulator.services.apigatewayv2.operations.loading import Loading, Request, given, page


class VpcLinks(Loading):
    """CreateVpcLink … DeleteVpcLink."""

    def create_vpc_link(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """A link; AVAILABLE as soon as somebody asks again."""
        if not request["SubnetIds"]:
            raise bad_request("SubnetIds must not be empty")
        link: Document = {
            "CreatedDate": float(int(tx.now)),
            "Name": request["Name"],
            "SecurityGroupIds": list(request.get("SecurityGroupIds") or []),
            "SubnetIds": list(request["SubnetIds"]),
            "Tags": given_tags(request),
            "VpcLinkId": short_id(tx.new_id(), 6),
            "VpcLinkStatus": "AVAILABLE",
            "VpcLinkStatusMessage": "VPC link is ready to route traffic",
            "VpcLinkVersion": "V2",
        }
        store.put_vpc_link(tx, scope, link)
        return {**link, "VpcLinkStatus": "PENDING", "VpcLinkStatusMessage": "VPC link is provisioning ENIs"}

    def get_vpc_link(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """One link."""
        return self._vpc_link(tx, scope, request["VpcLinkId"])

    def get_vpc_links(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """The links of the account and region, a page at a time."""
        return page(store.list_vpc_links(tx, scope), request)

    def update_vpc_link(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Give a link another name."""
        link = {**self._vpc_link(tx, scope, request["VpcLinkId"]), **given(request, ("Name",))}
        store.put_vpc_link(tx, scope, link)
        return link

    def delete_vpc_link(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Delete a link that no integration uses."""
        link = self._vpc_link(tx, scope, request["VpcLinkId"])
        for api in store.list_apis(tx, scope):
            if any(item.get("ConnectionId") == link["VpcLinkId"] for item in api.integrations.values()):
                raise bad_request(f"Cannot delete VPC link. It is referenced by integrations of API {api.id}")
        store.delete_vpc_link(tx, scope, link["VpcLinkId"])
        return {}

    def _vpc_link(self, tx: Transaction, scope: Scope, link_id: str) -> Document:
        link = store.load_vpc_link(tx, scope, link_id)
        if link is None:
            raise not_found(f"Unable to find VpcLink by ID {link_id}")
        return link
