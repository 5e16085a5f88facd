"""What the local files of a template become."""

from __future__ import annotations

import json
from pathlib import Path

from emulator.deploy.up.packaging import Packaging
from emulator.deploy.up.project import find, read

OUTER = "Resources: {Inner: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: inner/template.yaml}}}\n"
INNER = """\
Resources:
  Api:
    Type: AWS::ApiGateway::RestApi
    Properties:
      Body: {"Fn::Transform": {Name: "AWS::Include", Parameters: {Location: api.yaml}}}
"""


def test_what_a_nested_template_includes_is_uploaded_and_watched(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "template.yaml").write_text(OUTER)
    (tmp_path / "inner" / "template.yaml").write_text(INNER)
    (tmp_path / "inner" / "api.yaml").write_text("openapi: 3.0.1\n")
    uploaded: dict[str, bytes] = {}
    packaging = Packaging(find(tmp_path), uploaded.__setitem__)
    packaging.package(read(tmp_path / "template.yaml"), tmp_path)
    nested = next(json.loads(content) for key, content in uploaded.items() if key.endswith(".template"))
    place = nested["Resources"]["Api"]["Properties"]["Body"]["Fn::Transform"]["Parameters"]["Location"]
    assert uploaded[place.removeprefix("s3://").partition("/")[2]] == b"openapi: 3.0.1\n"
    assert tmp_path / "inner" / "api.yaml" in packaging.read
