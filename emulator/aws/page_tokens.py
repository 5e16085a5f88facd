"""NextToken: the last name of a page, written so that nobody takes it for more.

Which error AWS gives for a token that it never wrote is the service's to know.
"""

from __future__ import annotations

import base64


def write_token(last: object) -> str:
    """The token of the page after `last`."""
    return base64.b64encode(str(last).encode()).decode()


def read_token(token: str | None) -> str:
    """What the last page ended with; empty for the first page. Raises ValueError."""
    return base64.b64decode(token, validate=True).decode() if token else ""
