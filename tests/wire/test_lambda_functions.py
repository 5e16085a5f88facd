"""Functions: what Create, Get, Update, List and Delete answer, against TestLambdaFunction and other recordings."""

from __future__ import annotations

import io
import json
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator
from tests.wire.lambda_support import ARN, ROLE, create, error_of, members_of, package, saying, without_metadata

REFUSED = "InvalidParameterValueException", 400
NAME_PATTERN = (
    r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?"
    r"(function:)?([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"
)
NEW_NAME_PATTERN = NAME_PATTERN.replace(r"-_\.]", "-_]").replace(r"(\.PUBLISHED)?", "")
PLACE = "arn:aws:lambda:us-east-1:000000000000:function"


@pytest.fixture
def client(emulator: RunningEmulator) -> Any:
    return emulator.client("lambda")


@pytest.fixture
def lenient(emulator: RunningEmulator) -> Any:
    """A client that sends what its own model refuses."""
    return emulator.client("lambda", config=Config(retries={"total_max_attempts": 1}, parameter_validation=False))


def validation(*problems: str) -> tuple[str, int, str]:
    noun = "error" if len(problems) == 1 else "errors"
    return ("ValidationException", 400, f"{len(problems)} validation {noun} detected: " + "; ".join(problems))


def broken(value: str, member: str, rule: str) -> str:
    return f"Value '{value}' at '{member}' failed to satisfy constraint: {rule}"


# ── what is answered ────────────────────────────────────────────────────────────────────────────


def test_a_function_shows_every_member_that_aws_shows(client: Any) -> None:
    created = create(client, Environment={"Variables": {}}, MemorySize=256, Timeout=5)
    assert created["ResponseMetadata"]["HTTPStatusCode"] == 201
    configuration = {
        "Architectures": ["x86_64"],
        "CodeSha256": created["CodeSha256"],
        "CodeSize": len(saying("one")),
        "Description": "",
        "Environment": {"Variables": {}},
        "EphemeralStorage": {"Size": 512},
        "FunctionArn": ARN,
        "FunctionName": "f",
        "Handler": "app.handler",
        "LastModified": created["LastModified"],
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": "/aws/lambda/f"},
        "MemorySize": 256,
        "PackageType": "Zip",
        "Role": ROLE,
        "Runtime": "python3.12",
        "RuntimeVersionConfig": created["RuntimeVersionConfig"],
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "Timeout": 5,
        "TracingConfig": {"Mode": "PassThrough"},
        "Version": "$LATEST",
    }
    assert without_metadata(created) == {
        **configuration,
        "RevisionId": created["RevisionId"],
        "State": "Pending",
        "StateReason": "The function is being created.",
        "StateReasonCode": "Creating",
    }
    found = client.get_function(FunctionName="f")
    active = {
        **configuration,
        "RevisionId": found["Configuration"]["RevisionId"],
        "State": "Active",
        "LastUpdateStatus": "Successful",
    }
    assert found["Configuration"] == active
    assert set(without_metadata(found)) == {"Configuration", "Code"}
    assert set(found["Code"]) == {"Location", "RepositoryType"}
    assert active["RevisionId"] != created["RevisionId"]
    assert without_metadata(client.get_function_configuration(FunctionName="f")) == active

    updated = client.update_function_configuration(FunctionName="f", Description="d", Runtime="python3.11")
    assert without_metadata(updated) == {
        **active,
        "Description": "d",
        "Runtime": "python3.11",
        "RuntimeVersionConfig": updated["RuntimeVersionConfig"],
        "LastModified": updated["LastModified"],
        "RevisionId": updated["RevisionId"],
        "LastUpdateStatus": "InProgress",
        "LastUpdateStatusReason": "The function is being created.",
        "LastUpdateStatusReasonCode": "Creating",
    }
    assert updated["RuntimeVersionConfig"] != created["RuntimeVersionConfig"]
    settled = client.get_function_configuration(FunctionName="f")
    assert settled["LastUpdateStatus"] == "Successful"
    assert "LastUpdateStatusReason" not in settled
    assert len({created["RevisionId"], active["RevisionId"], updated["RevisionId"], settled["RevisionId"]}) == 4
    again = client.update_function_configuration(FunctionName="f", Description="d")
    assert again["RevisionId"] != settled["RevisionId"], "a redundant update is an update"

    deleted = client.delete_function(FunctionName="f")
    assert (deleted["ResponseMetadata"]["HTTPStatusCode"], deleted["StatusCode"]) == (204, 204)
    missing = ("ResourceNotFoundException", 404, f"Function not found: {ARN}")
    assert error_of(lambda: client.delete_function(FunctionName="f")) == missing


