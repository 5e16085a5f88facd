"""Tasks that call services through boto3's eyes: DynamoDB and other delegated ones, APIs, functions by event."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator
from tests.wire import lambda_support
from tests.wire.apigateway_support import RestApi, create_function, function_uri, mock
from tests.wire.http_api_support import echo, http_api

ROLE = "arn:aws:iam::000000000000:role/states"
STATES = "arn:aws:states:::"


class Machines:
    """Runs machines of one task."""

    def __init__(self, emulator: RunningEmulator) -> None:
        self.emulator = emulator
        self.client = emulator.client("stepfunctions")
        self._made = 0

    def create(self, definition: dict[str, Any], **more: Any) -> str:
        self._made += 1
        return self.client.create_state_machine(
            name=f"m{self._made}", definition=json.dumps(definition), roleArn=ROLE, **more
        )["stateMachineArn"]

    def task(self, resource: str, parameters: Any, **more: Any) -> dict[str, Any]:
        """The end of an execution of a task with fixed parameters."""
        state = {"Type": "Task", "Resource": STATES + resource, "Parameters": parameters, "End": True, **more}
        return self.run({"StartAt": "T", "States": {"T": state}})

    def run(self, definition: dict[str, Any], value: str = "{}") -> dict[str, Any]:
        arn = self.client.start_execution(stateMachineArn=self.create(definition), input=value)["executionArn"]
        self.emulator.settle()
        return self.client.describe_execution(executionArn=arn)

    def output(self, resource: str, parameters: Any, **more: Any) -> Any:
        ended = self.task(resource, parameters, **more)
        assert ended["status"] == "SUCCEEDED", ended
        return json.loads(ended["output"])

    def failure(self, resource: str, parameters: Any, **more: Any) -> tuple[str, str]:
        ended = self.task(resource, parameters, **more)
        return ended["error"], ended["cause"]

    def history(self, ended: dict[str, Any]) -> list[dict[str, Any]]:
        return self.client.get_execution_history(executionArn=ended["executionArn"])["events"]

    def refused(self, resource: str, parameters: Any) -> str:
        with pytest.raises(ClientError) as caught:
            self.task(resource, parameters)
        assert caught.value.response["Error"]["Code"] == "InvalidDefinition"
        return caught.value.response["Error"]["Message"]


@pytest.fixture
def machines(emulator: RunningEmulator) -> Machines:
    return Machines(emulator)


@pytest.fixture
def table(emulator: RunningEmulator) -> str:
    emulator.client("dynamodb").create_table(
        TableName="pets",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return "pets"


# ── DynamoDB ────────────────────────────────────────────────────────────────────────────────────

PET = {"id": {"S": "1"}, "name": {"S": "Rex"}}


def test_texts_stand_for_attributes_that_are_texts(machines: Machines, table: str) -> None:
    """As workflows that AWS publishes write them; the SDK's integrations do not take it."""
    item: dict[str, Any] = {"id": "1", "name": "ada", "tags": {"L": ["a", {"N": "2"}]}}
    machines.output("dynamodb:putItem", {"TableName": table, "Item": item})
    change = {"UpdateExpression": "SET #n = :n", "ExpressionAttributeNames": {"#n": "name"}}
    change |= {"ExpressionAttributeValues": {":n": "grace"}}
    machines.output("dynamodb:updateItem", {"TableName": table, "Key": {"id": "1"}, **change})
    found = machines.output("dynamodb:getItem", {"TableName": table, "Key": {"id": "1"}})["Item"]
    assert found == {"id": {"S": "1"}, "name": {"S": "grace"}, "tags": {"L": [{"S": "a"}, {"N": "2"}]}}
    assert machines.failure("aws-sdk:dynamodb:putItem", {"TableName": table, "Item": item})[0] == "States.Runtime"


