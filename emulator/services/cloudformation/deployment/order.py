"""In which order resources go: those that others need last. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from emulator.services.cloudformation.model import Resource


def users_first(resources: Iterable[Resource]) -> list[Resource]:
    """Resources so that each comes before those it needs; a cycle, which no template makes, is cut."""
    listed = list(resources)
    by_name: dict[str, list[Resource]] = {}
    for item in listed:
        by_name.setdefault(item.logical_id, []).append(item)
    done: list[Resource] = []
    state: dict[int, int] = {}
    for start in listed:
        if id(start) in state:
            continue
        stack: list[tuple[Resource, bool]] = [(start, False)]
        while stack:
            item, left = stack.pop()
            if left:
                done.append(item)
                continue
            if id(item) in state:
                continue
            state[id(item)] = 1
            stack.append((item, True))
            for name in item.requires:
                stack.extend((needed, False) for needed in by_name.get(name, ()) if id(needed) not in state)
    done.reverse()
    return done


def used_by(resources: Mapping[str, Resource]) -> dict[str, set[str]]:
    """Of each resource: those that need it."""
    found: dict[str, set[str]] = {}
    for item in resources.values():
        for name in item.requires:
            found.setdefault(name, set()).add(item.logical_id)
    return found
