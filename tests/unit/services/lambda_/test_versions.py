"""Values of versions and aliases, and where a name leads."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.services.lambda_.model import Alias, Function, ProvisionedConcurrency
from emulator.services.lambda_.operations.state import Resolved, Route
from emulator.services.lambda_.rules.configuration import new_configuration
from emulator.services.lambda_.rules.names import parse
from tests.unit.services.lambda_.support import ROLE, SCOPE, START, Bench, zipped

REQUEST = {"Runtime": "python3.12", "Handler": "app.handler", "Role": ROLE}


def function(**more: Any) -> Function:
    configuration = new_configuration({**REQUEST, **more}, "f")
    return Function(SCOPE, "f", configuration, "sha", 1, "revision", START, reserved_concurrency=3, tags={"a": "b"})


def test_a_version_is_a_copy_under_a_number_without_what_belongs_to_the_function() -> None:
    latest = function(Description="latest")
    first = latest.published(1, None, "r1", START + 1)
    assert (first.version, first.revision_id, first.last_modified) == ("1", "r1", START + 1)
    assert first.configuration == latest.configuration
    assert (first.reserved_concurrency, first.tags) == (None, {})
    assert first.describe()["FunctionArn"] == first.arn
    assert first.describe("live")["FunctionArn"] == f"{first.arn}:live"
    assert latest.published(2, "other", "r2", START).configuration["Description"] == "other"
    assert latest.configuration["Description"] == "latest"


def test_a_version_remembers_what_it_was_published_from() -> None:
    latest = function()
    described = latest.published(1, "described", "r1", START)
    assert described.published_from == latest.changed(revision_id="other", last_modified=0.0).fingerprint
    assert described.published_from != latest.changed(code_sha256="other").fingerprint
    assert described.published_from != function(Timeout=4).fingerprint


def test_snap_start_is_on_for_the_version_only() -> None:
    latest = function(SnapStart={"ApplyOn": "PublishedVersions"})
    assert latest.configuration["SnapStart"]["OptimizationStatus"] == "Off"
    assert latest.published(1, None, "r", START).configuration["SnapStart"]["OptimizationStatus"] == "On"


def test_an_alias_shows_a_routing_config_only_if_it_has_one() -> None:
    plain = Alias(SCOPE, "f", "live", "1", "", "r")
    assert "RoutingConfig" not in plain.describe()
    weighted = Alias(SCOPE, "f", "live", "1", "", "r", {"2": 0.5})
    assert weighted.describe()["RoutingConfig"] == {"AdditionalVersionWeights": {"2": 0.5}}
    assert weighted.versions == ["1", "2"]


def test_provisioned_concurrency_has_its_time_without_a_fraction() -> None:
    shown = ProvisionedConcurrency("1", 2, START + 0.75).describe()
    assert shown["LastModified"] == "2025-11-21T14:06:40+0000"


async def resolved(bench: Bench, name: str) -> Resolved:
    return await bench.operations.resolve(parse(name, SCOPE))


@pytest.mark.parametrize(("draw", "version"), [(0.0, "2"), (0.24, "2"), (0.25, "1"), (0.99, "1")])
@pytest.mark.anyio
async def test_a_draw_below_the_weight_leads_to_the_other_version(draw: float, version: str) -> None:
    bench = Bench()
    await bench.create(Publish=True)
    await bench.call("UpdateFunctionCode", FunctionName="f", ZipFile=zipped({"b.py": ""}), Publish=True)
    primary, other = await resolved(bench, "f:1"), await resolved(bench, "f:2")
    assert Route(primary, other, 0.25).choose(draw).spec.version == version
    assert Route(primary).choose(draw) is primary


@pytest.mark.anyio
async def test_a_name_is_resolved_to_a_version_and_what_governs_it() -> None:
    bench = Bench()
    target = "arn:aws:sqs:us-east-1:000000000000:q"
    await bench.create(Publish=True, DeadLetterConfig={"TargetArn": target})
    await bench.call("CreateAlias", FunctionName="f", Name="live", FunctionVersion="1")
    await bench.call("PutFunctionEventInvokeConfig", FunctionName="f", Qualifier="live", MaximumRetryAttempts=0)
    await bench.call(
        "PutProvisionedConcurrencyConfig", FunctionName="f", Qualifier="live", ProvisionedConcurrentExecutions=2
    )
    await bench.call("PutFunctionConcurrency", FunctionName="f", ReservedConcurrentExecutions=5)
    assert [(await resolved(bench, "f:live")).provisioned] == [0]
    await bench.advance(0)
    live, first, latest = [await resolved(bench, name) for name in ("f:live", "f:1", "f")]
    assert [item.spec.version for item in (live, first, latest)] == ["1", "1", "$LATEST"]
    assert [item.qualifier for item in (live, first, latest)] == ["live", "1", None]
    assert live.invoked_arn.endswith(":f:live")
    assert [item.event_config is not None for item in (live, first, latest)] == [True, False, False]
    assert [item.provisioned for item in (live, first, latest)] == [2, 0, 0]
    assert {(item.reserved, item.provisioned_in_function) for item in (live, first, latest)} == {(5, 2)}
    assert live.dead_letter_arn == target
    assert live.spec.key == first.spec.key != latest.spec.key
    assert live.provisioned_spec.key != live.spec.key
    assert live.provisioned_spec.initialization_type == "provisioned-concurrency"


@pytest.mark.anyio
async def test_the_key_of_environments_changes_with_code_or_configuration_and_with_nothing_else() -> None:
    bench = Bench()
    await bench.create()
    keys = [(await resolved(bench, "f")).spec.key]
    await bench.call("PublishVersion", FunctionName="f")
    await bench.call("PutFunctionConcurrency", FunctionName="f", ReservedConcurrentExecutions=1)
    assert (await resolved(bench, "f")).spec.key == keys[0]
    await bench.call("UpdateFunctionConfiguration", FunctionName="f", Timeout=9)
    keys.append((await resolved(bench, "f")).spec.key)
    await bench.call("UpdateFunctionCode", FunctionName="f", ZipFile=zipped({"b.py": ""}))
    keys.append((await resolved(bench, "f")).spec.key)
    assert len(set(keys)) == 3
