"""Which route a request takes: full match, then greedy match, then `$default`; a method beats ANY (4.3). Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import unquote

from emulator.services.apigatewayv2.model import DEFAULT, Api, Document, split_route_key


@dataclass(slots=True)
class _Node:
    literals: dict[str, _Node] = field(default_factory=dict[str, "_Node"])
    variable: _Node | None = None
    routes: dict[str, Document] = field(default_factory=dict[str, Document])
    greedy: dict[str, Document] = field(default_factory=dict[str, Document])


@dataclass(frozen=True, slots=True)
class Taken:
    """The route that a request takes, with its path parameters, decoded."""

    route: Document
    path_parameters: dict[str, str]


class Snapshot:
    """A deployment, ready to be searched."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self._root = _Node()
        self._default: Document | None = None
        for route in api.routes.values() if not api.is_websocket else ():
            method, segments = split_route_key(route["RouteKey"])
            if method == DEFAULT:
                self._default = route
                continue
            node, kind = self._root, "routes"
            for part in segments:
                if part.endswith("+}"):
                    kind = "greedy"
                elif part.startswith("{"):
                    node.variable = node.variable or _Node()
                    node = node.variable
                else:
                    node = node.literals.setdefault(part, _Node())
            (node.routes if kind == "routes" else node.greedy)[method] = route

    def take(self, method: str, path: str) -> Taken | None:
        """The route for a method and a path as sent, or None."""
        segments = [unquote(part) for part in path[1:].split("/")] if path != "/" else []
        route = _full(self._root, segments, 0, method) or _greedy(self._root, segments, 0, method)
        if route is None:
            return Taken(self._default, {}) if self._default is not None else None
        return Taken(route, _parameters(route, segments))


def _full(node: _Node, segments: list[str], at: int, method: str) -> Document | None:
    if at == len(segments):
        return node.routes.get(method) or node.routes.get("ANY")
    following = node.literals.get(segments[at])
    if following is not None:
        found = _full(following, segments, at + 1, method)
        if found is not None:
            return found
    if node.variable is not None and segments[at]:
        return _full(node.variable, segments, at + 1, method)
    return None


def _greedy(node: _Node, segments: list[str], at: int, method: str) -> Document | None:
    """The greedy route with the most segments before its variable."""
    if at == len(segments):
        return None
    for following in (node.literals.get(segments[at]), node.variable if segments[at] else None):
        if following is not None:
            found = _greedy(following, segments, at + 1, method)
            if found is not None:
                return found
    if not any(segments[at:]):
        return None
    return node.greedy.get(method) or node.greedy.get("ANY")


def _parameters(route: Document, segments: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for at, part in enumerate(split_route_key(route["RouteKey"])[1]):
        if part.endswith("+}"):
            found[part[1:-2]] = "/".join(segments[at:])
        elif part.startswith("{"):
            found[part[1:-1]] = segments[at]
    return found
