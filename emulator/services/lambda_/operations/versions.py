"""Published versions: immutable snapshots of a function's code and configuration.

Decides when PublishVersion makes a new one: "Lambda doesn't publish a version if the function's configuration and code
haven't changed since the last version".
"""

from __future__ import annotations

from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.lambda_ import store as tables
from emulator.services.lambda_ import store_versions as versions
from emulator.services.lambda_.model import PENDING, Function
from emulator.services.lambda_.operations.paging import page_size, read_marker, read_number_marker, write_marker
from emulator.services.lambda_.operations.state import LambdaState
from emulator.services.lambda_.rules import names
from emulator.services.lambda_.rules.configuration import refuse_absent_features
from emulator.services.lambda_.rules.errors import function_not_found, invalid_parameter

Request = dict[str, Any]


class VersionOperations(LambdaState):
    """PublishVersion, ListVersionsByFunction."""

    def publish_version(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Publish `$LATEST`, or show the last version if it would be the same again."""
        latest = self.function_to_change(tx, scope, request, "PublishVersion")
        refuse_absent_features("PublishVersion", request)
        expected = request.get("CodeSha256")
        if expected not in (None, "", latest.code_sha256):
            raise invalid_parameter(
                f"CodeSHA256 ({expected}) is different from current CodeSHA256 in $LATEST ({latest.code_sha256}). "
                "Please try again with the CodeSHA256 in $LATEST."
            )
        published, is_new = publish(tx, latest, request.get("Description"))
        if is_new and published.configuration["SnapStart"]["OptimizationStatus"] == "On":
            # "Pending – Lambda is initializing your code and taking a snapshot" [D: snapstart, function states]
            published = self.begin_change(tx, published, PENDING)
        self.check_code_storage(tx, scope)
        self.function_changed()
        return published.describe_with_state(published.version)

    def list_versions_by_function(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """`$LATEST`, then the published versions by number."""
        named = names.parse(request["FunctionName"], scope, action="ListVersionsByFunction")
        latest = tables.find_function(tx, scope, named.name)
        if latest is None:
            raise function_not_found(named.arn)
        size = page_size(request.get("MaxItems"))
        after = read_number_marker(request.get("Marker"))
        first = [] if read_marker(request.get("Marker")) else [latest]
        found = [*first, *versions.list_versions(tx, scope, named.name, after, size + 1)]
        result: dict[str, Any] = {"Versions": [item.describe(item.version) for item in found[:size]]}
        if len(found) > size:
            last = found[size - 1].version
            result["NextMarker"] = write_marker("0" if last == names.LATEST else last)
        return result


def publish(tx: Transaction, latest: Function, description: str | None = None) -> tuple[Function, bool]:
    """(The version that holds `latest`, whether it is new). Publishing gives `$LATEST` a new revision as well."""
    last = versions.last_version(tx, latest.scope, latest.name)
    if last is not None and last.published_from == latest.fingerprint:
        return last, False
    number = versions.next_number(tx, latest.scope, latest.name)
    published = latest.published(number, description, tx.new_id(), tx.now)
    versions.save_version(tx, published)
    # [R:test_version_lifecycle, test_function_revisions_version_and_alias]
    tables.save_function(tx, latest.changed(revision_id=tx.new_id()))
    return published, True
