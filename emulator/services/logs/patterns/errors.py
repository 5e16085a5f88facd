"""The one way a filter pattern can be wrong."""

from __future__ import annotations


class InvalidPattern(Exception):
    """The text is no filter pattern; the message says where it stops being one."""
