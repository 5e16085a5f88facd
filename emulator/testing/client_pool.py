"""boto3 clients that one world after the other uses: to make one takes milliseconds, and a test needs several.

A set of clients has one identity, which is the account of the world that has leased it. When the world ends, its set
goes back, unless somebody still holds one of the clients: then nobody gets it any more, and who uses it is told why.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from botocore.credentials import Credentials, ReadOnlyCredentials
from botocore.session import Session

from emulator.importing import uncollected
from emulator.testing.model_loader import model_loader

if TYPE_CHECKING:
    from botocore.config import Config

SECRET = "test"


class EndedWorld(Exception):
    """A client was used whose world has ended."""


class _Identity(Credentials):
    """Whose the requests of a set are."""

    def __init__(self) -> None:
        super().__init__("nobody", SECRET)
        self.account = ""

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        if not self.account:
            raise EndedWorld("this client is of a test that has ended")
        return ReadOnlyCredentials(self.account, SECRET, None)


class ClientSet:
    """Clients of one endpoint and region."""

    def __init__(self, endpoint: str, region: str, config: Config) -> None:
        self._identity = _Identity()
        self._session: Any = Session()
        if not _loaders:
            _loaders.append(model_loader(self._session.get_config_variable("data_path")))
        self._session.register_component("data_loader", _loaders[0])
        self._session._credentials = self._identity
        self._options: dict[str, Any] = {"endpoint_url": endpoint, "region_name": region, "config": config}
        self._clients: dict[str, Any] = {}
        self._shown: dict[str, Any] = {}
        """Copies of them for this world, so that one knows whether anybody still holds one: botocore holds none."""

    def get(self, service: str) -> Any:
        """The client of a service. Raises botocore's UnknownServiceError."""
        if service not in self._shown:
            if service not in self._clients:
                with uncollected():  # a model of a service is a hundred thousand objects, and none is garbage
                    self._clients[service] = self._session.create_client(service, **self._options)
            client = self._clients[service]
            shown = object.__new__(type(client))
            shown.__dict__.update(client.__dict__)
            self._shown[service] = shown
        return self._shown[service]

    def begin(self, account: str) -> None:
        """From now on its requests are this account's."""
        self._identity.account = account

    def end(self) -> bool:
        """No requests any more; whether nobody else holds any of its clients."""
        self._identity.account = ""
        held = [weakref.ref(shown) for shown in self._shown.values()]
        self._shown.clear()
        for client in self._clients.values():
            client.close()
        return all(shown() is None for shown in held)


_kept: dict[tuple[str, str], list[ClientSet]] = {}
_loaders: list[Any] = []
"""One for the process: it has read the models of services."""


def lease(endpoint: str, region: str, config: Config, account: str) -> ClientSet:
    """A set for a world."""
    free = _kept.get((endpoint, region))
    found = free.pop() if free else ClientSet(endpoint, region, config)
    found.begin(account)
    return found


def give_back(clients: ClientSet, endpoint: str, region: str) -> None:
    """The world has ended."""
    if clients.end():
        _kept.setdefault((endpoint, region), []).append(clients)


def forget(endpoint: str) -> None:
    """The server at an endpoint has ended."""
    for key in [key for key in _kept if key[0] == endpoint]:
        del _kept[key]