def test_environment_is_shown_only_if_it_was_given(client: Any) -> None:
    assert "Environment" not in create(client)


def test_the_waiters_of_the_sdk_are_content(client: Any) -> None:
    create(client, Publish=True)
    for waiter, names in (
        ("function_active_v2", {}),
        ("function_updated_v2", {}),
        ("function_exists", {}),
        ("published_version_active", {"Qualifier": "1"}),
    ):
        client.get_waiter(waiter).wait(FunctionName="f", WaiterConfig={"Delay": 0, "MaxAttempts": 1}, **names)


def test_lists_have_no_state_and_show_versions_on_demand(client: Any) -> None:
    create(client, "a", Publish=True)
    create(client, "b")
    default = client.list_functions()["Functions"]
    assert [item["FunctionArn"] for item in default] == [f"{PLACE}:a", f"{PLACE}:b"]
    assert not {"State", "LastUpdateStatus", "RuntimeVersionConfig"}.intersection(default[0])
    every = client.list_functions(FunctionVersion="ALL")["Functions"]
    assert [item["FunctionArn"] for item in every] == [f"{PLACE}:a:$LATEST", f"{PLACE}:a:1", f"{PLACE}:b:$LATEST"]
    assert [item["Version"] for item in every] == ["$LATEST", "1", "$LATEST"]
    assert error_of(lambda: client.list_functions(FunctionVersion="invalid")) == validation(
        broken("invalid", "functionVersion", "Member must satisfy enum value set: [ALL]")
    )
    assert client.list_functions(MasterRegion="eu-west-1", FunctionVersion="ALL")["Functions"] == []
    assert error_of(lambda: client.list_functions(Marker="invented!"))[:2] == REFUSED


def test_pages_hold_fifty_items_however_many_are_asked_for(client: Any) -> None:
    names = [f"f{number:03d}" for number in range(53)]
    for name in names:
        create(client, name)
    first = client.list_functions(MaxItems=10000)
    assert len(first["Functions"]) == 50
    rest = client.list_functions(Marker=first["NextMarker"])
    assert [item["FunctionName"] for item in [*first["Functions"], *rest["Functions"]]] == names
    assert "NextMarker" not in rest


def test_a_stale_revision_changes_nothing(client: Any) -> None:
    stale = create(client)["RevisionId"]
    expected = (
        "PreconditionFailedException",
        412,
        "The Revision Id provided does not match the latest Revision Id. "
        "Call the GetFunction/GetAlias API to retrieve the latest Revision Id",
    )
    before = without_metadata(client.get_function_configuration(FunctionName="f"))
    assert error_of(lambda: client.update_function_code(FunctionName="f", ZipFile=saying("x"), RevisionId=stale)) == (
        expected
    )
    assert error_of(lambda: client.update_function_configuration(FunctionName="f", RevisionId=stale)) == expected
    assert without_metadata(client.get_function_configuration(FunctionName="f")) == before
    client.update_function_code(FunctionName="f", ZipFile=saying("x"), RevisionId=before["RevisionId"])


