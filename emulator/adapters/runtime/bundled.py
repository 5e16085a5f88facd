"""The packages that AWS's Python runtimes bring along, importable; whatever else this machine has installed, not.

Decides which packages those are. Interpreters of functions start without `site-packages` (`-S`): a function that
works here because of a package of the machine would fail on AWS. Runs in the emulator, as a script in an interpreter
that is asked where its packages are, and in functions' processes: standard library only, Python 3.9.
"""

from __future__ import annotations

import importlib.machinery
import importlib.metadata
import importlib.util
import json
import os
import platform
import sys
from typing import Any

SDK = {
    "boto3": "boto3",
    "botocore": "botocore",
    "s3transfer": "s3transfer",
    "jmespath": "jmespath",
    "dateutil": "python-dateutil",
    "six": "six",
    "urllib3": "urllib3",
}
"""Packages of AWS's runtimes by the name under which they are imported, and their distributions."""
OWN = {"time_machine": "time-machine", "_time_machine": "time-machine"}
"""What `virtual_time` uses where it is compiled for that very Python."""


def where() -> dict[str, str]:
    """The folders from which these packages are imported in this process, by package; without the missing ones."""
    found: dict[str, str] = {}
    for name in (*SDK, *OWN):
        spec = importlib.util.find_spec(name)
        origin = spec.origin if spec is not None else None
        if origin:
            folder, file = os.path.split(origin)
            found[name] = os.path.dirname(folder) if file.startswith("__init__.") else folder  # noqa: PTH120
    return found


class BundledPackages:
    """Finds these packages, and their metadata, after everything that is on `sys.path`."""

    def __init__(self, folders: dict[str, str]) -> None:
        self.folders = folders

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        folder = self.folders.get(name) if path is None else None
        return importlib.machinery.PathFinder.find_spec(name, [folder], target) if folder else None

    def find_distributions(self, context: Any = None) -> Any:
        """For `importlib.metadata`: by these versions libraries decide how to instrument the SDK."""
        wanted = getattr(context, "name", None)
        finder = importlib.metadata.MetadataPathFinder
        for distribution, folder in sorted({(SDK[name], at) for name, at in self.folders.items() if name in SDK}):
            if wanted is None or wanted.lower().replace("_", "-") == distribution:
                yield from finder.find_distributions(
                    importlib.metadata.DistributionFinder.Context(name=distribution, path=[folder])
                )

    def invalidate_caches(self) -> None:
        """`PathFinder` keeps the caches."""
        return


def install(folders: dict[str, str]) -> None:
    """Make these packages importable in this process, and what `site` would have added to the built-in names."""
    if sys.flags.no_site:
        import site

        site.setquit()  # `exit` and `quit`
        site.setcopyright()
        site.sethelper()
    finder: Any = BundledPackages(folders)
    sys.meta_path.append(finder)


def folders() -> list[str]:
    """Where the packages are that `install` made importable."""
    return [
        folder for finder in sys.meta_path if isinstance(finder, BundledPackages) for folder in finder.folders.values()
    ]


if __name__ == "__main__":
    print(json.dumps({"version": platform.python_version(), "packages": where()}))