def test_dynamodb_tasks_read_and_write_items_and_show_the_exchange(machines: Machines, table: str) -> None:
    put = machines.output("dynamodb:putItem", {"TableName": table, "Item": PET})
    assert list(put) == ["SdkHttpMetadata", "SdkResponseMetadata"]
    headers = put["SdkHttpMetadata"]["AllHttpHeaders"]
    assert list(headers) == [
        "Server", "Connection", "x-amzn-RequestId", "x-amz-crc32", "Content-Length", "Date", "Content-Type",
    ]  # fmt: skip
    assert headers["x-amzn-RequestId"] == [put["SdkResponseMetadata"]["RequestId"]]
    assert list(put["SdkHttpMetadata"]["HttpHeaders"]) == sorted(headers, key=str.lower)
    assert headers["Content-Length"] == ["2"]
    assert machines.output("dynamodb:getItem", {"TableName": table, "Key": {"id": {"S": "1"}}})["Item"] == PET
    changed = machines.output(
        "dynamodb:updateItem",
        {
            "TableName": table,
            "Key": {"id": {"S": "1"}},
            "UpdateExpression": "set age = :a",
            "ExpressionAttributeValues": {":a": {"N": "3"}},
            "ReturnValues": "UPDATED_NEW",
        },
    )
    assert changed["Attributes"] == {"age": {"N": "3"}}
    machines.output("dynamodb:deleteItem", {"TableName": table, "Key": {"id": {"S": "1"}}})
    assert "Item" not in machines.output("dynamodb:getItem", {"TableName": table, "Key": {"id": {"S": "1"}}})


@pytest.mark.parametrize("resource", ["dynamodb:updateItem", "aws-sdk:dynamodb:updateItem"])
def test_dynamodb_tells_of_capacity_only_when_asked(machines: Machines, table: str, resource: str) -> None:
    values = {":n": {"S": "Rex"}}
    change = {"UpdateExpression": "SET nickname = :n", "ExpressionAttributeValues": values, "Key": {"id": {"S": "1"}}}
    asked = {"TableName": table, **change}
    assert "ConsumedCapacity" not in machines.output(resource, asked)
    told = machines.output(resource, {**asked, "ReturnConsumedCapacity": "TOTAL"})
    assert told["ConsumedCapacity"]["TableName"] == table


def test_dynamodb_names_its_errors_as_each_generation_of_the_sdk_does(machines: Machines, table: str) -> None:
    missing = {"TableName": "nobody", "Item": PET}
    error, cause = machines.failure("dynamodb:putItem", missing)
    assert error == "DynamoDB.ResourceNotFoundException"
    assert cause.startswith(
        "Requested resource not found (Service: AmazonDynamoDBv2; Status Code: 400; "
        "Error Code: ResourceNotFoundException; Request ID: "
    )
    assert cause.endswith("; Proxy: null)")
    error, cause = machines.failure("aws-sdk:dynamodb:putItem", missing)
    assert error == "DynamoDb.ResourceNotFoundException"
    assert cause.startswith("Requested resource not found (Service: DynamoDb, Status Code: 400, Request ID: ")
    no_item = {"TableName": table, "Item": None}
    text = "1 validation error detected: Value null at 'item' failed to satisfy constraint: Member must not be null"
    error, cause = machines.failure("dynamodb:putItem", no_item)
    assert error == "DynamoDB.AmazonDynamoDBException"
    assert cause.startswith(f"{text} (Service: AmazonDynamoDBv2; Status Code: 400; Error Code: ValidationException; ")
    error, cause = machines.failure("aws-sdk:dynamodb:putItem", no_item)
    assert error == "DynamoDb.DynamoDbException"
    assert cause.startswith(f"{text} (Service: DynamoDb, Status Code: 400, Request ID: ")


