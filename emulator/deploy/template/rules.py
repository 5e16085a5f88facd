"""The Rules section: what a template asserts of its parameters before anything is made.

AWS: "Rules section syntax". Functions of rules that ask EC2 for attributes of parameters (`Fn::ValueOf`) are refused:
there is no EC2 here.
"""

from __future__ import annotations

from typing import Any

from emulator.deploy.template import conditions
from emulator.deploy.template.document import Path
from emulator.deploy.template.environment import Environment
from emulator.deploy.template.evaluate import Evaluation
from emulator.deploy.template.model import scalar_text
from emulator.ports import Json


def check(environment: Environment) -> None:
    """Raise TemplateError for the first assertion that fails, with its description. The text is unverified."""
    run = Evaluation(environment)
    document = environment.template.document
    for name, rule in environment.template.rules.items():
        path: Path = ("Rules", name)
        if not isinstance(rule, dict) or not isinstance(rule.get("Assertions"), list):
            raise document.error(f"Template format error: Rule {name} must have a list of Assertions", path)
        if "RuleCondition" in rule and not _truth(run, rule["RuleCondition"], (*path, "RuleCondition")):
            continue
        for index, assertion in enumerate(rule["Assertions"]):
            where = (*path, "Assertions", index)
            if not isinstance(assertion, dict) or "Assert" not in assertion:
                raise document.error(
                    f"Template format error: Every Assertion of rule {name} must have an Assert", where
                )
            if not _truth(run, assertion["Assert"], (*where, "Assert")):
                text = scalar_text(assertion.get("AssertDescription", f"assertion {index + 1} failed"))
                raise document.error(f"Template constraint error: {text}", where)


def _truth(run: Evaluation, node: Json, path: Path) -> bool:
    if isinstance(node, dict) and len(node) == 1:
        [(name, argument)] = node.items()
        path = (*path, name)
        if name in ("Fn::And", "Fn::Or") and isinstance(argument, list):
            found = [_truth(run, item, (*path, index)) for index, item in enumerate(argument)]
            return all(found) if name == "Fn::And" else any(found)
        if name == "Fn::Not" and isinstance(argument, list) and len(argument) == 1:
            return not _truth(run, argument[0], (*path, 0))
        if name in ("Fn::Contains", "Fn::EachMemberEquals", "Fn::EachMemberIn"):
            return _members(run, name, argument, path)
    return conditions.truth(run, node, path)


def _members(run: Evaluation, name: str, argument: Any, path: Path) -> bool:
    if not isinstance(argument, list) or len(argument) != 2:
        raise run.error(f"Template error: every {name} object requires a list of two parameters.", path)
    left, right = (_value(run, item, (*path, index)) for index, item in enumerate(argument))
    if not isinstance(left, list) or (name == "Fn::EachMemberIn" and not isinstance(right, list)):
        raise run.error(f"Template error: {name} needs a list of strings", path)
    texts = [scalar_text(item) for item in left]
    if name == "Fn::Contains":
        return scalar_text(right) in texts
    if name == "Fn::EachMemberEquals":
        return all(item == scalar_text(right) for item in texts)
    return set(texts) <= {scalar_text(item) for item in right}


def _value(run: Evaluation, node: Json, path: Path) -> Any:
    if (
        isinstance(node, dict)
        and len(node) == 1
        and next(iter(node)) in ("Fn::RefAll", "Fn::ValueOf", "Fn::ValueOfAll")
    ):
        name, argument = next(iter(node.items()))
        if name == "Fn::RefAll":
            declared = run.environment.template.parameters
            return [run.environment.parameters[item] for item in declared if declared[item].type == argument]
        raise run.error(f"Template error: {name} is not emulated: there is no EC2 here", path)
    return run.value(node, path)
