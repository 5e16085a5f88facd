"""A project of a test, on its way to the emulator by `emulator up`."""

from __future__ import annotations

import io
import sys
from pathlib import Path

from rich.console import Console

from emulator.deploy.up.project import find
from emulator.deploy.up.screen import Screen
from emulator.deploy.up.session import Options, Session
from emulator.testing import RunningEmulator
from emulator.testing.aws import Aws

RUNTIME = f"python3.{sys.version_info.minor}"
TEMPLATE = f"""\
Transform: AWS::Serverless-2016-10-31
Parameters:
  Greeting: {{Type: String, Default: hello}}
Globals:
  Function: {{Runtime: {RUNTIME}, Handler: app.handler}}
Resources:
  Greeter:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: greeter
      Environment: {{Variables: {{GREETING: !Ref Greeting}}}}
      Role: arn:aws:iam::000000000000:role/any
      Events:
        Get: {{Type: HttpApi, Properties: {{Path: /greet, Method: get}}}}
  Queue:
    Type: AWS::SQS::Queue
Outputs:
  QueueUrl: {{Value: !Ref Queue}}
"""
HANDLER = "import os\ndef handler(event, context):\n    return os.environ['GREETING']\n"


class Up:
    """A project of a test on its way to the emulator."""

    def __init__(self, emulator: RunningEmulator | Aws, folder: Path) -> None:
        self.emulator, self.folder = emulator, folder
        self._out = io.StringIO()
        self._session: Session | None = None

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def session(self, options: Options | None = None, path: str = ".") -> Session:
        screen = Screen(Console(file=self._out, width=200, soft_wrap=True))
        project = find(self.folder / path, "project")
        self._session = Session(project, options or Options(), self.emulator.client, self.emulator.url, screen)
        return self._session

    def said(self) -> str:
        text = self._out.getvalue()
        self._out.seek(0)
        self._out.truncate()
        return text

    def outputs(self) -> dict[str, str]:
        stack = self.emulator.client("cloudformation").describe_stacks(StackName="project")["Stacks"][0]
        return {item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs", [])}

    def url(self) -> str:
        [api] = self.emulator.client("apigatewayv2").get_apis()["Items"]
        return f"{self.emulator.url}/_aws/execute-api/{api['ApiId']}"
