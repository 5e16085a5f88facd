"""Properties of a template that may name a file or folder beside it, as tools that package templates upload them.

Decides which properties those are, and in which form each takes a place in S3; reads and uploads nothing. The list is
that of `aws cloudformation package` and `sam package`, as far as the types are emulated.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from emulator.deploy.template.document import Document, Path
from emulator.ports import Json

Kind = Literal["code", "layer", "text", "template"]
"""A function's folder or archive, a layer's, a file that is sent as it is, and a template that is packaged itself."""

_Form = Literal["uri", "bucket", "s3bucket", "url"]

_PROPERTIES: dict[tuple[str, str], tuple[Kind, _Form]] = {
    ("AWS::Serverless::Function", "CodeUri"): ("code", "uri"),
    ("AWS::Serverless::LayerVersion", "ContentUri"): ("layer", "uri"),
    ("AWS::Serverless::Api", "DefinitionUri"): ("text", "uri"),
    ("AWS::Serverless::HttpApi", "DefinitionUri"): ("text", "uri"),
    ("AWS::Serverless::StateMachine", "DefinitionUri"): ("text", "uri"),
    ("AWS::Serverless::Application", "Location"): ("template", "url"),
    ("AWS::Lambda::Function", "Code"): ("code", "s3bucket"),
    ("AWS::Lambda::LayerVersion", "Content"): ("layer", "s3bucket"),
    ("AWS::ApiGateway::RestApi", "BodyS3Location"): ("text", "bucket"),
    ("AWS::ApiGatewayV2::Api", "BodyS3Location"): ("text", "bucket"),
    ("AWS::StepFunctions::StateMachine", "DefinitionS3Location"): ("text", "bucket"),
    ("AWS::CloudFormation::Stack", "TemplateURL"): ("template", "url"),
}

_GLOBALS = {"Function": "CodeUri", "LayerVersion": "ContentUri", "StateMachine": "DefinitionUri"}

_ELSEWHERE = re.compile(r"(s3|https?|arn):")


@dataclass(frozen=True)
class Artifact:
    """A property that names something local."""

    path: Path
    resource: str | None
    """None in Globals, where all resources of a type share it."""
    type: str
    location: str
    """As written: relative to the template's folder, or absolute."""
    kind: Kind
    form: _Form

    @property
    def leaves_the_folder(self) -> bool:
        """Whether it is outside the folder of the template."""
        plain = posixpath.normpath(self.location)
        return posixpath.isabs(plain) or plain == ".." or plain.startswith("../")

    def placed(self, bucket: str, key: str) -> Json:
        """What the property is to say for an object in S3."""
        if self.form == "url":
            return f"https://s3.amazonaws.com/{bucket}/{key}"
        if self.form == "s3bucket":
            return {"S3Bucket": bucket, "S3Key": key}
        return {"Bucket": bucket, "Key": key}


def local_artifacts(document: Document) -> list[Artifact]:
    """All of a document. A function of SAM without CodeUri has its code beside the template, as `sam build` takes
    it."""
    return [*_in_globals(document.value.get("Globals")), *_in_resources(document.value)]


def with_artifacts(document: Document, values: Mapping[Path, Json]) -> Document:
    """The document with other values at those paths, whose parents are there."""
    value = dict(document.value)
    for path, item in values.items():
        _set(value, path, item)
    return document.replaced(value)


def _set(node: dict[str, Any], path: Path, item: Json) -> None:
    """Copies what it goes through: a document is nobody's to change."""
    *parents, last = path
    for step in parents:
        node[str(step)] = dict(node[str(step)])
        node = node[str(step)]
    node[str(last)] = item


def _in_globals(section: Json) -> Iterator[Artifact]:
    if not isinstance(section, dict):
        return
    for name, member in _GLOBALS.items():
        group = section.get(name)
        location = group.get(member) if isinstance(group, dict) else None
        kind, form = _PROPERTIES[f"AWS::Serverless::{name}", member]
        if _local(location):
            yield Artifact(("Globals", name, member), None, f"AWS::Serverless::{name}", str(location), kind, form)


def _in_resources(value: dict[str, Json]) -> Iterator[Artifact]:
    resources = value.get("Resources")
    for name, item in resources.items() if isinstance(resources, dict) else ():
        properties = item.get("Properties") if isinstance(item, dict) else None
        if not isinstance(properties, dict) or not isinstance(item.get("Type"), str):
            continue
        for (kind_of_resource, member), (kind, form) in _PROPERTIES.items():
            if kind_of_resource != item["Type"]:
                continue
            location = properties.get(member)
            if location is None and member == "CodeUri" and _without_code(value, properties):
                location = "."
            if _local(location):
                path = ("Resources", name, "Properties", member)
                yield Artifact(path, name, kind_of_resource, str(location), kind, form)


def _local(location: Json) -> bool:
    return isinstance(location, str) and bool(location) and not _ELSEWHERE.match(location)


def _without_code(value: dict[str, Json], properties: dict[str, Json]) -> bool:
    globals_ = value.get("Globals")
    shared = globals_.get("Function") if isinstance(globals_, dict) else None
    own = {*properties, *(shared if isinstance(shared, dict) else ())}
    return not own & {"CodeUri", "InlineCode", "ImageUri"} and properties.get("PackageType", "Zip") == "Zip"
