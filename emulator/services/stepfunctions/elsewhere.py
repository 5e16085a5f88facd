"""Optimised integrations of services that the emulator has not: `glue:startJobRun.sync`, `ecs:runTask`, …

Decides which there are and what their parameters are called, so that a machine that names them can be deployed and run
with mocks [D:integrate-optimized and the page of each service]. Nothing is called: without a mock such a task fails.
Parameters that AWS lists only partly are those of the service's own operation here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .asl.tasks import CALLBACK

SYNC = ".sync"
_CLUSTER = ("ClusterName", "CertificateAuthority", "Endpoint")
_RESOURCE = re.compile(r"arn:aws[a-z-]*:states:::([a-z-]+):([a-zA-Z]+)((?:\.[A-Za-z]+)?)")


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """One `states:::service:action` whose service is not here."""

    service: str
    """botocore's name."""
    operation: str
    """botocore's name; empty if no operation has the integration's parameters."""
    patterns: tuple[str, ...] = ("",)
    members: tuple[str, ...] = ()
    """Parameters besides those of the operation."""
    required: tuple[str, ...] = ()
    """Members that must be there besides those that the operation requires."""
    without: tuple[str, ...] = ()
    """Parameters of the operation that the integration has not."""


def _of(service: str, sync: str, at_once: str = "") -> dict[str, Elsewhere]:
    """Actions that are operations of the same name; those of `sync` can be waited for."""
    waiting = {name: Elsewhere(service, name[0].upper() + name[1:], ("", SYNC)) for name in sync.split()}
    return waiting | {name: Elsewhere(service, name[0].upper() + name[1:]) for name in at_once.split()}


_SERVICES: dict[str, dict[str, Elsewhere]] = {
    "athena": _of("athena", "startQueryExecution", "stopQueryExecution getQueryExecution getQueryResults"),
    "batch": _of("batch", "submitJob"),
    "bedrock": {
        "createModelCustomizationJob": Elsewhere("bedrock", "CreateModelCustomizationJob", ("", SYNC)),
        # AWS says of the service that it supports callbacks, and not of which action (unverified).
        "invokeModel": Elsewhere("bedrock-runtime", "InvokeModel", ("", CALLBACK), ("Input", "Output")),
    },
    "codebuild": _of(
        "codebuild",
        "startBuild startBuildBatch retryBuildBatch",
        "stopBuild batchDeleteBuilds batchGetReports stopBuildBatch deleteBuildBatch",
    ),
    "databrew": _of("databrew", "startJobRun"),
    "ecs": {"runTask": Elsewhere("ecs", "RunTask", ("", SYNC, CALLBACK))},
    "eks": {
        **_of("eks", "createCluster deleteCluster createFargateProfile deleteFargateProfile createNodegroup "
                     "deleteNodegroup"),
        # That these two are what the service supports callbacks of is unverified.
        "runJob": Elsewhere("eks", "", ("", SYNC, CALLBACK), (*_CLUSTER, "Namespace", "Job", "LogOptions"),
                            (*_CLUSTER, "Job")),
        "call": Elsewhere("eks", "", ("", CALLBACK), (*_CLUSTER, "Method", "Path", "QueryParameters", "RequestBody"),
                          (*_CLUSTER, "Method", "Path")),
    },
    "elasticmapreduce": {
        "createCluster": Elsewhere("emr", "RunJobFlow", ("", SYNC), without=("Steps",)),
        "setClusterTerminationProtection": Elsewhere("emr", "", ("",), ("ClusterId", "TerminationProtected"),
                                                     ("ClusterId", "TerminationProtected")),
        "terminateCluster": Elsewhere("emr", "", ("", SYNC), ("ClusterId",), ("ClusterId",)),
        "addStep": Elsewhere("emr", "", ("", SYNC), ("ClusterId", "Step", "ExecutionRoleArn"), ("ClusterId", "Step")),
        "cancelStep": Elsewhere("emr", "", ("",), ("ClusterId", "StepId", "StepCancellationOption"),
                                ("ClusterId", "StepId")),
        "modifyInstanceFleetByName": Elsewhere("emr", "", ("",), ("ClusterId", "InstanceFleetName", "InstanceFleet"),
                                               ("ClusterId", "InstanceFleetName", "InstanceFleet")),
        "modifyInstanceGroupByName": Elsewhere("emr", "", ("",), ("ClusterId", "InstanceGroupName", "InstanceGroup"),
                                               ("ClusterId", "InstanceGroupName", "InstanceGroup")),
    },
    "emr-containers": _of("emr-containers", "deleteVirtualCluster startJobRun", "createVirtualCluster"),
    "emr-serverless": _of(
        "emr-serverless",
        "createApplication startApplication stopApplication deleteApplication startJobRun cancelJobRun",
    ),
    "glue": _of("glue", "startJobRun"),
    "mediaconvert": _of("mediaconvert", "createJob"),
    "sagemaker": _of(
        "sagemaker",
        "createHyperParameterTuningJob createLabelingJob createProcessingJob createTrainingJob createTransformJob",
        "createEndpoint createEndpointConfig createModel updateEndpoint",
    ),
}  # fmt: skip


def find(resource: str) -> Elsewhere | None:
    """The integration that a Resource names; None if AWS has none of that name and pattern, or the emulator has it."""
    match = _RESOURCE.fullmatch(resource)
    entry = _SERVICES.get(match[1], {}).get(match[2]) if match else None
    return entry if match is not None and entry is not None and match[3] in entry.patterns else None
