"""Which service, account and region is a request for? Pure; decides from what clients really send.

The credential scope says it best, then the target header, the host name, the form's API version and the path, in
that order. Which operation it is, the service's model decides afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qsl, unquote

from emulator.aws.http import HttpRequest
from emulator.aws.scope import DEFAULT_ACCOUNT, DEFAULT_REGION, Scope

SERVICE_OF_SIGNING_NAME = {
    "states": "stepfunctions",
    "monitoring": "cloudwatch",
    "email": "ses",
    "cognito-idp": "cognito-idp",
    "elasticloadbalancing": "elbv2",
    "tagging": "resourcegroupstaggingapi",
    "es": "opensearch",
    "access-analyzer": "accessanalyzer",
    "servicecatalog": "servicecatalog",
    "aps": "amp",
    "execute-api": "apigatewaymanagementapi",
}
"""Signing names and endpoint prefixes that are not botocore's service name."""

SERVICE_OF_TARGET = {
    "AWSStepFunctions": "stepfunctions",
    "AmazonSQS": "sqs",
    "AWSEvents": "events",
    "DynamoDB_20120810": "dynamodb",
    "DynamoDBStreams_20120810": "dynamodbstreams",
    "Logs_20140328": "logs",
    "GraniteServiceVersion20100801": "cloudwatch",
    "AmazonSSM": "ssm",
    "secretsmanager": "secretsmanager",
    "TrentService": "kms",
    "Kinesis_20131202": "kinesis",
    "Firehose_20150804": "firehose",
    "AWSCognitoIdentityProviderService": "cognito-idp",
}

SERVICE_OF_VERSION = {
    "2010-12-01": "ses",
    "2010-03-31": "sns",
    "2012-11-05": "sqs",
    "2011-06-15": "sts",
    "2010-05-08": "iam",
    "2010-08-01": "cloudwatch",
    "2010-05-15": "cloudformation",
    "2016-11-15": "ec2",
}

_PATHS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"^/v2/email(/|$)"), "sesv2"),
    (re.compile(r"^/v2/(apis|domainnames|vpclinks|tags|portals|portalproducts|routingrules)(/|$)"), "apigatewayv2"),
    (re.compile(r"^/20\d\d-\d\d-\d\d/(functions|event-source-mappings|layers|tags|account-settings)(/|$)"), "lambda"),
    (
        re.compile(
            r"^/20\d\d-\d\d-\d\d/(code-signing-configs|capacity-providers|durable-executions|resource-policy)(/|$)"
        ),
        "lambda",
    ),
    (re.compile(r"^/(restapis|apikeys|usageplans|clientcertificates|sdktypes|domainnames)(/|$)"), "apigateway"),
    (re.compile(r"^/(vpclinks|domainnameaccessassociations)(/|$)"), "apigateway"),
    (re.compile(r"^/(queue/[a-z0-9-]+/)?[0-9]{12}/[A-Za-z0-9_-]{1,80}(\.fifo)?/?$"), "sqs"),
    (re.compile(r"^/service/GraniteServiceVersion20100801/operation/"), "cloudwatch"),
)

_CREDENTIAL = re.compile(r"Credential=([^,\s]+)")
_ACCOUNT = re.compile(r"[0-9]{12}")
REGION = re.compile(r"[a-z]{2,4}(?:-[a-z]+)+-[0-9]{1,2}")
_VIRTUAL_HOSTED = re.compile(r"(^|\.)s3[.-]")


@dataclass(frozen=True, slots=True)
class Address:
    """What a request is for; `service` is botocore's name, None if nothing in the request tells."""

    service: str | None
    scope: Scope


def address_of(request: HttpRequest, known: Callable[[str], bool], default_region: str = DEFAULT_REGION) -> Address:
    """Service, account and region of a request. `known(name)` says whether botocore has a service of that name."""
    credential = _credential(request.header("authorization"))
    if credential:
        signed = _address_signed(credential, request.header("x-amz-target"), request.path[:9], known, default_region)
        if signed is not None:
            return signed
    return _address_of(request, known, default_region)


@lru_cache(maxsize=1024)
def _address_signed(
    credential: str, target: str, path_prefix: str, known: Callable[[str], bool], default_region: str
) -> Address | None:
    """What a full credential scope says, if it is all one needs to know: the few clients there are say the same again
    and again (5 µs of every request).
    """
    headers = [("Authorization", f"Credential={credential}"), ("X-Amz-Target", target)]
    request = HttpRequest("POST", path_prefix, "", headers)
    _, region, signing_name = _credential_scope(request)
    if not region or not signing_name or _service_of(signing_name, request, known) is None:
        return None
    return _address_of(request, known, default_region)


