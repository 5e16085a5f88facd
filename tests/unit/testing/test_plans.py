"""Random fault plans and their smallest failing ones, without an emulator."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.faults import KINDS, Fault, FaultPlan
from emulator.testing.plans import Place, literal, random_plan, read_kinds, shrink, usual_kinds

PLACES = [Place("function", "render", 3), Place("queue", "orders", 1), Place("gateway", "POST /reports/*", 2)]


def test_a_seed_gives_the_same_plan_whatever_the_order_of_places() -> None:
    for seed in range(50):
        assert random_plan(seed, PLACES, usual_kinds(), 3) == random_plan(seed, PLACES[::-1], usual_kinds(), 3)


@given(st.integers(0, 10_000), st.integers(1, 5))
def test_every_plan_is_one_that_can_be_put_in_force_and_strikes_calls_that_were_seen(seed: int, most: int) -> None:
    plan = random_plan(seed, PLACES, usual_kinds(), most)
    assert FaultPlan.from_json(plan.to_json()) == plan
    assert 1 <= len(plan.faults) <= most
    calls = {(place.target, literal(place.name)): place.calls for place in PLACES}
    for fault in plan.faults:
        assert fault.skip < calls[fault.target, fault.name]
        assert fault.fault in usual_kinds()[fault.target]


def test_nothing_seen_is_nothing_to_strike() -> None:
    assert random_plan(1, [], usual_kinds(), 3) == FaultPlan()


def test_the_usual_kinds_leave_a_way_to_the_promised_end() -> None:
    usual = usual_kinds()
    assert usual["function"] == KINDS["function"]
    assert "lost" not in usual["queue"] and "refused" not in usual["mail"] and usual["store"] == ()


def test_kinds_are_read_by_fault_by_target_or_by_both() -> None:
    assert read_kinds("queue:twice, mail") == {"queue": ("twice",), "mail": ("refused", "lost")}
    assert set(read_kinds("twice")) == {"function", "state", "destination", "queue"}
    assert read_kinds("store") == {"store": ("error",)}
    for wrong in ("thrice", "mail:twice", "store:crash"):
        with pytest.raises(ValueError, match=f"no fault '{wrong}' to explore; there are: function:error"):
            read_kinds(wrong)


def test_names_that_look_like_patterns_mean_themselves() -> None:
    plans = [random_plan(seed, [Place("gateway", "GET /{any+}/*", 1)], usual_kinds(), 1) for seed in range(3)]
    assert {fault.name for plan in plans for fault in plan.faults} == {"GET /{any+}/[*]"}


def test_what_the_failure_does_not_need_is_left_out() -> None:
    needed = Fault("function", "render", "twice", skip=2)
    others = tuple(Fault("queue", f"q{number}", "slow", seconds=60) for number in range(7))
    asked: list[FaultPlan] = []

    def fails(plan: FaultPlan) -> bool:
        asked.append(plan)
        return any(fault.name == "render" for fault in plan.faults)

    assert shrink(FaultPlan((*others[:4], needed, *others[4:])), fails) == FaultPlan(
        (Fault("function", "render", "twice"),)
    )
    assert len(asked) < 15


def test_what_is_needed_of_a_fault_stays() -> None:
    late = Fault("function", "render", "slow", skip=1, seconds=900.0)
    shrunk = shrink(FaultPlan((late,)), lambda plan: any(each.delay >= 60 and each.skip == 1 for each in plan.faults))
    assert shrunk == FaultPlan((Fault("function", "render", "slow", skip=1, seconds=60.0),))


@settings(max_examples=60)
@given(st.sets(st.integers(0, 11), min_size=1, max_size=4))
def test_the_smallest_plan_is_one_of_which_nothing_can_be_left_out(needed: set[int]) -> None:
    faults = tuple(Fault("queue", f"q{number}", "twice") for number in range(12))
    wanted = {faults[number] for number in needed}
    assert set(shrink(FaultPlan(faults), lambda plan: wanted <= set(plan.faults)).faults) == wanted
