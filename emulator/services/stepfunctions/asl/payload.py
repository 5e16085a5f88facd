"""Payload templates: `Parameters`, `ResultSelector`, `ItemSelector`, `Assign`, read once and filled with data.

Decides how `.$` keys are evaluated and what fails when they select nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import intrinsics, paths
from .data import DATA_LIMIT_BYTES, Data, Json, StateFault, runtime, too_large, weight
from .intrinsics import BadIntrinsic, Call
from .paths import BadPath, NoResult, Path, Search

Template = Callable[["Environment"], Json]

FEW_FIELDS = 64
"""A template of no more than these can at worst make that many times what a state may hold."""


class Environment:
    """What paths and expressions look at: data, context object, variables. Built cheaply, parsed on demand.

    In a JSONPath state `data` is what `$` means there; in a JSONata state it is always the state's input, and `result`
    or `error_output` stand beside it.
    """

    __slots__ = (
        "_context", "_new_id", "_random", "_variables", "data", "error_output", "now", "result", "room", "seconds_left",
    )  # fmt: skip

    def __init__(
        self,
        data: Data,
        context: Callable[[], Json],
        variables: Callable[[], dict[str, Json]],
        random: Callable[[], float],
        new_id: Callable[[], str],
        now: float,
        seconds_left: Callable[[], float],
    ) -> None:
        self.data = data
        self.result: Data | None = None
        self.error_output: Data | None = None
        self.now = now
        self.seconds_left = seconds_left
        self._context = context
        self._variables = variables
        self.room: int | None = None
        self._random = random
        self._new_id = new_id

    def random(self) -> float:
        """A number in [0, 1)."""
        return self._random()

    def new_id(self) -> str:
        """A fresh UUID."""
        return self._new_id()

    def over(self, data: Data) -> Environment:
        """The same, looking at other data."""
        return Environment(
            data, self._context, self._variables, self._random, self._new_id, self.now, self.seconds_left
        )

    def bindings(self) -> dict[str, Json]:
        """The variables of a JSONata expression: `$states` and those that were assigned."""
        states: dict[str, Json] = {"input": self.data.value, "context": self._context()}
        if self.result is not None:
            states["result"] = self.result.value
        if self.error_output is not None:
            states["errorOutput"] = self.error_output.value
        return {**self._variables(), "states": states}

    def select(self, path: Path) -> Json:
        """What a path selects. Raises `NoResult`."""
        self._check_time()
        if path.root == "$":
            return self._find(path, self.data.value)
        if path.root == "$$":
            return self._find(path, self._context())
        variables = self._variables()
        if path.root not in variables:
            raise NoResult(f"No such variable: ${path.root}")
        return self._find(path, variables[path.root])

    def _find(self, path: Path, root: Json) -> Json:
        return path.find(root) if path.definite else path.find(root, Search(root, self._check_time))

    def _check_time(self) -> None:
        """Raise `States.Runtime` once a step has taken too long: nobody else is served meanwhile. Ours."""
        if self.seconds_left() <= 0:
            raise runtime("The paths of this state take too long to look up.")

    def spent(self, value: Json) -> Json:
        """A value that becomes part of a template. Raises `States.DataLimitExceeded` if there is no room for it."""
        if self.room is not None:
            self.room -= weight(value, self.room)
            if self.room < 0:
                raise too_large(self._context()["State"]["Name"])
        return value

    def root_text(self, path: Path) -> str:
        """The JSON that a failing path was looked up in, for the error text."""
        return self.data.text


def parse_expression(text: str) -> Path | Call:
    """A path or an intrinsic function call. Raises `BadPath` or `BadIntrinsic`."""
    return paths.parse(text) if text.startswith("$") else intrinsics.parse(text)


def evaluate(expression: Path | Call, environment: Environment, field: str) -> Json:
    """The value of a `.$` field. Raises `StateFault`."""
    if isinstance(expression, Call):
        return intrinsics.evaluate(expression, environment)
    try:
        return environment.select(expression)
    except NoResult:
        raise runtime(
            f"The JSONPath '{expression.text}' specified for the field '{field}' could not be found in the input "
            f"'{environment.root_text(expression)}'"
        ) from None


def compile_template(value: Json) -> Template:
    """A function that fills the template. The template was validated before."""
    return within_room(value, _compile(value), lambda key, item: key.endswith(".$"))


def within_room(template: Json, fill: Template, is_filled: Callable[[str, Json], bool]) -> Template:
    """`fill`, which gives up early if a template of many fields makes far more than a state may hold.

    A definition of 1 MB could else make gigabytes of an input of 256 KiB before anybody looks at the size.
    """
    if _count(template, is_filled) <= FEW_FIELDS:
        return fill

    def bounded(environment: Environment) -> Json:
        environment.room = 4 * DATA_LIMIT_BYTES
        try:
            return fill(environment)
        finally:
            environment.room = None

    return bounded


def _count(template: Json, is_filled: Callable[[str, Json], bool]) -> int:
    found, left = 0, [("", template)]
    while left:
        key, item = left.pop()
        if is_filled(key, item):
            found += 1
        elif isinstance(item, dict):
            left.extend(item.items())
        elif isinstance(item, list):
            left.extend(("", each) for each in item)
    return found


def _compile(value: Json) -> Template:
    if isinstance(value, dict):
        fields = [_compile_field(key, item) for key, item in value.items()]
        return lambda environment: {key: fill(environment) for key, fill in fields}
    if isinstance(value, list):
        items = [_compile(item) for item in value]
        return lambda environment: [fill(environment) for fill in items]
    return lambda environment: value


def _compile_field(key: str, value: Any) -> tuple[str, Template]:
    if not key.endswith(".$"):
        return key, _compile(value)
    expression = parse_expression(value)
    return key[:-2], lambda environment: environment.spent(evaluate(expression, environment, key))


def problems(value: Json) -> list[str]:
    """Keys of `.$` fields whose value is neither a path nor an intrinsic function call."""
    found: list[str] = []
    if isinstance(value, dict):
        for key, item in value.items():
            if key.endswith(".$"):
                try:
                    parse_expression(item if isinstance(item, str) else "")
                except (BadPath, BadIntrinsic):
                    found.append(key)
            else:
                found.extend(problems(item))
    elif isinstance(value, list):
        for item in value:
            found.extend(problems(item))
    return found


def select_data(path: Path | None, environment: Environment) -> Data:
    """`InputPath` and `OutputPath`: None is `{}`, `$` leaves the text as it is. Raises `States.Runtime`."""
    if path is None:
        return Data({})
    if path.root == "$" and not path.segments:
        return environment.data
    try:
        return Data(environment.select(path))
    except NoResult as error:
        raise runtime(f"Invalid path '{path.text}' : {error}") from None


def place_result(path: Path | None, data: Data, result: Data) -> Data:
    """`ResultPath`: None discards the result, `$` replaces the input. Raises `States.ResultPathMatchFailure`."""
    if path is None:
        return data
    if not path.segments:
        return result
    try:
        return Data(paths.assign(data.value, path, result.value))
    except NoResult as error:
        raise StateFault(
            "States.ResultPathMatchFailure",
            f"Unable to apply ResultPath '{path.text}' to input '{data.text}': {error}",
        ) from None