def test_names_that_aws_refuses_are_refused_before_the_delegated_service(
    emulator: RunningEmulator, machines: Machines
) -> None:
    """As recorded of AWS (test_put_item_invalid_table_name, test_invalid_secret_name)."""
    error, cause = machines.failure("dynamodb:putItem", {"TableName": "/pets", "Item": PET})
    pattern = "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"
    said = f"1 validation error detected: Value '/pets' at 'tableName' failed to satisfy constraint: {pattern}"
    assert error == "DynamoDB.AmazonDynamoDBException"
    assert cause.startswith(f"{said} (Service: AmazonDynamoDBv2; Status Code: 400; Error Code: ValidationException; ")
    secret = {"Name": "Invalid Name", "SecretString": "s"}
    error, cause = machines.failure("aws-sdk:secretsmanager:createSecret", secret)
    allowed = "Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!"
    assert error == "SecretsManager.SecretsManagerException"
    assert cause.startswith(f"Invalid name. {allowed} (Service: SecretsManager, Status Code: 400, Request ID: ")
    with pytest.raises(ClientError, match="Must be a valid name containing"):
        emulator.client("secretsmanager").create_secret(**secret)
    arn = "arn:aws:dynamodb:us-east-1:000000000000:table/pets"
    assert machines.failure("dynamodb:putItem", {"TableName": arn, "Item": PET})[0] == (
        "DynamoDB.ResourceNotFoundException"
    )


# ── aws-sdk ─────────────────────────────────────────────────────────────────────────────────────


def test_every_delegated_service_is_called_by_aws_sdk_tasks(machines: Machines, table: str) -> None:
    machines.output("aws-sdk:s3:createBucket", {"Bucket": "shelf"})
    machines.output("aws-sdk:s3:putObject", {"Bucket": "shelf", "Key": "a.json", "Body": {"n": 1}})
    found = machines.output("aws-sdk:s3:getObject", {"Bucket": "shelf", "Key": "a.json"})
    assert (found["Body"], found["ContentLength"]) == ('{"n":1}', 7)
    assert "ResponseMetadata" not in found
    machines.output("aws-sdk:secretsmanager:createSecret", {"Name": "key", "SecretString": {"k": "v"}})
    assert machines.output("aws-sdk:secretsmanager:getSecretValue", {"SecretId": "key"})["SecretString"] == '{"k":"v"}'
    machines.output("aws-sdk:ssm:putParameter", {"Name": "/a", "Value": "1", "Type": "String"})
    assert machines.output("aws-sdk:ssm:getParameter", {"Name": "/a"})["Parameter"]["Value"] == "1"
    machines.output("dynamodb:putItem", {"TableName": table, "Item": PET})
    assert machines.output(
        "aws-sdk:dynamodb:query",
        {
            "TableName": table,
            "KeyConditionExpression": "id = :i",
            "ExpressionAttributeValues": {":i": {"S": "1"}},
        },
    ) == {"Items": [PET], "Count": 1, "ScannedCount": 1}


def test_errors_of_delegated_services_have_the_java_sdks_names(machines: Machines) -> None:
    error, cause = machines.failure("aws-sdk:s3:listObjects", {"Bucket": "nobody-has-this"})
    assert error == "S3.NoSuchBucketException"
    assert cause.startswith("The specified bucket does not exist (Service: S3, Status Code: 404, Request ID: ")
    assert ", Extended Request ID: " in cause
    machines.output("aws-sdk:s3:createBucket", {"Bucket": "empty"})
    error, _ = machines.failure("aws-sdk:s3:getObject", {"Bucket": "empty", "Key": "nothing"})
    assert error == "S3.NoSuchKeyException"
    error, _ = machines.failure("aws-sdk:s3:headObject", {"Bucket": "empty", "Key": "nothing"})
    assert error == "S3.NoSuchKeyException"
    error, _ = machines.failure("aws-sdk:s3:headBucket", {"Bucket": "nobody-has-this"})
    assert error == "S3.NoSuchBucketException"
    error, _ = machines.failure("aws-sdk:secretsmanager:getSecretValue", {"SecretId": "none"})
    assert error == "SecretsManager.ResourceNotFoundException"
    error, _ = machines.failure("aws-sdk:ssm:getParameter", {"Name": "/none"})
    assert error == "Ssm.ParameterNotFoundException"
    error, _ = machines.failure("aws-sdk:kms:describeKey", {"KeyId": "alias/none"})
    assert error == "Kms.NotFoundException"


