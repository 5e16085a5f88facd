"""Who may run: provisioned places first, then what a function reserves, or what the account shares (1.4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import pytest

from emulator.aws.errors import AwsError
from emulator.aws.scope import Scope
from emulator.ports import FunctionSpec
from emulator.services.lambda_.operations.places import ACCOUNT_USED, RESERVED_USED, Concurrency, Place
from emulator.settings import LiveSettings


@dataclass
class Spec:
    arn: str
    kind: str


class Function:
    """What the decision looks at."""

    def __init__(
        self,
        name: str = "f",
        reserved: int | None = None,
        reserved_in_total: int = 0,
        provisioned: int = 0,
        provisioned_in_function: int = 0,
        qualifier: str = "1",
    ) -> None:
        self.spec = cast(FunctionSpec, Spec(name, "on-demand"))
        self.provisioned_spec = cast(FunctionSpec, Spec(name, "provisioned"))
        self.scope = Scope()
        self.reserved, self.reserved_in_total = reserved, reserved_in_total
        self.provisioned, self.provisioned_in_function = provisioned, provisioned_in_function
        self.provisioned_arn = f"{name}:{qualifier}" if provisioned else ""


def concurrency(account: int = 10) -> Concurrency:
    settings = LiveSettings()
    settings.account_concurrency = account
    return Concurrency(settings)


def kinds(places: list[Place]) -> list[str]:
    return [cast(Spec, place.spec).kind for place in places]


def reason(made: Concurrency, function: Function) -> str:
    with pytest.raises(AwsError) as caught:
        made.acquire(function)
    assert (caught.value.status, caught.value.message) == (429, "Rate Exceeded.")
    return caught.value.members["Reason"]


def test_the_account_is_shared_and_places_are_given_back() -> None:
    made = concurrency(account=2)
    places = [made.acquire(Function("a")), made.acquire(Function("b"))]
    assert reason(made, Function("a")) == ACCOUNT_USED
    with places.pop():
        pass
    assert made.acquire(Function("a")).running == 2
    assert made.anything_runs()


def test_what_a_function_reserves_is_its_own_and_its_limit() -> None:
    made = concurrency(account=3)
    mine = Function("a", reserved=2, reserved_in_total=2)
    places = [made.acquire(mine), made.acquire(mine)]
    assert reason(made, mine) == RESERVED_USED
    other = Function("b", reserved_in_total=2)
    places.append(made.acquire(other))
    assert reason(made, other) == ACCOUNT_USED
    for place in places:
        place.release()
    assert not made.anything_runs()


def test_a_function_that_reserves_nothing_at_all_never_runs() -> None:
    assert reason(concurrency(), Function(reserved=0, provisioned=1)) == RESERVED_USED


def test_provisioned_places_come_first_and_the_rest_spills_over() -> None:
    made = concurrency(account=3)
    version = Function(reserved_in_total=1, provisioned=1, provisioned_in_function=1)
    places = [made.acquire(version) for _ in range(3)]
    assert kinds(places) == ["provisioned", "on-demand", "on-demand"]
    assert reason(made, version) == ACCOUNT_USED
    places[0].release()
    assert kinds([made.acquire(version)]) == ["provisioned"]


def test_a_reserve_that_is_all_provisioned_leaves_nothing_for_other_versions() -> None:
    made = concurrency()
    version = Function(reserved=2, reserved_in_total=2, provisioned=2, provisioned_in_function=2)
    latest = Function(reserved=2, reserved_in_total=2, provisioned_in_function=2)
    assert reason(made, latest) == RESERVED_USED
    assert kinds([made.acquire(version), made.acquire(version)]) == ["provisioned"] * 2
    assert reason(made, version) == RESERVED_USED


def test_a_place_is_given_back_where_it_was_taken_though_the_function_has_changed_since() -> None:
    made = concurrency(account=1)
    place = made.acquire(Function("a"))
    assert reason(made, Function("b")) == ACCOUNT_USED
    place.release()  # meanwhile "a" has reserved concurrency: the shared place is free all the same
    with made.acquire(Function("b")):
        pass