def test_a_dry_run_checks_an_update_and_makes_none(client: Any) -> None:
    create(client)
    answer = client.update_function_code(FunctionName="f", ZipFile=saying("x"), DryRun=True)
    assert answer["CodeSha256"] != client.get_function_configuration(FunctionName="f")["CodeSha256"]


# ── configuration ───────────────────────────────────────────────────────────────────────────────


def test_logging_can_be_switched_to_json_and_back(client: Any) -> None:
    created = create(client, LoggingConfig={"LogFormat": "JSON"})
    levels = {"ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO"}
    json_format = {"LogFormat": "JSON", "LogGroup": "/aws/lambda/f", **levels}
    assert created["LoggingConfig"] == json_format

    def update(**logging: str) -> dict[str, Any]:
        return client.update_function_configuration(FunctionName="f", LoggingConfig=logging)["LoggingConfig"]

    assert update(LogGroup="cool_lambda") == {**json_format, "LogGroup": "cool_lambda"}
    assert update(ApplicationLogLevel="DEBUG")["ApplicationLogLevel"] == "DEBUG"
    assert update(LogFormat="Text") == {"LogFormat": "Text", "LogGroup": "cool_lambda"}
    assert update(LogFormat="JSON", SystemLogLevel="DEBUG") == {
        "LogFormat": "JSON",
        "LogGroup": "cool_lambda",
        "ApplicationLogLevel": "INFO",
        "SystemLogLevel": "DEBUG",
    }
    assert client.get_function_configuration(FunctionName="f")["LoggingConfig"]["SystemLogLevel"] == "DEBUG"


