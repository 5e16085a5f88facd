"""Reads a filter pattern from left to right: the tokens that its three languages share. Pure."""

from __future__ import annotations

from emulator.services.logs.patterns.errors import InvalidPattern
from emulator.services.logs.patterns.regex import Regex, compile_regex


class Scanner:
    """A place in a text. Methods take a token and the space after it, or return None and take nothing."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self.skipped_space = False
        """Whether space followed the last token."""
        self._skip()

    def at_end(self) -> bool:
        """Whether everything is read."""
        return self._at >= len(self._text)

    def rest(self) -> str:
        """The next few characters, for error texts."""
        return self._text[self._at : self._at + 20]

    def unexpected(self) -> InvalidPattern:
        """What to raise when the next character belongs to nothing."""
        return InvalidPattern(f"unexpected {self.rest()!r}" if not self.at_end() else "the pattern ends too early")

    def take(self, token: str) -> bool:
        """Take exactly `token`."""
        if not self._text.startswith(token, self._at):
            return False
        self._at += len(token)
        self._skip()
        return True

    def expect(self, token: str) -> None:
        """Take `token` or raise InvalidPattern."""
        if not self.take(token):
            raise InvalidPattern(f"{token!r} is expected at {self.rest()!r}")

    def take_one(self, characters: str) -> str:
        """Take one of `characters` without the space after it; empty if there is none."""
        char = self._text[self._at : self._at + 1]
        if not char or char not in characters:
            return ""
        self._at += 1
        return char

    def keyword(self, *words: str) -> bool:
        """Take words separated by space, in any case."""
        start = self._at
        for word in words:
            found = self.word("")
            if found.upper() != word:
                self._at = start
                return False
        return True

    def word(self, also: str) -> str:
        """Take letters, digits and the characters of `also`."""
        start = self._at
        while not self.at_end() and (self._text[self._at].isalnum() or self._text[self._at] in also):
            self._at += 1
        found = self._text[start : self._at]
        if found:
            self._skip()
        return found

    def quoted(self) -> str | None:
        r"""Take a text in double quotes; `\"` and `\\` stand for themselves."""
        if not self._text.startswith('"', self._at):
            return None
        out: list[str] = []
        at = self._at + 1
        while at < len(self._text):
            char = self._text[at]
            if char == '"':
                self._at = at + 1
                self._skip()
                return "".join(out)
            if char == "\\" and self._text[at + 1 : at + 2] in ('"', "\\"):
                at += 1
                char = self._text[at]
            out.append(char)
            at += 1
        raise InvalidPattern("a quotation mark is not closed")

    def regex(self) -> Regex | None:
        """Take a `%regular expression%`."""
        if not self._text.startswith("%", self._at):
            return None
        end = self._text.find("%", self._at + 1)
        if end < 0:
            raise InvalidPattern("a % is not closed")
        body = self._text[self._at + 1 : end]
        self._at = end + 1
        self._skip()
        return compile_regex(body)

    def _skip(self) -> None:
        start = self._at
        while not self.at_end() and self._text[self._at].isspace():
            self._at += 1
        self.skipped_space = self._at > start
