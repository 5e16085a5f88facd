"""Notifications of buckets: what may be configured, who hears of what, and in which words."""

from __future__ import annotations

import json
import urllib.parse
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.wire.lambda_support import create, package

BUCKET = "photos"
QUEUE_ARN = "arn:aws:sqs:us-east-1:000000000000:heard"


@pytest.fixture
def s3(emulator: Any) -> Any:
    client = emulator.client("s3")
    client.create_bucket(Bucket=BUCKET)
    return client


@pytest.fixture
def heard(emulator: Any) -> str:
    return emulator.client("sqs").create_queue(QueueName="heard", Attributes={"Policy": let_in(QUEUE_ARN)})["QueueUrl"]


def let_in(arn: str, action: str = "sqs:SendMessage", **more: Any) -> str:
    """A policy by which S3 may tell a destination."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": action,
        "Resource": arn,
        "Condition": {
            "ArnLike": {"aws:SourceArn": f"arn:aws:s3:*:*:{BUCKET}"},
            "StringEquals": {"aws:SourceAccount": "000000000000"},
        },
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [{**statement, **more}]})


def listen(s3: Any, events: list[str], **more: Any) -> None:
    rule = {"Id": "mine", "QueueArn": QUEUE_ARN, "Events": events, **more}
    s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={"QueueConfigurations": [rule]})


def messages(emulator: Any, url: str) -> list[Any]:
    """What the queue has been sent since; the test event is left out."""
    sqs, found = emulator.client("sqs"), list[Any]()
    while answer := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for each in answer:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
            found.append(json.loads(each["Body"]))
    return [each for each in found if "Records" in each]


def happened(emulator: Any, url: str) -> list[tuple[str, str]]:
    records = [each["Records"][0] for each in messages(emulator, url)]
    return [(each["eventName"], each["s3"]["object"]["key"]) for each in records]


def refusal(work: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        work()
    return caught.value.response


# ── configuration ──


def test_a_configuration_is_shown_as_it_was_put_with_ids_for_parts_without(emulator: Any, s3: Any, heard: str) -> None:
    listen(s3, ["s3:ObjectCreated:*"], Filter={"Key": {"FilterRules": [{"Name": "Prefix", "Value": "in/"}]}})
    shown = s3.get_bucket_notification_configuration(Bucket=BUCKET)
    assert shown["QueueConfigurations"] == [
        {
            "Id": "mine",
            "QueueArn": QUEUE_ARN,
            "Events": ["s3:ObjectCreated:*"],
            "Filter": {"Key": {"FilterRules": [{"Name": "Prefix", "Value": "in/"}]}},
        }
    ]
    s3.put_bucket_notification_configuration(
        Bucket=BUCKET,
        NotificationConfiguration={
            "QueueConfigurations": [{"QueueArn": QUEUE_ARN, "Events": ["s3:ObjectRemoved:*"]}],
            "EventBridgeConfiguration": {},
        },
    )
    shown = s3.get_bucket_notification_configuration(Bucket=BUCKET)
    assert len(shown["QueueConfigurations"][0]["Id"]) == 48
    assert shown["EventBridgeConfiguration"] == {}


def test_an_empty_configuration_ends_notifications(emulator: Any, s3: Any, heard: str) -> None:
    listen(s3, ["s3:ObjectCreated:*"])
    s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={})
    s3.put_object(Bucket=BUCKET, Key="k", Body=b"1")
    assert messages(emulator, heard) == []
    shown = s3.get_bucket_notification_configuration(Bucket=BUCKET)
    del shown["ResponseMetadata"]
    assert shown == {}


def test_a_bucket_that_is_made_anew_notifies_nobody(emulator: Any, s3: Any, heard: str) -> None:
    listen(s3, ["s3:ObjectCreated:*"])
    s3.delete_bucket(Bucket=BUCKET)
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="k", Body=b"1")
    assert messages(emulator, heard) == []


def test_a_queue_that_becomes_a_destination_gets_the_test_event(emulator: Any, s3: Any, heard: str) -> None:
    listen(s3, ["s3:ObjectCreated:*"])
    [message] = emulator.client("sqs").receive_message(QueueUrl=heard)["Messages"]
    event = json.loads(message["Body"])
    assert list(event) == ["Service", "Event", "Time", "Bucket", "RequestId", "HostId"]
    assert (event["Service"], event["Event"], event["Bucket"]) == ("Amazon S3", "s3:TestEvent", BUCKET)


def test_a_bucket_that_does_not_exist_has_no_notifications(emulator: Any, s3: Any) -> None:
    answer = refusal(lambda: s3.get_bucket_notification_configuration(Bucket="nowhere"))
    assert answer["Error"]["Code"] == "NoSuchBucket"
    configuration: dict[str, Any] = {}
    answer = refusal(
        lambda: s3.put_bucket_notification_configuration(Bucket="nowhere", NotificationConfiguration=configuration)
    )
    assert answer["Error"]["Code"] == "NoSuchBucket"


def queue(events: list[str], arn: str = QUEUE_ARN, **more: Any) -> dict[str, Any]:
    return {"QueueArn": arn, "Events": events, **more}


def key_filter(*rules: tuple[str, str]) -> dict[str, Any]:
    return {"Key": {"FilterRules": [{"Name": name, "Value": value} for name, value in rules]}}


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ([queue(["s3:ObjectCreated:Foo"])], "The event 's3:ObjectCreated:Foo' is not supported for notifications"),
        (
            [queue(["s3:ObjectCreated:*"]), queue(["s3:ObjectCreated:Put"])],
            "Configurations overlap. Configurations on the same bucket cannot share a common event type.",
        ),
        (
            [
                queue(["s3:ObjectCreated:*"], Filter=key_filter(("suffix", "jpg"))),
                queue(["s3:ObjectCreated:*"], Filter=key_filter(("suffix", "pg"))),
            ],
            "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are"
            " overlapping for the same event type.",
        ),
        (
            [queue(["s3:ObjectCreated:*"], Id="a"), queue(["s3:ObjectRemoved:*"], Id="a")],
            "Same ID used for multiple configurations. IDs must be unique.",
        ),
        ([queue(["s3:ObjectCreated:*"], "arn:aws:sqs")], "The ARN is not well formed"),
        ([queue(["s3:ObjectCreated:*"], "arn:aws:sns:us-east-1:000000000000:t")], "The ARN is not well formed"),
        (
            [queue(["s3:ObjectCreated:*"], "arn:aws:sqs:eu-west-1:000000000000:heard")],
            "The notification destination service region is not valid for the bucket location constraint",
        ),
        (
            [queue(["s3:ObjectCreated:*"], "arn:aws:sqs:us-east-1:000000000000:none")],
            "Unable to validate the following destination configurations",
        ),
        (
            [queue(["s3:ObjectCreated:*"], Filter=key_filter(("prefix", "a"), ("prefix", "b")))],
            "Cannot specify more than one prefix rule in a filter.",
        ),
        (
            [queue(["s3:ObjectCreated:*"], Filter=key_filter(("prefix", "a" * 1025)))],
            "Size of filter rule value cannot exceed 1024 bytes in UTF-8 representation",
        ),
        (
            [queue(["s3:ObjectCreated:*"], Filter=key_filter(("infix", "a")))],
            "filter rule name must be either prefix or suffix",
        ),
    ],
)
def test_a_configuration_that_s3_refuses_changes_nothing(
    emulator: Any, s3: Any, heard: str, parts: list[dict[str, Any]], text: str
) -> None:
    wanted = {"QueueConfigurations": parts}
    answer = refusal(lambda: s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration=wanted))
    assert (answer["Error"]["Code"], answer["Error"]["Message"]) == ("InvalidArgument", text)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert "QueueConfigurations" not in s3.get_bucket_notification_configuration(Bucket=BUCKET)
    assert "Messages" not in emulator.client("sqs").receive_message(QueueUrl=heard)


def test_destinations_that_do_not_exist_are_named_with_the_reason(emulator: Any, s3: Any) -> None:
    arn = "arn:aws:lambda:us-east-1:000000000000:function:none"
    wanted = {"LambdaFunctionConfigurations": [{"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
    put = s3.put_bucket_notification_configuration
    error = refusal(lambda: put(Bucket=BUCKET, NotificationConfiguration=wanted))["Error"]
    assert (error["ArgumentName1"], error["ArgumentValue1"]) == (
        f"{arn}, null",
        f"Not authorized to invoke function [{arn}]",
    )
    put(Bucket=BUCKET, NotificationConfiguration=wanted, SkipDestinationValidation=True)
    assert s3.get_bucket_notification_configuration(Bucket=BUCKET)["LambdaFunctionConfigurations"]


def allow(emulator: Any, function: str, **more: str) -> None:
    request = {"StatementId": "s3", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
    where = {"SourceArn": f"arn:aws:s3:::{BUCKET}", "SourceAccount": "000000000000"}
    emulator.client("lambda").add_permission(FunctionName=function, **{**request, **where, **more})


def why(s3: Any, kind: str, arn: str) -> str:
    """The reason for which S3 refuses a destination; none if it takes it."""
    member = {"Lambda": "LambdaFunctionArn", "Queue": "QueueArn", "Topic": "TopicArn"}[kind]
    part = {member: arn, "Events": ["s3:ObjectCreated:*"]}
    member = "LambdaFunctionConfigurations" if kind == "Lambda" else f"{kind}Configurations"
    try:
        s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={member: [part]})
    except ClientError as refused:
        error = refused.response["Error"]
        assert error["Message"] == "Unable to validate the following destination configurations"
        assert (error["Code"], error["ArgumentName1"]) == ("InvalidArgument", f"{arn}, null")
        return error["ArgumentValue1"]
    return ""


@pytest.mark.parametrize(
    "policy",
    [
        "",
        let_in(QUEUE_ARN, Principal={"AWS": "000000000000"}),
        let_in(QUEUE_ARN, Principal={"Service": "sns.amazonaws.com"}),
        let_in(QUEUE_ARN + "2"),
        let_in(QUEUE_ARN, action="sqs:ReceiveMessage"),
        let_in(QUEUE_ARN, Effect="Deny"),
        let_in(QUEUE_ARN, Condition={"ArnEquals": {"aws:SourceArn": "arn:aws:s3:::another"}}),
        let_in(QUEUE_ARN, Condition={"StringEquals": {"aws:SourceAccount": "111111111111"}}),
        let_in(QUEUE_ARN, Condition={"NoSuchOperator": {"aws:SourceAccount": "000000000000"}}),
    ],
)
def test_a_queue_whose_policy_does_not_let_s3_in_is_no_destination(emulator: Any, s3: Any, policy: str) -> None:
    sqs = emulator.client("sqs")
    url = sqs.create_queue(QueueName="heard", Attributes={"Policy": policy} if policy else {})["QueueUrl"]
    reason = "Permissions on the destination queue do not allow S3 to publish notifications from this bucket"
    assert why(s3, "Queue", QUEUE_ARN) == reason
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    for wide in ({"Principal": "*"}, {"Principal": {"AWS": "*"}, "Action": "sqs:*"}, {"Condition": {}}):
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": let_in(QUEUE_ARN, **wide)})
        assert why(s3, "Queue", QUEUE_ARN) == ""


def test_topics_and_functions_must_let_s3_in_too(emulator: Any, s3: Any) -> None:
    sns = emulator.client("sns")
    topic = sns.create_topic(Name="t")["TopicArn"]
    reason = "Permissions on the destination topic do not allow S3 to publish notifications from this bucket"
    assert why(s3, "Topic", topic) == reason
    sns.set_topic_attributes(
        TopicArn=topic, AttributeName="Policy", AttributeValue=let_in(topic, "sns:Publish", Condition={})
    )
    assert why(s3, "Topic", topic) == ""
    code = {"ZipFile": package("def handler(event, context): pass")}
    function = create(emulator.client("lambda"), "f", Code=code)["FunctionArn"]
    assert why(s3, "Lambda", function) == f"Not authorized to invoke function [{function}]"
    allow(emulator, function, SourceAccount="111111111111")
    assert why(s3, "Lambda", function) == f"Not authorized to invoke function [{function}]"
    allow(emulator, function, StatementId="right")
    assert why(s3, "Lambda", function) == ""


def test_policies_of_destinations_can_be_left_alone_by_a_setting(emulator: Any, s3: Any) -> None:
    emulator.client("sqs").create_queue(QueueName="heard")
    emulator.control("PUT", "settings", {"s3_checks_policies": False})
    assert why(s3, "Queue", QUEUE_ARN) == ""
    assert why(s3, "Queue", QUEUE_ARN + "2") == "The destination queue does not exist"


def test_rules_whose_prefixes_differ_may_share_events(emulator: Any, s3: Any, heard: str) -> None:
    parts = [
        queue(["s3:ObjectCreated:*"], Id="a", Filter=key_filter(("prefix", "a/"))),
        queue(["s3:ObjectCreated:*"], Id="b", Filter=key_filter(("prefix", "b/"))),
    ]
    s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={"QueueConfigurations": parts})
    s3.put_object(Bucket=BUCKET, Key="b/1", Body=b"")
    [event] = messages(emulator, heard)
    assert event["Records"][0]["s3"]["configurationId"] == "b"


def test_a_bucket_elsewhere_notifies_there(emulator: Any) -> None:
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    sqs = emulator.client("sqs", region_name="eu-west-1")
    arn = "arn:aws:sqs:eu-west-1:000000000000:heard"
    url = sqs.create_queue(QueueName="heard", Attributes={"Policy": let_in(arn)})["QueueUrl"]
    listen(s3, ["s3:ObjectCreated:*"], QueueArn=arn)
    s3.put_object(Bucket=BUCKET, Key="k", Body=b"1")
    received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert json.loads(received[1]["Body"])["Records"][0]["awsRegion"] == "eu-west-1"


# ── events ──


def test_the_record_of_an_object_that_was_put(emulator: Any, s3: Any, heard: str) -> None:
    listen(s3, ["s3:ObjectCreated:*"])
    s3.put_object(Bucket=BUCKET, Key="red flower/ü+1.jpg", Body=b"12345")
    [event] = messages(emulator, heard)
    [record] = event["Records"]
    assert list(record) == [
        "eventVersion",
        "eventSource",
        "awsRegion",
        "eventTime",
        "eventName",
        "userIdentity",
        "requestParameters",
        "responseElements",
        "s3",
    ]
    assert record["eventVersion"] == "2.1"
    assert record["eventSource"] == "aws:s3"
    assert record["awsRegion"] == "us-east-1"
    assert record["eventName"] == "ObjectCreated:Put"
    assert len(record["responseElements"]["x-amz-id-2"]) == 76
    sequencer = record["s3"]["object"].pop("sequencer")
    assert len(sequencer) == 18
    assert record["s3"]["object"] == {
        "key": "red+flower/%C3%BC%2B1.jpg",
        "size": 5,
        "eTag": "827ccb0eea8a706c4c34a16891f84e7b",
    }
    assert urllib.parse.unquote_plus(record["s3"]["object"]["key"]) == "red flower/ü+1.jpg"
    assert record["s3"]["bucket"]["arn"] == f"arn:aws:s3:::{BUCKET}"
    assert record["s3"]["configurationId"] == "mine"


def test_copies_parts_and_removals_have_their_names(emulator: Any, s3: Any, heard: str) -> None:
    listen(s3, ["s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:ObjectTagging:*", "s3:ObjectAcl:Put"])
    s3.put_object(Bucket=BUCKET, Key="a", Body=b"1")
    s3.copy_object(Bucket=BUCKET, Key="b", CopySource={"Bucket": BUCKET, "Key": "a"})
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="c")["UploadId"]
    part = s3.upload_part(Bucket=BUCKET, Key="c", UploadId=upload, PartNumber=1, Body=b"1234")
    s3.complete_multipart_upload(
        Bucket=BUCKET,
        Key="c",
        UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    )
    s3.put_object_tagging(Bucket=BUCKET, Key="c", Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})
    s3.delete_object_tagging(Bucket=BUCKET, Key="c")
    s3.put_object_acl(Bucket=BUCKET, Key="c", ACL="private")
    s3.get_object(Bucket=BUCKET, Key="c")
    s3.delete_object(Bucket=BUCKET, Key="c")
    s3.delete_object(Bucket=BUCKET, Key="never there")
    s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "a"}, {"Key": "b"}, {"Key": "none"}]})
    assert happened(emulator, heard) == [
        ("ObjectCreated:Put", "a"),
        ("ObjectCreated:Copy", "b"),
        ("ObjectCreated:CompleteMultipartUpload", "c"),
        ("ObjectTagging:Put", "c"),
        ("ObjectTagging:Delete", "c"),
        ("ObjectAcl:Put", "c"),
        ("ObjectRemoved:Delete", "c"),
        ("ObjectRemoved:Delete", "a"),
        ("ObjectRemoved:Delete", "b"),
    ]


def test_sequencers_grow(emulator: Any, s3: Any, heard: str) -> None:
    listen(s3, ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"])
    for body in (b"1", b"22", b"333"):
        s3.put_object(Bucket=BUCKET, Key="a", Body=body)
    s3.delete_object(Bucket=BUCKET, Key="a")
    objects = [each["Records"][0]["s3"]["object"] for each in messages(emulator, heard)]
    assert [each.get("size") for each in objects] == [1, 2, 3, None]
    sequencers = [each["sequencer"] for each in objects]
    assert sequencers == sorted(set(sequencers))


def test_versions_and_delete_markers(emulator: Any, s3: Any, heard: str) -> None:
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    listen(s3, ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"])
    made = s3.put_object(Bucket=BUCKET, Key="a", Body=b"1")["VersionId"]
    marker = s3.delete_object(Bucket=BUCKET, Key="a")["VersionId"]
    s3.delete_object(Bucket=BUCKET, Key="a", VersionId=made)
    s3.put_object(Bucket=BUCKET, Key="b", Body=b"1")
    answer = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "b"}], "Quiet": True})
    assert "Deleted" not in answer
    records = [each["Records"][0] for each in messages(emulator, heard)]
    assert [each["eventName"] for each in records] == [
        "ObjectCreated:Put",
        "ObjectRemoved:DeleteMarkerCreated",
        "ObjectRemoved:Delete",
        "ObjectCreated:Put",
        "ObjectRemoved:DeleteMarkerCreated",
    ]
    assert [each["s3"]["object"]["versionId"] for each in records[:3]] == [made, marker, made]
    assert records[1]["s3"]["object"]["eTag"] == "d41d8cd98f00b204e9800998ecf8427e"
    assert records[4]["s3"]["object"]["versionId"]


def test_filters_choose_objects_and_failures_tell_nobody(emulator: Any, s3: Any, heard: str) -> None:
    listen(s3, ["s3:ObjectCreated:Put"], Filter=key_filter(("prefix", "in/"), ("suffix", ".jpg")))
    for key in ("in/1.jpg", "in/1.png", "out/1.jpg"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"1")
    s3.copy_object(Bucket=BUCKET, Key="in/2.jpg", CopySource={"Bucket": BUCKET, "Key": "in/1.jpg"})
    with pytest.raises(ClientError):
        s3.copy_object(Bucket=BUCKET, Key="in/3.jpg", CopySource={"Bucket": BUCKET, "Key": "none"})
    assert happened(emulator, heard) == [("ObjectCreated:Put", "in/1.jpg")]


def test_a_function_is_invoked_asynchronously_and_a_topic_told(emulator: Any, s3: Any, heard: str) -> None:
    aws = emulator.client("lambda")
    code = "import json\ndef handler(event, context):\n    print(json.dumps(event))\n"
    arn = create(aws, "thumb", Code={"ZipFile": package(code)})["FunctionArn"]
    allow(emulator, arn)
    topic = "arn:aws:sns:us-east-1:000000000000:t"
    emulator.client("sns").create_topic(Name="t", Attributes={"Policy": let_in(topic, "sns:Publish")})
    emulator.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=QUEUE_ARN)
    s3.put_bucket_notification_configuration(
        Bucket=BUCKET,
        NotificationConfiguration={
            "LambdaFunctionConfigurations": [{"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}],
            "TopicConfigurations": [{"TopicArn": topic, "Events": ["s3:ObjectRemoved:*"]}],
        },
    )
    s3.put_object(Bucket=BUCKET, Key="a", Body=b"1")
    s3.delete_object(Bucket=BUCKET, Key="a")
    emulator.settle()
    logged = emulator.client("logs").filter_log_events(logGroupName="/aws/lambda/thumb")["events"]
    assert any('"eventName": "ObjectCreated:Put"' in each["message"] for each in logged)
    received = emulator.client("sqs").receive_message(QueueUrl=heard, MaxNumberOfMessages=10)["Messages"]
    told = [json.loads(each["Body"]) for each in received]
    assert {each["Subject"] for each in told} == {"Amazon S3 Notification"}
    assert json.loads(told[-1]["Message"])["Records"][0]["eventName"] == "ObjectRemoved:Delete"


def test_eventbridge_hears_of_everything_in_its_own_words(emulator: Any, s3: Any, heard: str) -> None:
    s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}})
    events = emulator.client("events")
    events.put_rule(Name="r", EventPattern=json.dumps({"source": ["aws.s3"]}))
    events.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": QUEUE_ARN}])
    s3.put_object(Bucket=BUCKET, Key="red flower", Body=b"12")
    s3.delete_object(Bucket=BUCKET, Key="red flower")
    emulator.settle()
    received = emulator.client("sqs").receive_message(QueueUrl=heard, MaxNumberOfMessages=10)["Messages"]
    made, gone = sorted((json.loads(each["Body"]) for each in received), key=lambda each: each["detail-type"])
    assert (made["detail-type"], gone["detail-type"]) == ("Object Created", "Object Deleted")
    assert made["resources"] == [f"arn:aws:s3:::{BUCKET}"]
    detail = made["detail"]
    assert list(detail) == [
        "version",
        "bucket",
        "object",
        "request-id",
        "requester",
        "source-ip-address",
        "reason",
    ]
    assert detail["object"]["key"] == "red flower"
    assert (detail["object"]["size"], detail["reason"], detail["requester"]) == (2, "PutObject", "000000000000")
    assert gone["detail"]["deletion-type"] == "Permanently Deleted"


def test_a_form_and_a_presigned_request_are_told_of(emulator: Any, s3: Any, heard: str) -> None:
    import urllib.request

    listen(s3, ["s3:ObjectCreated:*"])
    url = s3.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": "signed"})
    urllib.request.urlopen(urllib.request.Request(url, b"123", method="PUT"))
    form = s3.generate_presigned_post(BUCKET, "up/${filename}")
    lines = [f'--x\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in form["fields"].items()]
    lines.append('--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nbody\r\n--x--\r\n')
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    urllib.request.urlopen(urllib.request.Request(form["url"], "".join(lines).encode(), headers))
    assert happened(emulator, heard) == [("ObjectCreated:Put", "signed"), ("ObjectCreated:Post", "up/a.txt")]


def test_a_malformed_configuration_is_refused_in_s3s_words(emulator: Any, s3: Any) -> None:
    import urllib.error
    import urllib.request

    url = s3.generate_presigned_url(
        "put_bucket_notification_configuration", Params={"Bucket": BUCKET, "NotificationConfiguration": {}}
    )
    for body in (
        b"<a",
        b"",
        b'<!DOCTYPE a [<!ENTITY b "c">]><NotificationConfiguration>&b;</NotificationConfiguration>',
    ):
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(urllib.request.Request(url, body, method="PUT"))
        assert caught.value.code == 400
        assert b"<Code>MalformedXML</Code>" in caught.value.read()
