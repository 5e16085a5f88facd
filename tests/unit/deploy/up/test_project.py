"""What PATH means, and what is said where it means nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from emulator.deploy.up.problem import Problem
from emulator.deploy.up.project import find
from emulator.deploy.up.sources import sources

TEMPLATE = "Resources: {Queue: {Type: AWS::SQS::Queue}}\n"


def test_a_folder_means_its_template_and_a_stack_is_named_after_it(tmp_path: Path) -> None:
    folder = tmp_path / "1 my_shop"
    folder.mkdir()
    (folder / "template.yml").write_text(TEMPLATE)
    found = find(folder)
    assert (found.kind, found.file, found.name) == ("template", folder / "template.yml", "stack-1-my-shop")
    assert find(folder / "template.yml", "other").name == "other"


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("stack.json", '{"Resources": {}}', "template"),
        ("any.yaml", "openapi: 3.0.1\npaths: {}\n", "openapi"),
        ("old.json", '{"swagger": "2.0", "paths": {}}', "openapi"),
        ("manifest.json", "{}", "assembly"),
    ],
)
def test_a_file_is_what_stands_in_it(tmp_path: Path, name: str, text: str, kind: str) -> None:
    (tmp_path / name).write_text(text)
    assert find(tmp_path / name).kind == kind


def test_cdks_folder_is_found_in_its_project_whose_name_the_stack_has(tmp_path: Path) -> None:
    out = tmp_path / "shop" / "cdk.out"
    out.mkdir(parents=True)
    (out / "manifest.json").write_text("{}")
    assert find(tmp_path / "shop") == find(out)
    assert find(out).name == "shop"


def test_a_project_is_the_repository_of_its_template(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    folder = tmp_path / "deploy" / "api"
    folder.mkdir(parents=True)
    (folder / "template.yaml").write_text(TEMPLATE)
    assert find(folder).root == tmp_path


@pytest.mark.parametrize(
    ("files", "message", "hint"),
    [
        ({}, "has no template.yaml", "Name the file"),
        ({"cdk.json": "{}"}, "CDK project that was not synthesised", "cdk synth"),
        ({"serverless.yml": ""}, "Serverless Framework", "serverless deploy"),
        ({"template.yaml": "a: 1\n"}, "neither a template nor an OpenAPI file", "SAM or CloudFormation"),
        ({"template.yaml": "a: [1\n"}, "YAML not well-formed", ""),
        ({"template.yaml": "\0"}, "YAML not well-formed", ""),
    ],
)
def test_what_is_no_project_is_said_with_what_to_do(
    tmp_path: Path, files: dict[str, str], message: str, hint: str
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(Problem) as caught:
        find(tmp_path)
    assert message in caught.value.message and hint in caught.value.next_step


def test_a_path_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="There is no "):
        find(tmp_path / "nothing")


def assembly(tmp_path: Path, **templates: str) -> Path:
    """What CDK writes of stacks with these templates."""
    artifacts = {
        name: {"type": "aws:cloudformation:stack", "properties": {"templateFile": f"{name}.template.json"}}
        for name in templates
    }
    for name, text in templates.items():
        (tmp_path / f"{name}.template.json").write_text(text)
    (tmp_path / "manifest.json").write_text(json.dumps({"artifacts": artifacts}))
    return tmp_path / "manifest.json"


def test_a_stack_without_resources_is_left_out_as_by_cdk_and_that_is_said(tmp_path: Path) -> None:
    file = assembly(tmp_path, shop='{"Resources": {"T": {"Type": "AWS::SNS::Topic"}}}', asserts='{"Parameters": {}}')
    notes: list[str] = []
    found = sources(find(file), {}, None, set(), notes)
    assert [source.stack_name for source in found] == ["shop"]
    assert notes == ["stack asserts has no resources: it is not deployed, as by cdk deploy"]


def test_an_assembly_of_stacks_without_resources_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"No stack of .*manifest\.json has resources"):
        sources(find(assembly(tmp_path, asserts="{}")), {}, None, set())
