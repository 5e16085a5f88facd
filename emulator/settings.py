"""Settings: fixed ones chosen at start (`Settings`) and live ones changeable while running (`LiveSettings`).

Every field is documented here, once; `GET /_emulator/settings` and docs/ read the same texts.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from emulator.faults import BadPlan, FaultPlan

PYTHON_VARIABLES = "EMULATOR_PYTHON_3_"
LATEST_START = 32_503_680_000.0
"""The year 3000: later times do not fit into every date that AWS's answers carry."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Chosen at start, by the command line or by `EMULATOR_*` variables."""

    host: str = "127.0.0.1"
    port: int = 4566
    data: Path | None = Path(".emulator")
    """Data directory; None keeps everything in memory (`--ephemeral`)."""
    region: str = "us-east-1"
    frozen: bool = False
    """Start with AWS time frozen."""
    start_at: float | None = None
    """Epoch seconds at which a frozen clock starts; None is the host's time."""
    smtp: str | None = None
    """host:port of a mail server that receives a copy of every message."""
    smtp_port: int | None = None
    """Port of the SMTP interface of SES; 0 takes a free one, None is off."""
    smtp_certificate: Path | None = None
    """PEM file with certificate and key, by which the SMTP interface offers STARTTLS."""
    fsync: bool = False
    """Survive power loss too, not only a killed process: fsync each group of commits."""
    allowed_hosts: tuple[str, ...] = ()
    """Further `Host` names that may reach the control planes."""
    cognito_jwks: str = ""
    """The public keys of Cognito user pools: a JWKS document, or a URL in which `{region}` and `{pool}` are filled in.

    The variable names a file or a URL.
    """
    private_integrations: tuple[str, ...] = ()
    """Where private integrations of HTTP APIs lead: `ARN=URL`, in whose ARN `*` may stand for anything."""
    debug: tuple[str, ...] = ()
    """Python functions that wait for a debugger: `FUNCTION` or `FUNCTION:PORT`."""
    pythons: dict[str, str] = field(default_factory=dict[str, str])
    """Interpreters of functions by version, from `EMULATOR_PYTHON_3_12=/path` and the like; else from PATH."""
    sfn_mock_config: Path | None = None
    """Mock configuration file of Step Functions Local; `SFN_MOCK_CONFIG`, its own variable, names it too."""
    sfn_coverage: bool = False
    """Count which states, choices, retriers and catchers of state machines are taken."""
    faults: str = ""
    """A fault plan in JSON, in force from the start. The variable names a file."""
    seed: int | None = None
    """Seed for ids and random numbers; None is truly random."""

    @staticmethod
    def from_environment(**overrides: Any) -> Settings:
        """Settings from `EMULATOR_*`, each overridden by a keyword that is not None.

        Raises ValueError, naming variable and value, for one that cannot be read.
        """
        values: dict[str, Any] = {}
        environment = os.environ
        pythons = {
            f"3.{name.removeprefix(PYTHON_VARIABLES)}": value
            for name, value in environment.items()
            if name.startswith(PYTHON_VARIABLES) and value
        }
        if pythons:
            values["pythons"] = pythons
        for item in fields(Settings):
            variable = "EMULATOR_" + item.name.upper()
            text = environment.get(variable)
            if text is None and item.name in _OTHER_NAMES:
                variable = _OTHER_NAMES[item.name]
                text = environment.get(variable)
            if text is None or item.name == "pythons":
                continue
            try:
                values[item.name] = _READ.get(item.name, str)(text)
            except ValueError as error:
                raise ValueError(f"{variable}={text}: {error}") from None
        values.update({name: value for name, value in overrides.items() if value is not None})
        return Settings(**values)


def _truth(text: str) -> bool:
    word = text.strip().lower()
    if word in ("1", "true", "yes", "on"):
        return True
    if word in ("", "0", "false", "no", "off"):
        return False
    raise ValueError("is neither true nor false (1, true, yes, on; 0, false, no, off)")


def _whole_number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError("is no whole number") from None


def _port(text: str) -> int:
    number = _whole_number(text)
    if not 0 <= number <= 65535:
        raise ValueError("is no port: ports are 0 to 65535")
    return number


def _region(text: str) -> str:
    if re.fullmatch(r"[a-z0-9-]+", text) is None:
        raise ValueError("is no region, such as us-east-1")
    return text


