"""`emulator drill`: the certification question of this field, tried out.

    “A function behind a REST API takes longer than the client should wait. Which change gives the client an
    immediate answer?” – Four candidates, each applied to the same synchronous route, deployed and called.

Decides the candidates and the explanations. What is printed as the outcome is what really came back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError
from rich.console import Console

from emulator.demo.deploy import Deployed, deploy, report
from emulator.demo.session import Answer, Session

HEADER = "integration.request.header.X-Amz-Invocation-Type"
TARGET = "integration.request.header.X-Amz-Target"
SYNC_PATH = "/reports/sync"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a candidate did: an answer of the API, or AWS's refusal of the change."""

    answer: Answer | None
    refusal: str | None = None

    def __str__(self) -> str:
        if self.answer is None:
            return f"the change itself is refused: {self.refusal}"
        answer = self.answer
        return f"{answer.status} {answer.reason} after {answer.after_seconds:.1f} s, body: {answer.body or '(empty)'}"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One answer to the question."""

    title: str
    apply: Callable[[Drill], Outcome]
    explanation: str


class Drill:
    """The application, and the four changes to its synchronous route."""

    def __init__(self, session: Session, deployed: Deployed) -> None:
        self.session = session
        self.deployed = deployed
        self.apigateway = session.client("apigateway")
        self.route = next(
            {"restApiId": deployed.api_id, "resourceId": item["id"], "httpMethod": "POST"}
            for item in self.apigateway.get_resources(restApiId=deployed.api_id, limit=500)["items"]
            if item["path"] == SYNC_PATH
        )

    def call(self) -> Outcome:
        """POST a report to the synchronous route, and let what it started come to its end."""
        path = f"/_aws/execute-api/{self.deployed.api_id}/{self.deployed.stage}{SYNC_PATH}"
        answer = self.session.wait_for(self.session.post(path, report("drill@example.com")))
        if not self.session.real:
            self.session.move("settle")
        return Outcome(answer)

    def patch(self, op: str, path: str, value: str | None = None) -> None:
        """UpdateIntegration, then CreateDeployment: without the second nothing changes for clients."""
        operation: dict[str, Any] = {"op": op, "path": path} | ({} if value is None else {"value": value})
        self.apigateway.update_integration(**self.route, patchOperations=[operation])
        self.apigateway.create_deployment(restApiId=self.deployed.api_id, stageName=self.deployed.stage)

    def event_header(self) -> Outcome:
        """A: the invocation type as a static header of the integration."""
        self.patch("add", f"/requestParameters/{HEADER}", "'Event'")
        try:
            return self.call()
        finally:
            self.patch("remove", f"/requestParameters/{HEADER}")

    def maximum_event_age(self) -> Outcome:
        """B: an age limit of one minute on the function's asynchronous events."""
        function = {"FunctionName": self.deployed.functions["submit"]}
        lambda_ = self.session.client("lambda")
        lambda_.put_function_event_invoke_config(**function, MaximumEventAgeInSeconds=60)
        try:
            return self.call()
        finally:
            lambda_.delete_function_event_invoke_config(**function)

    def longer_timeout(self) -> Outcome:
        """C: an integration timeout of a minute."""
        try:
            self.patch("replace", "/timeoutInMillis", "60000")
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            return Outcome(None, f"{status} {error.response['Error']['Code']}: {error.response['Error']['Message']}")
        return self.call()

    def target_header(self) -> Outcome:
        """D: a header that sounds right."""
        self.patch("add", f"/requestParameters/{TARGET}", "'Async'")
        try:
            return self.call()
        finally:
            self.patch("remove", f"/requestParameters/{TARGET}")


CANDIDATES = (
    Candidate(
        "the integration sends X-Amz-Invocation-Type: 'Event'",
        Drill.event_header,
        "Right: Lambda queues the event and answers at once. The status is 200 because this route maps every answer to "
        "200;\n   POST /reports maps it to 202.",
    ),
    Candidate(
        "the function gets a maximum event age of 60 s",
        Drill.maximum_event_age,
        "No: the age limits how long an event may wait in the queue and be retried. "
        "A synchronous call has no event in the queue.",
    ),
    Candidate(
        "the integration gets a timeout of 60 s",
        Drill.longer_timeout,
        "No: 29 s is the largest value unless AWS raises the account's quota, and a longer wait is no immediate "
        "answer.",
    ),
    Candidate(
        "the integration sends X-Amz-Target: 'Async'",
        Drill.target_header,
        "No: X-Amz-Target names an operation in the JSON protocols of other services. Lambda's Invoke does not "
        "read it.",
    ),
)


def run(real: bool = False) -> int:
    """Try every candidate and return the exit code."""
    console = Console(soft_wrap=True, highlight=False)
    with Session(real) as session:
        drill = Drill(session, deploy(session.client))
        console.print(
            "[bold]A function behind a REST API takes 35 s. Which change gives the client an immediate answer?[/]"
        )
        console.print(f"   as it is: {drill.call()}", markup=False)
        for letter, candidate in zip("ABCD", CANDIDATES, strict=True):
            console.print(f"\n[bold]{letter}[/]  {candidate.title}")
            console.print(f"   {candidate.apply(drill)}", markup=False)
            console.print(f"   [dim]{candidate.explanation}[/]")
    return 0
