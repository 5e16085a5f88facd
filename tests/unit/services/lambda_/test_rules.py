"""Names, packages and payloads: what AWS refuses, with its words."""

from __future__ import annotations

import io
import stat
import zipfile

import pytest

from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.scope import Scope
from emulator.services.lambda_.rules import names
from emulator.services.lambda_.rules.configuration import new_configuration, refuse_absent_features
from emulator.services.lambda_.rules.package import LAYER_ROOT, check_package
from emulator.services.lambda_.rules.payload import check_json, check_size
from tests.unit.services.lambda_.support import zipped

HERE = Scope("111111111111", "us-east-1")
ARN = "arn:aws:lambda:us-east-1:111111111111:function:my-function"


@pytest.mark.parametrize(
    ("text", "qualifier", "name", "understood"),
    [
        ("my-function", None, "my-function", None),
        ("my-function:1", None, "my-function", "1"),
        ("my-function", "live", "my-function", "live"),
        ("my-function:live", "live", "my-function", "live"),
        ("function:my-function", None, "my-function", None),
        ("111111111111:function:my-function:2", None, "my-function", "2"),
        (ARN, None, "my-function", None),
        (ARN + ":$LATEST", None, "my-function", "$LATEST"),
        ("arn:aws:lambda:us-east-1:111111111111:function", None, "function", None),
        ("a" * 65, None, "a" * 65, None),
    ],
)
def test_a_function_may_be_named_in_aws_ways(
    text: str, qualifier: str | None, name: str, understood: str | None
) -> None:
    named = names.parse(text, HERE, qualifier)
    assert (named.name, named.qualifier) == (name, understood)


@pytest.mark.parametrize(
    ("text", "qualifier", "code", "part"),
    [
        ("*", None, "ValidationException", "Value '*' at 'functionName' failed to satisfy constraint: Member must sat"),
        ("invalid:function:name", None, "ValidationException", "regular expression pattern: (arn:(aws[a-zA-Z-]*)?"),
        (ARN + ":1:2", None, "ValidationException", "at 'functionName'"),
        (ARN + ":$LATES", None, "ValidationException", "at 'functionName'"),
        ("arn:aws:ec2:us-east-1:111111111111:instance:i-1", None, "ValidationException", "at 'functionName'"),
        ("my-function\n", None, "ValidationException", "at 'functionName'"),
        ("f", "invalid!", "ValidationException", r"pattern: \$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+"),
        ("f", "a" * 129, "ValidationException", "Member must have length less than or equal to 128"),
        ("f:1", "2", "InvalidParameterValueException", "The derived qualifier from the function name does not match"),
        (
            ARN.replace("us-east-1", "eu-west-1"),
            None,
            "ResourceNotFoundException",
            "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')",
        ),
        (ARN.replace("1" * 12, "2" * 12), None, "AccessDeniedException", "because no resource-based policy allows"),
    ],
)
def test_a_name_aws_refuses_is_refused_in_its_words(text: str, qualifier: str | None, code: str, part: str) -> None:
    with pytest.raises(AwsError) as caught:
        names.parse(text, HERE, qualifier)
    assert caught.value.code == code
    assert part in caught.value.message


def test_a_new_name_beyond_64_characters_is_an_invalid_parameter() -> None:
    with pytest.raises(AwsError) as caught:
        names.parse_new("a" * 65, HERE)
    assert caught.value.code == "InvalidParameterValueException"
    assert caught.value.message.endswith("Member must have length less than or equal to 64")


def _with_member(name: str, mode: int = 0, text: bytes = b"x", flags: int = 0) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", "")
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        archive.writestr(info, text)
    return buffer.getvalue()


LINK = stat.S_IFLNK | 0o777


