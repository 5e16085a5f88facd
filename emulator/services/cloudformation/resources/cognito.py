"""User pools and identity pools (delegated)."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, cast

from emulator.aws.errors import AwsError, NotEmulated
from emulator.ports import Json
from emulator.services.cloudformation.resources.simple import without_change
from emulator.services.cloudformation.resources.types import (
    Call,
    Deletion,
    Made,
    NameForm,
    ResourceType,
    Steps,
    Subject,
    words,
)

_IDENTITY = "cognito-identity"

# ── user pools ──

_CREATED_ONLY = "AliasAttributes Schema UsernameAttributes UsernameConfiguration"
_POOL = (
    "AccountRecoverySetting AdminCreateUserConfig AutoVerifiedAttributes DeletionProtection DeviceConfiguration"
    " EmailConfiguration EmailVerificationMessage EmailVerificationSubject IssuerConfiguration KeyConfiguration"
    " LambdaConfig MfaConfiguration Policies SmsAuthenticationMessage SmsConfiguration SmsVerificationMessage"
    " UserAttributeUpdateSettings UserPoolAddOns UserPoolTier VerificationMessageTemplate"
)


def _create_pool(it: Subject) -> Steps:
    pool = (yield from _found_again(it)) if it.again else None
    if pool is None:
        request = it.wanted(*_POOL.split(), *_CREATED_ONLY.split())
        tags = it.all_tags("UserPoolTags") or None
        made = yield Call("CreateUserPool", {**request, "PoolName": it.name, "UserPoolTags": tags})
        pool = str(made["UserPool"]["Id"])
    yield from _set_factors(it, pool)
    provider = f"cognito-idp.{it.scope.region}.amazonaws.com/{pool}"
    attributes = {
        "Arn": f"arn:aws:cognito-idp:{it.scope.region}:{it.scope.account}:userpool/{pool}",
        "ProviderName": provider,
        "ProviderURL": f"https://{provider}",
        "UserPoolId": pool,
    }
    return Made(pool, attributes)


def _found_again(it: Subject) -> Generator[Call, Json, str | None]:
    """A pool that a try made which died; names of pools need not be unique, but this one is generated."""
    told = yield Call("ListUserPools", {"MaxResults": 60})
    return next((pool["Id"] for pool in told["UserPools"] if pool["Name"] == it.name), None)


def _set_factors(it: Subject, pool: str) -> Generator[Call, Json, None]:
    """The second factors have an operation of their own."""
    if not it.changed("EnabledMfas", "MfaConfiguration"):
        return
    kinds = cast("list[str]", it.get("EnabledMfas") or [])
    if not kinds or it.get("MfaConfiguration", "OFF") == "OFF":
        return
    request: dict[str, Any] = {"UserPoolId": pool, "MfaConfiguration": it.get("MfaConfiguration")}
    if "SOFTWARE_TOKEN_MFA" in kinds:
        request["SoftwareTokenMfaConfiguration"] = {"Enabled": True}
    if "SMS_MFA" in kinds:
        request["SmsMfaConfiguration"] = it.wanted("SmsConfiguration", "SmsAuthenticationMessage")
    if "EMAIL_OTP" in kinds:
        message = it.wanted(Message="EmailAuthenticationMessage", Subject="EmailAuthenticationSubject")
        request["EmailMfaConfiguration"] = message
    yield Call("SetUserPoolMfaConfig", request)


def _update_pool(it: Subject) -> Steps:
    request = it.wanted(*_POOL.split())
    if it.get("UserPoolName"):
        request["PoolName"] = it.get("UserPoolName")
    yield Call("UpdateUserPool", {**request, "UserPoolId": it.physical_id, "UserPoolTags": it.all_tags("UserPoolTags")})
    yield from _set_factors(it, it.physical_id)
    return Made(it.physical_id, it.attributes)


def _delete_pool(it: Subject) -> Generator[Call, Json, Made | None]:
    yield Call("DeleteUserPool", {"UserPoolId": it.physical_id})
    return None


# ── what belongs to a user pool ──

_CLIENT = (
    "AccessTokenValidity AllowedOAuthFlows AllowedOAuthFlowsUserPoolClient AllowedOAuthScopes AnalyticsConfiguration"
    " AuthSessionValidity CallbackURLs ClientName DefaultRedirectURI EnablePropagateAdditionalUserContextData"
    " EnableTokenRevocation ExplicitAuthFlows IdTokenValidity LogoutURLs PreventUserExistenceErrors ReadAttributes"
    " RefreshTokenRotation RefreshTokenValidity SupportedIdentityProviders TokenValidityUnits WriteAttributes"
)


def _create_client(it: Subject) -> Steps:
    made = yield Call("CreateUserPoolClient", it.wanted(*_CLIENT.split(), "GenerateSecret", "UserPoolId"))
    client = made["UserPoolClient"]
    attributes = {"ClientId": client["ClientId"], "Name": it.name, "ClientSecret": client.get("ClientSecret") or ""}
    return Made(client["ClientId"], attributes)


def _update_client(it: Subject) -> Steps:
    request = it.wanted(*_CLIENT.split(), "UserPoolId")
    yield Call("UpdateUserPoolClient", {**request, "ClientId": it.physical_id})
    return Made(it.physical_id, it.attributes)


def _deleting(operation: str, member: str) -> Deletion:
    """A deletion by the pool and the physical id."""

    def delete(it: Subject) -> Generator[Call, Json, Made | None]:
        yield Call(operation, {**it.wanted("UserPoolId"), member: it.physical_id})
        return None

    return delete


_DOMAIN = "CustomDomainConfig Domain ManagedLoginVersion Routing UserPoolId"


def _create_domain(it: Subject) -> Steps:
    made = yield Call("CreateUserPoolDomain", it.wanted(*_DOMAIN.split()))
    return Made(str(it.get("Domain")), {"CloudFrontDistribution": made.get("CloudFrontDomain") or ""})


def _update_domain(it: Subject) -> Steps:
    made = yield Call("UpdateUserPoolDomain", it.wanted(*_DOMAIN.split()))
    return Made(it.physical_id, {"CloudFrontDistribution": made.get("CloudFrontDomain") or ""})


_GROUP = "Description GroupName Precedence RoleArn UserPoolId"


def _create_group(it: Subject) -> Steps:
    yield Call("CreateGroup", it.wanted(*_GROUP.split()))
    return Made(it.name)


def _update_group(it: Subject) -> Steps:
    yield Call("UpdateGroup", {**it.wanted(*_GROUP.split()), "GroupName": it.physical_id})
    return Made(it.physical_id)


_USER = (
    "ClientMetadata DesiredDeliveryMediums ForceAliasCreation MessageAction UserAttributes UserPoolId ValidationData"
)


def _create_user(it: Subject) -> Steps:
    yield Call("AdminCreateUser", it.wanted(*_USER.split(), "Username"))
    return Made(it.name)


def _add_to_group(it: Subject) -> Steps:
    yield Call("AdminAddUserToGroup", it.wanted("GroupName", "Username", "UserPoolId"))
    return Made(it.name)


def _take_from_group(it: Subject) -> Generator[Call, Json, Made | None]:
    yield Call("AdminRemoveUserFromGroup", it.wanted("GroupName", "Username", "UserPoolId"))
    return None


_SERVER = "Identifier Name Scopes UserPoolId"


def _create_server(it: Subject) -> Steps:
    yield Call("CreateResourceServer", it.wanted(*_SERVER.split()))
    return Made(str(it.get("Identifier")))


def _update_server(it: Subject) -> Steps:
    yield Call("UpdateResourceServer", it.wanted(*_SERVER.split()))
    return Made(it.physical_id)


def _delete_server(it: Subject) -> Generator[Call, Json, Made | None]:
    try:
        yield Call("DeleteResourceServer", it.wanted("Identifier", "UserPoolId"))
    except (AwsError, NotEmulated) as problem:
        if isinstance(problem, AwsError) and problem.status != 501:
            raise
        # The library cannot: the server stays until its pool goes (docs/compatibility.md).
    return None


_PROVIDER = "AttributeMapping IdpIdentifiers ProviderDetails ProviderName UserPoolId"


def _create_provider(it: Subject) -> Steps:
    yield Call("CreateIdentityProvider", it.wanted(*_PROVIDER.split(), "ProviderType"))
    return Made(str(it.get("ProviderName")))


def _update_provider(it: Subject) -> Steps:
    yield Call("UpdateIdentityProvider", it.wanted(*_PROVIDER.split()))
    return Made(it.physical_id)


# ── identity pools ──

_IDENTITIES = (
    "AllowClassicFlow AllowUnauthenticatedIdentities CognitoIdentityProviders DeveloperProviderName IdentityPoolName"
    " OpenIdConnectProviderARNs SamlProviderARNs SupportedLoginProviders"
)


def _create_identity_pool(it: Subject) -> Steps:
    request = {**it.wanted(*_IDENTITIES.split()), "IdentityPoolTags": it.all_tags("IdentityPoolTags") or None}
    made = yield Call("CreateIdentityPool", request)
    return Made(made["IdentityPoolId"], {"Id": made["IdentityPoolId"], "Name": made["IdentityPoolName"]})


def _update_identity_pool(it: Subject) -> Steps:
    request = {"IdentityPoolName": it.attributes["Name"], **it.wanted(*_IDENTITIES.split())}
    if not it.is_named:
        request["IdentityPoolName"] = it.attributes["Name"]
    made = yield Call("UpdateIdentityPool", {**request, "IdentityPoolId": it.physical_id})
    return Made(it.physical_id, {**it.attributes, "Name": made["IdentityPoolName"]})


def _delete_identity_pool(it: Subject) -> Generator[Call, Json, Made | None]:
    yield Call("DeleteIdentityPool", {"IdentityPoolId": it.physical_id})
    return None


def _attach_roles(it: Subject) -> Steps:
    """Nobody is refused for want of a role, and the library does not keep them."""
    identifier = it.physical_id or f"{it.get('IdentityPoolId')}"
    return Made(identifier, {"Id": identifier})
    yield


def _detach_roles(it: Subject) -> Generator[Call, Json, Made | None]:
    return None
    yield


TYPES = [
    ResourceType(
        name="AWS::Cognito::UserPool",
        service="cognito-idp",
        properties=words(f"{_POOL} {_CREATED_ONLY} EmailAuthenticationMessage EmailAuthenticationSubject EnabledMfas")
        | words("UserPoolName UserPoolTags WebAuthnFactorConfiguration WebAuthnRelyingPartyID")
        | words("WebAuthnUserVerification"),
        no_effect=words("WebAuthnFactorConfiguration WebAuthnRelyingPartyID WebAuthnUserVerification"),
        replaces=words("AliasAttributes UsernameAttributes UsernameConfiguration"),
        named_by="UserPoolName",
        name_form=NameForm(128),
        create=_create_pool,
        update=_update_pool,
        delete=_delete_pool,
    ),
    ResourceType(
        name="AWS::Cognito::UserPoolClient",
        service="cognito-idp",
        properties=words(f"{_CLIENT} GenerateSecret UserPoolId"),
        required=words("UserPoolId"),
        replaces=words("GenerateSecret UserPoolId"),
        named_by="ClientName",
        name_form=NameForm(128),
        create=_create_client,
        update=_update_client,
        delete=_deleting("DeleteUserPoolClient", "ClientId"),
    ),
    ResourceType(
        name="AWS::Cognito::UserPoolDomain",
        service="cognito-idp",
        properties=words(_DOMAIN),
        required=words("Domain UserPoolId"),
        replaces=words("Domain UserPoolId"),
        create=_create_domain,
        update=_update_domain,
        delete=_deleting("DeleteUserPoolDomain", "Domain"),
    ),
    ResourceType(
        name="AWS::Cognito::UserPoolGroup",
        service="cognito-idp",
        properties=words(_GROUP),
        required=words("UserPoolId"),
        replaces=words("GroupName UserPoolId"),
        named_by="GroupName",
        name_form=NameForm(128),
        create=_create_group,
        update=_update_group,
        delete=_deleting("DeleteGroup", "GroupName"),
    ),
    ResourceType(
        name="AWS::Cognito::UserPoolUser",
        service="cognito-idp",
        properties=words(f"{_USER} Username"),
        required=words("UserPoolId"),
        named_by="Username",
        name_form=NameForm(128),
        create=_create_user,
        delete=_deleting("AdminDeleteUser", "Username"),
    ),
    ResourceType(
        name="AWS::Cognito::UserPoolUserToGroupAttachment",
        service="cognito-idp",
        properties=words("GroupName Username UserPoolId"),
        required=words("GroupName Username UserPoolId"),
        create=_add_to_group,
        delete=_take_from_group,
    ),
    ResourceType(
        name="AWS::Cognito::UserPoolResourceServer",
        service="cognito-idp",
        properties=words(_SERVER),
        required=words("Identifier Name UserPoolId"),
        replaces=words("Identifier UserPoolId"),
        create=_create_server,
        update=_update_server,
        delete=_delete_server,
    ),
    ResourceType(
        name="AWS::Cognito::UserPoolIdentityProvider",
        service="cognito-idp",
        properties=words(f"{_PROVIDER} ProviderType"),
        required=words("ProviderDetails ProviderName ProviderType UserPoolId"),
        replaces=words("ProviderName ProviderType UserPoolId"),
        create=_create_provider,
        update=_update_provider,
        delete=_deleting("DeleteIdentityProvider", "ProviderName"),
    ),
    ResourceType(
        name="AWS::Cognito::IdentityPool",
        service=_IDENTITY,
        properties=words(f"{_IDENTITIES} CognitoEvents CognitoStreams IdentityPoolTags PushSync"),
        required=words("AllowUnauthenticatedIdentities"),
        no_effect=words("CognitoEvents CognitoStreams PushSync"),
        named_by="IdentityPoolName",
        name_form=NameForm(128),
        create=_create_identity_pool,
        update=_update_identity_pool,
        delete=_delete_identity_pool,
    ),
    ResourceType(
        name="AWS::Cognito::IdentityPoolRoleAttachment",
        service=_IDENTITY,
        properties=words("IdentityPoolId RoleMappings Roles"),
        required=words("IdentityPoolId"),
        no_effect=words("RoleMappings Roles"),
        replaces=words("IdentityPoolId"),
        create=_attach_roles,
        update=without_change,
        delete=_detach_roles,
    ),
]