def test_functions_are_invoked_by_aws_sdk_tasks_with_their_payload_as_text(
    machines: Machines, emulator: RunningEmulator
) -> None:
    create_function(emulator, "echo", "def handler(event, context):\n    return event")
    answer = machines.output("aws-sdk:lambda:invoke", {"FunctionName": "echo", "Payload": {"a": [1]}})
    assert answer == {"ExecutedVersion": "$LATEST", "Payload": '{"a": [1]}', "StatusCode": 200}
    assert machines.output("aws-sdk:lambda:listFunctions", {})["Functions"][0]["FunctionName"] == "echo"


def test_an_aws_sdk_task_waits_for_its_token(machines: Machines, emulator: RunningEmulator) -> None:
    url = emulator.client("sqs").create_queue(QueueName="asked")["QueueUrl"]
    resource = f"{STATES}aws-sdk:sqs:sendMessage.waitForTaskToken"
    parameters = {"QueueUrl": url, "MessageBody.$": "$$.Task.Token"}
    state = {"Type": "Task", "Resource": resource, "Parameters": parameters, "HeartbeatSeconds": 60, "End": True}
    machine = machines.create({"StartAt": "T", "States": {"T": state}})
    execution = machines.client.start_execution(stateMachineArn=machine)["executionArn"]
    emulator.advance(0)
    token = emulator.client("sqs").receive_message(QueueUrl=url)["Messages"][0]["Body"]
    machines.client.send_task_success(taskToken=token, output='"well"')
    emulator.advance(0)
    assert machines.client.describe_execution(executionArn=execution)["output"] == '"well"'


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        ("dynamodb:query", "is not recognized."),
        ("aws-sdk:nothing:doIt", "is not recognized."),
        ("aws-sdk:s3:GetObject", "is not recognized."),
        ("aws-sdk:stepfunctions:startExecution", "is not recognized."),
        ("aws-sdk:s3:getObject.sync", "is not recognized."),
        ("dynamodb:getItem.waitForTaskToken", "is not recognized."),
        ("http:invoke.waitForTaskToken", "is not recognized."),
    ],
)
def test_what_cannot_be_called_is_refused_by_name_when_the_machine_is_created(
    machines: Machines, resource: str, reason: str
) -> None:
    assert f"The resource provided {STATES}{resource} {reason}" in machines.refused(resource, {})


@pytest.mark.parametrize(
    ("resource", "parameters", "problems"),
    [
        ("sqs:sendMessage", {"QueueUrl": 1, "MessageBody": "b"},
         "The value of the field 'QueueUrl' has an invalid format"),
        ("sqs:sendMessage", {"QueueUrl": "u", "MessageBody": "b", "DelaySeconds": "3"},
         "The value of the field 'DelaySeconds' has an invalid format"),
        ("aws-sdk:dynamodb:putItem", {"TableName": "t", "Item": {"id": {"S": 1}}},
         "The value of the field 'S' has an invalid format"),
        ("aws-sdk:dynamodb:putItem", {"TableName": "t", "Item": {"id": {"Text": "1"}}},
         "The field 'Text' is not supported by Step Functions"),
        ("lambda:invoke", {"FunctionName": {"a": 1}}, "The value of the field 'FunctionName' has an invalid format"),
        ("apigateway:invoke", {"ApiEndpoint": "example.com", "Method": "GET"},
         "The value of the field 'ApiEndpoint' has an invalid format"),
        ("apigateway:invoke", {"ApiEndpoint": "a1.execute-api.us-east-1.amazonaws.com", "Method": "GET",
                               "Headers": {"one": "text"}}, "The value of the field 'Headers' has an invalid format"),
        ("apigateway:invoke", {"ApiEndpoint": "a1.execute-api.us-east-1.amazonaws.com", "Method": "get",
                               "QueryParameters": "?a=b"},
         "The value of the field 'Method' has an invalid format, "
         "The value of the field 'QueryParameters' has an invalid format"),
    ],
)  # fmt: skip
def test_parameters_of_the_wrong_form_end_the_execution_before_the_task_is_scheduled(
    machines: Machines, resource: str, parameters: dict[str, Any], problems: str
) -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "C"}]
    state = {"Type": "Task", "Resource": STATES + resource, "Parameters": parameters, "Next": "C", "Catch": catch}
    ended = machines.run({"StartAt": "T", "States": {"T": state, "C": {"Type": "Succeed"}}})
    shown = json.dumps(parameters, separators=(",", ":"))
    assert (ended["error"], ended["cause"]) == (
        "States.Runtime",
        "An error occurred while executing the state 'T' (entered at the event id #2). "
        f"The Parameters '{shown}' could not be used to start the Task: [{problems}]",
    )
    assert [event["type"] for event in machines.history(ended)] == [
        "ExecutionStarted", "TaskStateEntered", "ExecutionFailed",
    ]  # fmt: skip


