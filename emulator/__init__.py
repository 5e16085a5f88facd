"""A local emulator of one path through AWS: API Gateway → Lambda → Step Functions → email.

A tour, in reading order:

* `ports.py`    what the emulator needs from outside: time, a store, function runtimes, a mailer.
* `jobs.py`     every wait is a row with a due time.
* `worker.py`   the only loop; it also moves frozen time.
* `aws/`        from the bytes of a request to an operation and back, for every AWS protocol.
* `services/`   one folder per AWS service, all of the same shape.
* `adapters/`   SQLite, processes, SMTP, moto: the outside world behind the ports.
* `app.py`      where everything is put together.
* `testing/`    the emulator in a test: `Emulator`, a world of one's own, and the pytest plugin.
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Emulator", "Settings", "__version__"]

if TYPE_CHECKING:
    from emulator.settings import Settings
    from emulator.testing.world import Emulator


def __getattr__(name: str) -> Any:
    """Import the two public names on first use, so that `import emulator` stays cheap."""
    if name == "Emulator":
        from emulator.testing.world import Emulator

        return Emulator
    if name == "Settings":
        from emulator.settings import Settings

        return Settings
    raise AttributeError(f"module 'emulator' has no attribute {name!r}")
