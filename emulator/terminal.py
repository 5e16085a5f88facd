"""What every command shares: how it ends with a problem, and where the running emulator is."""

from __future__ import annotations

import os
from typing import NoReturn
from urllib.parse import urlsplit

import typer


def stop(problem: str, next_step: str) -> NoReturn:
    """End with exit code 1, saying what is wrong and what to do."""
    typer.echo(f"{problem}\n{next_step}", err=True)
    raise typer.Exit(1)


def address(port: int | None) -> tuple[str, bool]:
    """Where the running emulator is, and whether somebody said so: an option before the variables, ours first."""
    if port is not None:
        return f"http://127.0.0.1:{port}", True
    own = os.environ.get("EMULATOR_PORT")
    if own:
        if not own.isdigit():
            stop(f"EMULATOR_PORT={own} is no port.", "Correct the variable, or say --port PORT.")
        return f"http://127.0.0.1:{own}", True
    parts = urlsplit(os.environ.get("AWS_ENDPOINT_URL", ""))
    if parts.scheme in ("http", "https") and parts.hostname:
        return f"{parts.scheme}://{parts.netloc}", True
    return "http://127.0.0.1:4566", False
