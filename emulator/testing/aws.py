"""Clients of a world: boto3's as attributes, and one for what it has deployed.

`aws.sqs`, `aws.lambda_`, `aws.cognito_idp` are boto3 clients of the world's account, made once; `aws.http` is an httpx
client, `aws.websocket()` one of a WebSocket API. They do not try again: a test wants to see the first answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

    from emulator.testing.client_pool import ClientSet
    from emulator.testing.servers import Server
    from emulator.testing.websocket import WebSocket

READ_TIMEOUT_SECONDS = 60
"""Host time for which an answer may take to come."""
SECRET = "test"


class Aws:
    """An account's clients."""

    def __init__(self, server: Server, account: str, region: str | None = None) -> None:
        self._server = server
        self.account = account
        """The account's id, which is the access key id too."""
        self.region = region or server.region
        self.url = server.url
        """The endpoint of every service."""
        self._conversations: list[WebSocket] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        service = name.rstrip("_").replace("_", "-")
        try:
            return self._shared(service)
        except Exception as problem:
            if type(problem).__name__ != "UnknownServiceError":
                raise
            raise AttributeError(f"boto3 has no client {service!r}") from None

    def client(self, service: str, **options: Any) -> Any:
        """A boto3 client of its own, with `options` of boto3's: another region, say, or retries."""
        return self._session.client(service, **{**self._options, **options})

    def resource(self, service: str, **options: Any) -> Any:
        """A boto3 resource."""
        return self._session.resource(service, **{**self._options, **options})

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables by which the AWS CLI and every SDK find this world."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": self.account,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_REGION": self.region,
        }

    @cached_property
    def http(self) -> httpx.Client:
        """An httpx client for deployed APIs: takes full URLs, AWS's own, or paths of the only API there is."""
        import httpx

        from emulator.testing.gateway import GATEWAY, GatewayTransport

        return httpx.Client(
            base_url=GATEWAY, transport=GatewayTransport(self.url, self.apis), timeout=READ_TIMEOUT_SECONDS
        )

    @cached_property
    def async_http(self) -> httpx.AsyncClient:
        """`http` for coroutines."""
        import httpx

        from emulator.testing.gateway import GATEWAY, AsyncGatewayTransport

        transport = AsyncGatewayTransport(self.url, self.apis)
        return httpx.AsyncClient(base_url=GATEWAY, transport=transport, timeout=READ_TIMEOUT_SECONDS)

    def websocket(
        self,
        url: str = "/",
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        subprotocols: Sequence[str] = (),
    ) -> WebSocket:
        """A client of a WebSocket API: of the only one there is, or of a full URL, AWS's own included.

        Raises `emulator.testing.websocket.Refused` if the API does not take it.
        """
        import httpx

        from emulator.testing.gateway import GATEWAY, located
        from emulator.testing.websocket import connect

        meant = httpx.URL(GATEWAY).join(url)
        if params:
            meant = meant.copy_merge_params(params)
        target, host = located(meant, self.url, self.apis, websocket=True)
        made = connect(target, host or target.netloc.decode(), headers, subprotocols)
        self._conversations.append(made)
        return made

    def apis(self) -> list[dict[str, Any]]:
        """Stages of deployed APIs: id, name, kind, stage, url."""
        return self._server.ask("GET", "apis", account=self.account, region=self.region)["apis"]

    def close(self) -> None:
        """Close every connection."""
        while self._conversations:
            self._conversations.pop().vanish()
        if "_leased" in self.__dict__:
            from emulator.testing import client_pool

            client_pool.give_back(self.__dict__.pop("_leased"), self.url, self.region)
        if "http" in self.__dict__:
            self.http.close()

    def _shared(self, service: str) -> Any:
        """The client of a service that is made once."""
        return self._leased.get(service)

    @cached_property
    def _leased(self) -> ClientSet:
        from emulator.testing import client_pool

        return client_pool.lease(self.url, self.region, self._options["config"], self.account)

    @cached_property
    def _session(self) -> Any:
        return _session()

    @cached_property
    def _options(self) -> dict[str, Any]:
        from botocore.config import Config

        return {
            "endpoint_url": self.url,
            "region_name": self.region,
            "aws_access_key_id": self.account,
            "aws_secret_access_key": SECRET,
            "config": Config(
                retries={"total_max_attempts": 1},
                read_timeout=READ_TIMEOUT_SECONDS,
                inject_host_prefix=False,  # no resolver knows `sync-127.0.0.1`
            ),
        }


_kept: list[Any] = []


def _session() -> Any:
    """One for the process: it has read the models of services.

    Not boto3's default session, which handlers in threads of this process and the tests themselves may use.
    """
    if not _kept:
        from boto3.session import Session

        _kept.append(Session())
    return _kept[0]
