"""Lambda at the edge: its operations by AWS's names, and the headers of Invoke that no model states."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from emulator.aws.calls import TRACE_MEMBER
from emulator.aws.http import HttpRequest, HttpResponse
from emulator.aws.scope import Scope
from emulator.aws.service import Context, FrontDoorLimit, JobKind, Mounted, Service
from emulator.ports import Store
from emulator.services.lambda_ import store as tables
from emulator.services.lambda_ import store_layers, store_settings, store_states, store_urls, store_versions, trace
from emulator.services.lambda_.event_sources import store as event_source_store
from emulator.services.lambda_.event_sources.operations import EventSourceOperations
from emulator.services.lambda_.event_sources.polling import BATCH_JOB, POLL_JOB, Polling
from emulator.services.lambda_.event_sources.streams import store as stream_store
from emulator.services.lambda_.event_sources.streams.polling import StreamPolling
from emulator.services.lambda_.event_sources.streams.reading import StreamReader
from emulator.services.lambda_.event_sources.streams.settings import STREAM_SERVICES
from emulator.services.lambda_.event_sources.streams.worker import (
    STREAM_BATCH_JOB,
    STREAM_POLL_JOB,
    StreamWorker,
    mapping_of,
    role_of,
)
from emulator.services.lambda_.event_sources.worker import SourceWorker
from emulator.services.lambda_.lifecycle import LifecycleWorker
from emulator.services.lambda_.operations import LambdaOperations
from emulator.services.lambda_.operations.invoke import EVENT_JOB
from emulator.services.lambda_.operations.packages import BRINGS_CODE
from emulator.services.lambda_.operations.response_stream import STREAM_MEMBER
from emulator.services.lambda_.operations.state import CHANGE_JOB, PROVISION_JOB
from emulator.services.lambda_.rules.errors import invalid_content
from emulator.services.lambda_.telemetry import Telemetry
from emulator.services.lambda_.url_plane import FunctionUrlPlane
from emulator.services.lambda_.worker import HAND_OFF_JOB, EventWorker
from emulator.services.sqs.operations import SqsOperations

REQUEST_ID_MEMBER = "_request_id"
"""A member that no model has: the id of an invocation, which a client may choose."""
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

STORES = (
    tables,
    store_versions,
    store_layers,
    store_urls,
    store_settings,
    store_states,
    event_source_store,
    stream_store,
)
"""Whose tables are Lambda's."""
FRONT_DOOR_LIMITS = {
    "Invoke": FrontDoorLimit(10 * 1024 * 1024, 6291456, "InvokeFunction"),
    "CreateFunction": FrontDoorLimit(70167211, 70167211, "CreateFunction"),
    "PublishLayerVersion": FrontDoorLimit(70167211, 70167211, "PublishLayerVersion"),
    "UpdateFunctionCode": FrontDoorLimit(70167211, 70167211, "UpdateFunctionCode"),
}
"""Of Lambda's front end: lambda_invoke.md 1.3. How far above 6 MB it takes over from Lambda's own text is not recorded:
10 MB is our choice."""