def test_a_network_is_kept_and_shown(client: Any) -> None:
    wanted = {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    shown = {**wanted, "VpcId": "", "Ipv6AllowedForDualStack": False}
    assert create(client, VpcConfig=wanted)["VpcConfig"] == shown
    assert client.get_function_configuration(FunctionName="f")["VpcConfig"] == shown
    empty = {"SubnetIds": [], "SecurityGroupIds": []}
    left = client.update_function_configuration(FunctionName="f", VpcConfig=empty)
    assert left["VpcConfig"] == {**shown, **empty}
    assert error_of(
        lambda: create(client, "g", VpcConfig={"SubnetIds": ["bad-1"], "SecurityGroupIds": []})
    ) == validation(
        broken(
            "[bad-1]",
            "vpcConfig.subnetIds",
            "Member must satisfy constraint: [Member must have length less than or equal to 1024, Member must have "
            "length greater than or equal to 0, Member must satisfy regular expression pattern: subnet-[0-9a-z]*]",
        )
    )


def test_a_dead_letter_target_is_shown_and_its_removal_still_shows_it_once(client: Any) -> None:
    target = {"TargetArn": "arn:aws:sqs:us-east-1:000000000000:dead"}
    assert create(client, DeadLetterConfig=target)["DeadLetterConfig"] == target
    assert client.get_function_configuration(FunctionName="f")["DeadLetterConfig"] == target
    removal = client.update_function_configuration(FunctionName="f", DeadLetterConfig={"TargetArn": ""})
    assert (removal["DeadLetterConfig"], removal["LastUpdateStatus"]) == (target, "InProgress")
    assert "DeadLetterConfig" not in client.get_function_configuration(FunctionName="f")
    bucket = {"TargetArn": "arn:aws:s3:::bucket"}
    assert error_of(lambda: create(client, "g", DeadLetterConfig=bucket))[:2] == REFUSED


def test_tracing_storage_key_and_architecture_are_kept_and_shown(client: Any) -> None:
    wanted = {
        "TracingConfig": {"Mode": "Active"},
        "EphemeralStorage": {"Size": 1024},
        "KMSKeyArn": "arn:aws:kms:us-east-1:000000000000:key/k",
        "Architectures": ["arm64"],
    }
    created = create(client, **wanted)
    assert {member: created[member] for member in wanted} == wanted
    client.update_function_configuration(FunctionName="f", KMSKeyArn="")
    assert "KMSKeyArn" not in client.get_function_configuration(FunctionName="f")
    moved = client.update_function_code(FunctionName="f", ZipFile=saying("one"), Architectures=["x86_64"])
    assert moved["Architectures"] == ["x86_64"]


def test_layers_are_those_that_exist(client: Any) -> None:
    first = client.publish_layer_version(LayerName="l", Content={"ZipFile": package(name="python/l.py")})
    arn, size = first["LayerVersionArn"], first["Content"]["CodeSize"]
    created = create(client, Layers=[arn])
    assert created["Layers"] == [{"Arn": arn, "CodeSize": size}]
    client.delete_layer_version(LayerName="l", VersionNumber=1)
    kept = client.update_function_configuration(FunctionName="f", Layers=[arn])
    assert kept["Layers"] == created["Layers"]
    assert "Layers" not in client.update_function_configuration(FunctionName="f", Layers=[])
    assert error_of(lambda: create(client, "g", Layers=[arn]))[:2] == REFUSED


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            {"Role": "r1"},
            validation(
                broken(
                    "r1",
                    "role",
                    "Member must satisfy regular expression pattern: "
                    r"arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+",
                )
            ),
        ),
        (
            {"Architectures": ["x86_64", "arm64"]},
            validation(broken("[x86_64, arm64]", "architectures", "Member must have length less than or equal to 1")),
        ),
        (
            {"Architectures": ["X86_64"]},
            validation(
                broken(
                    "[X86_64]",
                    "architectures",
                    "Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], "
                    "Member must not be null]",
                )
            ),
        ),
        (
            {"SnapStart": {"ApplyOn": "invalidOption"}},
            validation(
                broken(
                    "invalidOption",
                    "snapStart.applyOn",
                    "Member must satisfy enum value set: [PublishedVersions, None]",
                )
            ),
        ),
        (
            {"Runtime": "java8"},
            (
                *REFUSED,
                "The runtime parameter of java8 is no longer supported for creating or updating AWS Lambda functions. "
                "We recommend you use a supported runtime while creating or updating functions.",
            ),
        ),
        (
            {"Code": {"ZipFile": b"this is not a zipfile, just random bytes"}},
            (*REFUSED, "Could not unzip uploaded file. Please check your file, then try to upload again."),
        ),
        ({"Code": {}}, (*REFUSED, "Please provide a source for function code.")),
        (
            {"Code": {"ZipFile": package(), "S3Bucket": "bucket", "S3Key": "key"}},
            (*REFUSED, "Please do not provide other FunctionCode parameters when providing a ZipFile."),
        ),
        ({"Tags": {str(number): "" for number in range(51)}}, (*REFUSED, "Number of tags exceeds resource tag limit.")),
    ],
)
def test_what_is_refused_is_refused_in_aws_words_and_nothing_is_created(
    client: Any, change: dict[str, Any], expected: tuple[str, int, str]
) -> None:
    assert error_of(lambda: create(client, **change)) == expected
    assert client.list_functions()["Functions"] == []


def test_an_unknown_runtime_is_told_the_known_ones(client: Any) -> None:
    for runtime in ("non-existent-runtime", "PYTHON3.9"):
        code, status, text = error_of(lambda runtime=runtime: create(client, Runtime=runtime))
        assert (code, status) == REFUSED
        assert text.startswith(
            f"Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: "
            "[nodejs20.x, python3.14, provided.al2023,"
        )
        assert text.endswith("java8.al2] or be a valid ARN")


def test_variables_have_four_kilobytes(client: Any) -> None:
    fits = {"LARGE_VAR": "x" * (4096 - len('{"LARGE_VAR":""}'))}
    create(client, Environment={"Variables": fits})
    large = {"SMALL_VAR": "ok", "LARGE_VAR": "x" * 4096}
    measured = json.dumps(large, separators=(",", ":"))
    assert error_of(lambda: create(client, "g", Environment={"Variables": large})) == (
        *REFUSED,
        "Lambda was unable to configure your environment variables because the environment variables you have provided "
        f"exceeded the 4KB limit. String measured: {measured}",
    )


