"""Which layers a function may have, and their content when it runs. The layers themselves are `layers.py`'s."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import CodeSource, Store, Transaction
from emulator.services.lambda_ import store_layers
from emulator.services.lambda_.layers import LayerVersion, access_denied, check_layer_arns, check_unzipped_size
from emulator.services.lambda_.rules.errors import invalid_parameter, service_failure


def function_layers(
    tx: Transaction, scope: Scope, arns: Sequence[str], unzipped_code_bytes: int, kept: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """`Layers` of a function's configuration from the ARNs of a request.

    `kept` are ARNs that the function has already: it keeps them even if they have been deleted since. Raises AWS's
    400 for the list (`check_layer_arns`), for versions that do not exist and for what is too large together, and 403
    for another account's layer that is not shared with this one.
    """
    check_layer_arns(arns, scope)
    found: list[LayerVersion] = []
    for arn in arns:
        version = store_layers.find_layer_version(tx, arn)
        usable = version is not None and (not version.deleted or arn in kept)
        if arn.split(":")[4] != scope.account and not (
            version is not None and usable and version.may_be_read_by(scope.account)
        ):
            raise access_denied(scope, "GetLayerVersion", arn)
        if version is None or not usable:
            raise invalid_parameter(f"Layer version {arn} does not exist.")
        found.append(version)
    check_unzipped_size(unzipped_code_bytes, found)
    return [{"Arn": version.arn, "CodeSize": version.size} for version in found]


def layer_sources(tx: Transaction, store: Store, layers: Sequence[dict[str, Any]]) -> list[CodeSource]:
    """`FunctionSpec.layers` of a function's `Layers`, in the function's order."""
    found = [store_layers.find_layer_version(tx, layer["Arn"]) for layer in layers]
    return [
        CodeSource(version.sha256, _loader(store, version.layer.scope, version.sha256))
        for version in found
        if version is not None
    ]


def _loader(store: Store, scope: Scope, sha256: str) -> Callable[[], Awaitable[bytes]]:
    async def load() -> bytes:
        package = await store.read(lambda tx: store_layers.load_content(tx, scope, sha256))
        if package is None:
            raise service_failure()
        return package

    return load
