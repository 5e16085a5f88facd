"""What IAM has besides roles, users, groups and policies of their own (delegated): providers of identities, roles of
services, members of groups, inline policies as resources."""

from __future__ import annotations

from collections.abc import Generator

from emulator.aws.errors import AwsError
from emulator.ports import Json
from emulator.services.cloudformation.resources.types import (
    Call,
    Made,
    NameForm,
    ResourceFailed,
    ResourceType,
    Steps,
    Subject,
    words,
)

# ── inline policies of one role, user or group ──


def _inline(holder: str) -> ResourceType:
    who = f"{holder}Name"

    def put(it: Subject) -> Steps:
        yield Call(f"Put{holder}Policy", it.wanted(who, "PolicyDocument", "PolicyName"))
        return Made(f"{it.get('PolicyName')}|{it.get(who)}")

    def delete(it: Subject) -> Generator[Call, Json, Made | None]:
        yield Call(f"Delete{holder}Policy", it.wanted(who, "PolicyName"))
        return None

    return ResourceType(
        name=f"AWS::IAM::{holder}Policy",
        service="iam",
        properties=words(f"{who} PolicyDocument PolicyName"),
        required=words(f"{who} PolicyName"),
        replaces=words(f"{who} PolicyName"),
        create=put,
        update=put,
        delete=delete,
    )


# ── members ──


def _add_users(it: Subject) -> Steps:
    group = it.get("GroupName")
    after: list[str] = it.get("Users") or []
    before: list[str] = (it.previous.get("Users") or []) if not it.changed("GroupName") else []
    for user in after:
        if user not in before:
            yield Call("AddUserToGroup", {"GroupName": group, "UserName": user})
    for user in it.previous.get("Users") or []:
        if user not in after or it.changed("GroupName"):
            yield Call("RemoveUserFromGroup", {"GroupName": it.previous.get("GroupName"), "UserName": user})
    return Made(it.physical_id or it.name, {"Id": it.physical_id or it.name})


def _remove_users(it: Subject) -> Generator[Call, Json, Made | None]:
    for user in it.get("Users") or []:
        try:
            yield Call("RemoveUserFromGroup", {**it.wanted("GroupName"), "UserName": user})
        except AwsError as problem:
            if problem.code != "NoSuchEntity":
                raise
    return None


# ── providers ──


def _create_oidc(it: Subject) -> Steps:
    if not it.get("Url"):
        raise ResourceFailed("Properties validation failed with message:\n#: required key [Url] not found")
    request = {"Url": it.get("Url"), "ThumbprintList": it.get("ThumbprintList") or ["0" * 40]}
    request |= it.wanted(ClientIDList="ClientIdList")
    arn = f"arn:aws:iam::{it.scope.account}:oidc-provider/{str(it.get('Url')).removeprefix('https://')}"
    try:
        made = yield Call("CreateOpenIDConnectProvider", {**request, "Tags": it.all_tags() or None})
        arn = made["OpenIDConnectProviderArn"]
    except AwsError as problem:
        if problem.code != "EntityAlreadyExists" or not it.again:
            raise
    return Made(arn, {"Arn": arn})


def _update_oidc(it: Subject) -> Steps:
    who = {"OpenIDConnectProviderArn": it.physical_id}
    if it.changed("ThumbprintList"):
        thumbprints = it.get("ThumbprintList") or ["0" * 40]
        yield Call("UpdateOpenIDConnectProviderThumbprint", {**who, "ThumbprintList": thumbprints})
    before: list[str] = it.previous.get("ClientIdList") or []
    after: list[str] = it.get("ClientIdList") or []
    for client in after:
        if client not in before:
            yield Call("AddClientIDToOpenIDConnectProvider", {**who, "ClientID": client})
    for client in before:
        if client not in after:
            yield Call("RemoveClientIDFromOpenIDConnectProvider", {**who, "ClientID": client})
    told = yield Call("ListOpenIDConnectProviderTags", who)
    tags = it.all_tags()
    stale = [tag["Key"] for tag in told.get("Tags") or [] if tag["Key"] not in tags]
    if stale:
        yield Call("UntagOpenIDConnectProvider", {**who, "TagKeys": stale})
    if tags:
        yield Call("TagOpenIDConnectProvider", {**who, "Tags": tags})
    return Made(it.physical_id, it.attributes)


