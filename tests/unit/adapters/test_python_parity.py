"""What a handler returns or raises, under us and under AWS's own runtime interface client: same bytes, same log."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.adapters.runtime import wire
from emulator.adapters.runtime.bootstrap import answer
from emulator.adapters.runtime.control_channel import LARGEST
from emulator.adapters.runtime.function_log import FunctionLog
from emulator.adapters.runtime.results import UNICODE_RESULTS, Marshaller

client = pytest.importorskip("awslambdaric.bootstrap", reason="needs awslambdaric, which has wheels for Linux only")

EVENT = b'{"a": [1, 2.50, "\\ud83d\\ude00"], "b": 123456789012345678901234567890}'
CLIENT_CONTEXT = (
    '{"custom": {"a": 1}, "client": {"installation_id": "i"}, "env": {"x": "y"}, "w3c": {"traceparent": "t", "z": 1}}'
)
FAILING = {
    "a chained exception": "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    raise KeyError('k') from error",
    "an exception class": "class Custom(Exception): pass\nraise Custom",
    "an empty message": "raise Exception('')",
    "several arguments": "raise Exception('two\\nlines', 3)",
    "text beyond ASCII": "raise Exception('ü€𝒳')",
    "a group": "raise ExceptionGroup('g', [ValueError(1), KeyError(2)])",
    "code in a string": "exec('1 / 0')",
    "a missing file": "open('/nowhere/at/all')",
    "a library's exception": "import json\njson.loads('{')",
    "a syntax error": "compile('a b', 'x', 'exec')",
    "a set": "return {1}",
    "a tuple as key": "return {(1, 2): 3}",
    "a decimal as key": "from decimal import Decimal\nreturn {Decimal('1.1'): 1}",
    "bytes that are no text": "return {'a': b'\\xff'}",
    "a circle": "x = []\nx.append(x)\nreturn x",
    "a generator": "return (n for n in [])",
    "a date": "import datetime\nreturn datetime.datetime(2020, 1, 1)",
}
RETURNING = {
    "the event": "return event",
    "keys that are no text": "return {1: 2, None: 3, True: 4, 2.5: 1}",
    "a named tuple": "import collections\nP = collections.namedtuple('P', 'x y')\nreturn [P(1, P(2, 3)), {'a': P(4, 5)}]",  # noqa: E501
    "something with _asdict": "class N(tuple):\n    def _asdict(self): return {'q': 1}\nreturn N((1, 2))",
    "JSON as bytes": "return b'{\"a\": 1}'",
    "bytes": "return b'not json'",
    "bytes inside": "return {'a': b'x', b'k': [b'\\xc3\\xbc']}",
    "no numbers": "return [float('nan'), float('inf'), -float('inf')]",
    "decimals": "from decimal import Decimal as D\nreturn [D('1.10'), D('NaN'), D('Infinity'), {'a': D('-0')}]",
    "control characters": "return 'ü\"\\u2028\\x7f\\x00'",
    "large and small numbers": "return [2**100, 1e400, 1e22, 0.1, -0.0, True, None]",
    "enumerations": "import enum\nclass E(enum.IntEnum):\n    A = 1\nreturn [E.A, {E.A: E.A}]",
    "subclasses": "class S(str): pass\nclass I(int):\n    def __repr__(self): return 'I'\nreturn [S('a'), I(3)]",
    "the context": "return [repr(context), repr(context.client_context), context.w3c(), sorted(vars(context))]",
}


class Reported:
    """Stands where the client's HTTP connection is; keeps what it would send."""

    def __init__(self) -> None:
        from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller  # pyright: ignore

        self.marshaller = LambdaMarshaller()
        self.kind, self.body = 0, b""
        self.logged: list[str] = []

    def post_invocation_result(self, _: str, body: Any, *rest: Any) -> None:
        self.kind, self.body = wire.RESULT, body if isinstance(body, bytes) else body.encode()

    def post_invocation_error(self, _: str, body: str, *rest: Any) -> None:
        self.kind, self.body = wire.FAILED, body.encode()

    def log_error(self, lines: list[str]) -> None:
        self.logged.append("\n".join(lines))


def handler(body: str) -> Any:
    """A handler whose lines are `body`, as if it came from a package."""
    namespace: dict[str, Any] = {"__name__": "app"}
    lines = "\n".join("    " + line for line in body.split("\n"))
    exec(compile(f"def handler(event, context):\n{lines}\n", "/var/task/app.py", "exec"), namespace)
    return namespace["handler"]


@pytest.mark.parametrize("environment", ["AWS_Lambda_python3.11", "AWS_Lambda_python3.13"])
@pytest.mark.parametrize("body", [*FAILING.values(), *RETURNING.values()], ids=[*FAILING, *RETURNING])
def test_a_handler_ends_as_under_awss_own_client(body: str, environment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {"AWS_EXECUTION_ENV": environment, "AWS_LAMBDA_FUNCTION_NAME": "reports"}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    theirs = Reported()
    client.handle_event_request(
        theirs,
        handler(body),
        "id",
        EVENT,
        "application/json",
        CLIENT_CONTEXT,
        None,
        "arn",
        9_999_999_999_999,
        None,
        theirs,
    )
    logged: list[str] = []
    header = {"id": "id", "arn": "arn", "deadline": 9_999_999_999_999, "now": 0.0, "client": CLIENT_CONTEXT}
    marshaller = Marshaller(environment in UNICODE_RESULTS)
    log = FunctionLog(logged.append, False)
    kind, result = answer(handler(body), header, EVENT, marshaller, variables, log, LARGEST)
    assert (kind, result, logged) == (theirs.kind, theirs.body, theirs.logged)
    if kind == wire.FAILED:
        assert list(json.loads(result)) == ["errorMessage", "errorType", "requestId", "stackTrace"]
