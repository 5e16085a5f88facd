"""The errors Lambda's operations raise, with AWS's codes, statuses and members.

Decides what an error consists of; which operation raises it, and when, is not known here.
"""

from __future__ import annotations

from typing import Any

from emulator.aws.errors import AwsError, validation_errors

USER = {"Type": "User"}
UNTYPED: dict[str, Any] = {"Type": None}
"""For the few errors that AWS answers without the `Type` of their shape."""


def invalid_parameter(message: str) -> AwsError:
    """400, a value that the service (not its model) refuses."""
    return AwsError("InvalidParameterValueException", message, 400, USER)


def not_found(message: str) -> AwsError:
    """404 with AWS's text."""
    return AwsError("ResourceNotFoundException", message, 404, USER)


def function_not_found(arn: str) -> AwsError:
    """404 naming the function as it was asked for."""
    return not_found(f"Function not found: {arn}")


def alias_not_found(arn: str) -> AwsError:
    """404 of operations that were given an alias [R:test_provisioned_concurrency_exceptions]."""
    return not_found(f"Cannot find alias arn: {arn}")


def unqualified_only() -> AwsError:
    """400: the operation changes a function, and a version or alias was named."""
    return invalid_parameter(
        "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. "
        "Please specify either a function name or an unqualified function ARN."
    )


def conflict(message: str) -> AwsError:
    """409: it exists already, or is busy."""
    return AwsError("ResourceConflictException", message, 409, USER)


def not_active(state: str) -> AwsError:
    """409: the function or version is still being created [D: troubleshooting-invocation]."""
    text = f"The operation cannot be performed at this time. The function is currently in the following state: {state}"
    return conflict(text)


def snap_start_not_ready() -> AwsError:
    """409: the version's snapshot is still being taken; the text is that of the error's documentation [M]."""
    text = "Lambda is initializing your function. You can invoke the function when the function state becomes Active."
    return AwsError("SnapStartNotReadyException", text, 409, USER)


def code_storage_exceeded() -> AwsError:
    """400: the account's functions, versions and layers are too large together (the text is unverified)."""
    return AwsError("CodeStorageExceededException", "Code storage limit exceeded.", 400, USER)


def update_in_progress(arn: str) -> AwsError:
    """409: an earlier update is not complete [R:test_lambda_concurrent_code_updates]."""
    return conflict(f"The operation cannot be performed at this time. An update is in progress for resource: {arn}")


def constraint(value: object, member: str, rule: str) -> AwsError:
    """400 in the form of the service model's own checks."""
    return validation_errors([violation(value, member, rule)])


def violation(value: object, member: str, rule: str) -> str:
    """One broken constraint, as the text of `constraint` lists them."""
    return f"Value '{value}' at '{member}' failed to satisfy constraint: {rule}"


def too_large(message: str) -> AwsError:
    """413; the wire code differs from the model's `RequestTooLargeException` [R:test_lambda_api]."""
    return AwsError("RequestEntityTooLargeException", message, 413, USER)


def invalid_content(message: str) -> AwsError:
    """400: the payload is not JSON, or a header cannot be read."""
    return AwsError("InvalidRequestContentException", message, 400, USER)


def throttled(reason: str) -> AwsError:
    """429, capital E and full stop included [R:test_lambda_concurrency_block]."""
    return AwsError("TooManyRequestsException", "Rate Exceeded.", 429, {"Reason": reason, **USER})


def stale_revision(call: str) -> AwsError:
    """412: `RevisionId` is not the latest; `call` is the operation that tells it [R:test_function_revisions_*]."""
    text = (
        "The Revision Id provided does not match the latest Revision Id. "
        f"Call the {call} API to retrieve the latest Revision Id"
    )
    return AwsError("PreconditionFailedException", text, 412, USER)


def recursive_invocation() -> AwsError:
    """400: the function calls itself through other resources (2.7); AWS's text of the error's documentation."""
    text = (
        "Lambda has detected your function being invoked in a recursive loop with other Amazon Web Services resources "
        "and stopped your function's invocation."
    )
    return AwsError("RecursiveInvocationException", text, 400, USER)


def service_failure() -> AwsError:
    """500: Lambda's own fault; asynchronous events wait for a better moment."""
    return AwsError(
        "ServiceException", "An error occurred and the request cannot be processed.", 500, {"Type": "Service"}
    )
