"""Whose request it is: every stored row belongs to one account and region."""

from dataclasses import dataclass

DEFAULT_ACCOUNT = "000000000000"
DEFAULT_REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class Scope:
    """Account id and region of a request."""

    account: str = DEFAULT_ACCOUNT
    region: str = DEFAULT_REGION
