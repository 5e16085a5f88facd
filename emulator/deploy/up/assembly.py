"""What CDK has written (`cdk.out`): stacks in the order of their dependencies, and the files they were packaged with.

Decides which of the files a template names: functions run from theirs, nested templates and layers are packaged like
any other local file, and what else is named by its key is uploaded to where CDK would have. Reads CDK's manifests, of
which this knows: stacks, asset manifests and nested assemblies.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulator.deploy.template.document import Document
from emulator.deploy.up.packaging import files_of, zipped
from emulator.deploy.up.problem import Problem, shown
from emulator.deploy.up.project import read, text_of

_STACK, _ASSETS, _NESTED = "aws:cloudformation:stack", "cdk:asset-manifest", "cdk:cloud-assembly"
_CODE = {
    "AWS::Lambda::Function": ("Code", "S3Key"),
    "AWS::Lambda::LayerVersion": ("Content", "S3Key"),
}


@dataclass(frozen=True)
class Asset:
    """A file or folder that CDK packaged."""

    path: Path
    archived: bool
    bucket: str
    key: str

    def content(self) -> bytes:
        """As CDK uploads it."""
        return zipped(files_of(self.path)) if self.archived and self.path.is_dir() else self.path.read_bytes()


@dataclass(frozen=True)
class Stack:
    """A stack of an assembly."""

    name: str
    template: Path
    parameters: Mapping[str, str]
    assets: tuple[Asset, ...]

    def document(self) -> Document:
        """Its template, which names local files where it named those in S3. Raises Problem."""
        return self.rewritten(read(self.template))

    def rewritten(self, document: Document) -> Document:
        """The same of a template that is nested."""
        by_key = {asset.key: asset for asset in self.assets}
        resources = document.value.get("Resources")
        if not isinstance(resources, dict):
            return document
        made = {name: _rewritten(item, by_key) if isinstance(item, dict) else item for name, item in resources.items()}
        return document.replaced({**document.value, "Resources": made})

    def named_in(self, text: str) -> Iterator[Asset]:
        """The assets that a template still names by their keys."""
        return (asset for asset in self.assets if asset.key in text)


def _rewritten(item: dict[str, Any], by_key: Mapping[str, Asset]) -> dict[str, Any]:
    properties = item.get("Properties")
    if not isinstance(properties, dict):
        return item
    kind = item.get("Type")
    if kind in _CODE:
        member, key = _CODE[kind]
        place = properties.get(member)
        asset = by_key.get(str(place.get(key))) if isinstance(place, dict) else None
        if asset is not None:
            return {**item, "Properties": {**properties, member: str(asset.path)}}
    if kind == "AWS::CloudFormation::Stack" and not isinstance(properties.get("TemplateURL"), str):
        text = json.dumps(properties.get("TemplateURL"))
        asset = next((each for each in by_key.values() if each.key in text), None)
        if asset is not None:
            return {**item, "Properties": {**properties, "TemplateURL": str(asset.path)}}
    return item


def stacks(manifest: Path) -> tuple[list[Stack], set[Path]]:
    """The stacks of an assembly and of those nested in it, each after those it needs; and the files that say so."""
    seen = {manifest}
    artifacts = _artifacts(manifest)
    found: dict[str, list[Stack]] = {}

    def visit(artifact_id: str, waiting: tuple[str, ...]) -> None:
        if artifact_id in found or artifact_id not in artifacts or artifact_id in waiting:
            return
        artifact = artifacts[artifact_id]
        found_before = (*waiting, artifact_id)
        for needed in artifact.get("dependencies") or []:
            visit(needed, found_before)
        properties = artifact.get("properties") or {}
        found[artifact_id] = []
        if artifact.get("type") == _STACK:
            assets = [
                asset
                for needed in artifact.get("dependencies") or []
                if artifacts.get(needed, {}).get("type") == _ASSETS
                for asset in _assets(
                    manifest.parent / str((artifacts[needed].get("properties") or {}).get("file")), seen
                )
            ]
            template = manifest.parent / str(properties.get("templateFile"))
            seen.add(template)
            parameters = {str(name): str(value) for name, value in (properties.get("parameters") or {}).items()}
            name = str(properties.get("stackName") or artifact_id)
            found[artifact_id] = [Stack(name, template, parameters, tuple(assets))]
        elif artifact.get("type") == _NESTED:
            inner, files = stacks(manifest.parent / str(properties.get("directoryName")) / manifest.name)
            seen.update(files)
            found[artifact_id] = inner

    for artifact_id in artifacts:
        visit(artifact_id, ())
    return [stack for group in found.values() for stack in group], seen


def _artifacts(manifest: Path) -> dict[str, dict[str, Any]]:
    try:
        artifacts = json.loads(text_of(manifest))["artifacts"]
    except (ValueError, KeyError, TypeError) as error:
        raise Problem(f"{shown(manifest)} is no manifest of CDK.", next_step="Run `cdk synth`.") from error
    return {str(name): item for name, item in artifacts.items() if isinstance(item, dict)}


def _assets(file: Path, seen: set[Path]) -> Iterator[Asset]:
    seen.add(file)
    try:
        files: dict[str, Any] = json.loads(text_of(file)).get("files") or {}
    except (ValueError, AttributeError) as error:
        raise Problem(f"{shown(file)} is no asset manifest of CDK.", next_step="Run `cdk synth`.") from error
    for item in files.values():
        source = item.get("source") or {}
        if not source.get("path"):
            continue  # made by a program of the project's at deployment
        for place in (item.get("destinations") or {}).values():
            path = file.parent / source["path"]
            yield Asset(path, source.get("packaging") == "zip", str(place["bucketName"]), str(place["objectKey"]))