# ── names ───────────────────────────────────────────────────────────────────────────────────────


def test_every_form_of_a_name_means_the_same_function(client: Any) -> None:
    create(client, ARN)
    create(client, "000000000000:function:partial")
    for name in ("f", ARN, "000000000000:function:f", "function:f", "us-east-1:000000000000:function:f"):
        assert client.get_function_configuration(FunctionName=name)["FunctionArn"] == ARN
    assert client.get_function_configuration(FunctionName="partial")["FunctionName"] == "partial"


LONG = "a" * 129


@pytest.mark.parametrize(
    ("name", "qualifier", "problems"),
    [
        ("*", None, ["name"]),
        ("my-function!", None, ["name"]),
        ("my-function", "invalid!", ["qualifier pattern"]),
        ("my-function", LONG, ["qualifier length"]),
        ("invalid-account:function:my-function", None, ["name"]),
        ("arn:aws:lambda:invalid-region:000000000000:function:my-function", LONG, ["qualifier length", "name"]),
        ("arn:aws:ec2:us-east-1:000000000000:instance:i-1234567890abcdef0", None, ["name"]),
        (f"{PLACE}:my-function:1:2", None, ["name"]),
        ("function:my-function:$LATEST:extra", None, ["name"]),
        ("arn:aws:lambda::000000000000:function:my-function", None, ["name"]),
        ("arn:aws:lambda:us-east-1::function:my-function", None, ["name"]),
        (f"{PLACE}:my-function:$LATES", None, ["name"]),
    ],
)
@pytest.mark.parametrize("operation", ["get_function", "delete_function", "invoke"])
def test_malformed_names_and_qualifiers_are_told_together(
    lenient: Any, operation: str, name: str, qualifier: str | None, problems: list[str]
) -> None:
    texts = {
        "name": broken(name, "functionName", f"Member must satisfy regular expression pattern: {NAME_PATTERN}"),
        "qualifier length": broken(str(qualifier), "qualifier", "Member must have length less than or equal to 128"),
        "qualifier pattern": broken(
            str(qualifier),
            "qualifier",
            r"Member must satisfy regular expression pattern: \$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+",
        ),
    }
    names = {"FunctionName": name} if qualifier is None else {"FunctionName": name, "Qualifier": qualifier}
    assert error_of(lambda: getattr(lenient, operation)(**names)) == validation(
        *[texts[problem] for problem in problems]
    )


@pytest.mark.parametrize(
    ("name", "problems"),
    [
        ("invalid:function:name", ["pattern"]),
        ("my-function:invalid!", ["pattern"]),
        (f"{PLACE}:my-function:$latest", ["pattern"]),
        ("my-function:" + "a" * 129, ["length"]),
        ("arn:aws:lambda:invalid-region:000000000000:function:" + LONG, ["length", "pattern"]),
    ],
)
def test_names_of_new_functions_are_checked_more_strictly(lenient: Any, name: str, problems: list[str]) -> None:
    texts = {
        "length": broken(name, "functionName", "Member must have length less than or equal to 140"),
        "pattern": broken(name, "functionName", f"Member must satisfy regular expression pattern: {NEW_NAME_PATTERN}"),
    }
    assert error_of(lambda: create(lenient, name)) == validation(*[texts[problem] for problem in problems])


def test_a_name_of_65_characters_is_refused_with_an_odd_code(client: Any) -> None:
    name = "a" * 65
    assert error_of(lambda: create(client, name)) == (
        *REFUSED,
        "1 validation error detected: "
        + broken(name, "functionName", "Member must have length less than or equal to 64"),
    )
    assert error_of(lambda: client.get_function(FunctionName=name))[2] == f"Function not found: {PLACE}:{name}"