def _address_of(request: HttpRequest, known: Callable[[str], bool], default_region: str) -> Address:
    account, region, signing_name = _credential_scope(request)
    service = _service_of(signing_name, request, known)
    if service is None or not region:
        host_service, host_region = _from_host(host_name(request.header("host")), request.path, known)
        service, region = service or host_service, region or host_region
    service = service or _from_form(request) or _from_path(request)
    scope = Scope(
        account if _ACCOUNT.fullmatch(account) else DEFAULT_ACCOUNT,
        region if REGION.fullmatch(region) else default_region,
    )
    return Address(service, scope)


def service_of_endpoint(prefix: str, known: Callable[[str], bool]) -> str | None:
    """botocore's name of the service with an endpoint prefix or signing name (`states`, `email`)."""
    return _service_of_name(prefix.lower(), "", known)


def _service_of(signing_name: str, request: HttpRequest, known: Callable[[str], bool]) -> str | None:
    """The service that the credential scope and the target header name."""
    service = _service_of_name(signing_name, request.path, known) if signing_name else None
    target = request.header("x-amz-target")
    if target:
        named = SERVICE_OF_TARGET.get(target.rpartition(".")[0].rpartition("#")[2])
        if named is not None and (service is None or service == "dynamodb"):
            service = named
    return service


def host_name(host_header: str) -> str:
    """The lower-case name in a Host header, without port and brackets."""
    host = host_header.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].rstrip(".")


def _credential(authorization: str) -> str:
    """`access key/date/region/service/aws4_request` of an Authorization header, empty if it has none."""
    found = _CREDENTIAL.search(authorization)
    return found.group(1) if found else ""


def _credential_scope(request: HttpRequest) -> tuple[str, str, str]:
    """Access key id, region and signing name, from the header or from a presigned query; empty where not given."""
    text = ""
    authorization = request.header("authorization")
    if authorization:
        text = _credential(authorization)
        if not text and authorization.startswith("AWS "):
            return authorization[4:].partition(":")[0], "", "s3"
    elif "X-Amz-Credential=" in request.query:
        text = unquote(request.query.partition("X-Amz-Credential=")[2].partition("&")[0])
    elif "AWSAccessKeyId=" in request.query and "Signature=" in request.query:
        return unquote(request.query.partition("AWSAccessKeyId=")[2].partition("&")[0]), "", "s3"
    parts = text.split("/")
    return (parts[0], parts[2], parts[3].lower()) if len(parts) >= 5 else (parts[0], "", "")


def _service_of_name(name: str, path: str, known: Callable[[str], bool]) -> str | None:
    """botocore's name of a signing name or endpoint prefix; two services may share one."""
    service = SERVICE_OF_SIGNING_NAME.get(name, name)
    if service == "ses":
        return "sesv2" if path.startswith("/v2/email") else "ses"
    if service == "apigateway":
        return "apigatewayv2" if path.startswith("/v2/") else "apigateway"
    return service if known(service) else None


def _from_host(host: str, path: str, known: Callable[[str], bool]) -> tuple[str | None, str]:
    """`states.us-east-1.amazonaws.com`, `lambda.us-east-1.localhost`, `bucket.s3.localhost`."""
    labels = host.split(".")
    if len(labels) < 2:
        return None, ""
    region = next((label for label in labels[1:] if REGION.fullmatch(label)), "")
    if _VIRTUAL_HOSTED.search(host):
        return "s3", region
    name = labels[0].removeprefix("sync-")
    return _service_of_name(name, path, known), region


_LINK_ACTIONS = {"ConfirmSubscription": "sns", "Unsubscribe": "sns"}
"""Actions of links in mails, which AWS sends to one service's host and which name no API version."""


def _from_form(request: HttpRequest) -> str | None:
    if request.header("content-type").startswith("multipart/form-data"):  # a browser's upload to S3, signed in the form
        fields = request.body[:65536]
        return "s3" if b'name="policy"' in fields and b'name="key"' in fields else None
    if request.method == "GET" and request.query.startswith("Action="):
        linked = _LINK_ACTIONS.get(request.query[7:].partition("&")[0])
        if linked is not None:
            return linked
    for text in (request.query, request.body[:65536].decode("utf-8", "replace")):
        if "Action=" in text and "Version=" in text:
            fields = dict(parse_qsl(text, keep_blank_values=True))
            if "Action" in fields:
                return SERVICE_OF_VERSION.get(fields.get("Version", ""))
    return None


def _from_path(request: HttpRequest) -> str | None:
    for pattern, service in _PATHS:
        if pattern.match(request.path):
            return service
    return None
