"""How CloudFormation is mounted: its tables, its job and its addresses at once, its parts when the first is needed."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from emulator.aws.http import HttpRequest, HttpResponse
from emulator.aws.service import Context, JobKind, LateService, Mounted
from emulator.jobs import Job
from emulator.services.cloudformation.bootstrap import Bootstrap
from emulator.services.cloudformation.declared import DEPLOY, READ_OPERATIONS, SCHEMA, UNANSWERED

if TYPE_CHECKING:
    from emulator.services.cloudformation.making import CloudFormation

STACKS_AT_ONCE = 8


class LateResponses:
    """Answers of custom resources: none comes before there is a stack."""

    guarded = False

    def __init__(self, made: Callable[[], CloudFormation]) -> None:
        self._made = made

    def match(self, host: str, path: str) -> Any | None:
        """Kind and place of an answer."""
        return self._made().responses.match(host, path) if path.startswith("/cloudformation-") else None

    async def handle(self, request: HttpRequest, match: Any) -> HttpResponse:
        """Keep an answer for the step that waits for it."""
        return await self._made().responses.handle(request, match)


def mount(context: Context) -> Mounted:
    """The service `cloudformation`."""
    Bootstrap(context.calls, context.supporting)

    @cache
    def made() -> CloudFormation:
        from emulator.services.cloudformation.making import CloudFormation

        return CloudFormation(context)

    async def deploy(job: Job) -> None:
        await made().worker.run(job)

    async def unanswered(job: Job) -> None:
        await made().silence.look(job)

    return Mounted(
        services=[LateService("cloudformation", context.store, READ_OPERATIONS, lambda: made().service)],
        schema=SCHEMA,
        jobs={
            DEPLOY: JobKind(deploy, lambda: STACKS_AT_ONCE),
            UNANSWERED: JobKind(unanswered, lambda: STACKS_AT_ONCE),
        },
        data_planes=[LateResponses(made)],
    )