def test_functions_of_other_regions_and_accounts_are_out_of_reach(client: Any) -> None:
    there = ARN.replace("us-east-1", "ap-southeast-1")
    for work in (
        lambda: create(client, there),
        lambda: client.get_function(FunctionName=there),
        lambda: client.get_function_configuration(FunctionName=there),
        lambda: client.get_function_concurrency(FunctionName=there),
        lambda: client.delete_function(FunctionName=there),
        lambda: client.invoke(FunctionName=there),
        lambda: client.publish_version(FunctionName=there),
        lambda: client.get_alias(FunctionName=there, Name="live"),
    ):
        assert error_of(work) == (
            "ResourceNotFoundException",
            404,
            "Functions from 'ap-southeast-1' are not reachable in this region ('us-east-1')",
        )
    foreign = ARN.replace("000000000000", "999999999999")
    assert error_of(lambda: create(client, foreign))[:2] == ("AccessDeniedException", 403)
    assert error_of(lambda: client.get_function(FunctionName=foreign))[:2] == ("AccessDeniedException", 403)


def test_a_qualifier_in_the_name_and_another_one_do_not_match(client: Any) -> None:
    text = "The derived qualifier from the function name does not match the specified qualifier."
    for operation in ("get_function", "get_function_configuration", "delete_function", "invoke"):
        call = getattr(client, operation)
        assert error_of(lambda call=call: call(FunctionName=f"{ARN}:$LATEST", Qualifier="1")) == (*REFUSED, text)
    missing = error_of(lambda: client.get_function(FunctionName=f"{ARN}:$LATEST", Qualifier="$LATEST"))
    assert missing[2] == f"Function not found: {ARN}:$LATEST"
    assert error_of(lambda: client.delete_function(FunctionName=f"{ARN}:$LATEST", Qualifier="$LATEST")) == (
        *REFUSED,
        "$LATEST version cannot be deleted without deleting the function.",
    )
    assert error_of(lambda: client.get_function(FunctionName="f", Qualifier="1221"))[2] == (
        f"Function not found: {ARN}:1221"
    )


# ── code from elsewhere ─────────────────────────────────────────────────────────────────────────


def test_code_comes_from_s3(emulator: RunningEmulator, client: Any) -> None:
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket="code")
    s3.put_bucket_versioning(Bucket="code", VersioningConfiguration={"Status": "Enabled"})
    old = s3.put_object(Bucket="code", Key="a b/ü.zip", Body=saying("old"))["VersionId"]
    s3.put_object(Bucket="code", Key="a b/ü.zip", Body=saying("new"))

    def answer() -> str:
        return json.loads(client.invoke(FunctionName="f")["Payload"].read())["code"]

    created = create(client, Code={"S3Bucket": "code", "S3Key": "a b/ü.zip"})
    assert created["CodeSize"] == len(saying("new"))
    assert answer() == "new"
    client.update_function_code(FunctionName="f", S3Bucket="code", S3Key="a b/ü.zip", S3ObjectVersion=old)
    assert answer() == "old"
    layer = client.publish_layer_version(LayerName="l", Content={"S3Bucket": "code", "S3Key": "a b/ü.zip"})
    assert layer["Content"]["CodeSha256"] == created["CodeSha256"]


def test_an_object_that_is_not_there_is_told_in_the_words_of_s3(emulator: RunningEmulator, client: Any) -> None:
    emulator.client("s3").create_bucket(Bucket="code")
    create(client)
    for bucket, text in (
        ("nowhere", "S3 Error Code: NoSuchBucket. S3 Error Message: The specified bucket does not exist"),
        ("code", "S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist."),
    ):
        expected = (*REFUSED, f"Error occurred while GetObject. {text}")
        source = {"S3Bucket": bucket, "S3Key": "no.zip"}
        assert error_of(lambda source=source: create(client, "g", Code=source)) == expected
        assert error_of(lambda source=source: client.update_function_code(FunctionName="f", **source)) == expected


