"""Dashboards by boto3: kept, listed, refused."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator

BODY = '{"widgets": []}'


def test_dashboards_are_kept_and_listed_by_name(emulator: RunningEmulator) -> None:
    cloudwatch = emulator.client("cloudwatch")
    for name in ("reports", "orders", "reports-old"):
        assert cloudwatch.put_dashboard(DashboardName=name, DashboardBody=BODY)["DashboardValidationMessages"] == []
    found = cloudwatch.get_dashboard(DashboardName="reports")
    assert found["DashboardBody"] == BODY
    assert found["DashboardArn"] == "arn:aws:cloudwatch::000000000000:dashboard/reports"
    entries = cloudwatch.list_dashboards(DashboardNamePrefix="rep")["DashboardEntries"]
    assert [(entry["DashboardName"], entry["Size"]) for entry in entries] == [("reports", 15), ("reports-old", 15)]
    other = emulator.client("cloudwatch", region_name="eu-west-1")
    assert len(other.list_dashboards()["DashboardEntries"]) == 3
    cloudwatch.delete_dashboards(DashboardNames=["reports", "orders"])
    assert len(cloudwatch.list_dashboards()["DashboardEntries"]) == 1


@pytest.mark.parametrize("body", ["", "[]", "{", '{"widgets": 1}'])
def test_what_is_no_dashboard_is_refused(emulator: RunningEmulator, body: str) -> None:
    cloudwatch = emulator.client("cloudwatch")
    with pytest.raises(ClientError) as refused:
        cloudwatch.put_dashboard(DashboardName="reports", DashboardBody=body)
    assert refused.value.response["Error"]["Code"] == "InvalidParameterInput"
    assert cloudwatch.list_dashboards()["DashboardEntries"] == []


def test_dashboards_that_are_not_there_are_not_found_and_nothing_is_deleted(emulator: RunningEmulator) -> None:
    cloudwatch = emulator.client("cloudwatch")
    cloudwatch.put_dashboard(DashboardName="reports", DashboardBody=BODY)
    with pytest.raises(ClientError, match="Dashboard nobody does not exist"):
        cloudwatch.get_dashboard(DashboardName="nobody")
    with pytest.raises(ClientError, match="does not exist"):
        cloudwatch.delete_dashboards(DashboardNames=["reports", "nobody"])
    assert len(cloudwatch.list_dashboards()["DashboardEntries"]) == 1
