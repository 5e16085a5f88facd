"""Layers shared by functions, by what the functions see."""

from __future__ import annotations

from tests.stories.telling import archive, function, invoke

USES_LIBRARY = """
import os, shutil, subprocess, tools

def handler(event, context):
    program = shutil.which("greet")
    return {
        "version": tools.VERSION,
        "program": subprocess.run([program], capture_output=True, text=True).stdout if program else None,
    }
"""


def layer(client, name, files):
    """Publish a version with these files; its ARN."""
    return client.publish_layer_version(LayerName=name, Content={"ZipFile": archive(files)})["LayerVersionArn"]


def library(client, version):
    """A version of the layer `tools`: a library that knows its version."""
    return layer(client, "tools", {"python/tools.py": f"VERSION = {version!r}"})


def change(aws, *layers):
    aws.lambda_.update_function_configuration(FunctionName="f", Layers=layers)


def delete(aws, arn):
    aws.lambda_.delete_layer_version(LayerName="tools", VersionNumber=int(arn.rpartition(":")[2]))


def version(aws, name="f"):
    """Of the library that the function finds."""
    return invoke(aws, name)["version"]


def test_functions_import_a_library_from_a_layer_and_change_its_version_when_they_want(aws):
    first = library(aws.lambda_, "1")
    for name in ("f", "g"):
        function(aws, name, USES_LIBRARY, Layers=[first])
        assert version(aws, name) == "1"
    second = library(aws.lambda_, "2")
    assert version(aws) == "1"
    change(aws, second)
    assert (version(aws), version(aws, "g")) == ("2", "1")


def test_a_published_version_keeps_the_layers_it_was_published_with(aws):
    function(aws, "f", USES_LIBRARY, Layers=[library(aws.lambda_, "1")], Publish=True)
    change(aws, library(aws.lambda_, "2"))
    assert (version(aws, "f:1"), version(aws)) == ("1", "2")


def test_a_deleted_layer_version_stays_with_the_functions_that_have_it(aws):
    arn = library(aws.lambda_, "1")
    function(aws, "f", USES_LIBRARY, Layers=[arn])
    delete(aws, arn)
    assert version(aws) == "1"  # its first environment: the content is still there
    aws.lambda_.update_function_configuration(FunctionName="f", Timeout=5)
    assert version(aws) == "1"


def test_later_layers_win_and_bring_programs(aws):
    old = layer(aws.lambda_, "old", {"python/tools.py": "VERSION = 'old'", "bin/greet": "#!/bin/sh\necho old"})
    new = layer(aws.lambda_, "new", {"python/tools.py": "VERSION = 'new'", "bin/greet": "#!/bin/sh\necho new"})
    function(aws, "f", USES_LIBRARY, Layers=[old, new])
    assert invoke(aws, "f") == {"version": "new", "program": "new\n"}
    change(aws, new, old)
    assert invoke(aws, "f") == {"version": "old", "program": "old\n"}


def test_a_layer_of_another_account_is_used_once_it_is_shared(aws):
    owner = aws.client("lambda", aws_access_key_id="222222222222")
    arn = library(owner, "theirs")
    owner.add_layer_version_permission(
        LayerName="tools", VersionNumber=1, StatementId="all", Action="lambda:GetLayerVersion", Principal="*"
    )
    function(aws, "f", USES_LIBRARY, Layers=[arn])
    assert version(aws) == "theirs"


def test_the_content_of_a_deleted_version_is_kept_as_long_as_a_function_has_it(running, aws):
    def archives():
        async def count():
            return await running.emulator.store.read(
                lambda tx: tx.execute("SELECT count(*) FROM lambda_layer_content").fetchone()[0]
            )

        return running.call(count)

    first, second, again = (library(aws.lambda_, text) for text in "121")
    assert archives() == 2  # the same content is kept once
    function(aws, "f", USES_LIBRARY, Layers=[first], Publish=True)
    change(aws, second)
    for arn in (first, second, again):
        delete(aws, arn)
    assert archives() == 2
    assert (version(aws, "f:1"), version(aws)) == ("1", "2")
    change(aws)
    delete(aws, library(aws.lambda_, "3"))
    assert archives() == 1
    aws.lambda_.delete_function(FunctionName="f")
    assert archives() == 0
