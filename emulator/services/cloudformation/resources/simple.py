"""Functions for rows whose operations take what the properties say: create, update and delete by name.

`member="Property"` renames; everything else goes by its own name, whatever its capitals.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import Any, cast

from emulator.ports import Json
from emulator.services.cloudformation.resources.types import Call, Deletion, Handler, Made, Steps, Subject
from emulator.services.cloudformation.resources.values import tag_map

Where = str | Callable[[Subject, Json], Json]
"""A member of the answer, or `=Property`, `@name`, `@id`, or a function of both."""


def making(
    operation: str,
    properties: str,
    physical_id: Where,
    attributes: Mapping[str, Where] | None = None,
    *,
    ref: Where | None = None,
    tags: str = "",
    fixed: Mapping[str, Json] | None = None,
    **renamed: str,
) -> Handler:
    """A `create`: one call with the named properties. `tags` is the operation's member for the stack's tags as well."""

    def create(it: Subject) -> Steps:
        request = {**(fixed or {}), **it.wanted(*properties.split(), **renamed)}
        if tags and it.all_tags():
            request[tags] = it.all_tags()
        answer = yield Call(operation, request)
        found = {name: _found(where, it, answer) for name, where in (attributes or {}).items()}
        return Made(str(_found(physical_id, it, answer)), found, None if ref is None else str(_found(ref, it, answer)))

    return create


def changing(operation: str, properties: str, identifier: str, **renamed: str) -> Handler:
    """An `update`: one call with the named properties; `identifier` is the member for the physical id."""

    def update(it: Subject) -> Steps:
        yield Call(operation, {**it.wanted(*properties.split(), **renamed), identifier: it.physical_id})
        return Made(it.physical_id, it.attributes)

    return update


def deleting(operation: str, identifier: str, **renamed: str) -> Deletion:
    """A `delete`: one call; `identifier` is the member for the physical id, the others are properties."""

    def delete(it: Subject) -> Generator[Call, Json, Made | None]:
        request: dict[str, Any] = it.wanted(**renamed)
        yield Call(operation, {**request, identifier: it.physical_id})
        return None

    return delete


def retag(
    it: Subject, arn: str, member: str = "ResourceArn", listing: str = "ListTagsForResource"
) -> Generator[Call, Json, None]:
    """Make a resource's tags those of the template and the stack.

    `member` is what the operations call its ARN, `listing` the one that tells its tags.
    """
    told = yield Call(listing, {member: arn})
    before, tags = _tags_of(told.get("Tags") or told.get("tags") or []), it.all_tags()
    stale = [key for key in before if key not in tags]
    if stale:
        yield Call("UntagResource", {member: arn, "TagKeys": stale})
    if tags and tags != before:
        yield Call("TagResource", {member: arn, "Tags": tags})


def _tags_of(told: Json) -> dict[str, str]:
    """What an operation tells of tags: a map, or pairs of Key and Value in the service's capitals."""
    if isinstance(told, list):
        pairs = cast(list[dict[str, str]], told)
        return tag_map([{name.capitalize(): value for name, value in pair.items()} for pair in pairs])
    return tag_map(told)


def without_change(it: Subject) -> Steps:
    """An `update` of a resource whose changed properties no operation is needed for."""
    return Made(it.physical_id, it.attributes)
    yield


def _found(where: Where, it: Subject, answer: Json) -> Json:
    if not isinstance(where, str):
        return where(it, answer)
    if where == "@name":
        return it.name
    if where == "@id":
        return it.physical_id
    if where.startswith("="):
        return it.name if where[1:] == it.named_by else it.properties.get(where[1:])
    value = answer
    for part in where.split("."):
        value = value[part]
    return value
