"""The command line: start, logs, demo, drill, version.

Decides what is asked and what is answered in words. Everything heavy is imported by the command that needs it, so
that `emulator --help` is quick.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from emulator.settings import Settings

HELP = """
A local emulator of one path through AWS: API Gateway → Lambda → Step Functions → email.

Start it, copy the two export lines that it prints, and every AWS SDK, the AWS CLI and your own handlers talk to it:

\b
    emulator start
    export AWS_ENDPOINT_URL=http://localhost:4566
    aws lambda list-functions

Never seen an asynchronous API? `emulator demo` shows one in seconds, `emulator drill` asks what makes it asynchronous.
Every setting is also a variable EMULATOR_…, see docs/settings.md.
"""

app = typer.Typer(
    name="emulator",
    help=HELP,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Entry point of the command `emulator`."""
    app()


@app.command()
def start(
    port: Annotated[int | None, typer.Option(help="Port to answer on; 0 takes a free one. [default: 4566]")] = None,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on. [default: 127.0.0.1, this machine only]")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Directory everything is kept in. [default: .emulator]")] = None,
    ephemeral: Annotated[bool, typer.Option("--ephemeral", help="Keep everything in memory only.")] = False,
    smtp: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Send a copy of every email to this server.")
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="No line for each request and failed invocation.")
    ] = False,
    frozen: Annotated[
        bool, typer.Option("--frozen", help="Start with AWS time frozen; POST /_emulator/clock moves it.")
    ] = False,
    debug: Annotated[
        list[str] | None,
        typer.Option(metavar="FUNCTION[:PORT]", help="Let this Python function wait for a debugger (debugpy)."),
    ] = None,
) -> None:
    """Run the emulator until Ctrl-C.

    What was accepted survives a restart, and a kill.
    """
    from emulator.adapters.console import Console
    from emulator.adapters.sqlite import DataDirectoryInUse, UnknownSchema
    from emulator.app import serve
    from emulator.settings import Settings

    if ephemeral and data is not None:
        _stop("--ephemeral and --data exclude each other.", "Leave one of them out.")
    try:
        overrides: dict[str, Any] = {"port": port, "host": host, "data": data, "smtp": smtp, "frozen": frozen or None}
        overrides["debug"] = tuple(debug) if debug else None
        settings = Settings.from_environment(**overrides)
    except ValueError as error:
        _stop(f"A variable EMULATOR_… has a value that cannot be read: {error}.", "docs/settings.md lists them.")
    if ephemeral:
        settings = _without_data(settings)
    _check(settings)
    try:
        console = None if quiet else Console(lambda text: os.write(1, text.encode()))
        serve(settings, lambda url: typer.echo(greeting(settings, url)), console)
    except DataDirectoryInUse as error:
        _stop(
            str(error), "Stop that process, or start with --data another-directory (or --ephemeral) and another --port."
        )
    except UnknownSchema as error:
        _stop(str(error), "Start with another --data, or with the version that wrote this one.")
    except OSError as error:
        _stop_for(error, settings)


@app.command()
def demo(
    real: Annotated[bool, typer.Option("--real", help="Real time instead of virtual time: takes 45 s.")] = False,
    port: Annotated[int, typer.Option(help="Port of the emulator it starts; 0 takes a free one.")] = 0,
) -> None:
    """Watch one report go both ways, waiting and not.

    A synchronous route whose gateway gives up, and an asynchronous one that answers at once.
    """
    from emulator.demo import demo as showing

    raise typer.Exit(showing.run(real, port))


@app.command()
def drill(
    real: Annotated[bool, typer.Option("--real", help="Real time instead of virtual time: takes two minutes.")] = False,
) -> None:
    """Try four ways to an immediate answer.

    The certification question of this field, applied to a slow route: what each attempt really does.
    """
    from emulator.demo import drill as showing

    raise typer.Exit(showing.run(real))


