"""`emulator demo`: one report, both ways through a REST API, and what everybody saw and when.

Decides what is told and in which order. The requests, the waiting and the observations are `session` and `observe`.
"""

from __future__ import annotations

import time
from datetime import datetime

from rich.console import Console
from rich.table import Table

from emulator.demo.deploy import Deployed, deploy, report
from emulator.demo.observe import ANSWERED, MAILED, Moment, attempt_moments, executions, state_moments
from emulator.demo.session import Answer, Request, Session

WAITING = "patient@example.com"
ASYNC = "relaxed@example.com"
TITLES = {WAITING: "POST /reports/sync", ASYNC: "POST /reports"}
LIMIT_SECONDS = 300.0
NARROWEST = 100


def run(real: bool = False, port: int = 0) -> int:
    """Show the whole path and return the exit code: 0 if everything arrived."""
    console = Console()
    if console.width < NARROWEST and not console.is_terminal:
        console = Console(width=NARROWEST)
    began = time.monotonic()
    with Session(real, port) as session:
        console.print(f"[bold]emulator[/] on {session.url}, {_kind_of_time(real)}", highlight=False)
        deployed = deploy(session.client)
        console.print(
            f"deployed: {len(deployed.functions)} functions, a state machine, a REST API with two routes, "
            "a verified sender\n",
            highlight=False,
        )
        succeeded = Demo(console, session, deployed).show()
    console.print(f"[dim]{time.monotonic() - began:.1f} s on this machine[/]", highlight=False)
    return 0 if succeeded else 1


def _kind_of_time(real: bool) -> str:
    return "in real time" if real else "in virtual time: it moves only when asked, so waits cost nothing"


class Demo:
    """One showing."""

    def __init__(self, console: Console, session: Session, deployed: Deployed) -> None:
        self.console = console
        self.session = session
        self.deployed = deployed
        self.requests: dict[str, Request] = {}
        self.moments: list[Moment] = []
        self._seen: set[Moment] = set()
        self._beginning = 0.0

    def show(self) -> bool:
        """Submit both ways, watch until both reports have been mailed, compare, and say whether both succeeded."""
        path = f"/_aws/execute-api/{self.deployed.api_id}/{self.deployed.stage}"
        self._beginning = self.session.now()
        self.console.print("[bold]The same report goes both ways at once[/]   (seconds are AWS time)")
        self.requests = {
            ASYNC: self.session.post(f"{path}/reports", report(ASYNC)),
            WAITING: self.session.post(f"{path}/reports/sync", report(WAITING)),
        }
        with self.console.status("AWS time 0 s") as status:

            def look() -> None:
                self._look()
                status.update(f"AWS time {self.session.now() - self._beginning:.0f} s")

            self.session.until(self._all_done, LIMIT_SECONDS, look)
        self._compare()
        histories = executions(self.session, self.deployed)
        return [events[-1]["type"] for _, events in histories] == ["ExecutionSucceeded"] * len(self.requests)

    def _all_done(self) -> bool:
        answered = all(request.answered.is_set() for request in self.requests.values())
        return answered and len(self.session.get("inbox")["messages"]) >= len(self.requests)

    # ── while it runs ───────────────────────────────────────────────────────────────────────────

    def _look(self) -> None:
        found = [
            *attempt_moments(self.session, self.deployed, {"Event": ASYNC, "RequestResponse": WAITING}),
            *state_moments(executions(self.session, self.deployed)),
            *self._answers(),
            *self._emails(),
        ]
        for moment in sorted(found):
            if moment not in self._seen:
                self._seen.add(moment)
                self._tell(moment)

    def _answers(self) -> list[Moment]:
        return [
            Moment(request.sent_at + answer.after_seconds, ANSWERED, whose, f"client sees {_status(answer)}")
            for whose, request in self.requests.items()
            if request.answered.is_set()
            for answer in (request.result(),)
        ]

    def _emails(self) -> list[Moment]:
        return [
            Moment(datetime.fromisoformat(message["sent_at"]).timestamp(), MAILED, message["to"][0], "email arrives")
            for message in self.session.get("inbox")["messages"]
        ]

    def _tell(self, moment: Moment) -> None:
        self.moments.append(moment)
        self.console.print(
            f"{moment.at - self._beginning:7.1f} s  {TITLES[moment.whose]:<19} {moment.text}",
            markup=False,
            highlight=False,
        )

    # ── afterwards ──────────────────────────────────────────────────────────────────────────────

    def _compare(self) -> None:
        table = Table(title="\nSide by side", title_justify="left", title_style="bold", show_lines=False)
        table.add_column("AWS time", justify="right", no_wrap=True)
        table.add_column("POST /reports/sync", overflow="fold")
        table.add_column("POST /reports  (X-Amz-Invocation-Type: 'Event')", overflow="fold")
        rows: dict[str, tuple[list[str], list[str]]] = {}
        for whose, request in self.requests.items():
            when = f"{request.sent_at - self._beginning:.1f} s"
            rows.setdefault(when, ([], []))[whose == ASYNC].append("client sends the report")
        for moment in sorted(self.moments):
            when = f"{moment.at - self._beginning:.1f} s"
            rows.setdefault(when, ([], []))[moment.whose == ASYNC].append(moment.text)
        for when, (left, right) in rows.items():
            table.add_row(when, "\n".join(left), "\n".join(right))
        self.console.print(table, markup=False, highlight=False)
        self._say_what_clients_got()
        self._say_where_to_look()

    def _say_what_clients_got(self) -> None:
        self.console.print("\n[bold]What the two clients got[/]")
        for whose in (WAITING, ASYNC):
            answer = self.requests[whose].result()
            self._line(f"  {TITLES[whose]:<19} {_status(answer)} after {answer.after_seconds:.1f} s")
            self._line(f"  {'':<19} body: {answer.body or '(empty)'}")
        self._line("")
        messages = self.session.get("inbox")["messages"]
        for message in sorted(messages, key=lambda message: message["to"][0] == ASYNC):
            whose = message["to"][0]
            self._line(f"  email to {whose}: {message['subject']}")
        self._line(
            "\nThe gateway gave up on the first client after its integration timeout, but nobody told the function:\n"
            "it ran on, and its report was processed and mailed all the same. Whoever tries again gets it twice.\n"
            "The second client was answered as soon as the event was durably queued."
        )
        text = next(message["text"] for message in messages if message["to"][0] == ASYNC)
        self.console.print("\n[bold]The email[/]")
        self._line("\n".join("  " + line for line in text.rstrip().splitlines()))

    def _say_where_to_look(self) -> None:
        self.console.print("\n[bold]Where to look next[/]")
        for command, meaning in (
            ("emulator drill", "four attempts to get an immediate answer, and what each really does"),
            ("emulator start", "an emulator that stays; then open /_emulator/mail and /_emulator/docs"),
            ("emulator demo --real", "the same, with the real 29 seconds"),
            ("sample_functions/", "the handlers, the OpenAPI file and a SAM template of this application"),
            ("workflows/", "its state machine"),
            ("README.md", "a 30-second tour with curl and the AWS CLI"),
        ):
            self._line(f"  {command:<22} {meaning}")

    def _line(self, text: str) -> None:
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)


def _status(answer: Answer) -> str:
    return f"{answer.status} {answer.reason}"
