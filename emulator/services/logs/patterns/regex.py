"""The regular expressions of filter patterns, `%…%`, matched in linear time. Pure.

AWS allows letters, digits, a few symbols and `^ $ ? [ ] { } | \\ * + .`, no groups and no multi-byte characters [D]. An
expression without groups is small, so it becomes a state machine whose steps are remembered: no input makes it slow,
as backtracking could (`.*.*.*=`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from emulator.services.logs.patterns.errors import InvalidPattern

_SYMBOLS = frozenset(":_#=@/;,-")
_ESCAPED = frozenset(r"^$?[]{}|\*+.-/()!\"'<>&~`%:_#=@;, ")
MOST_POSITIONS = 2000
"""Atoms after `{m,n}` is written out; larger expressions are refused (unverified: AWS's bound is not documented)."""
MOST_REMEMBERED = 2000
"""States of the machine that are remembered; then it starts to remember anew."""

_DIGIT = frozenset("0123456789")
_WORD = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_SPACE = frozenset(" \t\n\r\f\v")


class _Atom(NamedTuple):
    """One position that reads one character: one of `chars`, or one not of them."""

    chars: frozenset[str]
    negated: bool = False

    def reads(self, char: str) -> bool:
        return (char in self.chars) != self.negated


@dataclass(frozen=True, slots=True)
class _Piece:
    """An atom and whether it may be left out or repeated."""

    atom: _Atom
    optional: bool = False
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class _Branch:
    """One side of `|`."""

    pieces: list[_Piece]
    from_start: bool
    to_end: bool


State = frozenset[tuple[int, int]]
"""Places reached so far: (branch, how many of its pieces are behind)."""


class _Node:
    """One state of the machine, with the steps taken from it so far."""

    __slots__ = ("done", "done_at_end", "state", "steps")

    def __init__(self, state: State, done: bool, done_at_end: bool) -> None:
        self.state = state
        self.done = done
        self.done_at_end = done_at_end
        self.steps: dict[str, _Node] = {}


class Regex:
    """A compiled expression."""

    def __init__(self, branches: list[_Branch]) -> None:
        self._branches = branches
        self._nodes: dict[State, _Node] = {}
        self._fresh = self._closed({(number, 0) for number, branch in enumerate(branches) if not branch.from_start})
        self._first = self._closed({(number, 0) for number in range(len(branches))})

    def found_in(self, text: str) -> bool:
        """Whether some part of `text` matches."""
        node = self._node(self._first)
        if node.done:
            return True
        for char in text:
            following = node.steps.get(char)
            if following is None:
                following = self._step(node, char)
            node = following
            if node.done:
                return True
        return node.done_at_end

    def _node(self, state: State) -> _Node:
        known = self._nodes.get(state)
        if known is None:
            if len(self._nodes) >= MOST_REMEMBERED:
                for node in self._nodes.values():
                    node.steps.clear()
                self._nodes.clear()
            known = self._nodes[state] = _Node(state, self._done(state, False), self._done(state, True))
        return known

    def _step(self, node: _Node, char: str) -> _Node:
        reached: set[tuple[int, int]] = set()
        for number, behind in node.state:
            pieces = self._branches[number].pieces
            if behind < len(pieces) and pieces[behind].atom.reads(char):
                reached.add((number, behind + 1))
                if pieces[behind].repeated:
                    reached.add((number, behind))
        following = self._node(self._closed(reached) | self._fresh)
        node.steps[char] = following
        return following

    def _closed(self, reached: set[tuple[int, int]]) -> State:
        waiting = list(reached)
        while waiting:
            number, behind = waiting.pop()
            pieces = self._branches[number].pieces
            if behind < len(pieces) and pieces[behind].optional and (number, behind + 1) not in reached:
                reached.add((number, behind + 1))
                waiting.append((number, behind + 1))
        return frozenset(reached)

    def _done(self, state: State, at_end: bool) -> bool:
        for number, behind in state:
            branch = self._branches[number]
            if behind == len(branch.pieces) and (at_end or not branch.to_end):
                return True
        return False


def compile_regex(text: str) -> Regex:
    """An expression ready to search. Raises InvalidPattern."""
    if not text:
        raise InvalidPattern("a regular expression is empty")
    parser = _Parser(text)
    branches = [parser.branch()]
    while parser.take("|"):
        branches.append(parser.branch())
    if parser.at < len(text):
        raise InvalidPattern(f"{text[parser.at]!r} is not supported in a regular expression")
    if sum(len(branch.pieces) for branch in branches) > MOST_POSITIONS:
        raise InvalidPattern("a regular expression is too large")
    return Regex(branches)


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def take(self, char: str) -> bool:
        if self.text.startswith(char, self.at):
            self.at += 1
            return True
        return False

    def branch(self) -> _Branch:
        from_start = self.take("^")
        pieces: list[_Piece] = []
        to_end = False
        while self.at < len(self.text) and self.text[self.at] != "|":
            if self.take("$"):
                to_end = True
                break
            atom = self._atom()
            pieces += self._quantified(atom)
            if len(pieces) > MOST_POSITIONS:
                raise InvalidPattern("a regular expression is too large")
        return _Branch(pieces, from_start, to_end)

    def _quantified(self, atom: _Atom) -> list[_Piece]:
        if self.take("*"):
            return [_Piece(atom, optional=True, repeated=True)]
        if self.take("+"):
            return [_Piece(atom, repeated=True)]
        if self.take("?"):
            return [_Piece(atom, optional=True)]
        if not self.take("{"):
            return [_Piece(atom)]
        end = self.text.find("}", self.at)
        low, comma, high = self.text[self.at : max(end, self.at)].partition(",")
        low, high = low.strip(), high.strip()
        if end < 0 or not _is_small(low) or (high and not _is_small(high)):
            raise InvalidPattern("a repetition {m,n} cannot be read")
        self.at = end + 1
        least = int(low)
        if comma and not high:
            return [*[_Piece(atom)] * least, _Piece(atom, optional=True, repeated=True)]
        most = int(high) if comma else least
        if most < least:
            raise InvalidPattern("a repetition {m,n} has m larger than n")
        return [*[_Piece(atom)] * least, *[_Piece(atom, optional=True)] * (most - least)]

    def _atom(self) -> _Atom:
        char = self.text[self.at]
        self.at += 1
        if char == ".":
            return _Atom(frozenset("\n"), negated=True)
        if char == "[":
            return self._class()
        if char == "\\":
            return self._escape()
        if (char.isascii() and char.isalnum()) or char in _SYMBOLS or char == " ":
            return _Atom(frozenset(char))
        raise InvalidPattern(f"{char!r} is not supported in a regular expression")

    def _escape(self) -> _Atom:
        char = self.text[self.at : self.at + 1]
        self.at += 1
        special = {"d": _DIGIT, "w": _WORD, "s": _SPACE}.get(char.lower())
        if special is not None:
            return _Atom(special, negated=char.isupper())
        if char and char in _ESCAPED:
            return _Atom(frozenset(char))
        raise InvalidPattern(f"'\\{char}' is not supported in a regular expression")

    def _class(self) -> _Atom:
        negated = self.take("^")
        chars: set[str] = set()
        while not self.take("]"):
            low = self._class_member()
            if len(low) == 1 and self.text.startswith("-", self.at) and not self.text.startswith("-]", self.at):
                self.at += 1
                high = self._class_member()
                if len(high) != 1 or min(high) < min(low):
                    raise InvalidPattern("a range of characters cannot be read")
                low = frozenset(map(chr, range(ord(min(low)), ord(min(high)) + 1)))
            chars |= low
        if not chars:
            raise InvalidPattern("a class of characters is empty")
        return _Atom(frozenset(chars), negated)

    def _class_member(self) -> frozenset[str]:
        if self.at >= len(self.text):
            raise InvalidPattern("a class of characters is not closed")
        char = self.text[self.at]
        self.at += 1
        if not char.isascii():
            raise InvalidPattern(f"{char!r} is not supported in a regular expression")
        if char != "\\":
            return frozenset(char)
        atom = self._escape()
        if atom.negated:
            raise InvalidPattern("a negated class inside a class is not supported")
        return atom.chars


def _is_small(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 4