def _linked(links: dict[str, str], files: dict[str, str] | None = None) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, target in links.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = LINK << 16
            archive.writestr(info, target)
        for name, text in (files or {}).items():
            archive.writestr(name, text)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "package",
    [
        b"not a zip",
        b"PK\x03\x04" + b"\0" * 30,
        _with_member("../evil.py"),
        _with_member("a/../../evil.py"),
        _with_member("..\\evil.py"),
        _with_member("/etc/passwd"),
        _with_member("C:/evil.py"),
        _with_member("link", stat.S_IFLNK | 0o777, b"/etc/passwd"),
        _with_member("link", LINK, b"../outside"),
        _with_member("deep/link", LINK, b"../../outside"),
        _with_member("deep/link", LINK, b"../app.py/../../outside"),
        _with_member("link", LINK, b"link"),
        _with_member("link", LINK, b""),
        _with_member("link", LINK, b"a\0b"),
        _with_member("link", LINK, b"x" * 4097),
        _with_member("link", LINK, b"/opt/lib"),
        _with_member("link", LINK, b"/var/task/../../etc"),
        _with_member("link", LINK, b"/var/tasks"),
        _with_member("link/", LINK, b"app.py"),
        _with_member(".", LINK, b"app.py"),
        _linked({"a": "b", "b": "a"}),
        _linked({"a": ".", "b": "a/../x"}),
        _linked({"a": "deep/b", "deep/b": "../../x"}),
        _linked({f"l{number}": f"l{number + 1}" for number in range(50)}),
        _linked({"a": "."}, {"a/evil.py": ""}),
        _linked({"./a": "."}, {"a//evil.py": ""}),
        _linked({"a": "x"}, {"./a": ""}),
        _linked({"a": "x", "./a": "y"}),
        _with_member("pipe", stat.S_IFIFO | 0o644),
        _with_member("x" * 256),
        _with_member("app.py/below.py"),
    ],
)
def test_a_package_that_is_no_safe_zip_is_refused(package: bytes) -> None:
    with pytest.raises(AwsError, match="Could not unzip uploaded file"):
        check_package(package)


@pytest.mark.parametrize(
    "package",
    [
        _linked({"lib/libz.so": "libz.so.1", "lib/libz.so.1": "libz.so.1.2"}, {"lib/libz.so.1.2": ""}),
        _linked({"node_modules/.bin/tool": "../tool/cli.js"}, {"node_modules/tool/cli.js": ""}),
        _linked({"missing": "not/there", "all": ".", "deep/up": ".."}),
        _linked({"absolute": "/var/task/app.py", "root": "/var/task"}),
        _linked({f"l{number}": f"l{number + 1}" for number in range(40)}),
    ],
)
def test_links_that_stay_in_a_package_are_kept(package: bytes) -> None:
    check_package(package)


def test_links_of_a_layer_may_lead_to_where_it_is_seen_only() -> None:
    check_package(_linked({"lib/a": "/opt/lib/b"}), root=LAYER_ROOT)
    with pytest.raises(AwsError, match="Could not unzip uploaded file"):
        check_package(_linked({"lib/a": "/var/task/b"}), root=LAYER_ROOT)


def test_links_that_take_long_to_follow_are_refused_soon() -> None:
    chains = {f"{chain}/{step}": "./" * 9 + str(step + 1) for chain in range(250) for step in range(39)}
    check_package(_linked(chains))
    with pytest.raises(AwsError):
        check_package(_linked({f"l{number}": "a/../" * 400 + "b" for number in range(1500)}))
    with pytest.raises(AwsError):
        check_package(_linked({f"l{number}": "x" for number in range(10_001)}))


def test_a_package_that_unpacks_to_more_than_the_limit_is_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for index in range(3):
            archive.writestr(f"zeros{index}", bytes(90_000_000))
    with pytest.raises(AwsError, match="Unzipped size must be smaller than 262144000 bytes"):
        check_package(buffer.getvalue())


def test_an_ordinary_package_with_folders_is_accepted() -> None:
    check_package(zipped({"app.py": "", "lib/": "", "lib/a.py": "", "lib/deep/b.py": "", "é.txt": ""}))


@pytest.mark.parametrize(
    ("payload", "part"),
    [
        (b"n\x87r", "Invalid UTF-8 start byte 0x87\n at [Source: REDACTED"),
        (b"n\x87r", "disabled); line: 1, column: 3]"),
        (b"\x99", "Unexpected character ((CTRL-CHAR, code 153)): expected a valid value (JSON String, Number, Array,"),
        (b"hello", "Unrecognized token 'hello': was expecting (JSON String, Number, Array, Object or token 'null'"),
        (b"{'a': 1}", "Unexpected character (''' (code 39)): was expecting double-quote to start field name"),
        (b'{"a" 1}', "Unexpected character ('1' (code 49)): was expecting a colon"),
        (b'{"a": 1 "b"}', "was expecting comma to separate Object entries"),
        (b"[1 2]", "was expecting comma to separate Array entries"),
        (b'{"a": ', "Unexpected end-of-input"),
        (b'"abc', "Unexpected end-of-input: was expecting closing quote"),
        (b"   ", "No content to map due to end-of-input"),
        (b'{"a": NaN}', "Non-standard token 'NaN'"),
        (b"{\n  x}", "line: 2, column: 4]"),
        (b"[" * 100_000, "Document nesting depth"),
        (b"1" * 10_000, "Number value length"),
        (b"\xef\xbb\xbf{}", "Could not parse request body into json"),
        (b"{} x", "Could not parse request body into json"),
        (b'"\\x"', "Unrecognized character escape 'x' (code 120)"),
    ],
)
def test_a_payload_that_is_not_json_is_refused_in_the_parsers_words(payload: bytes, part: str) -> None:
    with pytest.raises(AwsError) as caught:
        check_json(payload)
    assert (caught.value.code, caught.value.status) == ("InvalidRequestContentException", 400)
    assert caught.value.message.startswith("Could not parse request body into json: Could not parse payload into json")
    assert part in caught.value.message