def test_arguments_that_turn_out_to_be_wrong_are_named_as_jsonata_names_them(machines: Machines) -> None:
    state = {"Type": "Task", "Resource": STATES + "sqs:sendMessage", "Arguments": "{% $states.input %}", "End": True}
    machine = {"QueryLanguage": "JSONata", "StartAt": "T", "States": {"T": state}}
    ended = machines.run(machine, '{"MessageBody":"b","Parameters":1}')
    assert ended["cause"].partition("). ")[2] == (
        'The Arguments \'{"MessageBody":"b","Parameters":1}\' could not be used to start the Task: '
        "[The field 'Parameters' is not supported by Step Functions, The field 'QueueUrl' is required but was missing]"
    )


def test_a_message_to_a_host_that_is_no_queue_cannot_be_sent(machines: Machines) -> None:
    assert machines.failure("sqs:sendMessage", {"QueueUrl": "http://no-such-queue", "MessageBody": "b"}) == (
        "SQS.SdkClientException",
        "Unable to execute HTTP request: no-such-queue: Name or service not known",
    )


# ── functions ───────────────────────────────────────────────────────────────────────────────────


def test_an_event_is_handed_over_in_one_commit_and_its_task_goes_on(
    machines: Machines, emulator: RunningEmulator
) -> None:
    create_function(emulator, "later", "def handler(event, context):\n    print('worked on', event)")
    parameters = {"FunctionName": "later", "InvocationType": "Event", "Payload": {"n": 1}}
    answer = machines.output("lambda:invoke", parameters)
    assert answer["StatusCode"] == answer["SdkHttpMetadata"]["HttpStatusCode"] == 202
    assert "Payload" not in answer
    lines = emulator.client("logs").filter_log_events(logGroupName="/aws/lambda/later")["events"]
    assert sum("worked on {'n': 1}" in line["message"] for line in lines) == 1
    error, cause = machines.failure("lambda:invoke", {"FunctionName": "nobody", "InvocationType": "Event"})
    assert error == "Lambda.ResourceNotFoundException"
    assert "Service: AWSLambda; Status Code: 404" in cause


def test_the_log_of_an_invocation_is_part_of_its_result(machines: Machines, emulator: RunningEmulator) -> None:
    create_function(emulator, "echo", "def handler(event, context):\n    return event")
    answer = machines.output("lambda:invoke", {"FunctionName": "echo", "LogType": "Tail"})
    headers = answer["SdkHttpMetadata"]["AllHttpHeaders"]
    assert next(iter(headers)) == "X-Amz-Log-Result"
    assert headers["X-Amz-Log-Result"] == [answer["LogResult"]]
    assert list(answer)[:3] == ["ExecutedVersion", "LogResult", "Payload"]


@pytest.mark.parametrize(
    ("payload", "returned"),
    [
        ('"HelloWorld"', "HelloWorld"),
        ("0.0", 0.0),
        ("null", None),
        ("[]", []),
        (None, {}),
        ({"a": "b"}, {"a": "b"}),
        (7, 7),
    ],
)
def test_a_text_is_the_payload_itself_as_on_aws(
    machines: Machines, emulator: RunningEmulator, payload: Any, returned: Any
) -> None:
    create_function(emulator, "echo", "def handler(event, context):\n    return event")
    answer = machines.output("lambda:invoke", {"FunctionName": "echo", "Payload": payload})
    assert answer["Payload"] == returned


