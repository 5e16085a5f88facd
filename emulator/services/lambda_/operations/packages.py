"""Where code comes from: the request itself, an object in S3, or a folder of this machine.

Decides how a source is turned into a package. S3 is asked before the transaction that stores the result, because it is
delegated (`SupportingServices`) and has to be awaited; whether bytes are a package is `rules.package`'s.

The bucket name `hot-reload` is not AWS's: with an absolute folder as key it means "run this folder, as it is", a
convention known from other local tools. A second folder, joined as in PATH, has what the code requires.
"""

from __future__ import annotations

import asyncio
import os
import re
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.scope import Scope
from emulator.services.lambda_.model import REQUIRED
from emulator.services.lambda_.operations.state import LambdaState
from emulator.services.lambda_.rules import names
from emulator.services.lambda_.rules.configuration import IMAGES
from emulator.services.lambda_.rules.errors import invalid_parameter
from emulator.services.lambda_.rules.package import FUNCTION_ROOT, LAYER_ROOT, check_content, check_package, code_sha256

Request = dict[str, Any]

BRINGS_CODE = frozenset({"CreateFunction", "UpdateFunctionCode", "PublishLayerVersion"})
HOT_RELOAD_BUCKET = "hot-reload"
FETCHED_MEMBER = "_fetched"
"""A member no model has: what `fetch_code` found at the place that S3Bucket and S3Key name."""

_S3_MEMBERS = ("S3Bucket", "S3Key", "S3ObjectVersion")


@dataclass(frozen=True, slots=True)
class CodeFetched:
    """Code that came from elsewhere: a package, or a folder that is run as it is."""

    package: bytes = b""
    directory: str | None = None
    problem: AwsError | None = None
    """Why the package's content is no package, found out before the transaction; told where AWS tells it."""

    @property
    def sha256(self) -> str:
        """`CodeSha256`; a folder's is that of its name, as its content may change at any time."""
        return code_sha256(self.package if self.directory is None else self.directory.encode())


class PackageOperations(LambdaState):
    """Fetching code before a transaction."""

    async def with_code(self, operation: str, scope: Scope, request: Request) -> Request:
        """A request with the code that its S3 members name. Whatever is wrong with its name is told first."""
        if operation == "CreateFunction":
            names.parse_new(request["FunctionName"], scope)
            code = await self.fetch_code(scope, request.get("Code") or {})
            return {**request, "Code": await self._checked(code, FUNCTION_ROOT)}
        if operation == "UpdateFunctionCode":
            names.parse(request["FunctionName"], scope, action=operation)
            return await self._checked(await self.fetch_code(scope, request), FUNCTION_ROOT)
        content = await self.fetch_code(scope, request.get("Content") or {})
        return {**request, "Content": await self._checked(content, LAYER_ROOT)}

    async def _checked(self, code: Request, root: str) -> Request:
        """`code` with its package read to the end, in a thread: nobody else waits for a large archive."""
        fetched: CodeFetched | None = code.get(FETCHED_MEMBER)
        package = fetched.package if fetched is not None else code.get("ZipFile")
        if not package or (fetched is not None and fetched.directory is not None):
            return code
        problem = await asyncio.to_thread(_content_problem, bytes(package), root)
        return code if problem is None else {**code, FETCHED_MEMBER: CodeFetched(bytes(package), problem=problem)}

    async def fetch_code(self, scope: Scope, code: Request) -> Request:
        """`code` with what its S3 members name, or unchanged if it names nothing there. Raises AWS's 400."""
        if not any(code.get(member) for member in _S3_MEMBERS):
            return code
        if code.get("ZipFile") is not None:
            raise invalid_parameter("Please do not provide other FunctionCode parameters when providing a ZipFile.")
        bucket, key = code.get("S3Bucket"), code.get("S3Key")
        if not bucket or not key:
            raise invalid_parameter("Please provide a source for function code.")
        if bucket == HOT_RELOAD_BUCKET:
            found = CodeFetched(directory=_folders(key))
        else:
            found = CodeFetched(await self._get_object(scope, bucket, key, code.get("S3ObjectVersion")))
        return {**code, FETCHED_MEMBER: found}

    async def _get_object(self, scope: Scope, bucket: str, key: str, version: str | None) -> bytes:
        query = f"?{urlencode({'versionId': version})}" if version else ""
        url = f"{self.base_url}/{bucket}/{quote(key, safe='/~')}{query}"
        day = "20200101"  # of the credential's scope: nobody looks at it
        credential = f"AWS4-HMAC-SHA256 Credential={scope.account}/{day}/{scope.region}/s3/aws4_request"
        status, _, body = await self.supporting.handle("s3", "GET", url, [("Authorization", credential)], b"")
        if status == 200:
            return body
        raise invalid_parameter(
            f"Error occurred while GetObject. S3 Error Code: {_element(body, 'Code') or status}. "
            f"S3 Error Message: {_element(body, 'Message')}"
        )


def code_of(operation: str, code: Request) -> CodeFetched:
    """The code a request brings. Raises AWS's 400 if it brings none, NotEmulated for images and unfetched objects."""
    if code.get("ImageUri"):
        raise NotEmulated("lambda", f"{operation} with ImageUri", IMAGES)
    for member in ("SourceKMSKeyArn", "S3ObjectStorageMode"):
        if code.get(member):
            raise NotEmulated("lambda", f"{operation} with {member}")
    fetched = code.get(FETCHED_MEMBER)
    if fetched is not None:
        return fetched
    if any(code.get(member) for member in _S3_MEMBERS):
        raise NotEmulated("lambda", f"{operation} with S3Bucket", "inside another service's transaction")
    package = code.get("ZipFile")
    if package is None:
        raise invalid_parameter("Please provide a source for function code.")
    return CodeFetched(bytes(package))


def _content_problem(package: bytes, root: str) -> AwsError | None:
    try:
        check_package(package, in_request=False, root=root)
    except AwsError:
        return None  # told in its order, by whoever looks at the directory again
    try:
        check_content(package)
    except AwsError as problem:
        return problem
    return None


def _folders(key: str) -> str:
    """The folder a hot-reload function runs, and perhaps, joined as in PATH, the one with what its code requires.

    They must be there, or the first invocation would be the one to find out.
    """
    if _is_folder(key):
        return str(Path(key).resolve())
    folder, _, required = key.rpartition(os.pathsep)
    if not _is_folder(folder) or not _is_folder(required):
        raise invalid_parameter(
            f"S3Bucket {HOT_RELOAD_BUCKET} runs a folder of this machine: S3Key must be the absolute path of an "
            f"existing folder, not {key}"
        )
    return f"{Path(folder).resolve()}{REQUIRED}{Path(required).resolve()}"


def _is_folder(path: str) -> bool:
    return "\0" not in path and REQUIRED not in path and Path(path).is_absolute() and Path(path).is_dir()


def _element(document: bytes, name: str) -> str:
    match = re.search(rf"<{name}>(.*?)</{name}>", document.decode("utf-8", "replace"), re.DOTALL)
    return unescape(match.group(1)) if match else ""
