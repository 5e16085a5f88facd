"""A request's template and parameters, read before the transaction: what has to be fetched is fetched here.

Decides what a stack is asked to be (a `Definition`), and AWS's errors of what cannot be. Whether the stack may become
it is for the operation to say.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emulator.aws.errors import AwsError
from emulator.aws.scope import Scope
from emulator.deploy.template import parameters, transforms
from emulator.deploy.template.document import Document, TemplateError, parse
from emulator.deploy.template.model import Template, outline
from emulator.deploy.template.parameters import Values
from emulator.ports import Store
from emulator.services.cloudformation import store
from emulator.services.cloudformation.fetching import Fetching
from emulator.services.cloudformation.language import place_of, read_template, refused
from emulator.services.cloudformation.model import Definition, Stack, constraint, id_of_arn, validation_error

READ_MEMBER = "_read"
"""A member that no model has: the `Read` of a request."""
LARGEST_BODY = 51_200
LONG_TEXT = 100_000
"""Characters of a template that is parsed in a thread: YAML takes its time, and nobody else waits for it."""
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


@dataclass(frozen=True, slots=True)
class Read:
    """A template that was read, and the parameters it has."""

    text: str
    template: Template
    processed: str
    transforms: tuple[str, ...]
    parameters: Mapping[str, str]
    """All of them as texts; empty where an operation takes none."""
    fetched: Mapping[str, str]
    document: Document


class Reading:
    """Reads templates for operations."""

    def __init__(self, rows: Store, fetching: Fetching) -> None:
        self._rows = rows
        self._fetching = fetching

    async def request(self, operation: str, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """The request with its `Read`. Raises AwsError."""
        stack = await self._stack(scope, request.get("StackName"))
        if operation == "GetTemplateSummary" and stack is not None and not _has_template(request):
            return request
        text = await self._text(scope, request, stack)
        with_values = operation in ("CreateStack", "UpdateStack", "CreateChangeSet")
        return {**request, READ_MEMBER: await self._read(scope, request, text, stack, with_values)}

    async def _stack(self, scope: Scope, name: str | None) -> Stack | None:
        if not name:
            return None
        stack_id = id_of_arn(name)
        if stack_id is not None:
            return await self._rows.read(lambda tx: store.find_stack(tx, stack_id))
        return await self._rows.read(lambda tx: store.find_named(tx, scope, name))

    async def _text(self, scope: Scope, request: Mapping[str, Any], stack: Stack | None) -> str:
        body, url = request.get("TemplateBody"), request.get("TemplateURL")
        if request.get("UsePreviousTemplate"):
            if body or url:
                raise validation_error("You cannot specify both usePreviousTemplate and Template Body or Template URL.")
            if stack is None or not stack.definition.template:
                raise validation_error("UsePreviousTemplate is given, but there is no previous template.")
            return stack.definition.template
        if body and url:
            raise validation_error("You can't specify both TemplateBody and TemplateURL.")
        if url:
            return await self._fetching.template(scope, url)
        if not body:
            raise validation_error("Either Template URL or Template Body must be specified.")
        if len(body.encode()) > LARGEST_BODY:
            raise constraint("templateBody", body, f"Member must have length less than or equal to {LARGEST_BODY}")
        return body

    async def _read(
        self, scope: Scope, request: Mapping[str, Any], text: str, stack: Stack | None, with_values: bool
    ) -> Read:
        previous = stack.definition if stack is not None and stack.definition.processed is not None else None
        given = _given(request)
        try:
            source = parse(text) if len(text) < LONG_TEXT else await asyncio.to_thread(parse, text)
            declared = transforms.declared(source)
            values = Values()
            fetched: dict[str, str] = {}
            document = source
            if with_values:
                outlined = outline(source)
                chosen = parameters.texts(outlined, given, previous.parameters if previous is not None else None)
                names = parameters.wanted(outlined, chosen)
                if names:
                    fetched = await self._fetching.parameters(scope, names.values())
                values = parameters.resolve(outlined, chosen, None, fetched.get)
                if previous is not None and _same(previous, text, values, fetched, declared):
                    assert previous.processed is not None
                    document = source.replaced(json.loads(previous.processed))
                else:
                    document = await self._transformed(scope, request, source, values, stack)
            elif transforms.slow(source):  # who asks about a template deploys it next
                await asyncio.to_thread(transforms.prepare, source)
            template = read_template(document, declared) if with_values or not declared else outline(source)
        except TemplateError as problem:
            raise refused(problem) from problem
        return Read(text, template, _encode(document.value), declared, values.given, fetched, source)

    async def _transformed(
        self, scope: Scope, request: Mapping[str, Any], document: Document, values: Values, stack: Stack | None
    ) -> Document:
        """After its transforms; those that take long in a thread, and nobody else waits for them."""
        if not transforms.declared(document) and '"Fn::Transform"' not in _encode(document.value):
            return document
        name = stack.name if stack is not None else str(request.get("StackName") or "")
        place = place_of(scope, name, stack.id if stack is not None else "", ())
        included: dict[str, str] = {}
        while missing := transforms.wanted(document, values, place, included):
            for location in missing:
                included[location] = await self._fetching.text(scope, location)
        if transforms.slow(document):
            return (await asyncio.to_thread(transforms.process, document, values, place, included)).document
        return transforms.process(document, values, place, included).document


def _same(
    previous: Definition, text: str, values: Values, fetched: Mapping[str, str], declared: tuple[str, ...]
) -> bool:
    """Whether the transforms would make what they have made before: SAM's takes a tenth of a second."""
    if not declared or "Fn::Transform" in text or "!Transform" in text:  # included files may have changed
        return False
    asked = (text, dict(values.given), dict(fetched))
    return asked == (previous.template, dict(previous.parameters), dict(previous.fetched))


