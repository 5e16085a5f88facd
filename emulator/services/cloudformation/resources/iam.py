"""Roles, policies, instance profiles, users, groups and access keys (delegated: kept, not enforced)."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

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
from emulator.services.cloudformation.resources.values import moment_text

_LONGEST = NameForm(64)


def _arn(it: Subject, kind: str, name: str, path: str = "Path") -> str:
    return f"arn:aws:iam::{it.scope.account}:{kind}{it.get(path) or '/'}{name}"


def _there(it: Subject, problem: AwsError, type_name: str) -> None:
    """Go on after a try that died; else it is somebody else's."""
    if problem.code != "EntityAlreadyExists":
        raise problem
    if not it.again:
        raise ResourceFailed(f"Resource of type '{type_name}' with identifier '{it.name}' already exists.")


# ── roles ──


def _create_role(it: Subject) -> Steps:
    request = it.wanted("RoleName", "AssumeRolePolicyDocument", "Description", "MaxSessionDuration", "Path")
    try:
        made = yield Call("CreateRole", {**request, **_boundary(it), "Tags": it.all_tags() or None})
    except AwsError as problem:
        _there(it, problem, it.type_name)
        made = yield Call("GetRole", {"RoleName": it.name})
    yield from _permit(it, it.name, "Role")
    return Made(it.name, {"Arn": made["Role"]["Arn"], "RoleId": made["Role"]["RoleId"]})


def _boundary(it: Subject) -> dict[str, Any]:
    return {"PermissionsBoundary": it.get("PermissionsBoundary")} if it.get("PermissionsBoundary") else {}


def _permit(it: Subject, name: str, holder: str) -> Generator[Call, Json, None]:
    """Make the managed and inline policies of a role, user or group those of the template."""
    who = {f"{holder}Name": name}
    before, after = it.previous.get("ManagedPolicyArns") or [], it.get("ManagedPolicyArns") or []
    for arn in after:
        if arn not in before:
            yield Call(f"Attach{holder}Policy", {**who, "PolicyArn": arn})
    for arn in before:
        if arn not in after:
            yield Call(f"Detach{holder}Policy", {**who, "PolicyArn": arn})
    inline = {policy["PolicyName"]: _dated(policy["PolicyDocument"]) for policy in it.get("Policies") or []}
    for policy_name, document in inline.items():
        yield Call(f"Put{holder}Policy", {**who, "PolicyName": policy_name, "PolicyDocument": document})
    for policy in it.previous.get("Policies") or []:
        if policy["PolicyName"] not in inline:
            yield Call(f"Delete{holder}Policy", {**who, "PolicyName": policy["PolicyName"]})


def _update_role(it: Subject) -> Steps:
    name = it.physical_id
    if it.changed("AssumeRolePolicyDocument"):
        document = it.get("AssumeRolePolicyDocument")
        yield Call("UpdateAssumeRolePolicy", {"RoleName": name, "PolicyDocument": document})
    if it.changed("Description", "MaxSessionDuration"):
        settings = {"Description": it.get("Description", ""), "MaxSessionDuration": it.get("MaxSessionDuration", 3600)}
        yield Call("UpdateRole", {"RoleName": name, **settings})
    if it.changed("PermissionsBoundary"):
        if it.get("PermissionsBoundary"):
            yield Call("PutRolePermissionsBoundary", {"RoleName": name, **_boundary(it)})
        else:
            yield Call("DeleteRolePermissionsBoundary", {"RoleName": name})
    yield from _permit(it, name, "Role")
    told = yield Call("ListRoleTags", {"RoleName": name})
    yield from _retag(it, {"RoleName": name}, told, "Role")
    return Made(name, it.attributes)


def _retag(it: Subject, who: dict[str, Any], told: Json, holder: str) -> Generator[Call, Json, None]:
    tags = it.all_tags()
    stale = [tag["Key"] for tag in told.get("Tags") or [] if tag["Key"] not in tags]
    if stale:
        yield Call(f"Untag{holder}", {**who, "TagKeys": stale})
    if tags:
        yield Call(f"Tag{holder}", {**who, "Tags": tags})


