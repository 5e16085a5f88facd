"""Large bodies are read as small ones are, a piece at a time."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.services.apigateway.gateway import large_bodies
from emulator.services.apigateway.gateway.vtl.values import to_json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
PADDING = " " * large_bodies.LARGE_BYTES


@given(JSON)
def test_a_long_text_means_what_it_always_means(value: Any) -> None:
    text = json.dumps(value, indent=1)
    assert large_bodies.loads(text + PADDING) == large_bodies.loads(PADDING + text) == json.loads(text)


@given(JSON)
def test_a_value_is_written_as_it_always_is(value: Any) -> None:
    assert large_bodies.dumps(value, to_json) == to_json(value)


@given(st.text(alphabet='{}[]",:1e-tru \\n', max_size=12))
def test_a_long_text_is_refused_where_a_short_one_is(text: str) -> None:
    try:
        wanted = json.loads(text + PADDING)  # with it: what follows a backslash decides which mistake it is
    except ValueError as problem:
        with pytest.raises(json.JSONDecodeError, match=re.escape(str(problem).partition(":")[0])):
            large_bodies.loads(text + PADDING)
    else:
        assert large_bodies.loads(text + PADDING) == wanted
