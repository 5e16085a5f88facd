"""What the tests of deployment tools share: the sample application, and driving it to its email."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import httpx

from emulator.testing import RunningEmulator
from tests.clients.conftest import ROOT


def sample(into: Path, flat: bool = False) -> Path:
    """A copy of the sample application's folders, where tools may write what they like: beside others if `flat`."""
    folder = into if flat else into / "sample"
    for name in ("sample_functions", "workflows"):
        shutil.copytree(ROOT / name, folder / name)
    return folder


def outputs(emulator: RunningEmulator, stack: str) -> dict[str, str]:
    """A stack's outputs."""
    [found] = emulator.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}


def freeze(emulator: RunningEmulator) -> None:
    """From now on AWS time moves when it is told to."""
    emulator.control("POST", "clock", {"action": "freeze"})


def resume(emulator: RunningEmulator) -> None:
    """From now on AWS time moves as the host's does."""
    emulator.control("POST", "clock", {"action": "resume"})


def report_by_mail(emulator: RunningEmulator, url: str, edition: str = "") -> None:
    """Submit a report in frozen time: 202 and nothing at once, its email later."""
    before = len(emulator.inbox())
    table = (ROOT / "sample_functions/data/us_national_accounts.csv").read_text()
    report = {"report_id": "q3", "title": "National accounts", "recipient": "ada@example.com", "csv": table}
    answer = httpx.post(url, json=report)
    assert (answer.status_code, answer.text) == (202, "")
    assert len(emulator.inbox()) == before
    emulator.settle()
    [message] = emulator.inbox()[before:]
    assert message["to"] == ["ada@example.com"]
    assert message["subject"].startswith(f"National accounts{edition}: real GDP")


SECOND_EDITION = ", second edition"


def edit(source: Path, old: str, new: str) -> None:
    """A change of the code, as somebody makes it in an editor."""
    text = source.read_text()
    assert old in text, f"{source} has no {old}"
    source.write_text(text.replace(old, new))


def edit_sample(notify: Path) -> None:
    """Have the sample's emails say `SECOND_EDITION`."""
    edit(notify, "f\"{title}: {summary['headline']}\"", f"f\"{{title}}{SECOND_EDITION}: {{summary['headline']}}\"")


def functions(emulator: RunningEmulator) -> dict[str, str]:
    """What runs: each function, and its revision."""
    return {
        each["FunctionName"]: each["RevisionId"] for each in emulator.client("lambda").list_functions()["Functions"]
    }


def lives(
    emulator: RunningEmulator,
    deploy: Callable[[], object],
    drive: Callable[[str], object],
    change: Callable[[], object],
    remove: Callable[[], object],
    *,
    touches_all: bool = False,
) -> None:
    """An application's life: deployed, driven, deployed again without a change, changed, driven again, and removed.

    `touches_all`: the tool updates every function with every deployment, changed or not.
    """
    deploy()
    _drive(emulator, drive, "")
    before = functions(emulator)
    deploy()
    assert set(functions(emulator)) == set(before)
    assert touches_all or functions(emulator) == before, "nothing had changed"
    change()
    deploy()
    assert functions(emulator) != before
    _drive(emulator, drive, SECOND_EDITION)
    remove()
    assert functions(emulator) == {}
    assert emulator.client("apigateway").get_rest_apis()["items"] == []
    assert emulator.client("apigatewayv2").get_apis()["Items"] == []
    assert emulator.client("stepfunctions").list_state_machines()["stateMachines"] == []


def _drive(emulator: RunningEmulator, drive: Callable[[str], object], edition: str) -> None:
    freeze(emulator)
    drive(edition)
    resume(emulator)


def mails(emulator: RunningEmulator, since: int) -> list[tuple[str, str]]:
    """(recipient, subject) of the emails sent after the first `since`."""
    return sorted((message["to"][0], message["subject"]) for message in emulator.inbox()[since:])


def drive_sample(emulator: RunningEmulator, edition: str) -> None:
    """Send a report to the sample application of the stack `sample`, and read its mail."""
    api = outputs(emulator, "sample")["ReportsUrl"].split("//")[1].split(".")[0]
    report_by_mail(emulator, f"{emulator.url}/_aws/execute-api/{api}/prod/reports", edition)