def test_a_text_that_is_no_json_is_refused_by_lambda(machines: Machines, emulator: RunningEmulator) -> None:
    create_function(emulator, "echo", "def handler(event, context):\n    return event")
    error, cause = machines.failure("lambda:invoke", {"FunctionName": "echo", "Payload": "hello"})
    assert error == "Lambda.InvalidRequestContentException"
    assert cause.startswith("Could not parse request body into json")


# ── API Gateway ─────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def api(emulator: RunningEmulator) -> RestApi:
    create_function(
        emulator,
        "tell",
        """
import json

def handler(event, context):
    kept = ("httpMethod", "path", "multiValueQueryStringParameters", "body")
    told = {name: event[name] for name in kept} | {"header": event["multiValueHeaders"].get("X-Mine")}
    return {"statusCode": 200, "body": json.dumps(told)}
""",
    )
    made = RestApi(emulator)
    made.method(
        "/pets/{id}", "ANY", {"type": "AWS_PROXY", "integrationHttpMethod": "POST", "uri": function_uri("tell")}
    )
    made.method("/text", "GET", **mock(200, "plain words"))
    made.method("/signed", "GET", **mock(200, '{"in": true}'), authorizationType="AWS_IAM")
    made.deploy()
    return made


def endpoint(api_id: str) -> str:
    return f"{api_id}.execute-api.us-east-1.amazonaws.com"


def test_a_task_calls_a_rest_api_with_everything_a_request_has(machines: Machines, api: RestApi) -> None:
    answer = machines.output(
        "apigateway:invoke",
        {
            "ApiEndpoint": endpoint(api.id),
            "Method": "POST",
            "Stage": "dev",
            "Path": "pets/7",
            "QueryParameters": {"q": ["a b", 2]},
            "Headers": {"X-Mine": ["one", "two"]},
            "RequestBody": {"name": "Rex", "age": None},
        },
    )
    assert list(answer) == ["Headers", "ResponseBody", "StatusCode", "StatusText"]
    assert (answer["StatusCode"], answer["StatusText"]) == (200, "OK")
    assert answer["ResponseBody"] == {
        "httpMethod": "POST",
        "path": "/pets/7",
        "multiValueQueryStringParameters": {"q": ["a b", "2"]},
        "body": '{"name":"Rex"}',
        "header": ["one", "two"],
    }
    headers = answer["Headers"]
    assert headers["Content-Type"] == ["application/json"]
    assert {"Connection", "Content-Length", "Date", "x-amz-apigw-id", "x-amzn-RequestId"} <= set(headers)
    kept = {"RequestBody": {"age": None}, "AllowNullValues": True, "Path": "/pets/7", "Stage": "dev", "Method": "PUT"}
    answer = machines.output("apigateway:invoke", {"ApiEndpoint": endpoint(api.id), **kept})
    assert answer["ResponseBody"]["body"] == '{"age":null}'


def test_bodies_that_are_no_json_are_texts_and_refusals_are_errors(machines: Machines, api: RestApi) -> None:
    base = {"ApiEndpoint": endpoint(api.id), "Method": "GET", "Stage": "dev"}
    assert machines.output("apigateway:invoke", {**base, "Path": "/text"})["ResponseBody"] == "plain words"
    assert machines.failure("apigateway:invoke", {**base, "Path": "/none"}) == (
        "ApiGateway.403",
        '{"message":"Missing Authentication Token"}',
    )
    nowhere = {**base, "ApiEndpoint": endpoint("abcde12345")}
    assert machines.failure("apigateway:invoke", nowhere) == ("ApiGateway.403", '{"message":"Forbidden"}')
    assert machines.failure("apigateway:invoke", {**base, "Path": "/signed"})[0] == "ApiGateway.403"
    signed = machines.output("apigateway:invoke", {**base, "Path": "/signed", "AuthType": "IAM_ROLE"})
    assert signed["ResponseBody"] == {"in": True}