@app.command(name="logs")
def show_logs(
    name: Annotated[str, typer.Argument(metavar="FUNCTION|GROUP", help="A function's name, or a log group's.")],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C.")] = False,
    since: Annotated[str, typer.Option(metavar="SPAN", help="How far to look back: 90s, 10m, 1h30m, 2d.")] = "10m",
    pattern: Annotated[
        str,
        typer.Option("--filter", metavar="PATTERN", help="CloudWatch filter pattern: ERROR, '{ $.level = \"WARN\" }'."),
    ] = "",
    port: Annotated[int | None, typer.Option(help="Port of the running emulator. [default: 4566]")] = None,
    region: Annotated[str, typer.Option(help="Region of the function. [default: the emulator's]")] = "",
) -> None:
    """Show what a function has written, from a running emulator.

    Times are AWS time, UTC. The four characters after the time tell execution environments apart.
    """
    import sys

    from emulator import show_logs as showing

    number = port if port is not None else int(os.environ.get("EMULATOR_PORT") or 4566)
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ

    def write(text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()

    try:
        span = showing.seconds_of(since)
        reader = showing.Reader(f"http://127.0.0.1:{number}", name, pattern, region)
        if not showing.show(reader, span, follow, write, colour):
            typer.echo(f"{name} wrote nothing in the last {since}; --since 1d looks further back.", err=True)
    except showing.Problem as problem:
        _stop(str(problem), problem.next_step)
    except KeyboardInterrupt:
        return
    except BrokenPipeError:  # `emulator logs … | head`: nothing must be flushed into the broken pipe at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@app.command()
def version() -> None:
    """Print the version."""
    from emulator import __version__

    typer.echo(__version__)


def greeting(settings: Settings, url: str) -> str:
    """What `start` prints once it answers."""
    where = "in memory only; gone when it ends" if settings.data is None else str(settings.data.resolve())
    time = "frozen; POST /_emulator/clock moves it" if settings.frozen else "runs with this machine's clock"
    lines = [
        f"emulator answers on {url}",
        "",
        f"  control    {url}/_emulator/docs",
        f"  mail       {url}/_emulator/mail   (JSON: {url}/_emulator/inbox)",
        f"  logs       emulator logs -f FUNCTION{_port_option(url)}",
        f"  data       {where}",
        f"  AWS time   {time}",
    ]
    if settings.smtp:
        lines.append(f"  mail also  to {settings.smtp}")
    return "\n".join(
        [
            *lines,
            "",
            "Copy into the shell of your program or of the AWS CLI:",
            "",
            f"  export AWS_ENDPOINT_URL={url}",
            "  export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION=" + settings.region,
            "",
            "Ctrl-C ends it.",
        ]
    )


def _port_option(url: str) -> str:
    port = url.rpartition(":")[2]
    return "" if port == "4566" else f" --port {port}"


def _without_data(settings: Settings) -> Settings:
    from dataclasses import replace

    return replace(settings, data=None)


def _check(settings: Settings) -> None:
    """Refuse values that could only fail later."""
    if not 0 <= settings.port <= 65535:
        _stop(f"--port {settings.port} is no port.", "Ports are 0 to 65535; 0 takes a free one.")
    if settings.debug:
        _check_debugging(settings)
    if settings.smtp is not None:
        host, _, port = settings.smtp.rpartition(":")
        if not host or not port.isdigit():
            _stop(f"--smtp {settings.smtp} is not HOST:PORT.", "For Mailpit on this machine: --smtp localhost:1025")
    if settings.data is not None:
        try:
            settings.data.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            _stop(
                f"The data directory {settings.data} cannot be made: {error.strerror}.",
                "Choose another with --data DIR.",
            )
        if not os.access(settings.data, os.W_OK | os.X_OK):
            _stop(f"The data directory {settings.data} cannot be written to.", "Choose another with --data DIR.")


def _check_debugging(settings: Settings) -> None:
    from emulator.adapters.runtime.debugging import debug_ports, debugpy_folder

    try:
        debug_ports(settings.debug)
    except ValueError as error:
        _stop(f"--debug: {error}.", "Write FUNCTION or FUNCTION:PORT, for example --debug reports:5678.")
    if debugpy_folder() is None:
        _stop("--debug needs debugpy, which is not installed.", "pip install debugpy, beside the emulator.")


def _stop_for(error: OSError, settings: Settings) -> None:
    import errno

    if error.errno == errno.EADDRINUSE:
        _stop(
            f"Port {settings.port} on {settings.host} is in use, perhaps by another emulator.",
            f"Stop what uses it, or choose another: emulator start --port {settings.port % 65535 + 1}",
        )
    if error.errno == errno.EACCES:
        _stop(
            f"Port {settings.port} may not be opened by this user.", "Choose one above 1023, for example --port 4566."
        )
    if error.errno in (errno.EADDRNOTAVAIL, errno.ENOENT) or type(error).__name__ == "gaierror":
        _stop(f"{settings.host} is no address of this machine.", "Leave --host out, or use 0.0.0.0 for every address.")
    raise error


def _stop(problem: str, next_step: str) -> NoReturn:
    """End with exit code 1, saying what is wrong and what to do."""
    typer.echo(f"{problem}\n{next_step}", err=True)
    raise typer.Exit(1)
