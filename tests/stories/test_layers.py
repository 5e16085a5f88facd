"""Layers shared by functions, told through boto3 and what the functions see."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

from emulator.testing import RunningEmulator
from tests.wire.lambda_support import create, package

USES_LIBRARY = """
import os, shutil, subprocess, tools

def handler(event, context):
    program = shutil.which("greet")
    return {
        "version": tools.VERSION,
        "program": subprocess.run([program], capture_output=True, text=True).stdout if program else None,
    }
"""


def layer(client: Any, name: str, files: dict[str, str]) -> str:
    """Publish a version with these files; return its ARN."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, text in files.items():
            member = zipfile.ZipInfo(path)
            member.external_attr = 0o755 << 16
            archive.writestr(member, text)
    return client.publish_layer_version(LayerName=name, Content={"ZipFile": buffer.getvalue()})["LayerVersionArn"]


def library(client: Any, version: str) -> str:
    return layer(client, "tools", {"python/tools.py": f"VERSION = {version!r}"})


def ask(client: Any, name: str = "f") -> dict[str, Any]:
    answer = client.invoke(FunctionName=name)
    assert "FunctionError" not in answer, answer["Payload"].read()
    return json.load(answer["Payload"])


def test_functions_import_a_library_from_a_layer_and_change_its_version_when_they_want(
    emulator: RunningEmulator,
) -> None:
    client = emulator.client("lambda")
    first = library(client, "1")
    for name in ("f", "g"):
        create(client, name, Code={"ZipFile": package(USES_LIBRARY)}, Layers=[first])
        assert ask(client, name)["version"] == "1"
    second = library(client, "2")
    assert ask(client)["version"] == "1"
    client.update_function_configuration(FunctionName="f", Layers=[second])
    assert (ask(client)["version"], ask(client, "g")["version"]) == ("2", "1")


def test_a_published_version_keeps_the_layers_it_was_published_with(emulator: RunningEmulator) -> None:
    client = emulator.client("lambda")
    create(client, Code={"ZipFile": package(USES_LIBRARY)}, Layers=[library(client, "1")], Publish=True)
    client.update_function_configuration(FunctionName="f", Layers=[library(client, "2")])
    assert ask(client, "f:1")["version"] == "1"
    assert ask(client)["version"] == "2"


def test_a_deleted_layer_version_stays_with_the_functions_that_have_it(emulator: RunningEmulator) -> None:
    client = emulator.client("lambda")
    arn = library(client, "1")
    create(client, Code={"ZipFile": package(USES_LIBRARY)}, Layers=[arn])
    client.delete_layer_version(LayerName="tools", VersionNumber=1)
    assert ask(client)["version"] == "1"  # its first environment: the content is still there
    client.update_function_configuration(FunctionName="f", Timeout=5)
    assert ask(client)["version"] == "1"


def test_later_layers_win_and_bring_programs(emulator: RunningEmulator) -> None:
    client = emulator.client("lambda")
    old = layer(client, "old", {"python/tools.py": "VERSION = 'old'", "bin/greet": "#!/bin/sh\necho old"})
    new = layer(client, "new", {"python/tools.py": "VERSION = 'new'", "bin/greet": "#!/bin/sh\necho new"})
    create(client, Code={"ZipFile": package(USES_LIBRARY)}, Layers=[old, new])
    assert ask(client) == {"version": "new", "program": "new\n"}
    client.update_function_configuration(FunctionName="f", Layers=[new, old])
    assert ask(client) == {"version": "old", "program": "old\n"}


def test_a_layer_of_another_account_is_used_once_it_is_shared(emulator: RunningEmulator) -> None:
    owner = emulator.client("lambda", aws_access_key_id="222222222222")
    client = emulator.client("lambda")
    arn = library(owner, "theirs")
    owner.add_layer_version_permission(
        LayerName="tools", VersionNumber=1, StatementId="all", Action="lambda:GetLayerVersion", Principal="*"
    )
    create(client, Code={"ZipFile": package(USES_LIBRARY)}, Layers=[arn])
    assert ask(client)["version"] == "theirs"


def test_the_content_of_a_deleted_version_is_kept_as_long_as_a_function_has_it(emulator: RunningEmulator) -> None:
    client = emulator.client("lambda")

    def archives() -> int:
        async def count() -> int:
            return await emulator.emulator.store.read(
                lambda tx: int(tx.execute("SELECT count(*) FROM lambda_layer_content").fetchone()[0])
            )

        return emulator.call(count)

    first, second = library(client, "1"), library(client, "2")
    again = library(client, "1")
    assert archives() == 2  # the same content is kept once
    create(client, Code={"ZipFile": package(USES_LIBRARY)}, Layers=[first], Publish=True)
    client.update_function_configuration(FunctionName="f", Layers=[second])
    for arn in (first, second, again):
        client.delete_layer_version(LayerName="tools", VersionNumber=int(arn.rpartition(":")[2]))
    assert archives() == 2
    assert (ask(client, "f:1")["version"], ask(client)["version"]) == ("1", "2")
    client.update_function_configuration(FunctionName="f", Layers=[])
    client.delete_layer_version(LayerName="tools", VersionNumber=int(library(client, "3").rpartition(":")[2]))
    assert archives() == 1
    client.delete_function(FunctionName="f")
    assert archives() == 0
