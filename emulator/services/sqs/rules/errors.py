"""SQS's errors with its texts. The codes are the model's shape names where it has one; `protocol/failures.py` knows the
codes of the query protocol, which clients of both protocols see.
"""

from __future__ import annotations

from emulator.aws.errors import AwsError


def no_such_queue() -> AwsError:
    """The queue does not exist (as the JSON protocol says it; recorded in lambda_integration_sqs)."""
    return AwsError("QueueDoesNotExist", "The specified queue does not exist.")


def invalid_value(value: object, parameter: str, reason: str) -> AwsError:
    """A parameter whose value breaks a rule."""
    return AwsError("InvalidParameterValue", f"Value {value} for parameter {parameter} is invalid. Reason: {reason}")


def invalid_parameter(text: str) -> AwsError:
    """A parameter that is wrong in words of its own."""
    return AwsError("InvalidParameterValue", text)


def missing_parameter(parameter: str) -> AwsError:
    """A parameter that this request needs."""
    return AwsError("MissingParameter", f"The request must contain the parameter {parameter}.")


def unknown_attribute(name: str) -> AwsError:
    """An attribute that queues of this type do not have, or that nobody can set."""
    return AwsError("InvalidAttributeName", f"Unknown Attribute {name}.")


def invalid_attribute(name: str) -> AwsError:
    """An attribute whose value is out of its range."""
    return AwsError("InvalidAttributeValue", f"Invalid value for the parameter {name}.")


def not_a_handle(handle: str) -> AwsError:
    """A text that SQS never gave out."""
    return AwsError("ReceiptHandleIsInvalid", f'The input receipt handle "{handle}" is not a valid receipt handle.')


def handle_expired(handle: str) -> AwsError:
    """FIFO queues: the message's visibility timeout has passed, or it was received again."""
    return invalid_value(handle, "ReceiptHandle", "The receipt handle has expired.")


def not_available_for_change(handle: str) -> AwsError:
    """The message of a handle is gone."""
    return invalid_value(
        handle, "ReceiptHandle", "Message does not exist or is not available for visibility timeout change."
    )


def over_limit() -> AwsError:
    """As many messages of a standard queue are in flight as may be; the text is unverified."""
    return AwsError("OverLimit", "Too many messages in flight for the queue.", 403)
