"""What the library of delegated services (moto) keeps of accounts, as bytes.

It is Python objects, so a state is a pickle, with private keys (of KMS, of user pools) as their standard encodings.
Reading one makes objects of the library and of a few plain types only, and calls nothing else. What else a library of
another version may hold is refused by name.
"""

from __future__ import annotations

import io
import pickle
from collections import defaultdict
from collections.abc import Iterable
from types import FunctionType
from typing import Any, cast

State = dict[str, dict[str, dict[str, Any]]]
"""Service → account → region → backend."""

WITHOUT_STATE = frozenset({"sts"})
"""What they keep is over with the answer."""
_PLAIN = {
    __name__: frozenset({"_private_key", "_web_key", "_maker_of_tags", "_tags_of_a_resource", "_dict_of"}),
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
            written[service] = _written(kept)
            _Reader(io.BytesIO(written[service])).load()  # what could not be read must not be saved
        except (AttributeError, TypeError, pickle.PicklingError, UnknownState):
            failed.append(service)
    if failed:
        raise CannotSave(failed)
    return pickle.dumps(written) if written else b""


def read(content: bytes) -> State:
    """What was saved, of which nothing is kept yet. Raises UnknownState."""
    if not content:
        return {}
    from moto.backends import get_backend
    from moto.core.base_backend import BaseBackend

    try:
        written: dict[str, bytes] = _Reader(io.BytesIO(content)).load()
        state: State = {service: _Reader(io.BytesIO(part)).load() for service, part in written.items()}
        whole = all(
            type(account) is str and type(region) is str and isinstance(backend, BaseBackend)
            for accounts in state.values()
            for account, regions in accounts.items()
            for region, backend in regions.items()
        )
        if not whole:
            raise UnknownState("it is no state of accounts")
        for service in state:
            get_backend(cast(Any, service))  # it knows all of them, or raises
    except UnknownState:
        raise
    except Exception as problem:
        raise UnknownState(f"it cannot be read: {problem}") from None
    return state


def put(state: State) -> None:
    """Keep what was read, in the place of what there is of the same accounts."""
    from moto.backends import get_backend

    for service, accounts in state.items():
        backends: Any = get_backend(cast(Any, service))
        for account, regions in accounts.items():
            kept = backends[account]
            kept.clear()
            dict.update(kept, regions)


def _written(kept: Any) -> bytes:
    file = io.BytesIO()
    _Writer(file).dump(kept)
    return file.getvalue()


class _Writer(pickle.Pickler):
    """Writes, beside what every pickle can, what the library's state holds of functions and foreign objects."""

    def reducer_override(self, obj: Any) -> Any:
        kind = type(obj)
        module = kind.__module__
        if module.startswith("cryptography.") and hasattr(obj, "private_bytes"):
            return _private_key, (_encoded(obj),)
        if module.startswith("joserfc.") and kind.__name__ == "RSAKey":
            return _web_key, (obj.as_dict(private=True),)
        if kind is FunctionType and obj.__module__ == "moto.ssm.models" and _makes_tags(obj):
            return _maker_of_tags, ()
        if isinstance(obj, defaultdict) and module.startswith("moto."):  # ParameterDict is not made of a factory
            whole = cast(Any, obj)
            return _dict_of, (kind, whole.default_factory), vars(whole), None, iter(dict.items(whole))
        return NotImplemented


def _encoded(key: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def _private_key(encoded: bytes) -> Any:
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    return load_der_private_key(encoded, None)


def _web_key(members: dict[str, Any]) -> Any:
    from joserfc.jwk import RSAKey

    return RSAKey.import_key(members)


def _makes_tags(function: Any) -> bool:
    """Whether this is the function by which SSM's store makes a place for the tags of a kind of resources."""
    return function.__name__ == "<lambda>" and function.__closure__ is None and function() == _tags_of_a_resource()


def _maker_of_tags() -> Any:
    return _tags_of_a_resource  # this module's, which has a name, in the place of theirs, which has none


def _tags_of_a_resource() -> defaultdict[str, dict[str, str]]:
    return defaultdict(dict)


def _dict_of(kind: type[defaultdict[Any, Any]], factory: Any) -> Any:
    """A dictionary of the library's, as its own `__init__` must not make it: with what is written, and no more."""
    made = kind.__new__(kind)
    made.default_factory = factory
    return made


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