def _moment(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number <= LATEST_START:
        raise ValueError(f"is no time in epoch seconds, 0 to {LATEST_START:.0f}")
    return number


def _words(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


_OTHER_NAMES = {"sfn_mock_config": "SFN_MOCK_CONFIG"}
"""Variables of other tools that mean a setting of ours."""


def _keys(text: str) -> str:
    """A URL as it is, the text of a file."""
    if not text or text.startswith(("http://", "https://")):
        return text
    try:
        return Path(text).read_text()
    except (OSError, UnicodeDecodeError) as problem:
        raise ValueError(f"cannot be read: {problem}") from None


def _plan(text: str) -> str:
    """The text of a file with a fault plan."""
    try:
        found = Path(text).read_text()
        FaultPlan.from_text(found)
    except (OSError, UnicodeDecodeError, BadPlan) as problem:
        raise ValueError(f"is no fault plan: {problem}") from None
    return found


_READ: dict[str, Callable[[str], Any]] = {
    "port": _port,
    "smtp_port": lambda text: _port(text) if text else None,
    "smtp_certificate": lambda text: Path(text) if text else None,
    "region": _region,
    "data": lambda text: Path(text) if text else None,
    "sfn_mock_config": lambda text: Path(text) if text else None,
    "sfn_coverage": _truth,
    "fsync": _truth,
    "frozen": _truth,
    "allowed_hosts": _words,
    "debug": _words,
    "private_integrations": _words,
    "cognito_jwks": _keys,
    "faults": lambda text: _plan(text) if text else "",
    "seed": _whole_number,
    "start_at": _moment,
}
"""How the text of a variable becomes a value; text is what it is where none is named. They raise ValueError."""


def _live(default: Any, text: str, low: float = 0, high: float = 1e9) -> Any:
    return field(default=default, metadata={"text": text, "low": low, "high": high})


@dataclass(slots=True)
class LiveSettings:
    """Limits and delays that a user may want shorter than AWS's; `PUT /_emulator/settings` changes them."""

    async_first_retry_delay_seconds: float = _live(60.0, "Wait before the first retry of a failed asynchronous event.")
    async_second_retry_delay_seconds: float = _live(120.0, "Wait before the second retry of a failed event.")
    throttle_backoff_first_seconds: float = _live(1.0, "First wait of a throttled asynchronous event; doubles.")
    throttle_backoff_max_seconds: float = _live(300.0, "Longest wait of a throttled asynchronous event.")
    maximum_event_age_seconds: float = _live(21600.0, "Age limit of an event whose function configures none.", 1)
    function_change_seconds: float = _live(
        0.0, "How long a function stays Pending or InProgress, and provisioning IN_PROGRESS; AWS: seconds.", 0, 86400
    )
    account_concurrency: int = _live(1000, "Concurrent executions of an account and region; more is throttled.", 0)
    code_storage_bytes: int = _live(
        80_530_636_800, "Code that functions, versions and layers of an account and region may have.", 0, 1e12
    )
    response_stream_bytes: int = _live(
        200 * 1024 * 1024, "Largest response that a function may stream; AWS's quota is 200 MB.", 1
    )
    async_concurrency: int = _live(
        10, "Events run at a time on this machine; twice as many if a function would wait.", 1, 1000
    )
    event_source_concurrency: int = _live(
        10, "Batches of event source mappings that run at the same time on this machine.", 1, 1000
    )
    deleted_queue_name_seconds: float = _live(60.0, "How long the name of a deleted SQS queue cannot be used again.", 0)
    sqs_messages_in_flight: int = _live(
        120_000, "Messages of a standard SQS queue that may be in flight before ReceiveMessage is refused.", 1
    )
    s3_checks_policies: bool = _live(
        True, "A function, queue or topic must let S3 in before a bucket can notify it, as on AWS."
    )
    provisioned_environments: int = _live(
        10, "Environments that provisioned concurrency really starts ahead on this machine; more start when used.", 0
    )
    environment_idle_seconds: float = _live(300.0, "Host seconds a warm execution environment is kept unused.", 0)
    private_tmp: bool = _live(
        False, "A packaged function's /tmp is its environment's own, as on AWS; false: it is this machine's."
    )
    hot_reload_keep_last_good: bool = _live(
        False, "While edited code of a function's folder cannot be loaded, the code before it still answers."
    )
    init_timeout_seconds: float = _live(10.0, "Limit of the init phase of an execution environment.", 0.1)
    default_integration_timeout_seconds: float = _live(
        29.0, "API Gateway's timeout of an integration that sets none.", 0.05
    )
    max_integration_timeout_seconds: float = _live(
        29.0, "Largest timeoutInMillis that PutIntegration accepts.", 0.05, 900
    )
    edge_apis: int = _live(120, "Edge-optimized REST APIs that an account and region may have.", 0)
    regional_apis: int = _live(
        600, "Regional REST APIs of an account and region, and so many HTTP and WebSocket APIs.", 0
    )
    api_resources: int = _live(300, "Resources that a REST API may have, its root among them.", 1)
    api_stages: int = _live(10, "Stages that an API may have.", 0)
    api_authorizers: int = _live(10, "Authorizers that an API may have.", 0)
    api_routes: int = _live(300, "Routes that an HTTP or WebSocket API may have.", 0)
    api_integrations: int = _live(300, "Integrations that an HTTP or WebSocket API may have.", 0)
    api_keys: int = _live(10_000, "API keys that an account and region may have.", 0)
    usage_plans: int = _live(300, "Usage plans that an account and region may have.", 0)
    usage_plans_of_key: int = _live(10, "Usage plans that an API key may be in.", 0)
    documentation_parts: int = _live(2000, "Documentation parts that a REST API may have.", 0)
    client_certificates: int = _live(60, "Client certificates that an account and region may have.", 0)
    routing_rules: int = _live(50, "Routing rules that a custom domain name may have.", 0)
    custom_domain_names: int = _live(120, "Public custom domain names that an account and region may have.", 0)
    skip_unknown_resources: bool = _live(
        False, "Resources of types that CloudFormation does not emulate are inert, instead of a refused template."
    )
    custom_resources_fail_early: bool = _live(
        True, "A custom resource fails once its function has ended without an answer; AWS waits until its time is over."
    )
    kept_requests: int = _live(
        200, "Requests to deployed APIs whose steps `GET /_emulator/requests` can still show.", 0, 10_000
    )
    task_concurrency: int = _live(64, "Steps of state machines that run at the same time on this machine.", 1, 10000)
    state_machines: int = _live(100_000, "State machines that an account and region may have.", 0)
    activities: int = _live(100_000, "Activities that an account and region may have.", 0)
    open_executions: int = _live(1_000_000, "Standard executions of an account and region that may run at once.", 0)
    open_map_runs: int = _live(1000, "Map runs of an account and region that may be open; more wait.", 1)
    event_chain_limit: int = _live(
        1000, "Invocations after which an event put by their chain matches no EventBridge rule any more.", 1, 32767
    )
    ses_auto_verify: bool = _live(True, "A created identity is verified at once; false leaves it pending.")
    ses_sandbox: bool = _live(False, "Recipients must be verified too, as in SES's sandbox.")
    ses_daily_quota: int = _live(50_000, "Recipients of 24 hours that SES's quota allows, outside of its sandbox.", 0)
    ses_send_rate: int = _live(14, "Recipients a second that SES's quota allows, outside of its sandbox.", 1)
    ses_enforce_quotas: bool = _live(False, "Who exceeds SES's quotas is throttled; false only reports them.")

    def describe(self) -> dict[str, dict[str, Any]]:
        """Each setting's value, default and meaning."""
        return {
            item.name: {
                "value": getattr(self, item.name),
                "default": item.default,
                "description": item.metadata["text"],
            }
            for item in fields(self)
        }

    def change(self, values: dict[str, Any]) -> None:
        """Set several at once. Raises ValueError, naming the problem, and then changes nothing."""
        known = {item.name: item for item in fields(self)}
        for name, value in values.items():
            item = known.get(name)
            if item is None:
                raise ValueError(f"unknown setting {name!r}; known are: {', '.join(sorted(known))}")
            if isinstance(item.default, bool):
                if not isinstance(value, bool):
                    raise ValueError(f"{name} must be true or false")
            elif isinstance(value, bool) or not isinstance(value, (int, float)):
                raise ValueError(f"{name} must be a number")
            elif not item.metadata["low"] <= value <= item.metadata["high"]:
                raise ValueError(f"{name} must be between {item.metadata['low']:g} and {item.metadata['high']:g}")
            elif isinstance(item.default, int) and not float(value).is_integer():
                raise ValueError(f"{name} must be a whole number")
        for name, value in values.items():
            default = known[name].default
            setattr(self, name, value if isinstance(default, bool) else type(default)(value))

    def restore_defaults(self) -> None:
        """Back to AWS's values."""
        for item in fields(self):
            setattr(self, item.name, item.default)
