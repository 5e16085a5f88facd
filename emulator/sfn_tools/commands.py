"""The commands `emulator sfn …`: what is asked, and what is answered in words. The work is imported by each."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.terminal import address, stop

if TYPE_CHECKING:
    from emulator.sfn_tools.definition_file import DefinitionFile

HELP = """
Develop state machines: judge a definition, run it with mocked tasks, see what test runs have not covered.

\b
    emulator sfn validate orders.asl.json
    emulator sfn run orders.asl.json --input '{"order": 1}' --mock mocks.json
    emulator sfn coverage --fail-under 90

docs/state-machines.md is the tutorial.
"""

app = typer.Typer(
    help=HELP,
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
Substitutions = Annotated[
    list[str] | None,
    typer.Option(
        "--definition-substitutions",
        "--substitute",
        "-s",
        metavar="NAME=VALUE",
        help="Fill ${NAME} in the definition, as SAM's DefinitionSubstitutions do; may be repeated.",
    ),
]
Express = Annotated[bool, typer.Option("--express", help="Judge and run it as an Express machine.")]


@app.command()
def validate(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Definitions in JSON or YAML.")],
    substitutions: Substitutions = None,
    express: Express = False,
    strict: Annotated[bool, typer.Option("--strict", help="Fail for warnings, too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list.")] = False,
) -> None:
    """Tell everything wrong with definitions, by line and column.

    The same judgement as CreateStateMachine's, and the warnings of ValidateStateMachineDefinition. Exit code 1 if a
    definition would be refused.
    """
    from emulator.sfn_tools import validate as judging

    read = [_read(path, substitutions) for path in files]
    found = judging.diagnose(read, express)
    listed = [(str(file.path), each) for file, each_file in zip(read, found, strict=True) for each in each_file]
    if as_json:
        typer.echo(json.dumps([each.as_json(path) for path, each in listed], ensure_ascii=False, indent=2))
    else:
        for path, each in listed:
            typer.echo(each.shown(path))
        for file, each_file in zip(read, found, strict=True):
            if not each_file:
                typer.echo(f"{file.path}: good")
    if any(strict or each.problem.severity == "ERROR" for _, each in listed):
        raise typer.Exit(1)


@app.command()
def run(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="A definition in JSON or YAML.")],
    given: Annotated[
        str, typer.Option("--input", "-i", metavar="JSON|@FILE|-", help="Input: JSON, a file, or standard input.")
    ] = "{}",
    mock: Annotated[
        Path | None, typer.Option("--mock", "-m", metavar="FILE", help="Mock configuration of Step Functions Local.")
    ] = None,
    case: Annotated[
        str | None, typer.Option("--test-case", "-t", metavar="NAME", help="Test case; needed if there are several.")
    ] = None,
    named: Annotated[
        str | None,
        typer.Option("--name", metavar="NAME", help="State machine of the mock file. [default: by FILE]"),
    ] = None,
    substitutions: Substitutions = None,
    express: Express = False,
    virtual: Annotated[
        bool, typer.Option("--virtual-time/--real-time", help="Let waits and retries pass at once, or really.")
    ] = True,
    history: Annotated[bool, typer.Option("--history", help="Print every event instead of a timeline.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print execution and history as JSON.")] = False,
    with_coverage: Annotated[bool, typer.Option("--coverage", help="Print what the run has not covered.")] = False,
) -> None:
    """Run a definition with mocked tasks, and show what happened.

    No emulator need run, nothing is called and nothing is kept. A task that is not mocked ends the execution with an
    error that says how to mock it. Exit code 0 if the execution succeeds, else 1.
    """
    from emulator.sfn_tools import coverage as coverage_of
    from emulator.sfn_tools import run as running
    from emulator.sfn_tools import timeline

    file = _read(path, substitutions)
    name = named or file.machine_name
    try:
        if mock is not None:
            name, case = running.plan_mocks(mock, named, name, case)
        elif case is not None:
            raise running.CannotRun("--test-case needs a mock configuration file.", "Name it with --mock FILE.")
        ran = running.run(running.Plan(file, _input(given), name, mock, case, virtual, express))
    except running.CannotRun as problem:
        stop(str(problem.args[0]), str(problem.args[1]))
    except running.BadDefinition as refused:
        for each in refused.diagnoses:
            typer.echo(each.shown(str(path)), err=True)
        raise typer.Exit(1) from None
    if as_json:
        typer.echo(json.dumps(timeline.as_json(ran), ensure_ascii=False, indent=2))
    else:
        typer.echo(f"{timeline.opening(ran)}\n")
        for line in timeline.history(ran) if history else timeline.timeline(ran):
            typer.echo(line)
        typer.echo("")
        for line in timeline.ending(ran):
            typer.echo(line)
        if with_coverage:
            typer.echo("")
            for line in coverage_of.shown(ran.coverage, everything=False):
                typer.echo(line)
        advice = timeline.advice(ran)
        if advice is not None:
            typer.echo(f"\n{advice}", err=True)
    if not ran.succeeded:
        raise typer.Exit(1)


@app.command()
def coverage(
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Show what was taken, too, and how often.")] = False,
    fail_under: Annotated[
        float | None, typer.Option(metavar="PERCENT", min=0, max=100, help="Fail if the total is below.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", "-p", help="Port of the running emulator. [default: that of AWS_ENDPOINT_URL, or 4566]"),
    ] = None,
) -> None:
    """Show which states, choices, retriers and catchers were never taken.

    Asks a running emulator that counts: EMULATOR_SFN_COVERAGE=1 emulator start. The total is that of the definitions
    that state machines have now.
    """
    from emulator.sfn_tools import coverage as reading

    url, is_named = address(port)
    try:
        report = reading.fetch(url, is_named)
    except reading.NoReport as problem:
        stop(str(problem.args[0]), str(problem.args[1]))
    if as_json:
        typer.echo(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        for line in reading.shown(report, everything):
            typer.echo(line)
    reached = report["total"]["percent"]
    if fail_under is not None and not report["total"]["of"]:
        typer.echo(f"Nothing was counted: {url} has had no state machine. Did the tests reach another one?", err=True)
        raise typer.Exit(1)
    if fail_under is not None and reached < fail_under:
        typer.echo(f"{reached:g} % are less than {fail_under:g} %.", err=True)
        raise typer.Exit(1)


def _read(path: Path, substitutions: list[str] | None) -> DefinitionFile:
    from emulator.sfn_tools.definition_file import Unreadable, read

    filled: dict[str, str] = {}
    for each in substitutions or ():
        name, equals, value = each.partition("=")
        if not equals or re.fullmatch(r"[A-Za-z0-9_]+", name) is None:
            stop(f"--definition-substitutions {each} is not NAME=VALUE.", "For example: -s TableName=orders")
        filled[name] = value
    try:
        file = read(path, filled)
    except Unreadable as problem:
        stop(str(problem.args[0]), str(problem.args[1]))
    if file.left:
        names = ", ".join(f"${{{name}}}" for name in file.left)
        typer.echo(f"{path}: {names} not filled; -s {file.left[0]}=VALUE does.", err=True)
    if file.assumed:
        names = ", ".join(f"${{{name}}}" for name in file.assumed)
        typer.echo(f"{path}: {names} taken for Lambda functions, where they are the Resource of a task.", err=True)
    return file


def _input(given: str) -> str:
    text, what = given, "--input"
    if given == "-":
        text, what = sys.stdin.read(), "The standard input"
    elif given.startswith("@"):
        try:
            text, what = Path(given[1:]).read_text("utf-8"), given[1:]
        except (OSError, UnicodeDecodeError) as error:
            stop(f"{given[1:]} cannot be read: {getattr(error, 'strerror', None) or error}.", "Name a file with JSON.")
    try:
        json.loads(text)
    except ValueError as error:
        from emulator.services.stepfunctions.asl import json_words

        said, line, column = json_words.explain(text, error)
        stop(
            f"{what} is not JSON: {said} (line {line}, column {column}).",
            "For example: --input '{\"order\": 1}', or --input @input.json",
        )
    return text
