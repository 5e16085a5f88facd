"""The command line: start, up, lint, logs, sfn, demo, drill, version.

Decides what is asked and what is answered in words. Everything heavy is imported by the command that needs it, so
that `emulator --help` is quick.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from emulator.deploy.up import commands as deploying
from emulator.sfn_tools.commands import app as sfn
from emulator.snapshot_commands import app as snapshot
from emulator.terminal import address, stop

if TYPE_CHECKING:
    from emulator.app import Emulator
    from emulator.settings import Settings

HELP = """
A local emulator of one path through AWS: API Gateway → Lambda → Step Functions → email.

Start it, copy the export lines that it prints, and every AWS SDK, the AWS CLI and your own handlers talk to it:

\b
    emulator start
    export AWS_ENDPOINT_URL=http://localhost:4566
    aws lambda list-functions

Have a project with a template? `emulator up` runs it as it is.
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


app.add_typer(sfn, name="sfn")
app.add_typer(snapshot, name="snapshot")
app.command()(deploying.up)
app.command()(deploying.lint)


def main() -> None:
    """Entry point of the command `emulator`."""
    app()


def _show_version(asked: bool) -> None:
    if asked:
        version()
        raise typer.Exit


@app.callback()
def options(
    _: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """What stands before any command."""


@app.command()
def start(
    port: Annotated[
        int | None, typer.Option("--port", "-p", help="Port to answer on; 0 takes a free one. [default: 4566]")
    ] = None,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on. [default: 127.0.0.1, this machine only]")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Directory everything is kept in. [default: .emulator]")] = None,
    ephemeral: Annotated[bool, typer.Option("--ephemeral", help="Keep everything in memory only.")] = False,
    smtp: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Send a copy of every email to this server.")
    ] = None,
    smtp_port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port of SES's SMTP interface.")] = None,
    quiet: Annotated[
        bool,
        typer.Option(
            "--quiet", "-q", help="No line for requests, failed invocations, dropped events, bad definitions."
        ),
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
    from emulator.importing import uncollected

    with uncollected():
        from emulator.adapters.console import Console
        from emulator.adapters.smtp_server import SmtpUnavailable
        from emulator.adapters.sqlite import DataDirectoryInUse, UnknownSchema
        from emulator.app import serve
        from emulator.settings import Settings

    if ephemeral and data is not None:
        stop("--ephemeral and --data exclude each other.", "Leave one of them out.")
    try:
        overrides: dict[str, Any] = {"port": port, "host": host, "data": data, "smtp": smtp, "frozen": frozen or None}
        overrides["debug"] = tuple(debug) if debug else None
        overrides["smtp_port"] = smtp_port
        settings = Settings.from_environment(**overrides)
    except ValueError as error:
        stop(f"{error}.", "docs/settings.md lists every variable and its values.")
    if ephemeral:
        settings = _without_data(settings)
    _check(settings)
    try:
        console = None if quiet else Console(lambda text: os.write(1, text.encode()), own_command())
        serve(settings, lambda running: typer.echo(greeting(running)), console)
    except DataDirectoryInUse as error:
        stop(
            str(error), "Stop that process, or start with --data another-directory (or --ephemeral) and another --port."
        )
    except UnknownSchema as error:
        stop(str(error), "Start with another --data, or with the version that wrote this one.")
    except SmtpUnavailable as error:
        stop(str(error), "Choose another with --smtp-port, or leave it out; docs/settings.md says more.")
    except OSError as error:
        stop_for(error, settings)


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
    port: Annotated[
        int | None,
        typer.Option("--port", "-p", help="Port of the running emulator. [default: that of AWS_ENDPOINT_URL, or 4566]"),
    ] = None,
    region: Annotated[str, typer.Option(help="Region of the function. [default: the emulator's]")] = "",
    account: Annotated[str, typer.Option(metavar="ID", help="Account of the function. [default: 000000000000]")] = "",
) -> None:
    """Show what a function has written, from a running emulator.

    Times are AWS time, UTC. The four characters after the time tell execution environments apart.
    """
    import sys

    from emulator import show_logs as showing

    url, named = address(port)
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ

    def write(text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()

    try:
        span = showing.seconds_of(since)
        reader = showing.Reader(url, name, pattern, region, named, account)
        if not showing.show(reader, span, follow, write, colour):
            typer.echo(f"{name} wrote nothing in the last {since}; --since 1d looks further back.", err=True)
    except showing.Problem as problem:
        stop(str(problem), problem.next_step)
    except KeyboardInterrupt:
        return
    except BrokenPipeError:  # `emulator logs … | head`: nothing must be flushed into the broken pipe at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@app.command()
def explore(
    tests: Annotated[list[str], typer.Argument(metavar="TEST…", help="As pytest names it: tests/test_x.py::test_y.")],
    seeds: Annotated[int, typer.Option(min=1, help="Fault plans to try.")] = 1000,
    first: Annotated[int, typer.Option(min=0, help="The first seed.")] = 0,
    most: Annotated[int, typer.Option(min=1, max=50, help="Faults of a plan, at most.")] = 2,
    faults: Annotated[
        str, typer.Option(metavar="KINDS", help="twice,function:error,mail; else all that can be survived.")
    ] = "",
    threads: Annotated[
        bool, typer.Option("--threads", help="Run Python handlers in threads of the test's process: faster.")
    ] = False,
) -> None:
    """Run a test under random fault plans until it fails.

    A failure is shrunk to the smallest plan, and shown as lines to paste into the test.
    """
    try:
        import pytest
    except ModuleNotFoundError:
        stop("emulator explore runs tests with pytest, which is not installed.", "pip install pytest")
    from importlib.metadata import entry_points

    # This process has imported the emulator before pytest could rewrite the asserts of a plugin: no test's concern, and
    # deadly where a project makes warnings errors.
    early = "ignore:Module already imported so cannot be rewritten:pytest.PytestAssertRewriteWarning"
    options = [
        "-W",
        early,
        f"--emulator-explore={seeds}",
        f"--emulator-explore-first={first}",
        f"--emulator-explore-most={most}",
    ]
    options += [f"--emulator-explore-faults={faults}"] if faults else []
    options += ["--emulator-functions=threads"] if threads else []
    if not any(point.value == "emulator.testing.plugin" for point in entry_points(group="pytest11")):
        options += ["-p", "emulator.testing.plugin"]
    raise typer.Exit(pytest.main([*options, *tests]))


@app.command()
def version() -> None:
    """Print the version."""
    from emulator import __version__

    typer.echo(__version__)


def own_command() -> str:
    """How this command is called in the shell that it was started from: `make start` puts it on nobody's PATH."""
    import shutil
    import sys

    if shutil.which("emulator"):
        return "emulator"
    script = Path(sys.executable).parent / "emulator"
    if not script.exists():
        return f"{sys.executable} -m emulator"
    here = Path.cwd()
    return str(script.relative_to(here) if script.is_relative_to(here) else script)


def greeting(emulator: Emulator) -> str:
    """What `start` prints once it answers."""
    from emulator.adapters.console import port_option

    settings, url = emulator.settings, emulator.base_url
    where = "in memory only; gone when it ends" if settings.data is None else str(settings.data.resolve())
    lines = [
        f"emulator answers on {url}",
        "",
        f"  control    {url}/_emulator/docs",
        f"  mail       {url}/_emulator/mail   (JSON: {url}/_emulator/inbox)",
        f"  logs       {own_command()} logs -f FUNCTION{port_option(url)}",
        f"  data       {where}",
        f"  AWS time   {_time_of(emulator)}",
    ]
    if emulator.unfinished:
        lines.append(
            f"  going on   {_unfinished(emulator.unfinished)} left from before   (JSON: {url}/_emulator/queue)"
        )
    if settings.smtp:
        lines.append(f"  mail also  to {settings.smtp}")
    if emulator.smtp_server is not None:
        lines.append(f"  SMTP       {emulator.smtp_server.host}:{emulator.smtp_server.port}")
    return "\n".join(
        [
            *lines,
            "",
            "Copy into the shell of your program or of the AWS CLI:",
            "",
            f"  export AWS_ENDPOINT_URL={url}",
            "  export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION=" + settings.region,
            "  export AWS_DISABLE_HOST_PREFIX_INJECTION=true",
            "",
            "Ctrl-C ends it.",
        ]
    )


def _time_of(emulator: Emulator) -> str:
    ahead = emulator.clock.ahead()
    lead = ""
    if ahead > 1:
        lead = f"{_span(ahead)} ahead of this machine's clock (it never goes back; a fresh --data starts at its time); "
    if emulator.settings.frozen:
        return f"{lead}frozen; POST /_emulator/clock moves it"
    return f"{lead}runs at its speed" if lead else "runs with this machine's clock"


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [
        f"{number} {unit}" for number, unit in ((days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")) if number
    ]
    return " ".join(parts)


def _unfinished(kinds: Mapping[str, int]) -> str:
    """Accepted events by name, for whoever fears for them; everything else by number."""
    events = kinds.get("lambda.event", 0)
    others = sum(kinds.values()) - events
    parts = [f"{number} {word}{'' if number == 1 else 's'}" for number, word in ((events, "event"), (others, "job"))]
    return " and ".join(part for part, number in zip(parts, (events, others), strict=True) if number)


def _without_data(settings: Settings) -> Settings:
    from dataclasses import replace

    return replace(settings, data=None)


def _check(settings: Settings) -> None:
    """Refuse values that could only fail later."""
    if not 0 <= settings.port <= 65535:
        stop(f"--port {settings.port} is no port.", "Ports are 0 to 65535; 0 takes a free one.")
    if settings.sfn_mock_config is not None:
        _check_mock_file(settings.sfn_mock_config)
    if settings.pythons:
        _check_interpreters(settings)
    if settings.debug:
        _check_debugging(settings)
    if settings.smtp is not None:
        host, _, port = settings.smtp.rpartition(":")
        if not host or not port.isdigit():
            stop(
                f"--smtp (EMULATOR_SMTP) {settings.smtp} is not HOST:PORT.",
                "For Mailpit on this machine: --smtp localhost:1025",
            )
    if settings.data is not None:
        try:
            settings.data.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            stop(
                f"The data directory {settings.data} cannot be made: {error.strerror}.",
                "Choose another with --data DIR.",
            )
        if not os.access(settings.data, os.W_OK | os.X_OK):
            stop(f"The data directory {settings.data} cannot be written to.", "Choose another with --data DIR.")


def _check_mock_file(path: Path) -> None:
    from emulator.services.stepfunctions import mock_file

    try:
        mock_file.parse(path.read_text("utf-8"))
    except OSError as error:
        stop(f"SFN_MOCK_CONFIG {path} cannot be read: {error.strerror}.", "Correct the variable, or unset it.")
    except ValueError as error:
        stop(f"SFN_MOCK_CONFIG {path} cannot be used:\n{error}", "docs/state-machines.md shows such a file.")


def _check_debugging(settings: Settings) -> None:
    import sys

    from emulator.adapters.runtime.debugging import debug_ports, debugpy_folder, is_free

    try:
        ports = debug_ports(settings.debug)
    except ValueError as error:
        stop(
            f"--debug (EMULATOR_DEBUG): {error}.", "Write FUNCTION or FUNCTION:PORT, for example --debug reports:5678."
        )
    if debugpy_folder() is None:
        install = f"Install it beside the emulator: {sys.executable} -m pip install debugpy"
        stop("--debug needs debugpy, which is not installed.", install)
    for name, port in ports.items():
        if not is_free(port):
            stop(
                f"Port {port}, on which {name} would wait for its debugger, is in use.",
                f"Stop what uses it, or choose another: --debug {name}:{port % 65535 + 1}",
            )


def _check_interpreters(settings: Settings) -> None:
    from emulator.adapters.runtime.interpreters import check_configured

    try:
        check_configured(settings.pythons)
    except ValueError as error:
        stop(f"{error}.", "Name the Python that is to run functions of that version, or unset the variable.")


def stop_for(error: OSError, settings: Settings) -> NoReturn:
    """End with what a failed start means."""
    import errno

    if error.errno == errno.EADDRINUSE:
        stop(
            f"Port {settings.port} on {settings.host} is in use, perhaps by another emulator.",
            f"Stop what uses it, or choose another: emulator start --port {settings.port % 65535 + 1}",
        )
    if error.errno == errno.EACCES:
        stop(f"Port {settings.port} may not be opened by this user.", "Choose one above 1023, for example --port 4566.")
    if error.errno in (errno.EADDRNOTAVAIL, errno.ENOENT) or type(error).__name__ == "gaierror":
        stop(f"{settings.host} is no address of this machine.", "Leave --host out, or use 0.0.0.0 for every address.")
    raise error
