"""A project deployed once, and again after each change; an error leaves the last good deployment serving.

Decides what a change is: of the files that the last attempt read. Everything it does is asked for by its owner; it has
no loop and no clock of its own.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from emulator.deploy.template import sam
from emulator.deploy.template.document import Document
from emulator.deploy.template.environment import Place
from emulator.deploy.template.lint.finding import Finding
from emulator.deploy.template.parameters import Values
from emulator.deploy.up import checking, endpoints, env_files, lost
from emulator.deploy.up.checking import Checked
from emulator.deploy.up.packaging import Packaging
from emulator.deploy.up.places import place_of
from emulator.deploy.up.problem import Problem
from emulator.deploy.up.project import Project
from emulator.deploy.up.screen import Screen
from emulator.deploy.up.sources import Source, sources
from emulator.deploy.up.stacks import Client, Failure, Refused, Stacks

ACCOUNT = "000000000000"
_LINE = re.compile(r"(?<= )\((\w+)(?:, line \d+)?\)(?=[],])")


@dataclass(frozen=True)
class Options:
    """How a project is deployed."""

    parameters: Mapping[str, str] = field(default_factory=dict[str, str])
    variables: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    env_file: Path | None = None
    """With more variables, which `variables` win over; looked at again when it changes."""
    functions: Path | None = None
    """The folder of functions of an OpenAPI file."""
    allow_outside: bool = False
    region: str = "us-east-1"
    dependencies: Callable[[Path, str, str], Path | None] = lambda folder, runtime, resource: None
    runs_on: Callable[[str], str] = str
    """What a runtime is run by, in words."""


class Session:
    """Deploys one project to one emulator."""

    def __init__(self, project: Project, options: Options, client: Client, base_url: str, screen: Screen) -> None:
        self._project = project
        self._options = options
        self._client = client
        self._base_url = base_url
        self._screen = screen
        self._stacks = Stacks(client, note=screen.note)
        self._seen: dict[Path, tuple[int, int] | None] = {}
        self._folders: frozenset[Path] = frozenset()
        """Those that functions run from: the runtime looks into them, here it matters that they are there."""
        self._shown: endpoints.Deployed | None = None
        self._checked: dict[str, tuple[Prepared, Checked]] = {}
        """By stack: the last one that was right, and what was made of it."""
        self._findings: list[Finding] = []
        self._noted: set[str] = set()
        self._asked: set[str] = set()
        """Stacks whose resources were looked for in this emulator: what it lost, it had lost before it began."""
        self.serving = False
        """Whether anything was ever deployed."""

    def deploy(self) -> bool:
        """Deploy what the files say now, and print how it went. False if it went wrong."""
        packaging = self._packaging()
        before = {path: _state(path) for path in self._seen}  # what is saved meanwhile is another change
        try:
            try:
                packaging.variables = self._variables(packaging.read)
                options = self._options
                notes = packaging.notes
                found = sources(self._project, options.parameters, options.functions, packaging.read, notes)
                shown = self._shown
                ready = [(source, self._prepared(source, packaging)) for source in found]
                self._check_names(packaging)
                changed = [self._one(source, packaged) for source, packaged in ready]
                if any(changed) or shown is None:
                    shown = self._survey([source.stack_name for source in found])
            except OSError as error:
                raise Problem(f"{error.filename or 'A file'} cannot be read: {error.strerror}.") from error
            except Exception as error:
                problem = _of_client(error)
                if problem is error:
                    raise
                raise problem from error
            finally:
                self._seen = {path: before[path] if path in before else _state(path) for path in packaging.read}
                self._folders = frozenset(packaging.folders.values())
        except Problem as problem:
            self._screen.problem(problem)
            if self.serving and not _is_of_connection(problem):
                self._screen.note("the last good deployment goes on serving; the next save tries again")
            return False
        findings = [finding for _, checked in self._checked.values() for finding in checked.findings]
        if findings != self._findings:
            self._screen.findings(findings)
        self._findings = findings
        if shown != self._shown:
            self._screen.deployed(shown, self._options.runs_on, self._base_url)
        self._shown = shown
        self.serving = True
        return True

    def again(self) -> bool:
        """Deploy to another emulator on the same address, of which nothing is known. False if it went wrong."""
        self._stacks = Stacks(self._client, note=self._screen.note)
        self._asked.clear()
        return self.deploy()

    def note(self, text: str) -> None:
        """Tell the user something."""
        self._screen.note(text)

    def changed(self) -> bool:
        """Whether a file of the last attempt is another than then, or a folder of a function is gone."""
        edited = any(_state(path) != state for path, state in self._seen.items())
        return edited or not all(folder.is_dir() for folder in self._folders)

    def _packaging(self) -> Packaging:
        options = self._options
        return Packaging(
            self._project,
            self._stacks.upload,
            options.dependencies,
            options.allow_outside,
            fetch=self._object,
        )

    def _variables(self, read: set[Path]) -> Mapping[str, Mapping[str, str]]:
        """Those of the file, and over them those of the command line. Raises Problem."""
        given, file = self._options.variables, self._options.env_file
        if file is None:
            return given
        read.add(file)
        found = env_files.variables(env_files.lines(file))
        return {name: {**found.get(name, {}), **given.get(name, {})} for name in {**found, **given}}

    def _prepared(self, source: Source, packaging: Packaging) -> Prepared:
        return prepared(source, packaging, self._place(source), self._parameter)

    def _check_names(self, packaging: Packaging) -> None:
        unknown = sorted(set(packaging.variables) - packaging.functions - {"*"})
        if unknown:
            there = ", ".join(sorted(packaging.functions)) or "none"
            raise Problem(f"--var or --env-file: there is no function {unknown[0]}.", next_step=f"There are: {there}.")
        for note in packaging.notes:
            if note not in self._noted:
                self._noted.add(note)
                self._screen.note(note)

    def _one(self, source: Source, packaged: Prepared) -> bool:
        """Deploy one template; whether anything is other than before."""
        began = time.perf_counter()
        place = self._place(source)
        known = self._checked.get(source.stack_name)
        if known is not None and known[0] == packaged:
            checked = known[1]
        else:
            if not self.serving and sam.NAME in packaged.text:
                self._stacks.announce(sam.NAME)
            checked = packaged.check(place, self._export)
            self._checked[source.stack_name] = (packaged, checked)
        document = checked.document
        for asset in source.assets_of(document):
            bucket = asset.bucket.replace("${AWS::AccountId}", place.account).replace("${AWS::Region}", place.region)
            self._stacks.upload(asset.key, asset.content(), bucket)
        try:
            outcome = self._stacks.deploy(source.stack_name, document.value, source.parameters)
        except Refused as refused:
            raise self._located(source, checked, str(refused)) from refused
        if outcome.action == "failed":
            if outcome.status.startswith("UPDATE_"):
                self._tell_of_lost(source.stack_name)
            for failure in outcome.failures[:-1]:
                self._screen.problem(_problem_of(source, checked, failure))
            if outcome.failures:
                raise _problem_of(source, checked, outcome.failures[-1])
            raise Problem(f"Stack {source.stack_name} is {outcome.status}.")
        self._screen.outcome(source.stack_name, outcome, time.perf_counter() - began)
        if outcome.action != "created":
            self._tell_of_lost(source.stack_name)
        self._asked.add(source.stack_name)
        return outcome.action != "unchanged"

    def _tell_of_lost(self, name: str) -> None:
        """Of what the stack has and this emulator does not: once, and not of what it was seen to make itself."""
        if name in self._asked:
            return
        gone = lost.lost(self._client, self._stacks.resources(name))
        if gone:
            self._screen.note(f"gone: {', '.join(gone)}; an earlier emulator had them in memory only")
            self._screen.note(
                f"to make them anew, delete the stack: aws cloudformation delete-stack --stack-name {name}"
            )
        self._asked.add(name)

    def _place(self, source: Source) -> Place:
        stack_id = f"arn:aws:cloudformation:{self._options.region}:{ACCOUNT}:stack/{source.stack_name}/0"
        return Place(ACCOUNT, self._options.region, stack_id, source.stack_name)

    def _parameter(self, name: str) -> str | None:
        from botocore.exceptions import ClientError

        try:
            return self._client("ssm").get_parameter(Name=name)["Parameter"]["Value"]
        except ClientError:
            return None

    def _export(self, name: str) -> str | None:
        pages = self._client("cloudformation").get_paginator("list_exports").paginate()
        return next((item["Value"] for page in pages for item in page["Exports"] if item["Name"] == name), None)

    def _object(self, location: str) -> str:
        bucket, _, key = location.removeprefix("s3://").partition("/")
        return self._client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode("utf-8", "replace")

    def _located(self, source: Source, checked: Checked, message: str) -> Problem:
        """What CloudFormation said, at the resource or type that it names; it was sent the template as one line."""
        message = _LINE.sub(
            lambda match: f"({match[1]}, line {checked.document.location(('Resources', match[1])).line})", message
        )
        for name, resource in checked.resources.items():
            if resource.type in message:
                hint = "--skip-unknown makes them do nothing." if "Unrecognized resource types" in message else ""
                return Problem(message, checked.document.location(("Resources", name, "Type")), name, hint)
        for name in checked.resources:
            if f"[{name}]" in message or f" {name} " in message:
                where = place_of(checked.document, source.folder, checked.resources, (), name, message)
                return Problem(message, where, name)
        return Problem(message, checked.document.location(()))

    def _survey(self, names: list[str]) -> endpoints.Deployed:
        found = [endpoints.survey(self._client, self._stacks, name, self._base_url) for name in names]
        return endpoints.Deployed(
            tuple(api for each in found for api in each.apis),
            tuple(function for each in found for function in each.functions),
            tuple(thing for each in found for thing in each.things),
            tuple(output for each in found for output in each.outputs),
        )


def _is_of_connection(problem: Problem) -> bool:
    from botocore.exceptions import HTTPClientError

    return isinstance(problem.__cause__, HTTPClientError)


def _of_client(error: Exception) -> Exception:
    """What a call of the emulator failed with, as a problem; anything else as it is."""
    from botocore.exceptions import BotoCoreError, ClientError

    if isinstance(error, ClientError):
        return Problem(f"{error.operation_name}: {error.response['Error']['Message']}")
    if isinstance(error, BotoCoreError):
        return Problem(f"The emulator does not answer: {error}")
    return error


@dataclass(frozen=True)
class Prepared:
    """A source with its includes and packaged files; not checked yet."""

    document: Document
    text: str
    """Of the file: where things stand in it."""
    values: Values

    def check(self, place: Place, export: checking.Lookup | None = None) -> Checked:
        """Check it. Raises Problem."""
        return replace(checking.check(self.document, self.values, place, export), document=self.document)


def prepared(
    source: Source, packaging: Packaging, place: Place, lookup: checking.Lookup = checking.nothing
) -> Prepared:
    """A source as it is to be deployed. Raises Problem."""
    document = source.document
    values = checking.values_of(document, source.parameters, lookup)
    included = checking.with_includes(document, values, place, lambda name: packaging.text(name, source.folder))
    packaging.rewrite = source.rewrite
    written_out = checking.with_plain_paths(checking.with_loops(included, values, place), values, place)
    return Prepared(packaging.package(written_out, source.folder), document.text, values)


def _problem_of(source: Source, checked: Checked, failure: Failure) -> Problem:
    named = failure.within, failure.logical_id, failure.reason
    where = place_of(source.document, source.folder, checked.resources, *named)
    who = f"{failure.logical_id} ({failure.type})" if failure.type else failure.logical_id
    return Problem(failure.reason or "failed", where, who)


def _state(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
