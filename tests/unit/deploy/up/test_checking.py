"""What functions cannot answer is told at its line, before anything is deployed."""

from __future__ import annotations

import pytest

from emulator.deploy.template.document import parse
from emulator.deploy.template.environment import Place
from emulator.deploy.up import checking
from emulator.deploy.up.problem import Problem

TEMPLATE = """Mappings:
  Names: {eu-west-1: {queue: far}}
Conditions:
  Never: !Equals [a, b]
Resources:
  First:
    Type: AWS::SQS::Queue
  Second:
    Type: AWS::SQS::Queue
    Properties:
      DelaySeconds: 1
      QueueName: VALUE
  Third:
    Type: AWS::SQS::Queue
    Condition: Never
    Properties:
      QueueName: !Select [5, [a, b]]
"""


def _checked(value: str) -> None:
    document = parse(TEMPLATE.replace("VALUE", value), "template.yaml")
    exports = {"there": "name"}
    checking.check(document, checking.values_of(document, {}), Place(), exports.get)


@pytest.mark.parametrize(
    "value", ["!Select [5, [a, b]]", "!ImportValue nowhere", "!FindInMap [Names, !Ref AWS::Region, queue]"]
)
def test_a_function_without_an_answer_is_told_at_its_line(value: str) -> None:
    with pytest.raises(Problem) as told:
        _checked(value)
    assert told.value.location is not None
    assert (told.value.location.line, told.value.resource) == (12, "Second")


@pytest.mark.parametrize(
    "value", ["!ImportValue there", "!Select [0, !Split ['.', !GetAtt First.QueueName]]", "!Sub '${First}-b'"]
)
def test_what_is_not_there_yet_is_no_mistake(value: str) -> None:
    _checked(value)