def test_a_task_calls_an_http_api(machines: Machines, emulator: RunningEmulator) -> None:
    made = http_api(emulator)
    made.route("GET /pets", made.function(echo(emulator)))
    answer = machines.output("apigateway:invoke", {"ApiEndpoint": endpoint(made.id), "Method": "GET", "Path": "/pets"})
    assert answer["ResponseBody"]["routeKey"] == "GET /pets"


def test_an_api_hands_the_token_on_to_whoever_works(machines: Machines, api: RestApi) -> None:
    state = {
        "Type": "Task",
        "Resource": f"{STATES}apigateway:invoke.waitForTaskToken",
        "Parameters": {
            "ApiEndpoint": endpoint(api.id),
            "Method": "POST",
            "Stage": "dev",
            "Path": "/pets/1",
            "Headers": {"X-Mine.$": "States.Array($$.Task.Token)"},
        },
        "TimeoutSeconds": 30,
        "End": True,
    }
    machine = machines.create({"StartAt": "T", "States": {"T": state}})
    execution = machines.client.start_execution(stateMachineArn=machine)["executionArn"]
    machines.emulator.advance(0)
    events = machines.client.get_execution_history(executionArn=execution)["events"]
    [submitted] = [event for event in events if event["type"] == "TaskSubmitted"]
    details = submitted["taskSubmittedEventDetails"]
    assert details["resource"] == "invoke.waitForTaskToken"
    [token] = json.loads(details["output"])["ResponseBody"]["header"]
    machines.client.send_task_success(taskToken=token, output="1")
    machines.emulator.advance(0)
    assert machines.client.describe_execution(executionArn=execution)["output"] == "1"


def test_functions_behind_a_called_api_may_sleep_in_frozen_time(machines: Machines, emulator: RunningEmulator) -> None:
    code = "import time\ndef handler(event, context):\n    time.sleep(20)\n    return {'statusCode': 200, 'body': '{}'}"
    lambda_support.create(emulator.client("lambda"), "slow", Code={"ZipFile": lambda_support.package(code)}, Timeout=60)
    made = RestApi(emulator)
    made.method("/", "GET", {"type": "AWS_PROXY", "integrationHttpMethod": "POST", "uri": function_uri("slow")})
    made.deploy()
    begun = emulator.now()
    machines.output("apigateway:invoke", {"ApiEndpoint": endpoint(made.id), "Method": "GET", "Stage": "dev"})
    assert emulator.now() - begun >= 20


def test_a_job_that_cannot_be_begun_was_not_submitted(machines: Machines) -> None:
    missing = {"StateMachineArn": "arn:aws:states:us-east-1:000000000000:stateMachine:missing"}
    ended = machines.task("states:startExecution.sync:2", missing)
    failed = machines.history(ended)[-2]
    assert (failed["type"], ended["error"]) == (
        "TaskSubmitFailed", "StepFunctions.StateMachineDoesNotExistException",
    )  # fmt: skip
    details = failed["taskSubmitFailedEventDetails"]
    assert (details["resource"], details["resourceType"]) == ("startExecution.sync:2", "states")
    assert (details["error"], details["cause"]) == (ended["error"], ended["cause"])
    broken = machines.create({"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "E"}}})
    ended = machines.task("states:startExecution.sync:2", {"StateMachineArn": broken})
    assert [event["type"] for event in machines.history(ended)][-3:] == [
        "TaskSubmitted", "TaskFailed", "ExecutionFailed",
    ]  # fmt: skip


def test_a_service_that_speaks_json_refuses_with_400_only(machines: Machines) -> None:
    error, cause = machines.failure("aws-sdk:secretsmanager:getSecretValue", {"SecretId": "missing"})
    assert error == "SecretsManager.ResourceNotFoundException"
    assert "(Service: SecretsManager, Status Code: 400, Request ID: " in cause
