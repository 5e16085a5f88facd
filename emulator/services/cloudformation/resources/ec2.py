"""Networks (delegated): names for templates whose functions are in a VPC. Nothing is ever sent through them."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import replace
from typing import Any

from emulator.ports import Json
from emulator.services.cloudformation.resources.simple import deleting
from emulator.services.cloudformation.resources.types import (
    Call,
    Deletion,
    Handler,
    Made,
    ResourceFailed,
    ResourceType,
    Steps,
    Subject,
    words,
)

_RULE = "CidrIp CidrIpv6 Description FromPort IpProtocol ToPort"
_ENDPOINT = "DnsOptions IpAddressType PolicyDocument PrivateDnsEnabled RouteTableIds SecurityGroupIds SubnetIds"
_ENDPOINT_ONCE = "ResourceConfigurationArn ServiceName ServiceNetworkArn ServiceRegion VpcEndpointType VpcId"
_TARGETS = (
    "CarrierGatewayId CoreNetworkArn EgressOnlyInternetGatewayId GatewayId InstanceId LocalGatewayId NatGatewayId"
    " NetworkInterfaceId TransitGatewayId VpcEndpointId VpcPeeringConnectionId"
)
_CIDRS = "DestinationCidrBlock DestinationIpv6CidrBlock DestinationPrefixListId"


def _making(
    operation: str,
    kind: str,
    properties: str,
    answer: str,
    attributes: Mapping[str, str],
    then: Handler | None = None,
) -> Handler:
    """A `create`: one call, tagged; what it made is in the answer's member. `kind` is EC2's name of such things."""

    def create(it: Subject) -> Steps:
        request = {**it.wanted(*properties.split()), **_tag_specifications(it, kind)}
        made = (yield Call(operation, request))[answer]
        found: dict[str, Json] = {name: made.get(where, "") for name, where in attributes.items()}
        identifier = str(made[next(iter(attributes.values()))])
        if then is not None:
            yield from then(_at(it, identifier))
        return Made(identifier, found)

    return create


def _at(it: Subject, physical_id: str) -> Subject:
    return replace(it, physical_id=physical_id)


def _tag_specifications(it: Subject, kind: str) -> dict[str, Any]:
    tags = [{"Key": key, "Value": value} for key, value in it.all_tags().items()]
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": tags}]} if tags else {}


def _retagging(then: Handler | None = None) -> Handler:
    """An `update`: the tags, and what else can change."""

    def update(it: Subject) -> Steps:
        yield from _retag(it)
        if then is not None:
            yield from then(it)
        return Made(it.physical_id, it.attributes)

    return update


def _retag(it: Subject) -> Generator[Call, Json, None]:
    filters = [{"Name": "resource-id", "Values": [it.physical_id]}]
    told = yield Call("DescribeTags", {"Filters": filters})
    before = {tag["Key"]: tag.get("Value", "") for tag in told.get("Tags") or []}
    tags = it.all_tags()
    stale = [{"Key": key} for key in before if key not in tags]
    if stale:
        yield Call("DeleteTags", {"Resources": [it.physical_id], "Tags": stale})
    fresh = [{"Key": key, "Value": value} for key, value in tags.items() if before.get(key) != value]
    if fresh:
        yield Call("CreateTags", {"Resources": [it.physical_id], "Tags": fresh})


# ── networks and their parts ────────────────────────────────────────────────────────────────────


def _names_of_hosts(it: Subject) -> Steps:
    for name in ("EnableDnsSupport", "EnableDnsHostnames"):
        if it.get(name) is not None and it.changed(name):
            yield Call("ModifyVpcAttribute", {"VpcId": it.physical_id, name: {"Value": it.get(name)}})
    return Made(it.physical_id, it.attributes)


def _create_vpc(it: Subject) -> Steps:
    request = {**it.wanted("CidrBlock", "InstanceTenancy"), **_tag_specifications(it, "vpc")}
    vpc = (yield Call("CreateVpc", request))["Vpc"]
    name: str = vpc["VpcId"]
    yield from _names_of_hosts(_at(it, name))
    within = [{"Name": "vpc-id", "Values": [name]}]
    groups = yield Call("DescribeSecurityGroups", {"Filters": within})
    lists = yield Call("DescribeNetworkAcls", {"Filters": within})
    attributes = {
        "VpcId": name,
        "CidrBlock": vpc["CidrBlock"],
        "CidrBlockAssociations": [item["AssociationId"] for item in vpc.get("CidrBlockAssociationSet") or []],
        "DefaultSecurityGroup": groups["SecurityGroups"][0]["GroupId"],
        "DefaultNetworkAcl": lists["NetworkAcls"][0]["NetworkAclId"],
        "Ipv6CidrBlocks": [],
    }
    return Made(name, attributes)


def _public_addresses(it: Subject) -> Steps:
    if it.get("MapPublicIpOnLaunch") is not None and it.changed("MapPublicIpOnLaunch"):
        value = {"Value": it.get("MapPublicIpOnLaunch")}
        yield Call("ModifySubnetAttribute", {"SubnetId": it.physical_id, "MapPublicIpOnLaunch": value})
    return Made(it.physical_id, it.attributes)


def _attach(it: Subject) -> Steps:
    vpc, gateway = str(it.get("VpcId")), it.get("InternetGatewayId")
    if gateway is None:
        raise ResourceFailed("Only internet gateways can be attached: VPN gateways are not emulated.")
    yield Call("AttachInternetGateway", it.wanted("InternetGatewayId", "VpcId"))
    return Made(f"IGW|{vpc}", {"AttachmentType": "IGW"})


def _detach(it: Subject) -> Generator[Call, Json, Made | None]:
    yield Call("DetachInternetGateway", it.wanted("InternetGatewayId", "VpcId"))
    return None


# ── routes ──────────────────────────────────────────────────────────────────────────────────────


def _create_route(it: Subject) -> Steps:
    yield Call("CreateRoute", it.wanted("RouteTableId", *_CIDRS.split(), *_TARGETS.split()))
    block = next((str(it.get(name)) for name in _CIDRS.split() if it.get(name)), "")
    return Made(f"{it.get('RouteTableId')}|{block}", {"CidrBlock": block})


def _replace_route(it: Subject) -> Steps:
    yield Call("ReplaceRoute", it.wanted("RouteTableId", *_CIDRS.split(), *_TARGETS.split()))
    return Made(it.physical_id, it.attributes)


def _delete_route(it: Subject) -> Generator[Call, Json, Made | None]:
    yield Call("DeleteRoute", it.wanted("RouteTableId", *_CIDRS.split()))
    return None


def _associate(it: Subject) -> Steps:
    made = yield Call("AssociateRouteTable", it.wanted("RouteTableId", "SubnetId"))
    return Made(made["AssociationId"], {"Id": made["AssociationId"]})


def _create_address(it: Subject) -> Steps:
    request = {"Domain": it.get("Domain", "vpc"), **_tag_specifications(it, "elastic-ip")}
    made = yield Call("AllocateAddress", request)
    return Made(made["PublicIp"], {"AllocationId": made["AllocationId"], "PublicIp": made["PublicIp"]})


def _release(it: Subject) -> Generator[Call, Json, Made | None]:
    yield Call("ReleaseAddress", {"AllocationId": it.attributes["AllocationId"]})
    return None


# ── security groups ─────────────────────────────────────────────────────────────────────────────


def _permission(rule: Mapping[str, Any], peer: str) -> dict[str, Any]:
    """A rule as the operations take it; `peer` begins the names of properties of another group."""
    found: dict[str, Any] = {"IpProtocol": rule.get("IpProtocol", "-1")}
    described = {"Description": rule["Description"]} if rule.get("Description") else {}
    for name in ("FromPort", "ToPort"):
        if rule.get(name) is not None:
            found[name] = rule[name]
    if rule.get("CidrIp"):
        found["IpRanges"] = [{"CidrIp": rule["CidrIp"], **described}]
    if rule.get("CidrIpv6"):
        found["Ipv6Ranges"] = [{"CidrIpv6": rule["CidrIpv6"], **described}]
    prefix = rule.get(f"{peer}PrefixListId")
    if prefix:
        found["PrefixListIds"] = [{"PrefixListId": prefix, **described}]
    group = rule.get(f"{peer}SecurityGroupId") or rule.get(f"{peer}SecurityGroupName")
    if group:
        member = "GroupId" if rule.get(f"{peer}SecurityGroupId") else "GroupName"
        found["UserIdGroupPairs"] = [{member: group, **described}]
    return found


def _rules(it: Subject, property_name: str, peer: str) -> list[dict[str, Any]]:
    given: list[Mapping[str, Any]] = it.get(property_name) or []
    return [_permission(rule, peer) for rule in given]


_SIDES = (("SecurityGroupIngress", "Source", "Ingress"), ("SecurityGroupEgress", "Destination", "Egress"))


def _create_group(it: Subject) -> Steps:
    request = {**it.wanted("VpcId", Description="GroupDescription"), "GroupName": it.name}
    made = yield Call("CreateSecurityGroup", {**request, **_tag_specifications(it, "security-group")})
    name: str = made["GroupId"]
    if it.get("SecurityGroupEgress"):  # instead of the rule that lets everything out
        everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
        yield Call("RevokeSecurityGroupEgress", {"GroupId": name, "IpPermissions": everything})
    for property_name, peer, side in _SIDES:
        rules = _rules(it, property_name, peer)
        if rules:
            yield Call(f"AuthorizeSecurityGroup{side}", {"GroupId": name, "IpPermissions": rules})
    told = yield Call("DescribeSecurityGroups", {"GroupIds": [name]})
    return Made(name, {"GroupId": name, "Id": name, "VpcId": told["SecurityGroups"][0].get("VpcId", "")})


def _update_group(it: Subject) -> Steps:
    yield from _retag(it)
    for property_name, peer, side in _SIDES:
        if not it.changed(property_name):
            continue
        before: list[Mapping[str, Any]] = it.previous.get(property_name) or []
        old, new = [_permission(rule, peer) for rule in before], _rules(it, property_name, peer)
        gone, fresh = [rule for rule in old if rule not in new], [rule for rule in new if rule not in old]
        if gone:
            yield Call(f"RevokeSecurityGroup{side}", {"GroupId": it.physical_id, "IpPermissions": gone})
        if fresh:
            yield Call(f"AuthorizeSecurityGroup{side}", {"GroupId": it.physical_id, "IpPermissions": fresh})
    return Made(it.physical_id, it.attributes)


def _group_rule(side: str, peer: str) -> tuple[Handler, Deletion]:
    """Create and delete of a rule that stands alone."""

    def request(it: Subject) -> dict[str, Any]:
        rules = [_permission(it.properties, peer)]
        return {**it.wanted("GroupId", "GroupName"), "IpPermissions": rules}

    def create(it: Subject) -> Steps:
        made = yield Call(f"AuthorizeSecurityGroup{side}", request(it))
        rules = made.get("SecurityGroupRules") or [{}]
        name = str(rules[0].get("SecurityGroupRuleId") or it.logical_id)
        return Made(name, {"Id": name})

    def delete(it: Subject) -> Generator[Call, Json, Made | None]:
        yield Call(f"RevokeSecurityGroup{side}", request(it))
        return None

    return create, delete


_let_in, _shut_out = _group_rule("Ingress", "Source")
_let_out, _shut_in = _group_rule("Egress", "Destination")


# ── endpoints ───────────────────────────────────────────────────────────────────────────────────


def _create_endpoint(it: Subject) -> Steps:
    request = {"VpcEndpointType": "Gateway", **it.wanted(*f"{_ENDPOINT} {_ENDPOINT_ONCE}".split())}
    made = (yield Call("CreateVpcEndpoint", {**request, **_tag_specifications(it, "vpc-endpoint")}))["VpcEndpoint"]
    entries = [f"{item.get('HostedZoneId', '')}:{item['DnsName']}" for item in made.get("DnsEntries") or []]
    attributes = {"Id": made["VpcEndpointId"], "CreationTimestamp": str(made.get("CreationTimestamp", ""))}
    return Made(made["VpcEndpointId"], {**attributes, "DnsEntries": entries, "NetworkInterfaceIds": []})


def _update_endpoint(it: Subject) -> Steps:
    yield from _retag(it)
    request: dict[str, Any] = {
        name: it.get(name) for name in ("PolicyDocument", "PrivateDnsEnabled") if it.changed(name)
    }
    for name in ("RouteTableIds", "SubnetIds", "SecurityGroupIds"):
        old, new = it.previous.get(name) or [], it.get(name) or []
        request[f"Add{name}"] = [item for item in new if item not in old] or None
        request[f"Remove{name}"] = [item for item in old if item not in new] or None
    yield Call("ModifyVpcEndpoint", {"VpcEndpointId": it.physical_id, **request})
    return Made(it.physical_id, it.attributes)


def _delete_endpoint(it: Subject) -> Generator[Call, Json, Made | None]:
    yield Call("DeleteVpcEndpoints", {"VpcEndpointIds": [it.physical_id]})
    return None


_SUBNET = "AvailabilityZone AvailabilityZoneId CidrBlock Ipv6CidrBlock OutpostArn VpcId"
_SUBNET_KEPT = (
    "AssignIpv6AddressOnCreation EnableDns64 EnableLniAtDeviceIndex Ipv4IpamPoolId Ipv4NetmaskLength Ipv6IpamPoolId"
    " Ipv6Native Ipv6NetmaskLength PrivateDnsNameOptionsOnLaunch"
)
_ADDRESS_KEPT = "Address InstanceId IpamPoolId NetworkBorderGroup PublicIpv4Pool TransferAddress"
_NAT_KEPT = "AvailabilityMode AvailabilityZoneAddresses MaxDrainDurationSeconds"
_NAT_ONCE = "AllocationId ConnectivityType PrivateIpAddress SubnetId"
_NAT_MORE = "SecondaryAllocationIds SecondaryPrivateIpAddressCount SecondaryPrivateIpAddresses VpcId"

TYPES = [
    ResourceType(
        name="AWS::EC2::VPC",
        service="ec2",
        properties=words("CidrBlock EnableDnsHostnames EnableDnsSupport InstanceTenancy Tags")
        | words("Ipv4IpamPoolId Ipv4NetmaskLength"),
        no_effect=words("Ipv4IpamPoolId Ipv4NetmaskLength"),
        replaces=words("CidrBlock InstanceTenancy Ipv4IpamPoolId Ipv4NetmaskLength"),
        create=_create_vpc,
        update=_retagging(_names_of_hosts),
        delete=deleting("DeleteVpc", "VpcId"),
    ),
    ResourceType(
        name="AWS::EC2::Subnet",
        service="ec2",
        properties=words(f"{_SUBNET} {_SUBNET_KEPT} MapPublicIpOnLaunch Tags"),
        required=words("VpcId"),
        no_effect=words(_SUBNET_KEPT),
        replaces=words(f"{_SUBNET} Ipv4IpamPoolId Ipv4NetmaskLength Ipv6IpamPoolId Ipv6Native Ipv6NetmaskLength"),
        create=_making(
            "CreateSubnet",
            "subnet",
            _SUBNET,
            "Subnet",
            {
                "SubnetId": "SubnetId",
                "VpcId": "VpcId",
                "AvailabilityZone": "AvailabilityZone",
                "AvailabilityZoneId": "AvailabilityZoneId",
                "CidrBlock": "CidrBlock",
            },
            _public_addresses,
        ),
        update=_retagging(_public_addresses),
        delete=deleting("DeleteSubnet", "SubnetId"),
    ),
    ResourceType(
        name="AWS::EC2::InternetGateway",
        service="ec2",
        properties=words("Tags"),
        create=_making(
            "CreateInternetGateway",
            "internet-gateway",
            "",
            "InternetGateway",
            {"InternetGatewayId": "InternetGatewayId"},
        ),
        update=_retagging(),
        delete=deleting("DeleteInternetGateway", "InternetGatewayId"),
    ),
    ResourceType(
        name="AWS::EC2::VPCGatewayAttachment",
        service="ec2",
        properties=words("InternetGatewayId VpcId VpnGatewayId"),
        required=words("VpcId"),
        create=_attach,
        delete=_detach,
    ),
    ResourceType(
        name="AWS::EC2::RouteTable",
        service="ec2",
        properties=words("Tags VpcId"),
        required=words("VpcId"),
        replaces=words("VpcId"),
        create=_making(
            "CreateRouteTable", "route-table", "VpcId", "RouteTable", {"RouteTableId": "RouteTableId", "VpcId": "VpcId"}
        ),
        update=_retagging(),
        delete=deleting("DeleteRouteTable", "RouteTableId"),
    ),
    ResourceType(
        name="AWS::EC2::Route",
        service="ec2",
        properties=words(f"RouteTableId {_CIDRS} {_TARGETS}"),
        required=words("RouteTableId"),
        replaces=words(f"RouteTableId {_CIDRS}"),
        create=_create_route,
        update=_replace_route,
        delete=_delete_route,
    ),
    ResourceType(
        name="AWS::EC2::SubnetRouteTableAssociation",
        service="ec2",
        properties=words("RouteTableId SubnetId"),
        required=words("RouteTableId SubnetId"),
        create=_associate,
        delete=deleting("DisassociateRouteTable", "AssociationId"),
    ),
    ResourceType(
        name="AWS::EC2::EIP",
        service="ec2",
        properties=words(f"Domain Tags {_ADDRESS_KEPT}"),
        no_effect=words(_ADDRESS_KEPT),
        create=_create_address,
        delete=_release,
    ),
    ResourceType(
        name="AWS::EC2::NatGateway",
        service="ec2",
        properties=words(f"{_NAT_ONCE} {_NAT_KEPT} {_NAT_MORE} Tags"),
        no_effect=words(f"{_NAT_KEPT} {_NAT_MORE}"),
        replaces=words(f"{_NAT_ONCE} VpcId"),
        create=_making("CreateNatGateway", "natgateway", _NAT_ONCE, "NatGateway", {"NatGatewayId": "NatGatewayId"}),
        update=_retagging(),
        delete=deleting("DeleteNatGateway", "NatGatewayId"),
    ),
    ResourceType(
        name="AWS::EC2::VPCEndpoint",
        service="ec2",
        properties=words(f"{_ENDPOINT} {_ENDPOINT_ONCE} Tags"),
        required=words("VpcId"),
        replaces=words(_ENDPOINT_ONCE),
        create=_create_endpoint,
        update=_update_endpoint,
        delete=_delete_endpoint,
    ),
    ResourceType(
        name="AWS::EC2::SecurityGroup",
        service="ec2",
        properties=words("GroupDescription GroupName SecurityGroupEgress SecurityGroupIngress Tags VpcId"),
        required=words("GroupDescription"),
        replaces=words("GroupDescription GroupName VpcId"),
        named_by="GroupName",
        create=_create_group,
        update=_update_group,
        delete=deleting("DeleteSecurityGroup", "GroupId"),
    ),
    ResourceType(
        name="AWS::EC2::SecurityGroupIngress",
        service="ec2",
        properties=words(f"{_RULE} GroupId GroupName SourcePrefixListId SourceSecurityGroupId")
        | words("SourceSecurityGroupName SourceSecurityGroupOwnerId"),
        no_effect=words("SourceSecurityGroupOwnerId"),
        required=words("IpProtocol"),
        create=_let_in,
        delete=_shut_out,
    ),
    ResourceType(
        name="AWS::EC2::SecurityGroupEgress",
        service="ec2",
        properties=words(f"{_RULE} DestinationPrefixListId DestinationSecurityGroupId GroupId"),
        required=words("GroupId IpProtocol"),
        create=_let_out,
        delete=_shut_in,
    ),
]