@pytest.mark.parametrize("payload", [b"{}", b"null", b'"text"', b"1.5e3", ' [1, "é"]\n'.encode()])
def test_any_json_text_is_a_payload(payload: bytes) -> None:
    check_json(payload)


def test_payload_limits_are_told_in_aws_words() -> None:
    check_size(bytes(1_048_576), "Event")
    with pytest.raises(AwsError) as caught:
        check_size(bytes(1_048_577), "Event")
    assert caught.value.code == "RequestEntityTooLargeException"
    assert caught.value.message == (
        "1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)"
    )
    check_size(bytes(6_291_456), "RequestResponse")
    with pytest.raises(AwsError, match="6291478 byte payload is too large for the RequestResponse invocation type"):
        check_size(bytes(6_291_478), "RequestResponse")


BASE = {"Runtime": "python3.12", "Handler": "a.b", "Role": "arn:aws:iam::111111111111:role/r"}


@pytest.mark.parametrize(
    ("change", "code", "part"),
    [
        ({"Runtime": "python3.7"}, "InvalidParameterValueException", "The runtime parameter of python3.7 is no longer"),
        ({"Runtime": "PYTHON3.9"}, "InvalidParameterValueException", "Value PYTHON3.9 at 'runtime' failed to satisfy"),
        ({"Role": "r1"}, "ValidationException", "Value 'r1' at 'role' failed to satisfy constraint"),
        (
            {"Timeout": 901},
            "ValidationException",
            "'timeout' failed to satisfy constraint: Member must have value less",
        ),
        ({"MemorySize": 10241}, "InvalidParameterValueException", "less than or equal to 10240"),
        ({"Architectures": ["X86_64"]}, "ValidationException", "Value '[X86_64]' at 'architectures'"),
        ({"Architectures": ["x86_64", "arm64"]}, "ValidationException", "Value '[x86_64, arm64]' at 'architectures'"),
        (
            {"Environment": {"Variables": {"LARGE": "x" * 4096}}},
            "InvalidParameterValueException",
            'exceeded the 4KB limit. String measured: {"LARGE":"xxx',
        ),
        (
            {"Environment": {"Variables": {"AWS_REGION": "x"}}},
            "InvalidParameterValueException",
            "Reserved keys used in this request: AWS_REGION",
        ),
        ({"Environment": {"Variables": {"KEY": "a\0b"}}}, "InvalidParameterValueException", "null character"),
        ({"Handler": None}, "InvalidParameterValueException", "Runtime and Handler are mandatory parameters"),
    ],
)
def test_a_configuration_aws_refuses_is_refused(change: dict[str, object], code: str, part: str) -> None:
    with pytest.raises(AwsError) as caught:
        new_configuration({**BASE, **change}, "f")
    assert caught.value.code == code
    assert part in caught.value.message


@pytest.mark.parametrize(
    "request_",
    [
        {"PackageType": "Image"},
        {"ImageConfig": {"Command": ["x"]}},
        {"FileSystemConfigs": [{"Arn": "arn"}]},
        {"DurableConfig": {"ExecutionTimeout": 1}},
        {"PublishTo": "LATEST_PUBLISHED"},
    ],
)
def test_what_is_not_emulated_is_refused_by_name(request_: dict[str, object]) -> None:
    with pytest.raises(NotEmulated):
        refuse_absent_features("CreateFunction", request_)


def test_empty_members_of_absent_features_ask_for_nothing() -> None:
    refuse_absent_features("CreateFunction", {"Layers": [], "Publish": False, "VpcConfig": {}, "DeadLetterConfig": {}})
