"""What a message may contain, its size, and the MD5 digests by which clients check that it arrived unharmed.

Source: SQS developer guide, "Amazon SQS message metadata" (attributes, digest algorithm) and the API reference.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Mapping
from typing import Any

from emulator.aws.errors import AwsError
from emulator.services.sqs.rules.errors import invalid_parameter, invalid_value, missing_parameter

MOST_ATTRIBUTES = 10
LARGEST_BATCH_BYTES = 1_048_576
_NOT_ALLOWED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ATTRIBUTE_NAME = re.compile(r"[A-Za-z0-9_.-]{1,256}")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?")
_IDENTIFIER = re.compile(r"[A-Za-z0-9!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]{1,128}")
_ENTRY_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")

Attributes = Mapping[str, Mapping[str, Any]]


def check_body(body: Any) -> None:
    """Raise for a body that is empty or holds characters that XML 1.0 does not."""
    if not body:
        raise missing_parameter("MessageBody")
    _check_characters(body, "message body")


def check_attributes(attributes: Attributes) -> None:
    """Raise for message attributes that break a rule."""
    if len(attributes) > MOST_ATTRIBUTES:
        raise invalid_parameter(
            f"Number of message attributes [{len(attributes)}] exceeds the allowed maximum [{MOST_ATTRIBUTES}]."
        )
    for name, attribute in attributes.items():
        _check_attribute_name(name)
        _check_attribute(name, attribute, "message attribute")


def check_system_attributes(attributes: Attributes) -> None:
    """Raise unless the only attribute is AWSTraceHeader, a String."""
    for name, attribute in attributes.items():
        if name != "AWSTraceHeader":
            raise invalid_parameter(f"Message system attribute name '{name}' is invalid.")
        _check_attribute(name, attribute, "message system attribute")
        if attribute.get("DataType") != "String":
            raise invalid_parameter(
                f"The type of message system attribute '{name}' is invalid. You must use only String."
            )


def check_identifier(value: str | None, parameter: str) -> None:
    """Raise unless a group or deduplication id is 1 to 128 letters, digits and punctuation."""
    if value is not None and _IDENTIFIER.fullmatch(value) is None:
        raise invalid_value(
            value,
            parameter,
            f"{parameter} can only include alphanumeric and punctuation characters. 1 to 128 in length.",
        )


def check_batch(entries: list[Mapping[str, Any]], entry_name: str) -> None:
    """Raise for a batch that is refused as a whole: empty, too long, ids malformed or repeated."""
    if not entries:
        raise AwsError("EmptyBatchRequest", f"There should be at least one {entry_name} in the request.")
    if len(entries) > 10:
        raise AwsError(
            "TooManyEntriesInBatchRequest",
            f"Maximum number of entries per request are 10. You have sent {len(entries)}.",
        )
    seen: set[str] = set()
    for entry in entries:
        identifier: str = entry.get("Id") or ""
        if _ENTRY_ID.fullmatch(identifier) is None:
            raise AwsError(
                "InvalidBatchEntryId",
                "A batch entry id can only contain alphanumeric characters, hyphens and underscores. "
                "It can be at most 80 letters long.",
            )
        if identifier in seen:
            raise AwsError("BatchEntryIdsNotDistinct", f"Id {identifier} repeated.")
        seen.add(identifier)


def check_batch_size(sizes: int) -> None:
    """Raise if all messages of a batch together are too large."""
    if sizes > LARGEST_BATCH_BYTES:
        raise AwsError(
            "BatchRequestTooLong",
            f"Batch requests cannot be longer than {LARGEST_BATCH_BYTES} bytes. You have sent {sizes} bytes.",
        )


def size_of(body: str, attributes: Attributes) -> int:
    """Bytes of a message as SQS counts them: body, and names, types and values of its attributes."""
    total = len(body) if body.isascii() else len(body.encode())
    for name, attribute in attributes.items():
        total += len(name.encode()) + len(attribute["DataType"].encode()) + len(_value(attribute))
    return total


def md5_of_body(body: str) -> str:
    """MD5 of the body as UTF-8, hexadecimal."""
    return hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()


def md5_of_attributes(attributes: Attributes) -> str:
    """MD5 over the attributes by name: length-prefixed name and type, a type byte, and length-prefixed value."""
    digest = hashlib.md5(usedforsecurity=False)
    for name in sorted(attributes):
        attribute = attributes[name]
        kind: str = attribute["DataType"]
        for text in (name.encode(), kind.encode()):
            digest.update(struct.pack("!I", len(text)) + text)
        value = _value(attribute)
        digest.update((b"\x02" if kind.startswith("Binary") else b"\x01") + struct.pack("!I", len(value)) + value)
    return digest.hexdigest()


def wanted_attributes(attributes: Attributes, names: list[str]) -> dict[str, Any]:
    """The attributes that a receiver asks for: by name, `prefix.*`, `All` or `.*`."""
    if not names or not attributes:
        return {}
    if "All" in names or ".*" in names:
        return dict(attributes)
    prefixes = tuple(name[:-2] for name in names if name.endswith(".*"))
    return {
        name: attribute
        for name, attribute in attributes.items()
        if name in names or (prefixes and name.startswith(prefixes))
    }


def deduplication_id_of(body: str) -> str:
    """Content-based deduplication: SHA-256 of the body; attributes do not count."""
    return hashlib.sha256(body.encode()).hexdigest()


def _check_characters(text: str, where: str) -> None:
    found = _NOT_ALLOWED.search(text)
    if found is not None:
        raise AwsError(
            "InvalidMessageContents",
            f"Invalid binary character '#x{ord(found[0]):X}' was found in the {where}, the set of allowed characters "
            "is #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
        )


def _check_attribute_name(name: str) -> None:
    if not name:
        raise invalid_parameter("The request must contain non-empty message attribute names.")
    if len(name) > 256:
        raise invalid_parameter("Length of message attribute name must be less than 256 bytes.")
    if _ATTRIBUTE_NAME.fullmatch(name) is None:
        raise invalid_parameter("Message attribute name contains characters other than those allowed.")
    if name.startswith(".") or name.endswith("."):
        raise invalid_parameter("You can't use message attribute names beginning or ending with a period.")
    if ".." in name:
        raise invalid_parameter("You can't use message attribute names with successive periods.")
    if name.lower().startswith(("aws.", "amazon.")):
        raise invalid_parameter(
            "You can't use message attribute names beginning with 'AWS.' or 'Amazon.'. These strings are reserved for "
            "internal use."
        )


def _check_attribute(name: str, attribute: Mapping[str, Any], what: str) -> None:
    kind: str = attribute.get("DataType") or ""
    base = kind.partition(".")[0]
    if not kind:
        raise invalid_parameter(f"The {what} '{name}' must contain non-empty {what} type.")
    if base not in ("String", "Number", "Binary"):
        raise invalid_parameter(
            f"The {what} '{name}' has an invalid {what} type, the set of supported type prefixes is "
            "Binary, Number, and String."
        )
    if attribute.get("StringListValues") or attribute.get("BinaryListValues"):
        raise AwsError(
            "UnsupportedOperation", "Message attribute list values in SendMessage operation are not supported."
        )
    text, binary = attribute.get("StringValue"), attribute.get("BinaryValue")
    if text is not None and binary is not None:
        raise invalid_parameter(f"Message attribute '{name}' has multiple values.")
    wrong = text is None if base != "Binary" else binary is None
    if not text and not binary:
        raise invalid_parameter(f"The {what} '{name}' must contain non-empty {what} value for {what} type '{kind}'.")
    if wrong:
        wanted = "a binary" if base == "Binary" else "a string"
        raise invalid_parameter(f"The {what} '{name}' with type '{kind}' must use field '{wanted.split()[1].title()}'.")
    if text is not None:
        _check_characters(text, f"{what} '{name}'")
        if base == "Number" and _NUMBER.fullmatch(text) is None:
            raise invalid_parameter(f"Can't cast the value of {what} '{name}' to a number.")


def _value(attribute: Mapping[str, Any]) -> bytes:
    binary = attribute.get("BinaryValue")
    if binary is not None:
        return binary if isinstance(binary, bytes) else bytes(binary)
    return attribute.get("StringValue", "").encode()
