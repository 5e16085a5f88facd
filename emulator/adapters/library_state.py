"""What the library of delegated services (moto) keeps of accounts, as bytes.

It is Python objects, so a state is a pickle. Reading one makes objects of the library and of a few plain types only,
and calls nothing else; keys of KMS and Cognito, and SSM's store, cannot be written at all: that is refused by name.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterable
from typing import Any, cast

State = dict[str, dict[str, dict[str, Any]]]
"""Service → account → region → backend."""

WITHOUT_STATE = frozenset({"sts"})
"""What they keep is over with the answer."""
_PLAIN = {
    "builtins": frozenset(
        ["bytearray", "complex", "frozenset", "list", "dict", "set", "tuple", "slice", "range", "object"]
    ),
    "collections": frozenset({"OrderedDict", "defaultdict", "deque", "Counter"}),
    "copyreg": frozenset({"_reconstructor"}),
    "datetime": frozenset({"date", "datetime", "time", "timedelta", "timezone"}),
    "decimal": frozenset({"Decimal"}),
    "re": frozenset({"_compile"}),
    "uuid": frozenset({"UUID"}),
    "zoneinfo": frozenset({"ZoneInfo"}),
}


class CannotSave(Exception):
    """Of some services the library's state cannot be written; `services` are their names."""

    def __init__(self, services: list[str]) -> None:
        super().__init__(f"the state of {', '.join(services)} cannot be written to a file")
        self.services = services


class UnknownState(ValueError):
    """The bytes are no state of this library's; the message says why."""


def save(services: Iterable[str], account: str = "") -> bytes:
    """What the library keeps of some services: of an account, or of all. Raises CannotSave."""
    wanted = sorted(set(services) - WITHOUT_STATE)
    if not wanted:
        return b""
    from moto.backends import get_backend

    written: dict[str, bytes] = {}
    failed: list[str] = []
    for service in wanted:
        backends: Any = get_backend(cast(Any, service))
        kept = {owner: dict(regions) for owner, regions in backends.items() if account in ("", owner)}
        if not any(kept.values()):
            continue
        try:
            written[service] = pickle.dumps(kept)
            _Reader(io.BytesIO(written[service])).load()  # what could not be read must not be saved
        except (AttributeError, TypeError, pickle.PicklingError, UnknownState):
            failed.append(service)
    if failed:
        raise CannotSave(failed)
    return pickle.dumps(written) if written else b""


def holds_any(content: bytes) -> bool:
    """Whether there is anything to load."""
    return bool(content)


def load(content: bytes) -> set[str]:
    """Keep what was saved, in the place of what there is of the same accounts; the services. Raises UnknownState."""
    from moto.backends import get_backend

    try:
        written: dict[str, bytes] = _Reader(io.BytesIO(content)).load()
        state: State = {service: _Reader(io.BytesIO(part)).load() for service, part in written.items()}
    except UnknownState:
        raise
    except Exception as problem:
        raise UnknownState(f"it cannot be read: {problem}") from None
    for service, accounts in state.items():
        backends: Any = get_backend(cast(Any, service))
        for account, regions in accounts.items():
            kept = backends[account]
            kept.clear()
            dict.update(kept, regions)
    return set(state)


class _Reader(pickle.Unpickler):
    """Makes nothing but what the library's state consists of."""

    def find_class(self, module_name: str, global_name: str) -> Any:
        found: Any = None
        if module_name.partition(".")[0] == "moto" and "." not in global_name:
            found = super().find_class(module_name, global_name)
            if not isinstance(found, type) or found.__module__.partition(".")[0] != "moto":
                found = None  # a module's functions, and what it has imported, are none of a state
        elif global_name in _PLAIN.get(module_name, ()):
            found = super().find_class(module_name, global_name)
        if found is None:
            raise UnknownState(f"it holds {module_name}.{global_name}, which no state of the library does")
        return found
