"""What the wire tests of Lambda share: packages, functions, and errors as (code, status, text)."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::000000000000:role/lambda"
ARN = "arn:aws:lambda:us-east-1:000000000000:function:f"
SHOW_CONTEXT = """
def handler(event, context):
    return {"code": CODE, "version": context.function_version, "arn": context.invoked_function_arn}
"""


def package(code: str = SHOW_CONTEXT, name: str = "app.py") -> bytes:
    """A deployment package of one file, the same bytes for the same code."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), code)
    return buffer.getvalue()


def saying(word: str) -> bytes:
    """A package whose function returns `word`, its version and the ARN it was invoked by."""
    return package(f"CODE = {word!r}\n" + SHOW_CONTEXT)


def create(client: Any, name: str = "f", **more: Any) -> dict[str, Any]:
    """A new function."""
    members: dict[str, Any] = {
        "Runtime": "python3.12",
        "Handler": "app.handler",
        "Role": ROLE,
        "Code": {"ZipFile": saying("one")},
    }
    return client.create_function(FunctionName=name, **{**members, **more})


def error_of(work: Callable[[], Any]) -> tuple[str, int, str]:
    """How AWS refuses."""
    with pytest.raises(ClientError) as caught:
        work()
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Message"]


def members_of(work: Callable[[], Any]) -> dict[str, Any]:
    """The members of a refusal beside its code: what boto3 finds in the body."""
    with pytest.raises(ClientError) as caught:
        work()
    response: dict[str, Any] = dict(caught.value.response)
    return {name: value for name, value in response.items() if name not in ("Error", "ResponseMetadata")}


def without_metadata(answer: dict[str, Any]) -> dict[str, Any]:
    """The members of an answer."""
    return {key: value for key, value in answer.items() if key != "ResponseMetadata"}