def _delete_oidc(it: Subject) -> Generator[Call, Json, Made | None]:
    yield Call("DeleteOpenIDConnectProvider", {"OpenIDConnectProviderArn": it.physical_id})
    return None


def _create_saml(it: Subject) -> Steps:
    request = it.wanted("AddPrivateKey", "Name")
    request |= it.wanted(SAMLMetadataDocument="SamlMetadataDocument")
    made = yield Call("CreateSAMLProvider", {**request, "Tags": it.all_tags() or None})
    return Made(made["SAMLProviderArn"], {"Arn": made["SAMLProviderArn"], "SamlProviderUUID": it.token})


def _update_saml(it: Subject) -> Steps:
    request = it.wanted(SAMLMetadataDocument="SamlMetadataDocument")
    yield Call("UpdateSAMLProvider", {**request, "SAMLProviderArn": it.physical_id})
    return Made(it.physical_id, it.attributes)


def _delete_saml(it: Subject) -> Generator[Call, Json, Made | None]:
    yield Call("DeleteSAMLProvider", {"SAMLProviderArn": it.physical_id})
    return None


# ── roles of services ──


def _create_service_role(it: Subject) -> Steps:
    if not it.get("AWSServiceName"):
        text = "Properties validation failed with message:\n#: required key [AWSServiceName] not found"
        raise ResourceFailed(text)
    made = yield Call("CreateServiceLinkedRole", it.wanted("AWSServiceName", "CustomSuffix", "Description"))
    name = made["Role"]["RoleName"]
    return Made(name, {"RoleName": name})


def _update_service_role(it: Subject) -> Steps:
    yield Call("UpdateRole", {"RoleName": it.physical_id, "Description": it.get("Description") or ""})
    return Made(it.physical_id, it.attributes)


def _delete_service_role(it: Subject) -> Generator[Call, Json, Made | None]:
    yield Call("DeleteServiceLinkedRole", {"RoleName": it.physical_id})
    return None


TYPES: list[ResourceType] = [
    *(_inline(holder) for holder in ("Role", "User", "Group")),
    ResourceType(
        name="AWS::IAM::UserToGroupAddition",
        service="iam",
        properties=words("GroupName Users"),
        required=words("GroupName Users"),
        create=_add_users,
        update=_add_users,
        delete=_remove_users,
    ),
    ResourceType(
        name="AWS::IAM::OIDCProvider",
        service="iam",
        properties=words("ClientIdList Tags ThumbprintList Url"),
        replaces=words("Url"),
        create=_create_oidc,
        update=_update_oidc,
        delete=_delete_oidc,
    ),
    ResourceType(
        name="AWS::IAM::SAMLProvider",
        service="iam",
        properties=words("AddPrivateKey AssertionEncryptionMode Name PrivateKeyList RemovePrivateKey")
        | words("SamlMetadataDocument Tags"),
        no_effect=words("AssertionEncryptionMode PrivateKeyList RemovePrivateKey"),
        replaces=words("Name"),
        named_by="Name",
        name_form=NameForm(128),
        create=_create_saml,
        update=_update_saml,
        delete=_delete_saml,
    ),
    ResourceType(
        name="AWS::IAM::ServiceLinkedRole",
        service="iam",
        properties=words("AWSServiceName CustomSuffix Description"),
        replaces=words("AWSServiceName CustomSuffix"),
        create=_create_service_role,
        update=_update_service_role,
        delete=_delete_service_role,
    ),
]
