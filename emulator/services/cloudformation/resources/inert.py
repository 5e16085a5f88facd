"""The row of resources whose type is not emulated, for those who asked that such be skipped: nothing happens."""

from __future__ import annotations

from collections.abc import Generator

from emulator.ports import Json
from emulator.services.cloudformation.resources.types import Call, Made, ResourceType, Steps, Subject


def _make(it: Subject) -> Steps:
    return Made(it.physical_id or it.name)
    yield


def _delete(it: Subject) -> Generator[Call, Json, Made | None]:
    return None
    yield


INERT = ResourceType(name="", service="", properties=None, create=_make, update=_make, delete=_delete)
