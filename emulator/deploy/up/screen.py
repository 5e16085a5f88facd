"""How a deployment is printed. Knows nothing of how it is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from emulator.deploy.template.document import Location
from emulator.deploy.template.lint.finding import Finding
from emulator.deploy.up.endpoints import Api, Deployed
from emulator.deploy.up.problem import Problem
from emulator.deploy.up.stacks import Outcome

_HOW = {
    "synchronous": "answers when done",
    "asynchronous": "answers at once, works later",
    "as the caller says": "as the caller's header says",
    "mock": "answers by itself",
    "WebSocket": "per message",
}
TAB = "\t"
"""Shown as wide as it is counted."""
_COLOURS = {"error": "red", "warning": "yellow", "advice": "cyan"}


class Screen:
    """Prints to a terminal or a file."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, soft_wrap=True)

    def say(self, text: str) -> None:
        """A line as it is."""
        self.console.print(escape(text))

    def note(self, text: str) -> None:
        """A line of less weight."""
        self.console.print(f"[dim]{escape(text)}[/]")

    def problem(self, problem: Problem) -> None:
        """What is wrong, where, the line itself, and what to do."""
        where = f"[bold]{escape(str(problem.location))}[/]: " if problem.location else ""
        resource = f"{escape(problem.resource)}: " if problem.resource else ""
        self.console.print(f"[red]error[/] {where}{resource}{escape(problem.message)}")
        if problem.location is not None:
            self._source(problem.location)
        if problem.next_step:
            self.console.print(f"      {escape(problem.next_step)}")

    def _source(self, location: Location) -> None:
        if location.file is None:
            return
        try:
            lines = Path(location.file).read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            return
        if 0 < location.line <= len(lines):
            number = f"{location.line:>5} │ "
            self.console.print(f"[dim]{number}[/]{escape(lines[location.line - 1].replace(TAB, ' '))}")
            self.console.print(" " * (len(number) + location.column - 1) + "[red]^[/]")

    def findings(self, findings: Sequence[Finding]) -> None:
        """What lint says."""
        for found in findings:
            colour = _COLOURS[found.severity]
            where, code = escape(str(found.location)), escape(f"[{found.code}]")
            self.console.print(f"[{colour}]{found.severity}[/] {where}: {escape(found.message)} [dim]{code}[/]")
            if found.hint:
                self.console.print(f"      {escape(found.hint)}")

    def outcome(self, name: str, outcome: Outcome, seconds: float) -> None:
        """How a deployment ended that did not fail."""
        if outcome.action == "unchanged":
            self.console.print(f"stack [bold]{escape(name)}[/] is up to date  [dim]{seconds:.2f} s[/]")
            return
        parts = [f"{count} {word}" for word, count in outcome.changes.items() if count]
        what = f": {', '.join(parts)}" if parts else ""
        self.console.print(f"stack [bold]{escape(name)}[/] is deployed{what}  [dim]{seconds:.2f} s[/]")

    def deployed(self, found: Deployed, runs_on: Callable[[str], str], base_url: str) -> None:
        """What is there, and where."""
        ids = {each.name: each.logical_id for each in found.functions}
        for before, api in zip((None, *found.apis), found.apis, strict=False):
            self._api(api, ids, before)
        self._list("functions", [(each.logical_id, runs_on(each.runtime), "", each.name) for each in found.functions])
        self._list("resources", [(each.logical_id, each.kind, "", each.address) for each in found.things])
        self._list("outputs", [(name, value) for name, value in found.outputs])
        self.console.print(f"\n[bold]mail[/]  {base_url}/_emulator/mail")

    def _api(self, api: Api, ids: Mapping[str, str], before: Api | None) -> None:
        """A stage with its routes; another stage of the same API has the same."""
        if (
            before is not None
            and api.routes
            and (before.kind, before.name, before.routes)
            == (
                api.kind,
                api.name,
                api.routes,
            )
        ):
            note = f"the same routes; {api.note}" if api.note else "the same routes"
            self.console.print(f"  {escape(api.url)}  [dim]{escape(note)}[/]")
            return
        self.console.print(f"\n[bold]{api.kind} {escape(api.name)}[/]  {escape(api.url)}")
        rows: list[tuple[str, ...]] = []
        for route in api.routes:
            function, space, rest = route.target.partition(" ")
            rows.append((route.method, route.path, f"→ {ids.get(function, function)}{space}{rest}", _HOW[route.how]))
        self._rows(rows)

    def _list(self, title: str, rows: Sequence[Sequence[str]]) -> None:
        if rows:
            self.console.print(f"\n[bold]{title}[/]")
            self._rows(rows)

    def _rows(self, rows: Sequence[Sequence[str]]) -> None:
        """Columns as wide as what is in them; a line is never cut, so that addresses can be copied."""
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True) if width)
            self.console.print(f"  {escape(line.rstrip())}")
