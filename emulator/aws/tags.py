"""Tags whose keys begin with `aws:`: AWS's own, which users neither set nor count ("Tag naming limits": "the aws:
prefix is reserved for AWS use … tags with this prefix do not count against your tags per resource quota").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from emulator.aws.calls import SERVICE_MEMBER
from emulator.aws.errors import AwsError

NOT_FOR_USERS = "aws: prefixed tag key names are not allowed for external use."
"""The sentence of AWS's tagging service; which of the services hand it on is unverified."""


def is_system(key: str) -> bool:
    """Whether a tag's key is AWS's own."""
    return key.lower().startswith("aws:")


def refused(keys: Iterable[str], request: Mapping[str, Any]) -> str | None:
    """The first key that only AWS may set, unless a service makes the request."""
    if request.get(SERVICE_MEMBER) is True:
        return None
    return next((key for key in keys if is_system(key)), None)


def refuse(keys: Iterable[str] | None, request: Mapping[str, Any], error: Callable[[str], AwsError]) -> None:
    """Raise a service's error if a user sets, or takes away, a tag of AWS's own."""
    if refused(keys or (), request) is not None:
        raise error(NOT_FOR_USERS)


def counted(tags: Mapping[str, str]) -> int:
    """How many tags count against the quota."""
    return sum(not is_system(key) for key in tags)
