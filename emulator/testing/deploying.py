"""`emulator.deploy(path)`: a template with everything it names beside itself, deployed as a stack.

Does what `sam deploy` or `aws cloudformation deploy` do: packages local folders into S3, creates the stack or updates
it, and waits until it is done, moving time no further than the stack needs.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emulator.deploy.template.artifacts import Artifact, local_artifacts, with_artifacts
from emulator.deploy.template.document import Document, TemplateError, parse
from emulator.deploy.template.include import NAME as INCLUDE
from emulator.deploy.up.problem import Problem
from emulator.deploy.up.project import find
from emulator.deploy.up.sources import Source, sources
from emulator.testing.servers import HarnessError, told

if TYPE_CHECKING:
    from emulator.testing.world import Emulator

CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
MOST_STEPS = 1000
"""Due times that a stack may need."""
_LEFT_OUT = ("__pycache__", ".git", ".venv", "node_modules/.cache")
_EPOCH = (1980, 1, 1, 0, 0, 0)


__tracebackhide__ = told


class DeployFailed(HarnessError):
    """The stack was not created or updated; the text names the resources that failed, and why."""


@dataclass(frozen=True)
class Deployed:
    """A stack that stands."""

    name: str
    outputs: dict[str, str]
    resources: dict[str, str]
    """Physical id by logical id: the name of a function, the URL of a queue, the ARN of a state machine."""
    stacks: tuple[Deployed, ...] = ()
    """Each of those that CDK has written, in the order in which they were deployed; this is the last, with all outputs
    and resources."""


def deploy(
    emulator: Emulator, path: str | Path, parameters: dict[str, Any] | None, name: str | None, functions: Path | None
) -> Deployed:
    """Deploy a template, an OpenAPI file, CDK's cdk.out, or what a folder has.

    A template's stack is named after its folder; CDK names its own. Raises DeployFailed.
    """
    try:
        project = find(Path(path), name)
        given = {key: str(value) for key, value in (parameters or {}).items()}
        deployed = [_deploy(emulator, source) for source in sources(project, given, functions, set())]
    except Problem as problem:
        raise DeployFailed(problem.message) from None
    except TemplateError as error:
        raise DeployFailed(str(error)) from None
    if project.kind != "assembly":
        return deployed[0]
    outputs = {key: value for each in deployed for key, value in each.outputs.items()}
    resources = {key: value for each in deployed for key, value in each.resources.items()}
    return Deployed(deployed[-1].name, outputs, resources, tuple(deployed))


def _deploy(emulator: Emulator, source: Source) -> Deployed:
    document = _packaged(emulator, source.document, source.folder, source.rewrite)
    stack = source.stack_name
    body = json.dumps(document.value, default=str)
    for asset in source.assets_of(document):
        bucket = asset.bucket.replace("${AWS::AccountId}", emulator.account)
        bucket = bucket.replace("${AWS::Region}", emulator.region)
        _make_bucket(emulator, bucket)
        emulator.aws.s3.put_object(Bucket=bucket, Key=asset.key, Body=asset.content())
    client = emulator.aws.cloudformation
    request: dict[str, Any] = {
        "StackName": stack,
        "Capabilities": CAPABILITIES,
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in source.parameters.items()],
    }
    bucket = _bucket(emulator)
    request["TemplateURL"] = f"{emulator.url}/{bucket}/{_upload(emulator, bucket, body.encode(), '.template')}"
    try:
        if _exists(client, stack):
            client.update_stack(**request)
        else:
            client.create_stack(**request)
    except client.exceptions.ClientError as refusal:
        if "No updates are to be performed" not in str(refusal):
            raise DeployFailed(refusal.response["Error"]["Message"]) from None
    return _finished(emulator, client, stack)


def _packaged(
    emulator: Emulator, document: Document, folder: Path, rewrite: Callable[[Document], Document]
) -> Document:
    """The document with what it names beside itself in S3; `rewrite` is done with those nested in it first."""
    bucket = _bucket(emulator)
    placed = {each.path: _placed(emulator, bucket, each, folder, rewrite) for each in local_artifacts(document)}
    document = with_artifacts(document, placed)

    def included(node: Any) -> Any:
        """With the files of AWS::Include in S3, as `sam package` has them."""
        if isinstance(node, list):
            return [included(item) for item in node]
        if not isinstance(node, dict):
            return node
        if node.get("Name") == INCLUDE and isinstance(node.get("Parameters"), dict):
            location = node["Parameters"].get("Location")
            if isinstance(location, str) and (folder / location).is_file():
                key = _upload(emulator, bucket, (folder / location).read_bytes(), Path(location).suffix)
                return {**node, "Parameters": {**node["Parameters"], "Location": f"s3://{bucket}/{key}"}}
        return {name: included(item) for name, item in node.items()}

    return document.replaced(included(document.value))


def _placed(
    emulator: Emulator, bucket: str, artifact: Artifact, folder: Path, rewrite: Callable[[Document], Document]
) -> Any:
    local = folder / artifact.location
    if artifact.kind == "template":
        document = rewrite(parse(local.read_text(), str(local), aliases=True))
        nested = _packaged(emulator, document, local.parent, rewrite)
        key = _upload(emulator, bucket, json.dumps(nested.value, default=str).encode(), ".template")
    elif local.is_dir():
        key = _upload(emulator, bucket, _zipped(local), ".zip")
    elif local.is_file():
        key = _upload(emulator, bucket, local.read_bytes(), local.suffix)
    else:
        raise DeployFailed(f"{artifact.resource or 'Globals'}: there is no {local}")
    return artifact.placed(bucket, key)


def _zipped(folder: Path) -> bytes:
    """An archive that is the same whenever the files are."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as written:
        for file in sorted(folder.rglob("*")):
            inside = file.relative_to(folder).as_posix()
            if file.is_file() and not any(part in inside.split("/") for part in _LEFT_OUT):
                entry = zipfile.ZipInfo(inside, _EPOCH)
                entry.external_attr = (0o755 if file.stat().st_mode & 0o100 else 0o644) << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                written.writestr(entry, file.read_bytes())
    return archive.getvalue()


