"""What a function's configuration may say: defaults, AWS's checks beyond its model, and what is refused by name.

Pure: from a request to the stored settings. Names, packages and places are decided elsewhere.
"""

from __future__ import annotations

import json
import re
from typing import Any

from emulator.aws.errors import NotEmulated
from emulator.services.lambda_.rules.errors import constraint, invalid_parameter

Settings = dict[str, Any]

LARGEST_ENVIRONMENT_BYTES = 4096
RUNTIMES = (
    "nodejs20.x, python3.14, provided.al2023, python3.12, python3.13, nodejs24.x, nodejs22.x, java25, python3.10, "
    "python3.11, java21, ruby3.3, ruby3.4, ruby3.2, python3.8, python3.9, java17, nodejs16.x, dotnet10, dotnet8, "
    "java11, dotnet6, nodejs18.x, provided.al2, java8.al2"
)
"""In the arbitrary order of AWS's error text [R:test_create_lambda_exceptions]."""
_RETIRED = (
    "java8 go1.x provided ruby2.5 ruby2.7 nodejs nodejs4.3 nodejs4.3-edge nodejs6.10 nodejs8.10 nodejs10.x nodejs12.x "
    "nodejs14.x python2.7 python3.6 python3.7 dotnetcore1.0 dotnetcore2.0 dotnetcore2.1 dotnetcore3.1 dotnet5.0"
)
RETIRED_RUNTIMES = frozenset(_RETIRED.split())
_RESERVED = (
    "_HANDLER _X_AMZN_TRACE_ID AWS_DEFAULT_REGION AWS_REGION AWS_EXECUTION_ENV AWS_LAMBDA_FUNCTION_NAME "
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE AWS_LAMBDA_FUNCTION_VERSION AWS_LAMBDA_INITIALIZATION_TYPE "
    "AWS_LAMBDA_LOG_GROUP_NAME AWS_LAMBDA_LOG_STREAM_NAME AWS_ACCESS_KEY AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY "
    "AWS_SESSION_TOKEN AWS_LAMBDA_RUNTIME_API LAMBDA_TASK_ROOT LAMBDA_RUNTIME_DIR"
)
RESERVED_KEYS = frozenset(_RESERVED.split())
ROLE_PATTERN = r"arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+"

_PYTHON = re.compile(r"python3\.([89]|[1-9]\d)", re.ASCII)
_RUNTIME_NAMES = frozenset(RUNTIMES.split(", "))
_ROLE = re.compile(ROLE_PATTERN, re.ASCII)
_SNAP_START = re.compile(r"java(1[1-9]|[2-9]\d)(\.al2023)?|python3\.(1[2-9]|[2-9]\d)|dotnet([89]|[1-9]\d)", re.ASCII)
_DEAD_LETTER_TARGET = re.compile(r"arn:aws[a-zA-Z-]*:(sqs|sns):[a-z0-9-]+:\d{12}:[a-zA-Z0-9_.\-]+", re.ASCII)
_KEY = re.compile(r"[a-zA-Z][a-zA-Z0-9_]+", re.ASCII)

MANAGED_INSTANCES = "managed instances: leave it out here (Fn::If), and the function runs as an ordinary one"
IMAGES = "functions from container images: give the code as a zip file or, with SAM, as a folder in CodeUri"
_ABSENT = {
    "PublishTo": MANAGED_INSTANCES,
    "FileSystemConfigs": "file systems: leave it out here (Fn::If); a function's /tmp is there",
    "ImageConfig": IMAGES,
    "TenancyConfig": "tenant isolation: leave it out here (Fn::If); environments then serve all tenants",
    "CapacityProviderConfig": MANAGED_INSTANCES,
    "DurableConfig": "durable functions: state machines, which are emulated, do what they do",
    "RuntimeConfig": "runtime configuration",
    "AcceleratorConfig": "accelerators",
}


def refuse_absent_features(operation: str, request: Settings) -> None:
    """Raise `NotEmulated` for members whose effect we do not have; empty values ask for nothing."""
    for member, feature in _ABSENT.items():
        if request.get(member):
            raise NotEmulated("lambda", f"{operation} with {member}", feature)
    if request.get("PackageType") == "Image":
        raise NotEmulated("lambda", f"{operation} with PackageType Image", IMAGES)


def new_configuration(request: Settings, name: str) -> Settings:
    """The settings of a new function, AWS's defaults filled in."""
    if not request.get("Runtime") or not request.get("Handler"):
        raise invalid_parameter(
            "Runtime and Handler are mandatory parameters for functions created with deployment packages."
        )
    base: Settings = {
        "Description": "",
        "Timeout": 3,
        "MemorySize": 128,
        "PackageType": "Zip",
        "Architectures": ["x86_64"],
        "EphemeralStorage": {"Size": 512},
        "TracingConfig": {"Mode": "PassThrough"},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{name}"},
    }
    return changed_configuration(base, request)


def changed_configuration(current: Settings, request: Settings) -> Settings:
    """`current` with the members that `request` names, checked."""
    result = dict(current)
    for member in ("Role", "Handler", "Description", "Runtime", "Timeout", "MemorySize", "Architectures"):
        if request.get(member) is not None:
            result[member] = request[member]
    for member in ("EphemeralStorage", "TracingConfig"):
        if request.get(member):
            result[member] = dict(request[member])
    if request.get("Environment") is not None:
        result["Environment"] = {"Variables": dict(request["Environment"].get("Variables") or {})}
    for member, path in (("DeadLetterConfig", "TargetArn"), ("KMSKeyArn", "")):
        _change_removable(result, request, member, path)
    if request.get("VpcConfig") is not None:
        result["VpcConfig"] = _network(request["VpcConfig"])
    if request.get("SnapStart"):
        result["SnapStart"] = {"ApplyOn": request["SnapStart"].get("ApplyOn") or "None", "OptimizationStatus": "Off"}
    if request.get("LoggingConfig"):
        result["LoggingConfig"] = _logging(result["LoggingConfig"], request["LoggingConfig"])
    _check(result)
    return result


