"""AWS itself in the place of a world, for tests that record contracts.

Credentials, region and endpoint are those of boto3's own configuration (AWS_PROFILE, AWS_ENDPOINT_URL, …). What a test
creates there, it must delete: nobody forgets it at the test's end.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import httpx

from emulator.testing.aws import READ_TIMEOUT_SECONDS, Aws
from emulator.testing.gateway import GATEWAY
from emulator.testing.servers import HarnessError


class RealAws(Aws):
    """`aws` of a test that records from AWS."""

    def __init__(self) -> None:
        self._clients: dict[str, Any] = {}
        self._conversations = []
        from boto3.session import Session

        self._boto = Session()
        region = self._boto.region_name
        if region is None:
            raise HarnessError("to record from AWS, configure a region for boto3: AWS_DEFAULT_REGION, or a profile")
        self.region = region
        self.url = self._boto.client("sts").meta.endpoint_url

    @cached_property
    def account(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The account whose credentials are configured."""
        return self.sts.get_caller_identity()["Account"]

    @cached_property
    def http(self) -> httpx.Client:
        """An httpx client: full URLs, or paths of the only API that is deployed."""
        return httpx.Client(base_url=GATEWAY, transport=_Public(self), timeout=READ_TIMEOUT_SECONDS)

    @property
    def async_http(self) -> httpx.AsyncClient:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Not of AWS."""
        raise HarnessError("contracts are recorded with aws.http, not with aws.async_http")

    def websocket(self, *_: Any, **__: Any) -> Any:
        """Not of AWS."""
        raise HarnessError("contracts are recorded with aws.http, not with aws.websocket")

    @property
    def environment(self) -> dict[str, str]:
        """Nothing: programs that the test starts have the same configuration."""
        return {}

    def apis(self) -> list[dict[str, Any]]:
        """Stages of REST and HTTP APIs: id, name, kind, stage, url."""
        found: list[dict[str, Any]] = []
        for api in self.apigateway.get_rest_apis(limit=500)["items"]:
            for stage in self.apigateway.get_stages(restApiId=api["id"])["item"]:
                found.append(self._stage(api["id"], api["name"], "REST", stage["stageName"], f"/{stage['stageName']}"))
        for api in self.apigatewayv2.get_apis(MaxResults="500")["Items"]:
            for stage in self.apigatewayv2.get_stages(ApiId=api["ApiId"])["Items"]:
                name = stage["StageName"]
                path = "" if name == "$default" else f"/{name}"
                found.append(self._stage(api["ApiId"], api["Name"], api["ProtocolType"], name, path))
        return found

    def _stage(self, api: str, name: str, kind: str, stage: str, path: str) -> dict[str, Any]:
        url = f"https://{api}.execute-api.{self.region}.amazonaws.com{path}"
        return {"id": api, "name": name, "kind": kind, "stage": stage, "url": url}

    def _shared(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self.client(service)
        return self._clients[service]

    def close(self) -> None:
        """Close every connection."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()
        super().close()

    @cached_property
    def _session(self) -> Any:
        return self._boto

    @cached_property
    def _options(self) -> dict[str, Any]:
        return {}


class _Public(httpx.HTTPTransport):
    """httpx's transport, which knows the only deployed API."""

    def __init__(self, aws: RealAws) -> None:
        super().__init__()
        self._aws = aws

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == httpx.URL(GATEWAY).host:
            stages = [each for each in self._aws.apis() if each["kind"] != "WEBSOCKET"]
            if len(stages) != 1:
                named = ", ".join(f"{each['name']}/{each['stage']}" for each in stages) or "none"
                raise HarnessError(f"a path needs one deployed stage; there are: {named}")
            target = httpx.URL(stages[0]["url"])
            request.url = target.copy_with(raw_path=target.raw_path.rstrip(b"/") + request.url.raw_path)
            request.headers["Host"] = target.netloc.decode()
        return super().handle_request(request)
