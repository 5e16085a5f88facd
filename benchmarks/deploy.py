"""Deployments: `emulator up` on a template of 200 resources, once more without a change, and an edited function.

python benchmarks/deploy.py [resources]

Two templates: native services in plain CloudFormation, and SAM with functions behind an API. A second emulator process
serves; what is timed is a session of `emulator up` in this one, and the server's CPU time in it.
"""

from __future__ import annotations

import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from rich.console import Console

from emulator.deploy.up.project import find
from emulator.deploy.up.running import client_of
from emulator.deploy.up.screen import Screen
from emulator.deploy.up.session import Options, Session

RESOURCES = int(sys.argv[1]) if len(sys.argv) > 1 else 200
RUNTIME = f"python3.{sys.version_info.minor}"
EDITS = 20
ROLE = "arn:aws:iam::000000000000:role/any"


def plain(count: int) -> dict[str, Any]:
    """Queues, topics, log groups and functions, some of which need others."""
    resources: dict[str, Any] = {}
    for number in range(count // 4):
        resources[f"Queue{number}"] = {"Type": "AWS::SQS::Queue"}
        resources[f"Topic{number}"] = {"Type": "AWS::SNS::Topic"}
        resources[f"Logs{number}"] = {"Type": "AWS::Logs::LogGroup"}
        resources[f"Function{number}"] = {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Code": "code",
                "Handler": "app.handler",
                "Runtime": RUNTIME,
                "Role": ROLE,
                "Environment": {"Variables": {"QUEUE": {"Ref": f"Queue{number}"}}},
            },
        }
    return {"Resources": resources}


def sam(count: int) -> dict[str, Any]:
    """Functions of SAM, each a role, a permission and a route of one API."""
    resources = {
        f"Function{number}": {
            "Type": "AWS::Serverless::Function",
            "Properties": {
                "CodeUri": "code",
                "Handler": "app.handler",
                "Runtime": RUNTIME,
                "Events": {"Get": {"Type": "HttpApi", "Properties": {"Path": f"/f{number}", "Method": "get"}}},
            },
        }
        for number in range(count // 3)
    }
    return {"Transform": "AWS::Serverless-2016-10-31", "Resources": resources}


def cpu_seconds(process: int) -> float:
    """CPU time of a process so far; 0 where there is no /proc."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(name: str, template: dict[str, Any], folder: Path, url: str, server: int) -> None:
    """Deploy, deploy again, and edit a function."""
    (folder / "code").mkdir(parents=True)
    (folder / "code" / "app.py").write_text("def handler(event, context):\n    return 0\n")
    (folder / "template.json").write_text(json.dumps(template))
    said = io.StringIO()
    screen = Screen(Console(file=said, width=200))
    client = client_of(url, "us-east-1")
    session = Session(find(folder, name), Options(), client, url, screen)
    for what in ("deploys", "deploys again", "deploys again"):
        begun, before, own = time.perf_counter(), cpu_seconds(server), time.process_time()
        if not session.deploy():
            sys.exit(said.getvalue())
        took, used = time.perf_counter() - begun, cpu_seconds(server) - before
        mine = time.process_time() - own
        [line] = [line for line in said.getvalue().splitlines() if line.startswith(f"stack {name}")][-1:]
        print(f"{name:8} {what:14} {took:6.2f} s  CPU here {mine:5.2f} s, of the server {used:5.2f} s  ({line})")
    function = client("lambda").list_functions()["Functions"][0]["FunctionName"]
    client("lambda").invoke(FunctionName=function)
    times: list[float] = []
    for number in range(1, EDITS + 1):
        (folder / "code" / "app.py").write_text(f"def handler(event, context):\n    return {number}\n")
        begun = time.perf_counter()
        answer = client("lambda").invoke(FunctionName=function)["Payload"].read()
        times.append(time.perf_counter() - begun)
        assert int(answer) == number, "the edited code answers"
    print(f"{name:8} an edited function answers in {statistics.median(times) * 1000:.0f} ms")
    client("cloudformation").delete_stack(StackName=name)


def main() -> None:
    """Print what was measured."""
    command = [sys.executable, "-m", "emulator", "start", "--port", "0", "--ephemeral", "--quiet"]
    with tempfile.TemporaryDirectory() as temporary, subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        url = server.stdout.readline().split()[-1].decode().replace("localhost", "127.0.0.1")
        try:
            urllib.request.urlopen(f"{url}/_emulator/health").close()
            client_of(url, "us-east-1")("iam").list_roles()  # moto is imported with the first such request
            measure("plain", plain(RESOURCES), Path(temporary, "plain"), url, server.pid)
            measure("sam", sam(RESOURCES), Path(temporary, "sam"), url, server.pid)
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