def test_a_folder_of_this_machine_is_run_as_it_is(client: Any, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("def handler(event, context): return 'from the folder'")
    created = create(client, Code={"S3Bucket": "hot-reload", "S3Key": str(tmp_path)})
    assert created["CodeSize"] == 0
    assert client.get_function(FunctionName="f")["Code"]["Location"] == f"file://{tmp_path}"
    for wrong in ("relative", str(tmp_path / "no"), str(tmp_path / "app.py")):
        source = {"S3Bucket": "hot-reload", "S3Key": wrong}
        code, status, text = error_of(lambda source=source: create(client, "g", Code=source))
        assert (code, status) == REFUSED
        assert wrong in text
    back = client.update_function_code(FunctionName="f", ZipFile=saying("packaged"))
    assert back["CodeSize"] > 0
    assert json.loads(client.invoke(FunctionName="f")["Payload"].read())["code"] == "packaged"


# ── bad input ───────────────────────────────────────────────────────────────────────────────────


def zip_of(*members: tuple[zipfile.ZipInfo | str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def damaged(archive: bytes, at: int) -> bytes:
    """The archive with one byte of its content changed; its directory is as it was."""
    return archive[:at] + bytes([archive[at] ^ 0xFF]) + archive[at + 1 :]


def link(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name)
    member.external_attr = 0o120777 << 16
    return member


@pytest.mark.parametrize(
    "archive",
    [
        b"PK\x03\x04 truncated",
        zip_of(("../evil.py", b"x")),
        zip_of(("a/../../evil.py", b"x")),
        zip_of(("/etc/evil.py", b"x")),
        zip_of((link("link"), b"/etc/passwd")),
        zip_of(("a", b"x"), ("a/b", b"x")),
        zip_of(("..\\evil.py", b"x")),
        zip_of(("C:/evil.py", b"x")),
        zip_of(("a", b"x"), ("a/", b"")),
        damaged(zip_of(("app.py", b"def handler(event, context): return 1"), method=zipfile.ZIP_DEFLATED), 40),
        damaged(zip_of(("app.py", b"a checksum that does not fit")), 40),
    ],
)
def test_archives_that_are_no_safe_packages_are_refused(client: Any, archive: bytes) -> None:
    expected = (*REFUSED, "Could not unzip uploaded file. Please check your file, then try to upload again.")
    assert error_of(lambda: create(client, Code={"ZipFile": archive})) == expected
    create(client)
    before = without_metadata(client.get_function_configuration(FunctionName="f"))
    assert error_of(lambda: client.update_function_code(FunctionName="f", ZipFile=archive)) == expected
    assert without_metadata(client.get_function_configuration(FunctionName="f")) == before


def test_a_bomb_is_refused_by_its_size(client: Any) -> None:
    piece = bytes(1 << 20)
    bomb = zip_of(*[(str(number), piece) for number in range(251)], method=zipfile.ZIP_DEFLATED)
    assert len(bomb) < 1_000_000
    expected = (*REFUSED, "Unzipped size must be smaller than 262144000 bytes")
    assert error_of(lambda: create(client, Code={"ZipFile": bomb})) == expected


def test_more_than_50_megabytes_in_a_request_are_refused_by_their_size(client: Any) -> None:
    large = zip_of(("large", bytes(52_428_800)))
    assert error_of(lambda: create(client, Code={"ZipFile": large})) == (
        "RequestEntityTooLargeException",
        413,
        "Zipped size must be smaller than 52428800 bytes",
    )
    larger = zip_of(("large", bytes(53_000_000)))
    assert error_of(lambda: create(client, Code={"ZipFile": larger})) == (
        "RequestEntityTooLargeException",
        413,
        "Request must be smaller than 70167211 bytes for the CreateFunction operation",
    )


def test_ten_thousand_files_are_a_package(client: Any) -> None:
    many = zip_of(("app.py", b"def handler(event, context): return 1"), *[(f"d/{n}", b"") for n in range(10_000)])
    create(client, Code={"ZipFile": many})
    assert client.invoke(FunctionName="f")["Payload"].read() == b"1"


def test_members_that_aws_does_not_know_are_ignored(emulator: RunningEmulator, client: Any) -> None:
    def add_member(params: dict[str, Any], **_: Any) -> None:
        if params["url_path"].endswith("/functions"):
            params["body"] = json.dumps({**json.loads(params["body"]), "Unknown": {"a": [1]}}).encode()

    client.meta.events.register("before-call.lambda.CreateFunction", add_member)
    assert create(client)["FunctionName"] == "f"


def test_of_many_creations_of_one_name_one_succeeds(emulator: RunningEmulator) -> None:
    client = emulator.client("lambda", config=Config(retries={"total_max_attempts": 1}, max_pool_connections=32))

    def attempt(_: int) -> int:
        try:
            return create(client)["ResponseMetadata"]["HTTPStatusCode"]
        except client.exceptions.ResourceConflictException as error:
            assert error.response["Error"]["Message"] == "Function already exist: f"
            return error.response["ResponseMetadata"]["HTTPStatusCode"]

    with ThreadPoolExecutor(32) as pool:
        answers = sorted(pool.map(attempt, range(500)))
    assert answers == [201] + [409] * 499


def test_image_members_are_refused_for_packages(client: Any) -> None:
    create(client)
    assert error_of(lambda: client.update_function_code(FunctionName="f", ImageUri="repository:latest")) == (
        *REFUSED,
        "Please don't provide ImageUri when updating a function with packageType Zip.",
    )


def test_code_counts_for_the_account_with_its_versions(client: Any) -> None:
    size = len(saying("one"))

    def total() -> int:
        return client.get_account_settings()["AccountUsage"]["TotalCodeSize"]

    create(client)
    assert total() == size
    client.update_function_configuration(FunctionName="f", Description="d")
    assert total() == size
    client.publish_version(FunctionName="f")
    assert total() == 2 * size
    settings = client.get_account_settings()
    assert set(settings["AccountLimit"]) == {
        "CodeSizeUnzipped",
        "CodeSizeZipped",
        "ConcurrentExecutions",
        "TotalCodeSize",
        "UnreservedConcurrentExecutions",
    }
    assert set(settings["AccountUsage"]) == {"FunctionCount", "TotalCodeSize"}


def test_an_accounts_code_has_a_limit_that_versions_and_layers_count_against(emulator: RunningEmulator) -> None:
    client = emulator.client("lambda")
    size = create(client)["CodeSize"]
    emulator.control("PUT", "settings", {"code_storage_bytes": size})
    assert client.get_account_settings()["AccountLimit"]["TotalCodeSize"] == size
    exceeded = ("CodeStorageExceededException", 400, "Code storage limit exceeded.")
    assert error_of(lambda: create(client, "g")) == exceeded
    assert error_of(lambda: client.publish_version(FunctionName="f")) == exceeded
    assert error_of(lambda: client.publish_layer_version(LayerName="l", Content={"ZipFile": package()})) == exceeded
    larger = package("x" * 1000)
    assert error_of(lambda: client.update_function_code(FunctionName="f", ZipFile=larger)) == exceeded
    assert client.get_account_settings()["AccountUsage"] == {"TotalCodeSize": size, "FunctionCount": 1}
    assert client.list_versions_by_function(FunctionName="f")["Versions"][0]["CodeSize"] == size


def test_a_function_of_another_account_is_not_created_and_no_text_says_so(client: Any) -> None:
    name = ARN.replace("000000000000", "123400000000")
    with pytest.raises(ClientError) as caught:
        create(client, name)
    assert caught.value.response["Error"] == {"Code": "AccessDeniedException", "Message": None}
    assert members_of(lambda: create(client, name)) == {}
