"""Amazon Resource Names: splitting and joining, nothing about what a resource means."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Arn:
    """`arn:partition:service:region:account:resource`; `resource` keeps its further colons and slashes."""

    service: str
    region: str
    account: str
    resource: str
    partition: str = "aws"

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"

    @staticmethod
    def parse(text: str) -> Arn | None:
        """The parts of an ARN, or None if `text` has not the form of one."""
        parts = text.split(":", 5)
        if len(parts) != 6 or parts[0] != "arn" or not parts[1] or not parts[2] or not parts[5]:
            return None
        return Arn(parts[2], parts[3], parts[4], parts[5], parts[1])


def runtime_version_arn(region: str, runtime: str) -> str:
    """The ARN of a Lambda runtime's version: AWS hashes an image that nobody else has, this is stable for a runtime."""
    return f"arn:aws:lambda:{region}::runtime:{hashlib.sha256(runtime.encode()).hexdigest()}"