def _delete_holder(holder: str) -> Any:
    """The deletion of a role, user or group: IAM wants it empty."""

    def delete(it: Subject) -> Generator[Call, Json, Made | None]:
        who = {f"{holder}Name": it.physical_id}
        attached = yield Call(f"ListAttached{holder}Policies", who)
        for policy in attached["AttachedPolicies"]:
            yield Call(f"Detach{holder}Policy", {**who, "PolicyArn": policy["PolicyArn"]})
        inline = yield Call(f"List{holder}Policies", who)
        for name in inline["PolicyNames"]:
            yield Call(f"Delete{holder}Policy", {**who, "PolicyName": name})
        if holder == "Role":
            profiles = yield Call("ListInstanceProfilesForRole", who)
            for profile in profiles["InstanceProfiles"]:
                name = profile["InstanceProfileName"]
                yield Call("RemoveRoleFromInstanceProfile", {"InstanceProfileName": name, **who})
        yield Call(f"Delete{holder}", who)
        return None

    return delete


# ── policies of their own ──

_HOLDERS = (("Roles", "Role"), ("Users", "User"), ("Groups", "Group"))


def _put_policy(it: Subject) -> Steps:
    """AWS::IAM::Policy: the same inline policy for each of some roles, users and groups."""
    if not any(it.get(names) for names, _ in _HOLDERS):
        raise ResourceFailed("At least one of [Groups,Roles,Users] must be non-empty.")
    old, new = str(it.previous.get("PolicyName") or ""), it.get("PolicyName")
    for names, holder in _HOLDERS:
        after = it.get(names) or []
        for name in after:
            document = _dated(it.get("PolicyDocument"))
            yield Call(f"Put{holder}Policy", {f"{holder}Name": name, "PolicyName": new, "PolicyDocument": document})
        for name in it.previous.get(names) or []:
            if name not in after or old != new:
                yield Call(f"Delete{holder}Policy", {f"{holder}Name": name, "PolicyName": old})
    return Made(it.physical_id or it.name)


def _delete_policy(it: Subject) -> Generator[Call, Json, Made | None]:
    for names, holder in _HOLDERS:
        for name in it.get(names) or []:
            try:
                yield Call(f"Delete{holder}Policy", {f"{holder}Name": name, "PolicyName": it.get("PolicyName")})
            except AwsError as problem:
                if problem.code != "NoSuchEntity":
                    raise
    return None


def _dated(document: Json) -> Json:
    """A policy with a Version: SAM's policy templates have none, which AWS accepts and the library does not."""
    return {"Version": "2012-10-17", **document} if isinstance(document, dict) else document


# ── managed policies ──


def _create_managed_policy(it: Subject) -> Steps:
    arn = _arn(it, "policy", it.name)
    request = it.wanted("Description", "Path", "PolicyDocument")
    request["PolicyDocument"] = _dated(request["PolicyDocument"])
    try:
        yield Call("CreatePolicy", {**request, "PolicyName": it.name, "Tags": {**it.system_tags, **it.tags}})
    except AwsError as problem:
        _there(it, problem, it.type_name)
    yield from _attach(it, arn)
    return (yield from _described_policy(arn))


def _described_policy(arn: str) -> Steps:
    told = yield Call("GetPolicy", {"PolicyArn": arn})
    policy = told["Policy"]
    attributes: dict[str, Json] = {"PolicyArn": arn, "IsAttachable": policy.get("IsAttachable", True)}
    for name in ("AttachmentCount", "PermissionsBoundaryUsageCount"):
        attributes[name] = policy.get(name) or 0
    for name in ("CreateDate", "DefaultVersionId", "PolicyId", "UpdateDate"):
        value = policy.get(name) or ""
        attributes[name] = value if isinstance(value, str) else moment_text(value)
    return Made(arn, attributes)


def _attach(it: Subject, arn: str) -> Generator[Call, Json, None]:
    for names, holder in _HOLDERS:
        before, after = it.previous.get(names) or [], it.get(names) or []
        for name in after:
            if name not in before:
                yield Call(f"Attach{holder}Policy", {f"{holder}Name": name, "PolicyArn": arn})
        for name in before:
            if name not in after:
                yield Call(f"Detach{holder}Policy", {f"{holder}Name": name, "PolicyArn": arn})


def _update_managed_policy(it: Subject) -> Steps:
    arn = it.physical_id
    if it.changed("PolicyDocument"):
        yield from _forget_versions(arn)
        document = _dated(it.get("PolicyDocument"))
        yield Call("CreatePolicyVersion", {"PolicyArn": arn, "PolicyDocument": document, "SetAsDefault": True})
    yield from _attach(it, arn)
    return (yield from _described_policy(arn))


def _forget_versions(arn: str) -> Generator[Call, Json, None]:
    versions = yield Call("ListPolicyVersions", {"PolicyArn": arn})
    for version in versions["Versions"]:
        if not version["IsDefaultVersion"]:
            yield Call("DeletePolicyVersion", {"PolicyArn": arn, "VersionId": version["VersionId"]})


