"""CDK's bootstrap, ready by default: the version parameter and the asset bucket appear when somebody looks for them.

On AWS `cdk bootstrap` deploys a template with both before the first `cdk deploy`; here that works too, and is not
needed. What is made is real: the parameter is one of SSM and the bucket one of S3, by the names of CDK's default
synthesizer. Its roles need not exist: STS gives credentials for any.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import unquote, urlsplit

from emulator.aws.addressing import address_of
from emulator.aws.calls import Calls
from emulator.aws.http import HttpRequest
from emulator.aws.scope import Scope
from emulator.ports import AskLibrary, DelegatedAnswer, DelegatedRequest, SupportingServices

VERSION = "30"
"""Of CDK's bootstrap template: later than what any feature of today's CDK asks for."""
DESCRIPTION = "CDK is ready to deploy here; `cdk bootstrap` replaces this parameter"
_PARAMETER = re.compile(r"/cdk-bootstrap/[A-Za-z0-9_-]{1,32}/version\Z")
_BUCKET = re.compile(r"cdk-[a-z0-9]{1,10}-assets-(?P<account>[0-9]{12})-(?P<region>[a-z0-9-]+)\Z")
_VIRTUAL_HOST = re.compile(r"(?P<bucket>[a-z0-9.-]+)\.s3[.-]")


class Bootstrap:
    """Stands between clients and the delegated services SSM and S3."""

    def __init__(self, calls: Calls, supporting: SupportingServices) -> None:
        self._calls = calls
        supporting.surround("ssm", self.around_parameters)
        supporting.surround("s3", self.around_buckets)

    async def around_parameters(self, request: DelegatedRequest, ask: AskLibrary) -> DelegatedAnswer:
        """GetParameter(s) of the version finds one; a bootstrap that really deploys it may replace it."""
        operation = request.header("x-amz-target").rpartition(".")[2]
        if operation not in ("GetParameter", "GetParameters", "PutParameter") or b"/cdk-bootstrap/" not in request.body:
            return await ask(request)
        said = _json(request.body)
        scope = _scope(request, "ssm")
        if operation == "PutParameter":
            return await self._put(said, scope, request, ask)
        given = said.get("Names")
        names: list[Any] = given if isinstance(given, list) else [said.get("Name")]
        answer = await ask(request)
        missing = [name for name in names if isinstance(name, str) and _PARAMETER.match(name)]
        lost = answer[0] == 400 or bool(_json(answer[2]).get("InvalidParameters"))
        if not missing or not lost:
            return answer
        for name in missing:
            await self._make_parameter(scope, name)
        return await ask(request)

    async def _make_parameter(self, scope: Scope, name: str) -> None:
        wanted = {"Name": name, "Value": VERSION, "Type": "String", "Description": DESCRIPTION, "Overwrite": True}
        await self._calls.delegated(scope, "ssm", "PutParameter", wanted)

    async def _put(
        self, said: dict[str, Any], scope: Scope, request: DelegatedRequest, ask: AskLibrary
    ) -> DelegatedAnswer:
        name = said.get("Name")
        ours = isinstance(name, str) and _PARAMETER.match(name) and not said.get("Overwrite")
        if ours and await self._is_ours(scope, str(name)):
            await self._calls.delegated(scope, "ssm", "DeleteParameter", {"Name": name})
        return await ask(request)

    async def _is_ours(self, scope: Scope, name: str) -> bool:
        filters = [{"Key": "Name", "Values": [name]}]
        found = await self._calls.delegated(scope, "ssm", "DescribeParameters", {"ParameterFilters": filters})
        return any(item.get("Description") == DESCRIPTION for item in found.get("Parameters", []))

    async def around_buckets(self, request: DelegatedRequest, ask: AskLibrary) -> DelegatedAnswer:
        """The asset bucket is there once it is looked for."""
        bucket = _bucket(request.url)
        match = _BUCKET.match(bucket) if bucket.startswith("cdk-") else None
        answer = await ask(request)
        if match is None or answer[0] != 404 or request.method == "DELETE":
            return answer
        parts = urlsplit(request.url)
        path = "/" if _VIRTUAL_HOST.match(parts.netloc) else f"/{bucket}"
        signed = [pair for pair in request.headers if pair[0].lower() == "authorization"]
        itself = DelegatedRequest("HEAD", f"{parts.scheme}://{parts.netloc}{path}", signed, b"")
        if (await ask(itself))[0] != 404:
            return answer  # it is there; the object is not
        region = match["region"]
        body = (
            f"<CreateBucketConfiguration><LocationConstraint>{region}</LocationConstraint></CreateBucketConfiguration>"
        )
        await ask(itself._replace(method="PUT", body=b"" if region == "us-east-1" else body.encode()))
        return await ask(request)


def _json(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _scope(request: DelegatedRequest, service: str) -> Scope:
    parts = urlsplit(request.url)
    asked = HttpRequest(request.method, parts.path or "/", parts.query, list(request.headers), b"")
    return address_of(asked, lambda name: name == service).scope


def _bucket(url: str) -> str:
    parts = urlsplit(url)
    virtual = _VIRTUAL_HOST.match(parts.netloc)
    return virtual["bucket"] if virtual else unquote(parts.path.lstrip("/").partition("/")[0])