class LambdaService(Service):
    """Passes the request id to Invoke, and fetches code before the transaction that stores it."""

    front_door_limits = FRONT_DOOR_LIMITS
    prepared = BRINGS_CODE | {"CreateEventSourceMapping"}

    def __init__(self, store: Store, lambda_: LambdaOperations, sources: EventSourceOperations) -> None:
        super().__init__("lambda", store, {**_table(lambda_), **_source_table(sources)})
        self._lambda = lambda_
        self._sources = sources
        self._invocations = {
            "Invoke": lambda_.invoke,
            "InvokeAsync": lambda_.invoke_async,
            "InvokeWithResponseStream": lambda_.invoke_with_response_stream,
        }
        self.offer_in_transaction("Invoke", lambda_.invoke_event)

    async def call(self, operation: str, scope: Scope, request: dict[str, Any], request_id: str) -> dict[str, Any]:
        invoke = self._invocations.get(operation)
        if invoke is not None:
            request_id = request.pop(REQUEST_ID_MEMBER, request_id)
            result = await invoke(scope, request, request_id=request_id)
            result[REQUEST_ID_MEMBER] = request_id
            return result
        if operation in self.prepared:
            request = await self.prefetch(operation, scope, request)
        return await super().call(operation, scope, request, request_id)

    async def prefetch(self, operation: str, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        if operation in BRINGS_CODE:
            return await self._lambda.with_code(operation, scope, request)
        return await self._sources.with_stream(request)

    def prepare(self, operation: str, request: HttpRequest, parameters: dict[str, Any]) -> None:
        """Take over the request id and the trace of an invocation from its headers."""
        if operation not in self._invocations:
            return
        request_id = request.header("x-amzn-requestid")
        if request_id:
            if not _UUID.fullmatch(request_id):
                raise invalid_content("The x-amzn-RequestId header is not a valid UUID string.")  # text unverified
            parameters[REQUEST_ID_MEMBER] = request_id.lower()
        parameters[TRACE_MEMBER] = request.header("x-amzn-trace-id")

    def finish(self, operation: str, result: dict[str, Any], response: HttpResponse) -> None:
        """Add the headers AWS sends with invocations (1.2); 202 and 204 carry no Content-Type."""
        if operation not in self._invocations:
            return
        response.stream = result.get(STREAM_MEMBER)
        headers: list[tuple[str, str]] = []
        typed = False
        for name, text in response.headers:
            if name == "x-amzn-RequestId":
                headers.append((name, result[REQUEST_ID_MEMBER]))
            elif name.lower() != "content-type":
                headers.append((name, text))
            elif response.status == 200:
                headers.append((name, text))
                typed = True
        if response.status == 200 and not typed:
            headers.append(("Content-Type", "application/json"))
        headers.append(("x-amzn-Remapped-Content-Length", "0"))
        trace_id: str = result.get(TRACE_MEMBER, "")
        if trace_id:
            headers.append(("X-Amzn-Trace-Id", trace_id if response.status == 200 else trace.short(trace_id)))
        response.headers = headers


def mount(context: Context, queues: SqsOperations) -> Mounted:
    """Build Lambda for `app.py`."""
    operations = LambdaOperations(
        context.store,
        context.clock,
        context.settings,
        context.runtime,
        context.base_url,
        context.supporting,
        Telemetry(context.logs, context.metrics),
    )
    worker = EventWorker(operations, context.calls)
    lifecycle = LifecycleWorker(operations)
    polling = Polling(queues, context.settings)
    streams = StreamPolling(context.calls, mapping_of, STREAM_POLL_JOB, STREAM_BATCH_JOB)
    sources = EventSourceOperations(operations, queues, polling, streams)
    source_worker = SourceWorker(operations, polling)
    stream_worker = StreamWorker(operations, streams, worker)
    stream_reader = StreamReader(context.store, context.clock, streams, partial(role_of, operations))
    for service in STREAM_SERVICES:
        context.supporting.surround(service, stream_reader.around(service))
    settings = context.settings

    async def start() -> None:
        await lifecycle.start()
        await stream_reader.start()

    return Mounted(
        services=[LambdaService(context.store, operations, sources)],
        schema="".join(part.SCHEMA for part in STORES),
        jobs={
            EVENT_JOB: JobKind(worker.deliver, limit=lambda: settings.async_concurrency),
            POLL_JOB: JobKind(source_worker.poll, limit=lambda: settings.event_source_concurrency),
            BATCH_JOB: JobKind(source_worker.run, limit=lambda: settings.event_source_concurrency),
            STREAM_POLL_JOB: JobKind(stream_reader.poll, limit=lambda: 4),
            STREAM_BATCH_JOB: JobKind(stream_worker.run, limit=lambda: settings.event_source_concurrency),
            HAND_OFF_JOB: JobKind(worker.hand_off, limit=lambda: 2),
            CHANGE_JOB: JobKind(lifecycle.complete_change, limit=lambda: 10),
            PROVISION_JOB: JobKind(lifecycle.provision, limit=lambda: 4),
        },
        operations=operations,
        data_planes=[FunctionUrlPlane(context, operations)],
        start=start,
    )


def _source_table(sources: EventSourceOperations) -> dict[str, Callable[..., Any]]:
    return {
        "CreateEventSourceMapping": sources.create_event_source_mapping,
        "GetEventSourceMapping": sources.get_event_source_mapping,
        "ListEventSourceMappings": sources.list_event_source_mappings,
        "UpdateEventSourceMapping": sources.update_event_source_mapping,
        "DeleteEventSourceMapping": sources.delete_event_source_mapping,
    }


def _table(lambda_: LambdaOperations) -> dict[str, Callable[..., Any]]:
    return {
        "CreateFunction": lambda_.create_function,
        "GetFunction": lambda_.get_function,
        "GetFunctionConfiguration": lambda_.get_function_configuration,
        "ListFunctions": lambda_.list_functions,
        "ListVersionsByFunction": lambda_.list_versions_by_function,
        "PublishVersion": lambda_.publish_version,
        "CreateAlias": lambda_.create_alias,
        "GetAlias": lambda_.get_alias,
        "ListAliases": lambda_.list_aliases,
        "UpdateAlias": lambda_.update_alias,
        "DeleteAlias": lambda_.delete_alias,
        "PutProvisionedConcurrencyConfig": lambda_.put_provisioned_concurrency_config,
        "GetProvisionedConcurrencyConfig": lambda_.get_provisioned_concurrency_config,
        "ListProvisionedConcurrencyConfigs": lambda_.list_provisioned_concurrency_configs,
        "DeleteProvisionedConcurrencyConfig": lambda_.delete_provisioned_concurrency_config,
        "UpdateFunctionCode": lambda_.update_function_code,
        "UpdateFunctionConfiguration": lambda_.update_function_configuration,
        "DeleteFunction": lambda_.delete_function,
        "GetAccountSettings": lambda_.get_account_settings,
        "Invoke": lambda_.invoke,
        "InvokeAsync": lambda_.invoke_async,
        "InvokeWithResponseStream": lambda_.invoke_with_response_stream,
        "PutFunctionEventInvokeConfig": lambda_.put_function_event_invoke_config,
        "UpdateFunctionEventInvokeConfig": lambda_.update_function_event_invoke_config,
        "GetFunctionEventInvokeConfig": lambda_.get_function_event_invoke_config,
        "DeleteFunctionEventInvokeConfig": lambda_.delete_function_event_invoke_config,
        "ListFunctionEventInvokeConfigs": lambda_.list_function_event_invoke_configs,
        "AddPermission": lambda_.add_permission,
        "RemovePermission": lambda_.remove_permission,
        "GetPolicy": lambda_.get_policy,
        "PutResourcePolicy": lambda_.put_resource_policy,
        "GetResourcePolicy": lambda_.get_resource_policy,
        "DeleteResourcePolicy": lambda_.delete_resource_policy,
        "PutFunctionConcurrency": lambda_.put_function_concurrency,
        "GetFunctionConcurrency": lambda_.get_function_concurrency,
        "DeleteFunctionConcurrency": lambda_.delete_function_concurrency,
        "ListTags": lambda_.list_tags,
        "TagResource": lambda_.tag_resource,
        "UntagResource": lambda_.untag_resource,
        "CreateFunctionUrlConfig": lambda_.create_function_url_config,
        "GetFunctionUrlConfig": lambda_.get_function_url_config,
        "UpdateFunctionUrlConfig": lambda_.update_function_url_config,
        "DeleteFunctionUrlConfig": lambda_.delete_function_url_config,
        "ListFunctionUrlConfigs": lambda_.list_function_url_configs,
        "CreateCodeSigningConfig": lambda_.create_code_signing_config,
        "GetCodeSigningConfig": lambda_.get_code_signing_config,
        "UpdateCodeSigningConfig": lambda_.update_code_signing_config,
        "DeleteCodeSigningConfig": lambda_.delete_code_signing_config,
        "ListCodeSigningConfigs": lambda_.list_code_signing_configs,
        "PutFunctionCodeSigningConfig": lambda_.put_function_code_signing_config,
        "GetFunctionCodeSigningConfig": lambda_.get_function_code_signing_config,
        "DeleteFunctionCodeSigningConfig": lambda_.delete_function_code_signing_config,
        "ListFunctionsByCodeSigningConfig": lambda_.list_functions_by_code_signing_config,
        "PutFunctionRecursionConfig": lambda_.put_function_recursion_config,
        "GetFunctionRecursionConfig": lambda_.get_function_recursion_config,
        "PutRuntimeManagementConfig": lambda_.put_runtime_management_config,
        "GetRuntimeManagementConfig": lambda_.get_runtime_management_config,
        "PublishLayerVersion": lambda_.publish_layer_version,
        "GetLayerVersion": lambda_.get_layer_version,
        "GetLayerVersionByArn": lambda_.get_layer_version_by_arn,
        "ListLayerVersions": lambda_.list_layer_versions,
        "ListLayers": lambda_.list_layers,
        "DeleteLayerVersion": lambda_.delete_layer_version,
        "AddLayerVersionPermission": lambda_.add_layer_version_permission,
        "RemoveLayerVersionPermission": lambda_.remove_layer_version_permission,
        "GetLayerVersionPolicy": lambda_.get_layer_version_policy,
    }
