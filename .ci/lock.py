"""Resolve the dependencies into requirements*.lock: versions and hashes for every platform, and no host.

Decides how the locks are made; what they must satisfy stands in pyproject.toml, and in tests/clients for the deployment
tools that `make test-clients` tries. Run by `make lock`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

COMPILE = [
    *(sys.executable, "-m", "uv", "pip", "compile"),
    *("--universal", "--python-version", "3.11", "--generate-hashes"),
    *("--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links", "--quiet"),
]

HEADER = "# Written by `make lock` from pyproject.toml: versions and hashes for every platform and Python 3.11+.\n"

SETS = {
    # The largest first: the smaller ones are then constrained to its versions.
    "requirements-check.lock": ["--group", "build", "--extra", "test", "--extra", "check"],
    "requirements-test.lock": ["--group", "build", "--extra", "test", "-c", "requirements-check.lock"],
    "requirements.lock": ["--group", "build", "-c", "requirements-check.lock"],
}


def main() -> None:
    """Write all locks."""
    for name, options in SETS.items():
        compile_into(name, ["pyproject.toml", *options])
    compile_into("tests/clients/requirements.lock", ["tests/clients/requirements.in"])


def compile_into(name: str, options: list[str]) -> None:
    """Write one lock."""
    compiled = subprocess.run([*COMPILE, *options], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    (ROOT / name).write_text(HEADER + compiled)
    print(f"{name}: {compiled.count('==')} packages")


if __name__ == "__main__":
    main()
