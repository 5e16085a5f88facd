"""Renders a tree with variables, counting every step: a template ends by itself or by its budget."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emulator.services.apigateway.gateway.vtl import parser as tree
from emulator.services.apigateway.gateway.vtl.values import (
    MAX_ITEMS,
    MAX_TEXT,
    MISSING,
    Deferred,
    Entry,
    HostObject,
    VtlError,
    equal,
    methods_of,
    show,
)

_OURS = ("input", "util", "context", "stageVariables")
"""What no template can change."""
MAX_DEFINED = 20
"""How deep bodies of #define may stand for each other (unverified: Velocity has a limit of its own)."""
MAX_FOREACH = 1000
"""Iterations of one #foreach; AWS stops there [D23:limits]."""

STEPS_OF_A_TURN = 400
"""About half a millisecond of the interpreter."""


class OverBudget(VtlError):
    """The template takes more steps than it was given."""


class _Leave(Exception):
    """#break."""


class _End(Exception):
    """#stop."""


class Template:
    """A parsed template. Raises `VtlSyntaxError`."""

    __slots__ = ("_body", "_constant")

    def __init__(self, source: str) -> None:
        self._body = tree.parse(source)
        texts = [node.text for node in self._body if isinstance(node, tree.Text)]
        self._constant = "".join(texts) if len(texts) == len(self._body) else None

    def render(
        self, variables: dict[str, Any], budget: int = 20_000, bits: int = 10, pause: Callable[[], object] | None = None
    ) -> str:
        """The text. `variables` is changed by #set. Raises `VtlError`; `OverBudget` after `budget` steps.

        A text of 2 to the power of `bits` characters is a step, too, wherever it is made or given. `pause`, if there
        is one, is called again and again, so that others have a turn.
        """
        if self._constant is not None:
            return self._constant
        run = _Run(variables, budget, bits, pause)
        try:
            run.body(self._body)
        except (_Leave, _End):
            pass
        except RecursionError:
            raise VtlError("nested too deeply") from None
        return "".join(run.output)


