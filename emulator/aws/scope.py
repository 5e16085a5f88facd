"""Whose request it is: every stored row belongs to one account and region."""

from typing import NamedTuple

DEFAULT_ACCOUNT = "000000000000"
DEFAULT_REGION = "us-east-1"


class Scope(NamedTuple):
    """Account id and region of a request. A tuple, because most of what is kept in memory is kept by it."""

    account: str = DEFAULT_ACCOUNT
    region: str = DEFAULT_REGION