def _bucket(emulator: Emulator) -> str:
    name = f"deployments-{emulator.account}"
    _make_bucket(emulator, name)
    return name


def _make_bucket(emulator: Emulator, name: str) -> None:
    s3, region = emulator.aws.s3, emulator.region
    if all(each["Name"] != name for each in s3.list_buckets()["Buckets"]):
        where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3.create_bucket(Bucket=name, **where)


def _upload(emulator: Emulator, bucket: str, content: bytes, suffix: str) -> str:
    key = f"{hashlib.sha256(content).hexdigest()}{suffix}"
    emulator.aws.s3.put_object(Bucket=bucket, Key=key, Body=content)
    return key


def _exists(client: Any, stack: str) -> bool:
    try:
        return client.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"] != "REVIEW_IN_PROGRESS"
    except client.exceptions.ClientError:
        return False


def _finished(emulator: Emulator, client: Any, stack: str) -> Deployed:
    """Let the stack come to its end: what is due now first, then from due time to due time."""
    emulator.clock.advance(0)
    described = client.describe_stacks(StackName=stack)["Stacks"][0]
    for _ in range(MOST_STEPS):
        if not described["StackStatus"].endswith("IN_PROGRESS") or not emulator.clock.to_next():
            break
        described = client.describe_stacks(StackName=stack)["Stacks"][0]
    if described["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        raise DeployFailed(f"stack {stack} is {described['StackStatus']}\n{_reasons(client, stack)}")
    listed = client.get_paginator("list_stack_resources").paginate(StackName=stack)
    resources = {
        each["LogicalResourceId"]: each.get("PhysicalResourceId", "")
        for page in listed
        for each in page["StackResourceSummaries"]
    }
    outputs = {each["OutputKey"]: each["OutputValue"] for each in described.get("Outputs", [])}
    return Deployed(stack, outputs, resources)


def _reasons(client: Any, stack: str) -> str:
    events = client.describe_stack_events(StackName=stack)["StackEvents"]
    failed = [each for each in reversed(events) if each["ResourceStatus"].endswith("FAILED")]
    return "\n".join(
        f"  {each['LogicalResourceId']} ({each['ResourceType']}): {each.get('ResourceStatusReason', '')}"
        for each in failed
    )