class _Run:
    def __init__(
        self, variables: dict[str, Any], budget: int, bits: int, pause: Callable[[], object] | None = None
    ) -> None:
        self.variables = variables
        self.roots = frozenset(variables)
        self.pause = pause
        self.budget = budget if pause is None else min(budget, STEPS_OF_A_TURN)
        self.later = budget - self.budget
        """Steps that it will have after pauses."""
        self.bits = bits
        self.output: list[str] = []
        self.size = 0
        self.defined = 0
        """How many bodies of #define are being rendered, one within the other."""

    def spend(self, steps: int = 1) -> None:
        self.budget -= steps
        if self.budget < 0:
            self.next_turn()

    def next_turn(self) -> None:
        """Go on after a pause. Raises OverBudget when no steps are left."""
        if self.budget + self.later < 0 or self.pause is None:
            raise OverBudget("the template takes too many steps")
        self.pause()
        steps = min(self.later, STEPS_OF_A_TURN - min(self.budget, 0))
        self.later -= steps
        self.budget += steps

    def body(self, nodes: tuple[Any, ...]) -> None:
        for node in nodes:
            kind = type(node)
            if kind is tree.Text or kind is tree.Reference:
                text = node.text if kind is tree.Text else self.shown(node)
                size = len(text)
                self.size += size
                if self.size > MAX_TEXT:
                    raise VtlError("the output grew too long")
                self.budget -= 1 + (size >> self.bits)
                if self.budget < 0:
                    self.next_turn()
                self.output.append(text)
            elif kind is tree.Set:
                self.assign(node)
            elif kind is tree.If:
                self.spend()
                for condition, body in node.branches:
                    if condition is None or truth(self.value(condition)):
                        self.body(body)
                        break
            elif kind is tree.Foreach:
                self.foreach(node)
            elif kind is tree.Define:
                self.spend()
                if node.variable not in _OURS:
                    self.variables[node.variable] = node
            elif kind is tree.Break:
                raise _Leave
            else:
                raise _End

    def foreach(self, node: tree.Foreach) -> None:
        items = self.value(node.items)
        if isinstance(items, dict):
            items = list(items.values())
        elif not isinstance(items, list):
            return
        names = (node.variable, "foreach", "velocityCount")
        saved = {name: self.variables[name] for name in names if name in self.variables}
        items = items[:MAX_FOREACH]
        try:
            for index, item in enumerate(items):
                self.spend()
                self.variables[node.variable] = item
                self.variables["velocityCount"] = index + 1
                self.variables["foreach"] = {
                    "index": index,
                    "count": index + 1,
                    "hasNext": index + 1 < len(items),
                    "first": index == 0,
                    "last": index + 1 == len(items),
                    **({"parent": saved["foreach"]} if "foreach" in saved else {}),
                }
                self.body(node.body)
        except _Leave:
            pass
        for name in names:
            self.variables.pop(name, None)
        self.variables.update(saved)

    def assign(self, node: tree.Set) -> None:
        self.spend()
        value = self.value(node.value)
        if value is None:
            return  # Velocity 1.x: a #set of null leaves the old value.
        target = node.target
        if not target.accessors:
            if target.name not in _OURS:
                if len(self.variables) >= MAX_ITEMS:
                    raise VtlError("too many variables")
                self.variables[target.name] = value
            return
        holder = self.reach(target.name, target.accessors[:-1])
        last = target.accessors[-1]
        if last[0] == "method":
            raise VtlError("#set needs a variable or a property")
        key = last[1] if last[0] == "property" else self.value(last[1])
        if isinstance(holder, dict):
            if len(holder) >= MAX_ITEMS:
                raise VtlError("a collection grew too large")
            holder[key if isinstance(key, (str, int)) else show(key)] = value
        elif isinstance(holder, list) and isinstance(key, int) and -len(holder) <= key < len(holder):
            holder[key] = value

    # ── values ──

    def shown(self, node: tree.Reference) -> str:
        value = self.reach(node.name, node.accessors)
        if type(value) is str:
            return value
        if value is None and not node.quiet and (node.name not in self.variables or self.has_no_such_method(node)):
            return node.source
        return show(value)

    def has_no_such_method(self, node: tree.Reference) -> bool:
        """Whether a text was asked for a method that it does not have: Velocity prints such a reference as it stands.

        Not asked of references that would change something when they are followed again.
        """
        *before, last = node.accessors or ((),)
        if not last or last[0] != "method" or (node.name not in _OURS and any(each[0] == "method" for each in before)):
            return False
        holder = self.reach(node.name, tuple(before))
        return isinstance(holder, str) and last[1] not in methods_of(holder)

    def reach(self, name: str, accessors: tuple[tuple[Any, ...], ...]) -> Any:
        self.budget -= 1 + len(accessors)
        if self.budget < 0:
            self.next_turn()
        value = self.variables.get(name)
        if type(value) is Deferred:
            if len(accessors) == 1 and accessors[0][0] == "property":
                found = value.peek(accessors[0][1])
                if found is not MISSING:
                    return found
            value = self.variables[name] = value.whole()
        elif type(value) is tree.Define:
            value = self.rendered(value)
        for accessor in accessors:
            if value is None or value is MISSING:
                return value
            kind = accessor[0]
            if kind == "property":
                value = _property(value, accessor[1])
            elif kind == "method":
                arguments = [
                    argument.value if type(argument) is tree.Literal else self.value(argument)
                    for argument in accessor[2]
                ]
                value = self.call(value, accessor[1], arguments)
            else:
                value = _index(value, self.value(accessor[1]))
        return value

    def rendered(self, block: tree.Define) -> str:
        """What the body of a #define gives now."""
        if self.defined >= MAX_DEFINED:
            raise VtlError("bodies of #define stand for each other too deeply")
        outer, self.output = self.output, []
        self.defined += 1
        try:
            self.body(block.body)
            return "".join(self.output)
        finally:
            self.defined -= 1
            self.output = outer

    def call(self, value: Any, name: str, arguments: list[Any]) -> Any:
        is_host = isinstance(value, HostObject)
        method = value.method(name) if is_host else methods_of(value).get(name)
        if method is None:
            return None
        steps = 1 + len(arguments)
        if not is_host and isinstance(value, (str, list, dict)):
            steps += len(value) >> min(self.bits, 8)
        for argument in arguments:
            if isinstance(argument, str):
                steps += len(argument) >> self.bits
        self.spend(steps)
        try:
            result = method(*arguments) if is_host else method(value, *arguments)
        except (TypeError, AttributeError, OverflowError, ValueError, RecursionError, UnicodeError):
            return None
        if isinstance(result, str):
            self.spend(len(result) >> self.bits)
            if len(result) > MAX_TEXT:
                raise VtlError("a text grew too long")
        elif isinstance(result, list):
            self.spend(len(result) // 64)
        return result

    def value(self, node: Any) -> Any:
        self.spend()
        kind = type(node)
        if kind is tree.Literal:
            return node.value
        if kind is tree.Reference:
            return self.reach(node.name, node.accessors)
        if kind is tree.Interpolated:
            return self.interpolated(node)
        if kind is tree.Binary:
            return self.binary(node)
        if kind is tree.Unary:
            operand = self.value(node.operand)
            if node.operator == "!":
                return not truth(operand)
            return -operand if _is_number(operand) else None
        if kind is tree.ListLiteral:
            return [self.value(item) for item in node.items]
        if kind is tree.MapLiteral:
            return {_map_key(self.value(key)): self.value(item) for key, item in node.items}
        first, last = self.value(node.first), self.value(node.last)
        if not (isinstance(first, int) and isinstance(last, int)):
            return None
        if abs(last - first) >= MAX_ITEMS:
            raise VtlError("a range is too long")
        self.spend(abs(last - first) // 64)
        return list(range(first, last + 1)) if first <= last else list(range(first, last - 1, -1))

    def interpolated(self, node: tree.Interpolated) -> str:
        pieces = [part.text if isinstance(part, tree.Text) else self.shown(part) for part in node.body]
        size = sum(map(len, pieces))
        if size > MAX_TEXT:
            raise VtlError("a text grew too long")
        self.spend(size >> self.bits)
        return "".join(pieces)

    def binary(self, node: tree.Binary) -> Any:
        operator = node.operator
        left = self.value(node.left)
        if operator == "&&":
            return truth(left) and truth(self.value(node.right))
        if operator == "||":
            return truth(left) or truth(self.value(node.right))
        right = self.value(node.right)
        if operator in ("==", "!="):
            if isinstance(left, (list, dict)) or isinstance(right, (list, dict)):
                self.spend(100)
            return equal(left, right) == (operator == "==")
        if operator == "+" and (isinstance(left, str) or isinstance(right, str)):
            text = show(left) + show(right)
            if len(text) > MAX_TEXT:
                raise VtlError("a text grew too long")
            self.spend(len(text) >> self.bits)
            return text
        if not (_is_number(left) and _is_number(right)):
            return False if operator in ("<", "<=", ">", ">=") else None
        return _arithmetic(operator, left, right)


def truth(value: Any) -> bool:
    """Velocity 1.x: everything but null and false is true, the empty string and zero included."""
    return value is not None and value is not False and value is not MISSING


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _arithmetic(operator: str, left: Any, right: Any) -> Any:
    if operator in ("<", "<=", ">", ">="):
        return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[operator]
    try:
        if operator in ("/", "%") and right == 0:
            return None
        if operator == "/":
            if isinstance(left, int) and isinstance(right, int):
                quotient = abs(left) // abs(right)
                return quotient if (left < 0) == (right < 0) else -quotient
            return left / right
        if operator == "%":
            remainder = abs(left) % abs(right)
            return remainder if left >= 0 else -remainder
        result = left + right if operator == "+" else left - right if operator == "-" else left * right
    except OverflowError:
        return None
    if isinstance(result, int) and result.bit_length() > 256:
        raise VtlError("a number grew too large")
    return result


def _map_key(key: Any) -> Any:
    return key if isinstance(key, (str, int, float, bool)) else show(key)


def _property(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        if name in value:
            return value[name]
        return len(value) if name == "size" else None
    if isinstance(value, HostObject):
        return value.properties.get(name)
    if isinstance(value, Entry):
        return value.key if name == "key" else value.value if name == "value" else None
    if isinstance(value, list) and name in ("size", "empty"):
        return len(value) if name == "size" else not value
    return None


def _index(value: Any, key: Any) -> Any:
    if isinstance(value, dict):
        found = value.get(_map_key(key))
        return found
    if isinstance(value, list) and isinstance(key, int) and -len(value) <= key < len(value):
        return value[key]
    if isinstance(value, HostObject):
        return value.properties.get(show(key))
    return None
