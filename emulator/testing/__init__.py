"""The emulator in a test: a pytest plugin, and the same powers for every other runner. docs/testing.md tells more.

* `Emulator`        a world of one's own: `with Emulator() as emulator: emulator.aws.sqs…`, here or elsewhere.
* `plugin.py`       the fixtures `emulator`, `aws`, `inbox`, `clock`, `faults`.
* `RunningEmulator` the server alone, for tests of the emulator itself and for who needs no world.

`RunningEmulator(make=in_process)` runs Python functions in threads of the test's own process: breakpoints stop in
handlers and coverage sees them. The price is in `adapters/inline_runtime.py`: nothing is killed or limited.

Importing this imports nothing: names are loaded on first use, boto3 and the emulator when one is started.
"""

from typing import TYPE_CHECKING, Any

__all__ = ["AsyncEmulator", "Emulator", "RunningEmulator", "in_process"]

if TYPE_CHECKING:
    from emulator.testing.asynchronous import AsyncEmulator
    from emulator.testing.harness import RunningEmulator, in_process
    from emulator.testing.world import Emulator

_WHERE = {"AsyncEmulator": "asynchronous", "Emulator": "world", "RunningEmulator": "harness", "in_process": "harness"}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'emulator.testing' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"emulator.testing.{_WHERE[name]}"), name)
