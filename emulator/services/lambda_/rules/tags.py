"""Which tags a function, a code signing config or an event source mapping may have. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from emulator.services.lambda_.rules.errors import invalid_parameter

MOST_TAGS = 50


def checked_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags, or AWS's 400: too many, or a name of AWS's own [D:configuration-tags; its text is unverified]."""
    for key in tags:
        if key.lower().startswith("aws:"):
            raise invalid_parameter("Tag keys starting with 'aws:' are reserved for system use.")
    if len(tags) > MOST_TAGS:
        raise invalid_parameter("Number of tags exceeds resource tag limit.")
    return dict(tags)
