"""botocore's loader of service models, which asks for one service only: the usual one looks at 1,800 files first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import DataNotFoundError
from botocore.loaders import Loader, create_loader


class KnownServices:
    """The services that have a model of some type: asked about one it looks for that one, listed it looks at all."""

    def __init__(self, loader: Any, type_name: str) -> None:
        self._loader, self._type_name = loader, type_name

    def __contains__(self, service: str) -> bool:
        try:
            return bool(self._loader.list_api_versions(service, self._type_name))
        except DataNotFoundError:
            return False

    def __iter__(self) -> Iterator[str]:
        return iter(Loader.list_available_services(self._loader, self._type_name))


class ModelLoader(Loader):
    """It finds what botocore's own finds."""

    def list_available_services(self, type_name: str) -> Any:
        return KnownServices(self, type_name)


def model_loader(data_path: str | None) -> Loader:
    """A loader that looks where botocore's looks."""
    usual: Any = create_loader(data_path)
    return ModelLoader(extra_search_paths=list(usual.search_paths), include_default_search_paths=False)