def _change_removable(settings: Settings, request: Settings, member: str, path: str) -> None:
    """Take over a member that an empty value removes."""
    wanted = request.get(member)
    if wanted is None:
        return
    if wanted.get(path) if path else wanted:
        settings[member] = wanted
    else:
        settings.pop(member, None)


def _network(wanted: Settings) -> Settings:
    """A VPC config as it is shown; there is no network, so the subnets lead to no VPC."""
    return {
        "SubnetIds": list(wanted.get("SubnetIds") or []),
        "SecurityGroupIds": list(wanted.get("SecurityGroupIds") or []),
        "VpcId": "",
        "Ipv6AllowedForDualStack": bool(wanted.get("Ipv6AllowedForDualStack")),
    }


def _check(settings: Settings) -> None:
    if not _ROLE.fullmatch(settings.get("Role", "")):
        rule = f"Member must satisfy regular expression pattern: {ROLE_PATTERN}"
        raise constraint(settings.get("Role", ""), "role", rule)
    runtime = settings["Runtime"]
    if runtime in RETIRED_RUNTIMES:
        raise invalid_parameter(
            f"The runtime parameter of {runtime} is no longer supported for creating or updating AWS Lambda functions. "
            "We recommend you use a supported runtime while creating or updating functions."
        )
    if runtime not in _RUNTIME_NAMES and not _PYTHON.fullmatch(runtime):
        raise invalid_parameter(
            f"Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: "
            f"[{RUNTIMES}] or be a valid ARN"
        )
    _check_range("timeout", settings["Timeout"], 1, 900)
    if settings["MemorySize"] > 10240:
        raise invalid_parameter(
            "'MemorySize' value failed to satisfy constraint: Member must have value less than or equal to 10240"
        )
    _check_range("memorySize", settings["MemorySize"], 128, 10240)
    _check_range("ephemeralStorage.size", settings["EphemeralStorage"]["Size"], 512, 10240)
    architectures = settings["Architectures"]
    if len(architectures) != 1:
        shown = "[" + ", ".join(architectures) + "]"
        raise constraint(shown, "architectures", "Member must have length less than or equal to 1")
    if architectures[0] not in ("x86_64", "arm64"):
        rule = (
            "Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], "
            "Member must not be null]"
        )
        raise constraint(f"[{architectures[0]}]", "architectures", rule)
    if settings["SnapStart"]["ApplyOn"] == "PublishedVersions" and not _SNAP_START.fullmatch(runtime):
        raise invalid_parameter(f"{runtime} is not supported for SnapStart enabled functions.")
    if settings["SnapStart"]["ApplyOn"] == "PublishedVersions" and settings["EphemeralStorage"]["Size"] > 512:
        # [D: snapstart, limitations]; text unverified
        raise invalid_parameter("SnapStart does not support ephemeral storage greater than 512 MB.")
    _check_dead_letter_target(settings.get("DeadLetterConfig", {}).get("TargetArn"))
    _check_environment(settings.get("Environment", {}).get("Variables", {}))


def _check_range(member: str, value: int, low: int, high: int) -> None:
    if value < low:
        raise constraint(value, member, f"Member must have value greater than or equal to {low}")
    if value > high:
        raise constraint(value, member, f"Member must have value less than or equal to {high}")


def _check_dead_letter_target(arn: str | None) -> None:
    if arn is not None and not _DEAD_LETTER_TARGET.fullmatch(arn):
        raise invalid_parameter(f"The provided target ARN {arn} is not a queue or topic.")  # text unverified


def _check_environment(variables: dict[str, str]) -> None:
    refusal = "Lambda was unable to configure your environment variables because the environment variables you have "
    text = json.dumps(variables, separators=(",", ":"), ensure_ascii=False)
    if len(text.encode("utf-8", "surrogatepass")) > LARGEST_ENVIRONMENT_BYTES:
        raise invalid_parameter(f"{refusal}provided exceeded the 4KB limit. String measured: {text}")
    reserved = sorted(RESERVED_KEYS.intersection(variables))
    if reserved:
        raise invalid_parameter(
            f"{refusal}provided contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(reserved)}"
        )
    for key, value in variables.items():
        if not _KEY.fullmatch(key):
            rule = (
                "Map keys must satisfy constraint: [Member must satisfy regular expression pattern: "
                "[a-zA-Z]([a-zA-Z0-9_])+]"
            )
            raise constraint(f"{{{key}={value}}}", "environment.variables", rule)
        if "\0" in value:  # no process environment can hold it
            raise invalid_parameter(f"{refusal}provided contains a null character in {key}.")


def _logging(current: Settings, requested: Settings) -> Settings:
    """Merged; levels exist in JSON format only [R:test_advanced_logging_configuration_format_switch]."""
    result = {**current, **{key: value for key, value in requested.items() if value is not None}}
    if result["LogFormat"] == "JSON":
        result.setdefault("ApplicationLogLevel", "INFO")
        result.setdefault("SystemLogLevel", "INFO")
    elif requested.get("ApplicationLogLevel") or requested.get("SystemLogLevel"):
        raise invalid_parameter("To configure log levels, set LogFormat to JSON.")
    else:
        result.pop("ApplicationLogLevel", None)
        result.pop("SystemLogLevel", None)
    return result
