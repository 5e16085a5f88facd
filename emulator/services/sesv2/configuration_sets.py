"""Configuration sets in SES API v2: the shared operations of `ses`, in v2's shapes and words."""

from __future__ import annotations

from typing import Any

from emulator.aws.errors import NotEmulated
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.ses.operations import V2
from emulator.services.ses.operations.configuration_sets import DESTINATIONS, ConfigurationSetOperations
from emulator.services.ses.operations.dialect import page_size

_OPTIONS = (
    "TrackingOptions",
    "DeliveryOptions",
    "ReputationOptions",
    "SendingOptions",
    "SuppressionOptions",
    "VdmOptions",
)


class ConfigurationSetOperationsV2:
    """v2's operations on configuration sets."""

    def __init__(self, sets: ConfigurationSetOperations) -> None:
        self._sets = sets

    def create_configuration_set(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """CreateConfigurationSet with all its options."""
        for member in ("ArchivingOptions", "MessageSecurityOptions"):
            if request.get(member):
                raise NotEmulated("sesv2", "CreateConfigurationSet", member)
        options = {name: request[name] for name in _OPTIONS if request.get(name) is not None}
        tags = list(request.get("Tags") or ())
        self._sets.create(tx, scope, request["ConfigurationSetName"], {**options, "Tags": tags}, V2)
        return {}

    def get_configuration_set(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """GetConfigurationSet; what was never set is shown as AWS's default."""
        body = self._sets.existing(tx, scope, request["ConfigurationSetName"], V2).body
        return {
            "ConfigurationSetName": request["ConfigurationSetName"],
            **({"TrackingOptions": body["TrackingOptions"]} if body.get("TrackingOptions") else {}),
            "DeliveryOptions": {"TlsPolicy": "OPTIONAL", **body.get("DeliveryOptions", {})},
            "ReputationOptions": {"ReputationMetricsEnabled": False, **body.get("ReputationOptions", {})},
            "SendingOptions": {"SendingEnabled": True, **body.get("SendingOptions", {})},
            "Tags": body.get("Tags", []),
            **({"SuppressionOptions": body["SuppressionOptions"]} if "SuppressionOptions" in body else {}),
            **({"VdmOptions": body["VdmOptions"]} if "VdmOptions" in body else {}),
        }

    def list_configuration_sets(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """ListConfigurationSets, up to 1,000 a page."""
        if request.get("Filter"):
            raise NotEmulated("sesv2", "ListConfigurationSets", "Filter")
        size = page_size(request.get("PageSize"), 1000, V2)
        names, token = self._sets.page(tx, scope, request.get("NextToken"), size, V2)
        return {"ConfigurationSets": names, **({"NextToken": token} if token else {})}

    def delete_configuration_set(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """DeleteConfigurationSet."""
        self._sets.delete(tx, scope, request["ConfigurationSetName"], V2)
        return {}

    def put_options(self, member: str, *names: str) -> Any:
        """The operation that replaces `member` of a set by what the request says of `names`."""

        def put(tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
            options = {name: request[name] for name in names if request.get(name) is not None}
            kept = request.get(member) if member == "VdmOptions" else options
            self._sets.change(tx, scope, request["ConfigurationSetName"], {member: kept or None}, V2)
            return {}

        return put

    def create_event_destination(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """CreateConfigurationSetEventDestination."""
        return self._put(tx, scope, request, new=True)

    def update_event_destination(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """UpdateConfigurationSetEventDestination."""
        return self._put(tx, scope, request, new=False)

    def _put(self, tx: Transaction, scope: Scope, request: dict[str, Any], new: bool) -> dict[str, Any]:
        given = request["EventDestination"]
        body = {kind: given[kind] for kind in DESTINATIONS if given.get(kind) is not None}
        body["Enabled"] = bool(given.get("Enabled"))
        body["MatchingEventTypes"] = list(given.get("MatchingEventTypes") or ())
        set_name, name = request["ConfigurationSetName"], request["EventDestinationName"]
        self._sets.put_destination(tx, scope, set_name, name, body, V2, new)
        return {}

    def get_event_destinations(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """GetConfigurationSetEventDestinations."""
        name = request["ConfigurationSetName"]
        self._sets.existing(tx, scope, name, V2)
        found = self._sets.destinations(tx, scope, name)
        return {"EventDestinations": [{"Name": each.name, **each.body} for each in found]}

    def delete_event_destination(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """DeleteConfigurationSetEventDestination."""
        set_name, name = request["ConfigurationSetName"], request["EventDestinationName"]
        self._sets.delete_destination(tx, scope, set_name, name, V2)
        return {}

    def table(self) -> dict[str, Any]:
        """Operation name to method, for wire.py."""
        put = self.put_options
        return {
            "CreateConfigurationSet": self.create_configuration_set,
            "GetConfigurationSet": self.get_configuration_set,
            "ListConfigurationSets": self.list_configuration_sets,
            "DeleteConfigurationSet": self.delete_configuration_set,
            "PutConfigurationSetDeliveryOptions": put(
                "DeliveryOptions", "TlsPolicy", "SendingPoolName", "MaxDeliverySeconds"
            ),
            "PutConfigurationSetReputationOptions": put("ReputationOptions", "ReputationMetricsEnabled"),
            "PutConfigurationSetSendingOptions": put("SendingOptions", "SendingEnabled"),
            "PutConfigurationSetSuppressionOptions": put("SuppressionOptions", "SuppressedReasons"),
            "PutConfigurationSetTrackingOptions": put("TrackingOptions", "CustomRedirectDomain", "HttpsPolicy"),
            "PutConfigurationSetVdmOptions": put("VdmOptions"),
            "CreateConfigurationSetEventDestination": self.create_event_destination,
            "UpdateConfigurationSetEventDestination": self.update_event_destination,
            "GetConfigurationSetEventDestinations": self.get_event_destinations,
            "DeleteConfigurationSetEventDestination": self.delete_event_destination,
        }
