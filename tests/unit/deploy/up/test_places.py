"""Where a failed resource stands: the line of its property, of a nested template, of a definition."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.deploy.up.places import place_of
from emulator.deploy.up.project import read

TEMPLATE = """\
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: a
      DelaySeconds: 9999
      Tags:
        - Key: one
          Value: 1
  Inner:
    Type: AWS::CloudFormation::Stack
    Properties: {TemplateURL: sub/inner.yaml}
  Machine:
    Type: AWS::Serverless::StateMachine
    Properties:
      DefinitionUri: machine.asl.json
"""


@pytest.mark.parametrize(
    ("within", "logical_id", "reason", "line"),
    [
        ((), "Queue", "Encountered unsupported property DelaySeconds", "template.yaml:6:"),
        ((), "Queue", "Properties validation failed with message:\n#/Tags/0/Value: expected", "template.yaml:9:"),
        ((), "Queue", "Value '9' at 'delaySeconds' failed to satisfy constraint", "template.yaml:6:"),
        ((), "Queue", "Invalid value for the parameter DelaySeconds.", "template.yaml:6:"),
        ((), "Queue", "Invalid parameter: delaySeconds Reason: too long", "template.yaml:6:"),
        ((), "Queue", "DelaySeconds and QueueName do not go together", "template.yaml:2:"),
        ((), "Queue", "something else", "template.yaml:2:"),
        (("Inner",), "Queue", "Property TopicName cannot be empty.", "inner.yaml:4:"),
        (("Inner", "Lost"), "Queue", "any", "inner.yaml:5:"),
        (
            (),
            "Machine",
            "Invalid State Machine Definition: 'MISSING_TRANSITION_TARGET: Missing 'Next' target: B at "
            "/States/A/Next' (Service: Sfn, Status Code: 400)",
            "machine.asl.json:3:",
        ),
    ],
)
def test_a_failure_is_shown_at_its_line(
    tmp_path: Path, within: tuple[str, ...], logical_id: str, reason: str, line: str
) -> None:
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    (tmp_path / "sub").mkdir()
    inner = (
        "Resources:\n  Queue:\n    Properties:\n      TopicName: ''\n  Lost:\n    Properties: {TemplateURL: s3://b/k}\n"
    )
    (tmp_path / "sub" / "inner.yaml").write_text(inner)
    (tmp_path / "machine.asl.json").write_text('{"StartAt": "A",\n "States": {"A": {"Type": "Pass",\n "Next": "B"}}}')
    document = read(tmp_path / "template.yaml")
    made = {"Queue": None, "Inner": None, "Machine": None}
    assert line in str(place_of(document, tmp_path, made, within, logical_id, reason))


def test_what_the_template_does_not_have_stands_nowhere(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    assert place_of(read(tmp_path / "template.yaml"), tmp_path, {}, (), "Other", "any") is None


@pytest.mark.parametrize(
    ("pointer", "line"),
    [
        ("/States/Both/Branches[1]/States/404/Next", 10),
        ("/States/Both/Branches[1]/States/404/Lost", 8),
        ("/States/No/Next", 11),
    ],
)
def test_a_state_of_a_definition_in_yaml_stands_at_its_own_line(tmp_path: Path, pointer: str, line: int) -> None:
    (tmp_path / "template.yaml").write_text(TEMPLATE.replace("asl.json", "asl.yaml"))
    (tmp_path / "machine.asl.yaml").write_text("""\
StartAt: Both
States:
  Both:
    Type: Parallel
    Branches:
      - {StartAt: A, States: {A: {Type: Pass, End: true}}}
      - States:
          404:
            Type: Pass
            Next: B
  No: {Type: Pass, Next: B}
""")
    reason = f"Invalid State Machine Definition: 'MISSING_TRANSITION_TARGET: Missing 'Next' target: B at {pointer}'"
    place = place_of(read(tmp_path / "template.yaml"), tmp_path, {"Machine": None}, (), "Machine", reason)
    assert place is not None and f"machine.asl.yaml:{line}:" in str(place)
