"""Deploy the sample application with ordinary AWS calls.

Decides which calls, and in which order. It knows no emulator: point boto3 at AWS, give a role, and the same calls
deploy the same application there.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SENDER = "reports@example.com"
STAGE = "prod"
FUNCTIONS = ("parse", "calculate", "summarise", "notify", "submit")
RUNTIME = "python3.13"
FUNCTION_TIMEOUT_SECONDS = 60

Client = Callable[[str], Any]
"""boto3's service name → a client."""


def sample_folder(name: str) -> Path:
    """`sample_functions` or `workflows`: beside the package in a checkout, inside it once installed."""
    package = Path(__file__).resolve().parent
    for parent in (package / "sample", package.parent.parent):
        if (parent / name).is_dir():
            return parent / name
    raise FileNotFoundError(f"the sample application ({name}/) is neither installed nor beside the package")


@dataclass(frozen=True, slots=True)
class Deployed:
    """Names of what was deployed."""

    api_id: str
    stage: str
    functions: Mapping[str, str]
    """Function ARN by name."""
    state_machine_arn: str
    sender: str


def deploy(client: Client, region: str = "us-east-1", role_arn: str | None = None, prefix: str = "report-") -> Deployed:
    """Deploy everything and return its names. `role_arn` is needed on AWS; the emulator checks no permissions."""
    role = role_arn or "arn:aws:iam::000000000000:role/report-application"
    client("sesv2").create_email_identity(EmailIdentity=SENDER)

    lambda_ = client("lambda")
    functions = {
        name: _create_function(lambda_, prefix, name, role) for name in FUNCTIONS if name != "submit"
    }  # submit is last: it is told the state machine's ARN

    state_machine_arn = client("stepfunctions").create_state_machine(
        name=f"{prefix}processing",
        roleArn=role,
        definition=substitute(
            (sample_folder("workflows") / "report_processing.asl.json").read_text(),
            {f"{name.capitalize()}FunctionArn": arn for name, arn in functions.items()} | {"SenderAddress": SENDER},
        ),
    )["stateMachineArn"]
    functions["submit"] = _create_function(lambda_, prefix, "submit", role, STATE_MACHINE_ARN=state_machine_arn)

    apigateway = client("apigateway")
    api_id = apigateway.import_rest_api(
        failOnWarnings=True, body=openapi({"AWS::Region": region, "SubmitFunction.Arn": functions["submit"]})
    )["id"]
    lambda_.add_permission(
        FunctionName=f"{prefix}submit",
        StatementId="reports-api",
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
        SourceArn=f"arn:aws:execute-api:{region}:{functions['submit'].split(':')[4]}:{api_id}/*/POST/*",
    )
    apigateway.create_deployment(restApiId=api_id, stageName=STAGE)
    return Deployed(api_id, STAGE, functions, state_machine_arn, SENDER)


def openapi(names: Mapping[str, str]) -> bytes:
    """The API's OpenAPI document, its `Fn::Sub` resolved with `names`, as JSON."""
    import yaml

    document = yaml.safe_load((sample_folder("sample_functions") / "openapi.yaml").read_text())
    return json.dumps(_resolve(document, names)).encode()


def report(recipient: str) -> dict[str, Any]:
    """The report that the demo submits: a public data set, see sample_functions/data/README.md."""
    return {
        "report_id": "US-2009Q3",
        "title": "United States, national accounts",
        "recipient": recipient,
        "csv": (sample_folder("sample_functions") / "data" / "us_national_accounts.csv").read_text(),
    }


def substitute(text: str, names: Mapping[str, str]) -> str:
    """Replace every `${Name}`. Raises KeyError for a name that is not given."""
    return re.sub(r"\$\{([^}]+)\}", lambda match: names[match.group(1)], text)


def _resolve(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        if set(value) == {"Fn::Sub"}:
            return substitute(value["Fn::Sub"], names)
        return {key: _resolve(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_resolve(item, names) for item in value]
    return value


def _create_function(lambda_: Any, prefix: str, name: str, role: str, **environment: str) -> str:
    return lambda_.create_function(
        FunctionName=prefix + name,
        Runtime=RUNTIME,
        Role=role,
        Handler="app.handler",
        Code={"ZipFile": package(sample_folder("sample_functions") / name)},
        Timeout=FUNCTION_TIMEOUT_SECONDS,
        MemorySize=256,
        Environment={"Variables": environment},
    )["FunctionArn"]


def package(folder: Path) -> bytes:
    """The deployment package of a handler's folder; the same bytes for the same files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*.py")):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), (1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())
    return buffer.getvalue()
