"""The commands `emulator up` and `emulator lint`: what is asked, and what becomes of it."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emulator.terminal import stop

if TYPE_CHECKING:
    from emulator.deploy.up.project import Project
    from emulator.deploy.up.screen import Screen
    from emulator.deploy.up.session import Options
    from emulator.settings import Settings

PATH_HELP = "A folder or file: template.yaml of SAM or CloudFormation, openapi.yaml, or CDK's cdk.out."
Parameters = Annotated[
    list[str] | None,
    typer.Option("--param", metavar="KEY=VALUE", help="A parameter of the template; may be repeated."),
]
Variables = Annotated[
    list[str] | None,
    typer.Option(
        "--var",
        metavar="[FUNCTION.]KEY=VALUE",
        help="An environment variable of all functions, or of one (its logical id); may be repeated.",
    ),
]
EnvFile = Annotated[
    Path | None, typer.Option("--env-file", metavar="FILE", help="Such variables, a line for each; # begins a comment.")
]
Functions = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Of an OpenAPI file: the folder with a function for each operationId."),
]
Outside = Annotated[bool, typer.Option("--allow-outside", help="Let the template name files outside of the project.")]


def up(
    path: Annotated[Path, typer.Argument(help=PATH_HELP)] = Path(),
    parameters: Parameters = None,
    variables: Variables = None,
    env_file: EnvFile = None,
    functions: Functions = None,
    stack_name: Annotated[str | None, typer.Option(help="Name of the stack. [default: the folder's]")] = None,
    skip_unknown: Annotated[
        bool, typer.Option("--skip-unknown", help="Let resources of types that are not emulated do nothing.")
    ] = False,
    allow_outside: Outside = False,
    watching: Annotated[
        bool, typer.Option("--watch/--no-watch", help="Deploy again when the template changes.")
    ] = True,
    once: Annotated[bool, typer.Option("--once", help="Deploy and end; the exit code says how it went.")] = False,
    port: Annotated[
        int | None, typer.Option("--port", "-p", help="Port of the emulator; 0 takes a free one. [default: 4566]")
    ] = None,
    endpoint: Annotated[
        str | None, typer.Option(metavar="URL", help="Deploy to the emulator that answers there.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Directory everything is kept in. [default: in memory, gone when it ends]")
    ] = None,
    frozen: Annotated[bool, typer.Option("--frozen", help="Start with AWS time frozen.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No line for requests and failed invocations.")] = False,
) -> None:
    """Run your own project: deploy it, print its addresses, deploy it again when it changes.

    Nothing of the project is edited, built or packaged: functions run from their folders, and an edited one answers
    with its new code at once.

    \b
        emulator up                                    the template of this folder
        emulator up api/template.yaml --param Stage=dev
        emulator up openapi.yaml --functions functions
        emulator up cdk.out                            after `cdk synth`
        emulator up --var TABLE=orders --var Worker.DEBUG=1
        emulator up --once --skip-unknown              in a script

    Starts an emulator, or uses the one that already answers on the port. docs/deploy.md says more.
    """
    from emulator.deploy.up import running
    from emulator.deploy.up.problem import Problem
    from emulator.deploy.up.screen import Screen

    screen = Screen()
    settings = _settings(port, data, frozen)
    code = 0
    try:
        found = _project(path, stack_name)
        options = _options(parameters, variables, env_file, functions, allow_outside, settings, screen)
        live = {"skip_unknown_resources": True} if skip_unknown else {}
        url = _running(endpoint, settings)
        if url is None:
            own = running.OwnEmulator(settings, live, found, options, screen)
            try:
                code = own.run(once, watching, None if quiet or once else _console())
            except OSError as error:
                url = f"http://localhost:{settings.port}"
                if error.errno != errno.EADDRINUSE or not running.starts(url, screen.note):
                    raise
        if url is not None:
            if data is not None or frozen:
                raise Problem(
                    f"An emulator answers on {url} already: --data and --frozen are for one that is started.",
                    next_step="Leave them out, or choose another --port.",
                )
            screen.say(f"using the emulator that answers on {url}")
            if live:
                running.change_settings(url, live)
            code = running.beside(url, found, options, screen, once or not watching)
    except Problem as problem:
        screen.problem(problem)
        raise typer.Exit(1) from None
    except OSError as error:
        from emulator.cli import stop_for

        stop_for(error, settings)
    if code:
        raise typer.Exit(code)


def _console() -> Any:
    from emulator.adapters.console import Console
    from emulator.cli import own_command

    return Console(lambda text: os.write(1, text.encode()), own_command())


def _settings(port: int | None, data: Path | None, frozen: bool) -> Settings:
    from emulator.settings import Settings

    try:
        chosen = data if data is not None else Path(os.environ.get("EMULATOR_DATA", ""))
        settings = Settings.from_environment(port=port, frozen=frozen or None)
    except ValueError as error:
        stop(f"{error}.", "docs/settings.md lists every variable and its values.")
    from dataclasses import replace

    return replace(settings, data=chosen if str(chosen) != "." else None)


def _project(path: Path, stack_name: str | None) -> Project:
    from emulator.deploy.up.problem import Problem
    from emulator.deploy.up.project import find

    if stack_name is not None and not re.fullmatch(r"[a-zA-Z][-a-zA-Z0-9]{0,127}", stack_name):
        raise Problem(f"--stack-name {stack_name} is none: letters, digits and hyphens, a letter first.")
    return find(path, stack_name)


def _options(
    parameters: list[str] | None,
    variables: list[str] | None,
    env_file: Path | None,
    functions: Path | None,
    allow_outside: bool,
    settings: Settings,
    screen: Screen,
) -> Options:
    from emulator.adapters.runtime.interpreters import check_configured
    from emulator.deploy.up import env_files
    from emulator.deploy.up.dependencies import Dependencies
    from emulator.deploy.up.problem import Problem
    from emulator.deploy.up.session import Options

    try:
        check_configured(settings.pythons)
    except ValueError as error:
        raise Problem(f"{error}.") from error
    required = Dependencies(settings.pythons, screen.note)
    return Options(
        dict(env_files.pairs("--param", parameters or [])),
        env_files.variables(env_files.pairs("--var", variables or [])),
        env_file and env_file.absolute(),
        functions,
        allow_outside,
        settings.region,
        dependencies=required.folder_of,
        runs_on=required.runs_on,
    )


def _running(endpoint: str | None, settings: Settings) -> str | None:
    """The emulator to use, or None to start one. Raises Problem."""
    from emulator.deploy.up import running
    from emulator.deploy.up.problem import Problem

    if endpoint is not None:
        if not running.answers(endpoint.rstrip("/")):
            raise Problem(f"No emulator answers on {endpoint}.", next_step="Start it, or leave --endpoint out.")
        return endpoint.rstrip("/")
    url = f"http://localhost:{settings.port}"
    return url if settings.port and running.answers(url.replace("localhost", "127.0.0.1")) else None


def lint(
    path: Annotated[Path, typer.Argument(help=PATH_HELP)] = Path(),
    parameters: Parameters = None,
    functions: Functions = None,
    allow_outside: Outside = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list.")] = False,
) -> None:
    """Tell what a template will do in production that nobody wants.

    Gateways that give up before the function ends, events lost without a trace, queues that hand a message out twice:
    by file, line and column. No emulator need run. Exit code 1 if something fails for sure, or the template is wrong.

    \b
        emulator lint
        emulator lint template.yaml --param Stage=prod --json
    """
    from emulator.deploy.up import env_files
    from emulator.deploy.up.linting import findings_of
    from emulator.deploy.up.problem import Problem
    from emulator.deploy.up.screen import Screen

    screen = Screen()
    try:
        given = dict(env_files.pairs("--param", parameters or []))
        found = findings_of(_project(path, None), given, functions, allow_outside)
    except Problem as problem:
        if as_json:
            typer.echo(json.dumps([_as_json(problem)], indent=2, ensure_ascii=False))
        else:
            screen.problem(problem)
        raise typer.Exit(1) from None
    if as_json:
        listed: list[Mapping[str, Any]] = [
            {
                "code": each.code,
                "severity": each.severity,
                "message": each.message,
                "hint": each.hint,
                **each.location._asdict(),
            }
            for each in found
        ]
        typer.echo(json.dumps(listed, indent=2, ensure_ascii=False))
    else:
        screen.findings(found)
        if not found:
            screen.say("nothing found")
    if any(each.severity == "error" for each in found):
        raise typer.Exit(1)


def _as_json(problem: Any) -> dict[str, Any]:
    where = problem.location._asdict() if problem.location is not None else {}
    return {"code": "template", "severity": "error", "message": problem.message, "hint": problem.next_step, **where}
