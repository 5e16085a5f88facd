"""The user's regular expressions, bounded: whole-string tests run in linear time, replacements under a check.

Java's `matches` semantics: the whole string, `.` without line feeds. Pure.
"""

from __future__ import annotations

import re
from functools import lru_cache

import jsonschema_rs

_MAX_PATTERN = 4096
_MAX_SUBJECT = 100_000
_PLAIN = re.compile(r"^(?:[^\\.^$*+?{}\[\]|()]|\\[^A-Za-z0-9])*$", re.S)


class PatternError(ValueError):
    """Not a regular expression, or one that may take too long."""


_FLAGS = re.compile(r"\(\?([imsx]+)\)")
_QUOTED = re.compile(r"\\Q(.*?)(?:\\E|\Z)", re.DOTALL)
_JAVA_ONLY = re.compile(r"(\\.|\[(?:\\.|[^\]\\])*\])|([*+?}])\+", re.DOTALL)
_SPECIAL = re.compile(r"[\\.^$*+?{}\[\]|()/]")


def _from_java(pattern: str) -> str:
    """The same in the dialect of the engine: flags in front, `\\Q…\\E`, `\\A`, `\\z`, and possessive quantifiers.

    A possessive quantifier gives nothing back; as one that does, it matches what Java's matches, and more in the rare
    case that what follows it could take from it. Intersections of classes (`&&`) are not translated.
    """
    pattern = _QUOTED.sub(lambda found: _SPECIAL.sub(r"\\\g<0>", found.group(1)), pattern)
    flags = _FLAGS.match(pattern)
    if flags:
        pattern = f"(?{flags.group(1)}:{pattern[flags.end() :]})"

    def engine(found: re.Match[str]) -> str:
        if found.group(2):
            return found.group(2)
        return {"\\A": "^", "\\z": "$", "\\Z": "$"}.get(found.group(1), found.group(1))

    return _JAVA_ONLY.sub(engine, pattern)


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> jsonschema_rs.Draft4Validator | None:
    if len(pattern) > _MAX_PATTERN:
        return None
    schema = {"type": "string", "pattern": f"^(?:{_from_java(pattern)})$"}
    for options in (jsonschema_rs.RegexOptions(), jsonschema_rs.FancyRegexOptions(backtrack_limit=100_000)):
        try:
            return jsonschema_rs.Draft4Validator(schema, pattern_options=options)
        except (jsonschema_rs.ValidationError, ValueError):
            continue
    return None


def matches(pattern: str, subject: str) -> bool:
    """Whether the whole of `subject` matches; False for what is no regular expression."""
    validator = _compiled(pattern)
    try:
        return validator is not None and validator.is_valid(subject)
    except ValueError:
        return False


@lru_cache(maxsize=256)
def _replacer(pattern: str) -> re.Pattern[str]:
    if len(pattern) > _MAX_PATTERN:
        raise PatternError("the pattern is too long")
    _check_cost(pattern)
    try:
        return re.compile(pattern)
    except (re.error, RecursionError, OverflowError):
        raise PatternError(f"not a regular expression: {pattern[:100]}") from None


def replace(pattern: str, replacement: str, subject: str, first: bool = False) -> str:
    """Java's replaceAll and replaceFirst: `$1` in the replacement is a group, `\\` escapes."""
    if _PLAIN.match(pattern) and pattern:
        literal = re.sub(r"\\(.)", r"\1", pattern, flags=re.S)
        return subject.replace(literal, _expand(replacement, None), 1 if first else -1)
    compiled = _replacer(pattern)
    if len(subject) > _MAX_SUBJECT:
        raise PatternError("the text is too long for a regular expression")
    return compiled.sub(lambda match: _expand(replacement, match), subject, count=1 if first else 0)


def split(pattern: str, subject: str) -> list[str]:
    """Java's split: trailing empty pieces are dropped."""
    if _PLAIN.match(pattern) and pattern:
        pieces = subject.split(re.sub(r"\\(.)", r"\1", pattern, flags=re.S))
    else:
        if len(subject) > _MAX_SUBJECT:
            raise PatternError("the text is too long for a regular expression")
        pieces = [piece for piece in _replacer(pattern).split(subject) if piece is not None]
    while len(pieces) > 1 and pieces[-1] == "":
        pieces.pop()
    return pieces


def _expand(replacement: str, match: re.Match[str] | None) -> str:
    if "$" not in replacement and "\\" not in replacement:
        return replacement
    text, position = "", 0
    while position < len(replacement):
        char = replacement[position]
        following = replacement[position + 1 : position + 2]
        if char == "\\" and following:
            text += following
            position += 2
        elif char == "$" and following.isdigit():
            if match is None or int(following) > (match.re.groups):
                raise PatternError(f"No group {following}")
            text += match.group(int(following)) or ""
            position += 2
        else:
            text += char
            position += 1
    return text


def _check_cost(pattern: str) -> None:
    """Refuse what can take exponential or high polynomial time: repeated groups that repeat or branch inside."""
    stack: list[bool] = []
    repeats, position, in_class = 0, 0, False
    closed: bool | None = None
    while position < len(pattern):
        char = pattern[position]
        was_closed, closed = closed, None
        if char == "\\":
            position += 1
            if pattern[position : position + 1].isdigit():
                raise PatternError("back-references are not supported")
        elif in_class:
            # Java's sets within sets, which Python would read as plain characters, and warn.
            if char == "[" or pattern[position : position + 2] in ("--", "&&", "~~", "||"):
                raise PatternError("a set within a set is not supported")
            in_class = char != "]"
        elif char == "[":
            in_class = True
            if pattern[position + 1 : position + 2] in ("]", "^"):
                position += 1
        elif char == "(":
            stack.append(False)
            if pattern.startswith("(?", position):
                position += 1
        elif char == ")":
            closed = stack.pop() if stack else False
            if stack and closed:
                stack[-1] = True
        elif char in "*+{" or char == "?":
            if char != "?" and not (char == "{" and not pattern[position + 1 : position + 2].isdigit()):
                repeats += 1
                if was_closed:
                    raise PatternError("a repeated group may not contain repetitions or alternatives")
                if stack:
                    stack[-1] = True
        elif char == "|" and stack:
            stack[-1] = True
        position += 1
    if repeats > 3:
        raise PatternError("more than three repetitions are not supported in a replacement")
