"""What function a caller means: a name, a partial or full ARN, with or without qualifier.

Decides on form, region, account and agreement of qualifiers (reference lambda_invoke 1.1). Whether the
function exists is not known here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from emulator.aws.errors import AwsError, validation_errors
from emulator.aws.scope import Scope
from emulator.services.lambda_.rules.errors import invalid_parameter, not_found, violation

LATEST = "$LATEST"
LATEST_PUBLISHED = "$LATEST.PUBLISHED"
LONGEST_NAME = 64

NAME_PATTERN = (
    r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?"
    r"(function:)?([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"
)
"""As printed in live errors of 2025-11 [R:test_function_name_and_qualifier_validation]."""
NEW_NAME_PATTERN = (
    r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?"
    r"(function:)?([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?"
)
"""CreateFunction's: no dots."""
_PATTERN_RULE = "Member must satisfy regular expression pattern: "
QUALIFIER_PATTERN = r"\$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+"

# The same patterns in Python's dialect: inside a set, `9-_` would be a range.
_NAME = re.compile(
    r"(?:arn:(?:aws[a-zA-Z-]*)?:lambda:)?(?:((?:eusc-)?[a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-\d):)?(?:(\d{12}):)?"
    r"(?:function:)?([a-zA-Z0-9_.\-]+)(?::(\$LATEST(?:\.PUBLISHED)?|[a-zA-Z0-9_\-]+))?",
    re.ASCII,
)
_QUALIFIER = re.compile(r"\$LATEST(?:\.PUBLISHED)?|[a-zA-Z0-9_$\-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class FunctionName:
    """A function of this scope as a caller named it; `qualifier` is None when none was given."""

    scope: Scope
    name: str
    qualifier: str | None = None

    @property
    def arn(self) -> str:
        """Unqualified ARN."""
        return function_arn(self.scope, self.name)

    @property
    def arn_as_named(self) -> str:
        """The ARN with the qualifier that was given, if one was."""
        return self.arn if self.qualifier is None else f"{self.arn}:{self.qualifier}"

    @property
    def version_arn(self) -> str:
        """The ARN that always carries a qualifier."""
        return f"{self.arn}:{self.qualifier or LATEST}"

    @property
    def is_latest(self) -> bool:
        """Whether `$LATEST` is meant."""
        return self.qualifier in (None, LATEST)


def function_arn(scope: Scope, name: str) -> str:
    """The unqualified ARN of a function."""
    return f"arn:aws:lambda:{scope.region}:{scope.account}:function:{name}"


@lru_cache(maxsize=4096)
def parse(text: str, scope: Scope, qualifier: str | None = None, action: str = "InvokeFunction") -> FunctionName:
    """Read `FunctionName` and `Qualifier`. Raises AWS's errors of 1.1; `action` is for the permission text."""
    match = _NAME.fullmatch(text)
    problems: list[str] = []
    if qualifier is not None and len(qualifier) > 128:
        problems.append(violation(qualifier, "qualifier", "Member must have length less than or equal to 128"))
    elif qualifier is not None and not _QUALIFIER.fullmatch(qualifier):
        problems.append(violation(qualifier, "qualifier", f"{_PATTERN_RULE}{QUALIFIER_PATTERN}"))
    if match is None:
        problems.append(violation(text, "functionName", f"{_PATTERN_RULE}{NAME_PATTERN}"))
    if problems or match is None:
        raise validation_errors(problems)
    region, account, name, derived = match.groups()
    if derived is not None and qualifier is not None and derived != qualifier:
        raise invalid_parameter("The derived qualifier from the function name does not match the specified qualifier.")
    if region is not None and region != scope.region:
        raise not_found(f"Functions from '{region}' are not reachable in this region ('{scope.region}')")
    if account is not None and account != scope.account:
        raise _foreign_account(scope, function_arn(Scope(account, scope.region), name), action)
    return FunctionName(scope, name, derived if derived is not None else qualifier)


def parse_new(text: str, scope: Scope) -> FunctionName:
    """Read the name of a function to be created; its length is checked with an odd code [R:test_function_arns]."""
    problems: list[str] = []
    if len(text) > 140:
        problems.append(violation(text, "functionName", "Member must have length less than or equal to 140"))
    match = _NAME.fullmatch(text)
    if match is None or "." in match.group(3) or (match.group(4) or "").endswith(".PUBLISHED"):
        problems.append(violation(text, "functionName", f"{_PATTERN_RULE}{NEW_NAME_PATTERN}"))
    if problems:
        raise validation_errors(problems)
    named = parse(text, scope, action="CreateFunction")
    if len(named.name) > LONGEST_NAME:
        raise invalid_parameter(
            f"1 validation error detected: Value '{named.name}' at 'functionName' failed to satisfy constraint: "
            f"Member must have length less than or equal to {LONGEST_NAME}"
        )
    if named.qualifier is not None:
        raise invalid_parameter("The function name must not contain a version or alias when a function is created.")
    return named


def _foreign_account(scope: Scope, arn: str, action: str) -> AwsError:
    """403; CreateFunction's has no text [R:test_function_arns]."""
    return AwsError(
        "AccessDeniedException",
        f"User: arn:aws:iam::{scope.account}:root is not authorized to perform: lambda:{action} on resource: {arn} "
        f"because no resource-based policy allows the lambda:{action} action",
        403,
        tells=action != "CreateFunction",
    )
