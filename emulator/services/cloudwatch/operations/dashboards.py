"""Dashboards: kept and shown, drawn by nobody. They belong to an account, in all its regions."""

from __future__ import annotations

import json
from typing import Any

from emulator.aws.arn import Arn
from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.cloudwatch import dashboard_store as store
from emulator.services.cloudwatch.dashboard_store import Dashboard

PAGE = 1000


class DashboardOperations:
    """The operations on dashboards."""

    def put_dashboard(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Make a dashboard or change all of it."""
        if request.get("Tags"):
            raise NotEmulated("cloudwatch", "PutDashboard with Tags")
        _check_body(request["DashboardBody"])
        store.put(tx, Dashboard(scope.account, request["DashboardName"], request["DashboardBody"], tx.now))
        return {"DashboardValidationMessages": []}

    def get_dashboard(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """One dashboard."""
        found = _required(tx, scope, request["DashboardName"])
        return {"DashboardArn": _arn(found), "DashboardBody": found.body, "DashboardName": found.name}

    def list_dashboards(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Dashboards by name."""
        prefix, after = request.get("DashboardNamePrefix") or "", request.get("NextToken") or ""
        found = [each for each in store.every(tx, scope.account) if each.name.startswith(prefix) and each.name > after]
        entries = [
            {
                "DashboardName": each.name,
                "DashboardArn": _arn(each),
                "LastModified": each.changed_at,
                "Size": len(each.body.encode()),
            }
            for each in found[:PAGE]
        ]
        return {"DashboardEntries": entries, "NextToken": found[PAGE - 1].name if len(found) > PAGE else None}

    def delete_dashboards(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Delete dashboards, all or none."""
        for name in request["DashboardNames"]:
            _required(tx, scope, name)
        for name in request["DashboardNames"]:
            store.delete(tx, scope.account, name)
        return {}


def _check_body(text: str) -> None:
    """Refuse what cannot be a dashboard; what its widgets say is not judged. The texts are unverified."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        raise _refused("", "The field DashboardBody must be a valid JSON object") from None
    if not isinstance(body, dict):
        raise _refused("", "The field DashboardBody must be a valid JSON object")
    if not isinstance(body.get("widgets", []), list):
        raise _refused("/widgets", "Should be array")


def _refused(path: str, message: str) -> AwsError:
    extra = {"DashboardValidationMessages": [{"DataPath": path, "Message": message}]}
    return AwsError("InvalidParameterInput", "The dashboard body is invalid, there are 1 validation errors", 400, extra)


def _required(tx: Transaction, scope: Scope, name: str) -> Dashboard:
    found = store.get(tx, scope.account, name)
    if found is None:
        raise AwsError("ResourceNotFound", f"Dashboard {name} does not exist", 404)
    return found


def _arn(dashboard: Dashboard) -> str:
    return str(Arn("cloudwatch", "", dashboard.account, f"dashboard/{dashboard.name}"))