def _delete_managed_policy(it: Subject) -> Generator[Call, Json, Made | None]:
    arn = it.physical_id
    held = yield Call("ListEntitiesForPolicy", {"PolicyArn": arn})
    for _, holder in _HOLDERS:
        for entity in held.get(f"Policy{holder}s") or []:
            name = entity[f"{holder}Name"]
            yield Call(f"Detach{holder}Policy", {f"{holder}Name": name, "PolicyArn": arn})
    yield from _forget_versions(arn)
    yield Call("DeletePolicy", {"PolicyArn": arn})
    return None


# ── instance profiles, users, groups ──


def _create_profile(it: Subject) -> Steps:
    try:
        made = yield Call("CreateInstanceProfile", it.wanted("InstanceProfileName", "Path"))
    except AwsError as problem:
        _there(it, problem, it.type_name)
        made = yield Call("GetInstanceProfile", {"InstanceProfileName": it.name})
    for role in it.get("Roles") or []:
        yield Call("AddRoleToInstanceProfile", {"InstanceProfileName": it.name, "RoleName": role})
    return Made(it.name, {"Arn": made["InstanceProfile"]["Arn"]})


def _update_profile(it: Subject) -> Steps:
    name, before, after = it.physical_id, it.previous.get("Roles") or [], it.get("Roles") or []
    for role in before:
        if role not in after:
            yield Call("RemoveRoleFromInstanceProfile", {"InstanceProfileName": name, "RoleName": role})
    for role in after:
        if role not in before:
            yield Call("AddRoleToInstanceProfile", {"InstanceProfileName": name, "RoleName": role})
    return Made(name, it.attributes)


def _delete_profile(it: Subject) -> Generator[Call, Json, Made | None]:
    name = it.physical_id
    told = yield Call("GetInstanceProfile", {"InstanceProfileName": name})
    for role in told["InstanceProfile"]["Roles"]:
        yield Call("RemoveRoleFromInstanceProfile", {"InstanceProfileName": name, "RoleName": role["RoleName"]})
    yield Call("DeleteInstanceProfile", {"InstanceProfileName": name})
    return None


def _create_user(it: Subject) -> Steps:
    try:
        made = yield Call(
            "CreateUser", {**it.wanted("UserName", "Path"), **_boundary(it), "Tags": it.all_tags() or None}
        )
    except AwsError as problem:
        _there(it, problem, it.type_name)
        made = yield Call("GetUser", {"UserName": it.name})
    yield from _permit(it, it.name, "User")
    for group in it.get("Groups") or []:
        yield Call("AddUserToGroup", {"GroupName": group, "UserName": it.name})
    yield from _set_login(it, it.name)
    return Made(it.name, {"Arn": made["User"]["Arn"]})


def _set_login(it: Subject, name: str) -> Generator[Call, Json, None]:
    """The password of a user."""
    if not it.changed("LoginProfile"):
        return
    given = it.get("LoginProfile")
    if not given:
        yield Call("DeleteLoginProfile", {"UserName": name})
        return
    operation = "UpdateLoginProfile" if it.previous.get("LoginProfile") else "CreateLoginProfile"
    yield Call(operation, {**given, "UserName": name})


def _update_user(it: Subject) -> Steps:
    name = it.physical_id
    yield from _permit(it, name, "User")
    before, after = it.previous.get("Groups") or [], it.get("Groups") or []
    for group in before:
        if group not in after:
            yield Call("RemoveUserFromGroup", {"GroupName": group, "UserName": name})
    for group in after:
        if group not in before:
            yield Call("AddUserToGroup", {"GroupName": group, "UserName": name})
    yield from _set_login(it, name)
    if it.changed("PermissionsBoundary"):
        if it.get("PermissionsBoundary"):
            yield Call("PutUserPermissionsBoundary", {"UserName": name, **_boundary(it)})
        else:
            yield Call("DeleteUserPermissionsBoundary", {"UserName": name})
    if it.changed("Path"):
        yield Call("UpdateUser", {"UserName": name, "NewPath": it.get("Path") or "/"})
    told = yield Call("ListUserTags", {"UserName": name})
    yield from _retag(it, {"UserName": name}, told, "User")
    return Made(name, it.attributes)


def _delete_user(it: Subject) -> Generator[Call, Json, Made | None]:
    who = {"UserName": it.physical_id}
    groups = yield Call("ListGroupsForUser", who)
    for group in groups["Groups"]:
        yield Call("RemoveUserFromGroup", {"GroupName": group["GroupName"], **who})
    if it.get("LoginProfile"):
        yield Call("DeleteLoginProfile", who)
    yield from _delete_holder("User")(it)
    return None


