"""Routing rules of custom domain names: AWS's own examples of how rules and mappings are evaluated."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.testing import RunningEmulator
from tests.wire.apigateway_support import RestApi, mock
from tests.wire.http_api_support import ask, http_api
from tests.wire.lambda_support import error_of

NAME = "petstore.example.com"
HELLO = {"MatchHeaders": {"AnyOf": [{"Header": "Hello", "ValueGlob": "World"}]}}
IMAGE = {"MatchHeaders": {"AnyOf": [{"Header": "Accept", "ValueGlob": "image/webp"}]}}
DOG = {"MatchHeaders": {"AnyOf": [{"Header": "Pet", "ValueGlob": "Dog-*"}]}}
SHOPPER = {"MatchBasePaths": {"AnyOf": ["PetStoreShopper"]}}


def target(emulator: RunningEmulator, name: str) -> str:
    """A REST API that answers its name and the path that it was asked for."""
    api = RestApi(emulator)
    for path in ("/", "/{proxy+}"):
        api.method(path, "ANY", **mock(body=f"{name} $input.params('proxy')"))
    api.deploy()
    return api.id


class Names:
    """A domain name with rules."""

    def __init__(self, emulator: RunningEmulator, mode: str) -> None:
        self.emulator = emulator
        self.client: Any = emulator.client("apigatewayv2")
        self.client.create_domain_name(DomainName=NAME, RoutingMode=mode)

    def rule(self, priority: int, api: str, *conditions: Any, strip: bool = False) -> dict[str, Any]:
        action = {"InvokeApi": {"ApiId": api, "Stage": "dev", "StripBasePath": strip}}
        return self.client.create_routing_rule(
            DomainName=NAME, Priority=priority, Conditions=list(conditions), Actions=[action]
        )

    def ask(self, path: str = "/", **headers: str) -> tuple[int, str]:
        answer = ask(self.emulator.url + path, headers=headers, host=NAME)
        return answer.status, answer.body.decode().strip()


def test_rules_are_asked_in_the_order_of_their_priorities(emulator: RunningEmulator) -> None:
    one, two, three = (target(emulator, name) for name in ("one", "two", "three"))
    names = Names(emulator, "ROUTING_RULE_ONLY")
    assert names.ask() == (403, '{"message":"Forbidden"}')
    names.rule(100, three)
    names.rule(50, two, IMAGE, DOG, SHOPPER)
    names.rule(10, one, HELLO)
    assert names.ask(Hello="World") == (200, "one")
    everything = {"Hello": "World", "Pet": "Dog-Bella", "Accept": "image/webp"}
    assert names.ask("/PetStoreShopper", **everything) == (200, "one PetStoreShopper")
    assert names.ask("/PetStoreShopper", Pet="Dog-Bella", Accept="image/webp") == (200, "two PetStoreShopper")
    assert names.ask("/PetStoreShopper/cats", Pet="Dog-Bella", accept="image/webp")[1] == "two PetStoreShopper/cats"
    assert names.ask("/PetStoreShoppers", Pet="Dog-Bella", Accept="image/webp")[1].startswith("three")
    assert names.ask("/PetStoreShopper", Pet="Dog-Bella")[1].startswith("three")
    assert names.ask(Hello="world")[1] == "three"
    assert names.ask(hello="World")[1] == "one"


def test_mappings_are_asked_after_rules_or_not_at_all(emulator: RunningEmulator) -> None:
    ruled, mapped = target(emulator, "ruled"), target(emulator, "mapped")
    names = Names(emulator, "ROUTING_RULE_THEN_API_MAPPING")
    names.rule(1, ruled, HELLO)
    names.client.create_api_mapping(DomainName=NAME, ApiId=mapped, Stage="dev")
    assert (names.ask(Hello="World"), names.ask()) == ((200, "ruled"), (200, "mapped"))
    names.client.update_domain_name(DomainName=NAME, RoutingMode="ROUTING_RULE_ONLY")
    assert (names.ask(Hello="World"), names.ask()[0]) == ((200, "ruled"), 403)
    older = emulator.client("apigateway")
    assert older.get_domain_name(domainName=NAME)["routingMode"] == "ROUTING_RULE_ONLY"
    replace = [{"op": "replace", "path": "/routingMode", "value": "BASE_PATH_MAPPING_ONLY"}]
    older.update_domain_name(domainName=NAME, patchOperations=replace)
    assert names.client.get_domain_name(DomainName=NAME)["RoutingMode"] == "API_MAPPING_ONLY"
    assert names.ask(Hello="World") == (200, "mapped")


def test_a_base_path_is_stripped_on_request(emulator: RunningEmulator) -> None:
    api = target(emulator, "a")
    names = Names(emulator, "ROUTING_RULE_ONLY")
    names.rule(1, api, {"MatchBasePaths": {"AnyOf": ["v1/shop", "v1"]}}, strip=True)
    assert names.ask("/v1/shop/dogs") == (200, "a dogs")
    assert (names.ask("/v1/shop"), names.ask("/v1/other")) == ((200, "a"), (200, "a other"))


def test_rules_are_kept_changed_listed_and_deleted(emulator: RunningEmulator) -> None:
    api = target(emulator, "a")
    names = Names(emulator, "ROUTING_RULE_ONLY")
    made = names.rule(20, api, HELLO)
    other = names.rule(10, api)
    which = {"DomainName": NAME, "RoutingRuleId": made["RoutingRuleId"]}
    got = names.client.get_routing_rule(**which)
    assert (got["Priority"], got["Conditions"]) == (20, [HELLO])
    assert got["RoutingRuleArn"].endswith(f"/domainnames/{NAME}/routingrules/{made['RoutingRuleId']}")
    listed = names.client.list_routing_rules(DomainName=NAME)["RoutingRules"]
    assert [rule["RoutingRuleId"] for rule in listed] == [other["RoutingRuleId"], made["RoutingRuleId"]]
    first = names.client.list_routing_rules(DomainName=NAME, MaxResults=1)
    assert len(first["RoutingRules"]) == 1
    rest = names.client.list_routing_rules(DomainName=NAME, NextToken=first["NextToken"])
    assert [rule["RoutingRuleId"] for rule in rest["RoutingRules"]] == [made["RoutingRuleId"]]
    assert error_of(lambda: names.rule(10, api))[0] == "ConflictException"
    names.client.put_routing_rule(**which, Priority=5, Conditions=[], Actions=got["Actions"])
    assert names.client.get_routing_rule(**which)["Priority"] == 5
    names.client.delete_routing_rule(**which)
    assert error_of(lambda: names.client.get_routing_rule(**which))[0] == "NotFoundException"
    names.client.delete_domain_name(DomainName=NAME)
    names.client.create_domain_name(DomainName=NAME)
    assert names.client.list_routing_rules(DomainName=NAME)["RoutingRules"] == []


@pytest.mark.parametrize(
    "conditions",
    [
        [HELLO, IMAGE, DOG],
        [SHOPPER, SHOPPER],
        [{}],
        [{**HELLO, **SHOPPER}],
        [{"MatchBasePaths": {"AnyOf": []}}],
        [{"MatchBasePaths": {"AnyOf": ["a b"]}}],
        [{"MatchBasePaths": {"AnyOf": ["/a"]}}],
        [{"MatchHeaders": {"AnyOf": [{"Header": "Authorization", "ValueGlob": "a"}]}}],
        [{"MatchHeaders": {"AnyOf": [{"Header": "x-amz-date", "ValueGlob": "a"}]}}],
        [{"MatchHeaders": {"AnyOf": [{"Header": "a", "ValueGlob": "a" * 129}]}}],
    ],
)
def test_conditions_that_cannot_be_are_refused(emulator: RunningEmulator, conditions: list[Any]) -> None:
    names = Names(emulator, "ROUTING_RULE_ONLY")
    assert error_of(lambda: names.rule(1, target(emulator, "a"), *conditions))[0] == "BadRequestException"
    assert names.client.list_routing_rules(DomainName=NAME)["RoutingRules"] == []


def test_a_rule_leads_to_a_stage_of_a_rest_api(emulator: RunningEmulator) -> None:
    names = Names(emulator, "ROUTING_RULE_ONLY")
    assert error_of(lambda: names.rule(1, "nobody"))[0] == "NotFoundException"
    http = http_api(emulator)
    http.client.create_stage(ApiId=http.id, StageName="dev")
    assert error_of(lambda: names.rule(1, http.id))[0] == "BadRequestException"
    emulator.control("PUT", "settings", {"routing_rules": 0})
    assert error_of(lambda: names.rule(1, target(emulator, "a")))[0] == "TooManyRequestsException"
