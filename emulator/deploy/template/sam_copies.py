"""Deep copies as AWS's translator makes them, in a fraction of its time.

The translator copies a whole OpenAPI document for every event of an API, by `copy.deepcopy` over dictionaries that keep
their keys in the order of Python 2.7: of a template of 200 resources that is most of its time, which grows with the
square of the events. The copies here are equal to its own, the order of keys and objects that stand twice included:
logical ids hold hashes of that order.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

_MOST_ORDERS = 10_000


@cache
def install() -> None:
    """Have the translator's dictionaries copied so, from now on."""
    from samtranslator.utils import py27hash_fix

    setattr(py27hash_fix.Py27Dict, "__deepcopy__", copier(py27hash_fix))  # noqa: B010 - a method of another's class


def copier(module: Any) -> Callable[[Any, dict[int, Any]], Any]:
    """What copies (document, memo of copy.deepcopy) the dictionaries of the translator's module."""
    marked: Any = module.Py27Dict
    keys_type: Any = module.Py27Keys
    new_keys = keys_type.__new__
    plain = frozenset({str, int, float, bool, type(None), module.Py27UniStr, module.Py27LongInt})
    new = marked.__new__
    items, put = dict[Any, Any].items, dict[Any, Any].__setitem__

    @lru_cache(_MOST_ORDERS)
    def order(keys: tuple[Any, ...], _types: tuple[type, ...]) -> dict[str, Any]:
        """Where keys are that are added one after the other. The types tell apart keys that are equal, and are printed
        otherwise (`'a'`, `u'a'`).
        """
        made = keys_type()
        for key in keys:
            made.add(key)
        return vars(made)

    def copied(value: Any, memo: dict[int, Any]) -> Any:
        kind = type(value)
        if kind in plain:
            return value
        found = memo.get(id(value))
        if found is not None:
            return found
        if kind is marked:
            made = new(marked)
            keys = tuple(value.keylist.keys())
            keylist = new_keys(keys_type)
            keylist.__dict__.update(order(keys, tuple(map(type, keys))))
            keylist.keyorder = keylist.keyorder.copy()
            made.__dict__ = {**value.__dict__, "keylist": keylist}
            memo[id(value)] = made
            for key, item in items(value):
                put(made, key, item if type(item) in plain else copied(item, memo))
            return made
        if kind is list:
            listed: list[Any] = []
            memo[id(value)] = listed
            for item in value:
                listed.append(item if type(item) in plain else copied(item, memo))
            return listed
        return copy.deepcopy(value, memo)

    return copied