def _has_template(request: Mapping[str, Any]) -> bool:
    return bool(request.get("TemplateBody") or request.get("TemplateURL"))


def _given(request: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a request: texts, or PREVIOUS."""
    found: dict[str, Any] = {}
    for item in request.get("Parameters") or []:
        name = item.get("ParameterKey") or ""
        if name in found:
            raise validation_error(f"Parameter key {name} is specified more than once")  # unverified
        if item.get("UsePreviousValue"):
            if item.get("ParameterValue") is not None:
                raise validation_error(
                    f"Invalid input for parameter key {name}. Cannot specify usePreviousValue as true and non empty"
                    " value for a parameter"
                )
            found[name] = parameters.PREVIOUS
        else:
            found[name] = item.get("ParameterValue") or ""
    return found


def read_of(request: Mapping[str, Any]) -> Read:
    """What was read of a request's template."""
    read = request.get(READ_MEMBER)
    assert isinstance(read, Read), "wire.py reads the template before the transaction"
    return read


def definition_of(request: Mapping[str, Any], read: Read, before: Definition | None) -> Definition:
    """What a stack is asked to be. An update keeps tags and topics that it does not give."""
    tags = request.get("Tags")
    topics = request.get("NotificationARNs")
    kept = before if before is not None else Definition("")
    return Definition(
        read.text,
        read.processed,
        read.transforms,
        read.parameters,
        read.fetched,
        _tags(tags) if tags is not None else kept.tags,
        tuple(request.get("Capabilities") or ()),
        request.get("RoleARN") or kept.role,
        tuple(topics) if topics is not None else kept.notifications,
        request["RollbackConfiguration"] if request.get("RollbackConfiguration") is not None else kept.rollback,
        read.template.description,
        kept.outputs,
    )


def _tags(given: list[dict[str, Any]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for tag in given:
        key = tag.get("Key") or ""
        if key.startswith("aws:"):
            raise validation_error("aws: prefixed tag key names are not allowed for external use.")
        if key in found:
            raise validation_error(f"Duplicate tag key {key}")  # unverified
        found[key] = tag.get("Value") or ""
    if len(found) > 50:
        raise validation_error("Number of tags exceeds the limit of 50")  # unverified
    return found


def insufficient(missing: list[str]) -> AwsError:
    """A stack that would do more than its caller has acknowledged."""
    return AwsError("InsufficientCapabilitiesException", f"Requires capabilities : [{', '.join(missing)}]")
