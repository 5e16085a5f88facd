"""Which tags a function, a code signing config or an event source mapping may have. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.aws.tags import counted, refused
from emulator.services.lambda_.rules.errors import invalid_parameter

MOST_TAGS = 50


def checked_tags(request: Mapping[str, Any], before: Mapping[str, str] | None = None) -> dict[str, str]:
    """The tags of a request beside those there are, or AWS's 400: too many, or a name of AWS's own
    [D:configuration-tags; its text is unverified].
    """
    given: Mapping[str, str] = request.get("Tags") or {}
    tags = {**(before or {}), **given}
    if given and refused(given, request):
        raise invalid_parameter("Tag keys starting with 'aws:' are reserved for system use.")
    if len(tags) > MOST_TAGS and counted(tags) > MOST_TAGS:
        raise invalid_parameter("Number of tags exceeds resource tag limit.")
    return tags
