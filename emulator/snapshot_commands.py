"""`emulator snapshot`: a running emulator's whole state to a file, and back. A client of `/_emulator/snapshot`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from emulator.terminal import address, stop

CALL_TIMEOUT_SECONDS = 300.0

app = typer.Typer(
    help="Save what a running emulator keeps to a file, and restore it.",
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Port = Annotated[
    int | None,
    typer.Option("--port", "-p", help="Port of the running emulator. [default: that of AWS_ENDPOINT_URL, or 4566]"),
]


@app.command()
def save(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to.")],
    account: Annotated[str, typer.Option(metavar="ID", help="Only the world with this account.")] = "",
    port: Port = None,
) -> None:
    """Save everything: resources, events on their way, executions, mail, logs, the time."""
    content = _ask(port, "GET", f"?account={account}" if account else "")
    try:
        file.write_bytes(content)
    except OSError as problem:
        stop(f"{file} cannot be written: {problem.strerror}.", "Choose another file.")
    typer.echo(f"{file}: {len(content):,} bytes")


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where from. It holds functions: trust it like code.")],
    port: Port = None,
) -> None:
    """Forget everything, and go on from a snapshot.

    AWS time never goes back: what is overdue by then runs at once.
    """
    try:
        content = file.read_bytes()
    except OSError as problem:
        stop(f"{file} cannot be read: {problem.strerror}.", "Name a file that `emulator snapshot save` has written.")
    about = json.loads(_ask(port, "PUT", "", content))
    whose = f" of account {about['account']}" if about["account"] else ""
    typer.echo(f"goes on from the snapshot{whose} that version {about['version']} saved")


def _ask(port: int | None, method: str, query: str, body: bytes | None = None) -> bytes:
    import urllib.error
    import urllib.request

    url, _ = address(port)
    request = urllib.request.Request(f"{url}/_emulator/snapshot{query}", data=body, method=method)
    try:
        with urllib.request.urlopen(request, timeout=CALL_TIMEOUT_SECONDS) as answer:
            return answer.read()
    except urllib.error.HTTPError as refusal:
        with refusal:
            try:
                said = json.loads(refusal.read())["message"]
            except (ValueError, KeyError):
                said = f"the emulator at {url} answers {refusal.code}"
        stop(f"{said}.", "Nothing was saved or restored.")
    except OSError:
        stop(f"No emulator answers at {url}.", "Start one with `emulator start`, or say where with --port.")
