"""Copies of the translator's documents: equal to those that it would make itself, hashes of names included."""

from __future__ import annotations

import importlib.util
from typing import Any

from emulator.deploy.template.sam_copies import copier


def _module() -> Any:
    """The translator's own, which nobody has changed."""
    spec = importlib.util.find_spec("samtranslator.utils.py27hash_fix")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


py27hash_fix = _module()
_copied = copier(py27hash_fix)


def quick_copy(document: Any) -> Any:
    """As the translator copies from now on."""
    return _copied(document, {})


def _document() -> Any:
    value = {
        f"/path{number}": {"get": {"responses": {}, "x": [number, "text", None, True, 1.5, {"b": 1, "a": 2}]}}
        for number in range(40)
    }
    template: Any = {"Resources": {"Api": {"Type": "AWS::Serverless::Api", "Properties": {"DefinitionBody": value}}}}
    py27hash_fix.to_py27_compatible_template(template)
    return template["Resources"]["Api"]["Properties"]["DefinitionBody"]


def _order(value: Any) -> Any:
    """Everything that a copy must keep: types, and both orders of the keys."""
    if isinstance(value, py27hash_fix.Py27Dict):
        keys = [(key, type(key)) for key in value.keylist]
        state = (value.keylist.mask, value.keylist.fill, value.keylist.size, value.keylist.keyorder)
        return (keys, state, list(dict.items(value)) and [_order(item) for _, item in dict.items(value)])
    return [_order(item) for item in value] if isinstance(value, list) else (type(value), value)


def _own(value: Any) -> Any:
    """As the translator copies by itself."""
    return py27hash_fix.Py27Dict.__dict__["__deepcopy__"](value, {})


def test_a_copy_is_the_one_that_the_translator_makes() -> None:
    document = _document()
    del document["/path7"]  # leaves a gap in the order of keys, which a copy closes
    document["plain"] = "text"
    assert _order(quick_copy(document)) == _order(_own(document))


def test_a_copy_is_another_document() -> None:
    document = _document()
    made = quick_copy(document)
    made["/path1"]["get"]["responses"]["200"] = {}
    made["/new"] = {}
    assert document["/path1"]["get"]["responses"] == {} and "/new" not in document.keylist


def test_what_stands_twice_stands_twice_in_a_copy() -> None:
    document = _document()
    document["again"] = document["/path1"]
    made = quick_copy(document)
    assert made["again"] is made["/path1"] and made["again"] is not document["again"]
