"""Types around functions in a network, firewalls and tables of data: made, asked, changed, replaced and deleted."""

from __future__ import annotations

import pytest

from emulator.testing import RunningEmulator
from tests.wire.cloudformation_types import Group, Sample, live, of, ref

TAG = [{"Key": "who", "Value": "ada"}]

NETWORK: Group = {
    "Vpc": Sample(
        "EC2::VPC",
        {"CidrBlock": "10.0.0.0/16", "EnableDnsHostnames": "true", "Tags": TAG},
        "VpcId CidrBlock DefaultSecurityGroup DefaultNetworkAcl",
        {"EnableDnsHostnames": False, "Tags": []},
    ),
    "Subnet": Sample(
        "EC2::Subnet",
        {
            "VpcId": ref("Vpc"),
            "CidrBlock": "10.0.1.0/24",
            "AvailabilityZone": {"Fn::Select": [0, {"Fn::GetAZs": ""}]},
        },
        "SubnetId VpcId AvailabilityZone CidrBlock",
        {"MapPublicIpOnLaunch": True, "Tags": TAG},
    ),
    "Gateway": Sample("EC2::InternetGateway", {}, "InternetGatewayId", {"Tags": TAG}),
    "Attached": Sample("EC2::VPCGatewayAttachment", {"VpcId": ref("Vpc"), "InternetGatewayId": ref("Gateway")}),
    "Table": Sample("EC2::RouteTable", {"VpcId": ref("Vpc")}, "RouteTableId"),
    "Out": Sample(
        "EC2::Route",
        {"RouteTableId": ref("Table"), "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": ref("Gateway")},
        "CidrBlock",
        depends_on=["Attached"],
    ),
    "Of": Sample("EC2::SubnetRouteTableAssociation", {"RouteTableId": ref("Table"), "SubnetId": ref("Subnet")}, "Id"),
    "Address": Sample("EC2::EIP", {"Domain": "vpc"}, "AllocationId PublicIp", depends_on=["Attached"]),
    "Nat": Sample(
        "EC2::NatGateway",
        {"AllocationId": of("Address", "AllocationId"), "SubnetId": ref("Subnet"), "Tags": TAG},
        "NatGatewayId",
        {"Tags": []},
    ),
    "Group": Sample(
        "EC2::SecurityGroup",
        {
            "GroupDescription": "functions",
            "VpcId": ref("Vpc"),
            "SecurityGroupIngress": [{"IpProtocol": "tcp", "FromPort": "443", "ToPort": 443, "CidrIp": "10.0.0.0/8"}],
            "SecurityGroupEgress": [{"IpProtocol": "-1", "CidrIp": "0.0.0.0/0", "Description": "all"}],
        },
        "GroupId VpcId",
        {"SecurityGroupIngress": [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "CidrIp": "10.0.0.0/8"}]},
        {"GroupDescription": "others"},
    ),
    "Own": Sample(
        "EC2::SecurityGroupIngress",
        {"GroupId": ref("Group"), "IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432}
        | {"SourceSecurityGroupId": ref("Group")},
        "Id",
    ),
    "Door": Sample(
        "EC2::SecurityGroupEgress",
        {"GroupId": ref("Group"), "IpProtocol": "tcp", "FromPort": 25, "ToPort": 25, "CidrIp": "10.0.0.0/8"},
        "Id",
    ),
    "Tables": Sample(
        "EC2::VPCEndpoint",
        {
            "VpcId": ref("Vpc"),
            "ServiceName": {"Fn::Sub": "com.amazonaws.${AWS::Region}.dynamodb"},
            "RouteTableIds": [ref("Table")],
        },
        "Id",
        {"Tags": TAG},
    ),
}

GROUPS = {"network": NETWORK}


@pytest.mark.parametrize("name", GROUPS)
def test_resources_are_made_changed_replaced_and_deleted(emulator: RunningEmulator, name: str) -> None:
    live(emulator, GROUPS[name])