def _create_group(it: Subject) -> Steps:
    try:
        made = yield Call("CreateGroup", it.wanted("GroupName", "Path"))
    except AwsError as problem:
        _there(it, problem, it.type_name)
        made = yield Call("GetGroup", {"GroupName": it.name})
    yield from _permit(it, it.name, "Group")
    return Made(it.name, {"Arn": made["Group"]["Arn"]})


def _update_group(it: Subject) -> Steps:
    yield from _permit(it, it.physical_id, "Group")
    if it.changed("Path"):
        yield Call("UpdateGroup", {"GroupName": it.physical_id, "NewPath": it.get("Path") or "/"})
    return Made(it.physical_id, it.attributes)


def _create_access_key(it: Subject) -> Steps:
    made = yield Call("CreateAccessKey", it.wanted("UserName"))
    key = made["AccessKey"]
    if it.get("Status") == "Inactive":
        yield from _set_status(it, key["AccessKeyId"])
    return Made(key["AccessKeyId"], {"SecretAccessKey": key["SecretAccessKey"]})


def _set_status(it: Subject, key: str) -> Generator[Call, Json, None]:
    status = it.get("Status", "Active")
    yield Call("UpdateAccessKey", {**it.wanted("UserName"), "AccessKeyId": key, "Status": status})


def _update_access_key(it: Subject) -> Steps:
    yield from _set_status(it, it.physical_id)
    return Made(it.physical_id, it.attributes)


def _delete_access_key(it: Subject) -> Generator[Call, Json, Made | None]:
    yield Call("DeleteAccessKey", {**it.wanted("UserName"), "AccessKeyId": it.physical_id})
    return None


TYPES = [
    ResourceType(
        name="AWS::IAM::Role",
        service="iam",
        properties=words("AssumeRolePolicyDocument Description ManagedPolicyArns MaxSessionDuration Path")
        | words("PermissionsBoundary Policies RoleName Tags"),
        required=words("AssumeRolePolicyDocument"),
        replaces=words("Path RoleName"),
        named_by="RoleName",
        name_form=_LONGEST,
        create=_create_role,
        update=_update_role,
        delete=_delete_holder("Role"),
    ),
    ResourceType(
        name="AWS::IAM::Policy",
        service="iam",
        properties=words("Groups PolicyDocument PolicyName Roles Users"),
        required=words("PolicyDocument PolicyName"),
        create=_put_policy,
        update=_put_policy,
        delete=_delete_policy,
    ),
    ResourceType(
        name="AWS::IAM::ManagedPolicy",
        service="iam",
        properties=words("Description Groups ManagedPolicyName Path PolicyDocument Roles Users"),
        required=words("PolicyDocument"),
        replaces=words("Description ManagedPolicyName Path"),
        named_by="ManagedPolicyName",
        name_form=NameForm(128),
        create=_create_managed_policy,
        update=_update_managed_policy,
        delete=_delete_managed_policy,
    ),
    ResourceType(
        name="AWS::IAM::InstanceProfile",
        service="iam",
        properties=words("InstanceProfileName Path Roles"),
        required=words("Roles"),
        replaces=words("InstanceProfileName Path"),
        named_by="InstanceProfileName",
        name_form=NameForm(128),
        create=_create_profile,
        update=_update_profile,
        delete=_delete_profile,
    ),
    ResourceType(
        name="AWS::IAM::User",
        service="iam",
        properties=words("Groups LoginProfile ManagedPolicyArns Path PermissionsBoundary Policies Tags UserName"),
        replaces=words("UserName"),
        named_by="UserName",
        name_form=_LONGEST,
        create=_create_user,
        update=_update_user,
        delete=_delete_user,
    ),
    ResourceType(
        name="AWS::IAM::Group",
        service="iam",
        properties=words("GroupName ManagedPolicyArns Path Policies"),
        replaces=words("GroupName"),
        named_by="GroupName",
        name_form=NameForm(128),
        create=_create_group,
        update=_update_group,
        delete=_delete_holder("Group"),
    ),
    ResourceType(
        name="AWS::IAM::AccessKey",
        service="iam",
        properties=words("Serial Status UserName"),
        required=words("UserName"),
        replaces=words("Serial UserName"),
        create=_create_access_key,
        update=_update_access_key,
        delete=_delete_access_key,
    ),
]
