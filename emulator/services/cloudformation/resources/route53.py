"""Hosted zones, their records, and certificates (delegated): what stands around custom domain names. No resolver asks
these zones, and certificates are issued at once."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, cast

from emulator.ports import Json
from emulator.services.cloudformation.resources.types import (
    Call,
    Made,
    ResourceFailed,
    ResourceType,
    Steps,
    Subject,
    words,
)

# ── zones ──


def _create_zone(it: Subject) -> Steps:
    networks = cast("list[dict[str, Any]]", it.get("VPCs") or [])
    request: dict[str, Any] = {**it.wanted("Name", "HostedZoneConfig", "DelegationSetId"), "CallerReference": it.token}
    if networks:
        request["VPC"] = networks[0]
    made = yield Call("CreateHostedZone", request)
    zone = str(made["HostedZone"]["Id"]).removeprefix("/hostedzone/")
    for network in networks[1:]:
        yield Call("AssociateVPCWithHostedZone", {"HostedZoneId": zone, "VPC": network})
    yield from _retag_zone(it, zone)
    servers: Json = (made.get("DelegationSet") or {}).get("NameServers") or []
    return Made(zone, {"Id": zone, "NameServers": servers})


def _retag_zone(it: Subject, zone: str) -> Generator[Call, Json, None]:
    tags, before = it.all_tags("HostedZoneTags"), it.previous.get("HostedZoneTags") or []
    stale = [tag["Key"] for tag in before if tag["Key"] not in tags]
    if tags or stale:
        request = {"ResourceType": "hostedzone", "ResourceId": zone}
        yield Call("ChangeTagsForResource", {**request, "AddTags": tags or None, "RemoveTagKeys": stale or None})


def _update_zone(it: Subject) -> Steps:
    zone = it.physical_id
    if it.changed("HostedZoneConfig"):
        comment = (it.get("HostedZoneConfig") or {}).get("Comment") or ""
        yield Call("UpdateHostedZoneComment", {"Id": zone, "Comment": comment})
    before, after = it.previous.get("VPCs") or [], it.get("VPCs") or []
    for network in after:
        if network not in before:
            yield Call("AssociateVPCWithHostedZone", {"HostedZoneId": zone, "VPC": network})
    for network in before:
        if network not in after:
            yield Call("DisassociateVPCFromHostedZone", {"HostedZoneId": zone, "VPC": network})
    yield from _retag_zone(it, zone)
    return Made(zone, it.attributes)


def _delete_zone(it: Subject) -> Generator[Call, Json, Made | None]:
    yield Call("DeleteHostedZone", {"Id": it.physical_id})
    return None


# ── records ──

_RECORD = (
    "AliasTarget CidrRoutingConfig Failover GeoLocation GeoProximityLocation HealthCheckId MultiValueAnswer Name Region"
    " ResourceRecords SetIdentifier TTL Type Weight"
)


def _record(given: dict[str, Any]) -> dict[str, Any]:
    """A record in the operation's shape, where values are structures."""
    found = {name: given[name] for name in _RECORD.split() if given.get(name) is not None}
    if "ResourceRecords" in found:
        found["ResourceRecords"] = [{"Value": value} for value in found["ResourceRecords"]]
    if "AliasTarget" in found:
        found["AliasTarget"] = {"EvaluateTargetHealth": False, **found["AliasTarget"]}
    return found


def _zone(properties: dict[str, Any], beside: dict[str, Any] | None = None) -> Generator[Call, Json, str]:
    """The zone of records: by its id or by its name."""
    found = {**(beside or {}), **properties}
    if found.get("HostedZoneId"):
        return str(found["HostedZoneId"]).removeprefix("/hostedzone/")
    name = str(found.get("HostedZoneName") or "")
    if not name:
        raise ResourceFailed("One of HostedZoneId and HostedZoneName must be specified")
    told = yield Call("ListHostedZonesByName", {"DNSName": name})
    zones = [zone["Id"] for zone in told["HostedZones"] if zone["Name"].rstrip(".") == name.rstrip(".")]
    if len(zones) != 1:
        problem = "No hosted zones named" if not zones else "Found multiple hosted zones for the name"
        raise ResourceFailed(f"{problem} {name}{' found' if not zones else ''}")
    return str(zones[0]).removeprefix("/hostedzone/")


def _change(
    action: str, records: list[dict[str, Any]], beside: dict[str, Any], comment: str
) -> Generator[Call, Json, None]:
    """Change records, zone by zone."""
    by_zone: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        zone = yield from _zone(record, beside)
        by_zone.setdefault(zone, []).append({"Action": action, "ResourceRecordSet": _record(record)})
    for zone, changes in by_zone.items():
        yield Call("ChangeResourceRecordSets", {"HostedZoneId": zone, "ChangeBatch": _batch(changes, comment)})


def _batch(changes: list[dict[str, Any]], comment: str) -> dict[str, Any]:
    return {"Changes": changes, **({"Comment": comment} if comment else {})}


def _create_record(it: Subject) -> Steps:
    action = "UPSERT" if it.again else "CREATE"
    yield from _change(action, [it.properties], {}, str(it.get("Comment") or ""))
    return Made(str(it.get("Name")).removesuffix("."))


def _update_record(it: Subject) -> Steps:
    if it.changed("Name", "Type", "SetIdentifier"):
        yield from _change("DELETE", [it.previous], {}, "")
    yield from _change("UPSERT", [it.properties], {}, str(it.get("Comment") or ""))
    return Made(str(it.get("Name")).removesuffix("."))


def _delete_record(it: Subject) -> Generator[Call, Json, Made | None]:
    yield from _change("DELETE", [it.properties], {}, "")
    return None


def _identity(record: dict[str, Any]) -> tuple[str, str, str]:
    return str(record.get("Name")).rstrip("."), str(record.get("Type")), str(record.get("SetIdentifier") or "")


def _put_group(it: Subject) -> Steps:
    after = cast("list[dict[str, Any]]", it.get("RecordSets") or [])
    kept = {_identity(record) for record in after}
    gone = [record for record in it.previous.get("RecordSets") or [] if _identity(record) not in kept]
    yield from _change("DELETE", gone, it.previous, "")
    action = "UPSERT" if it.again or it.physical_id else "CREATE"
    yield from _change(action, after, it.properties, str(it.get("Comment") or ""))
    return Made(it.physical_id or it.name, {"Id": it.physical_id or it.name})


def _delete_group(it: Subject) -> Generator[Call, Json, Made | None]:
    yield from _change("DELETE", it.get("RecordSets") or [], it.properties, "")
    return None


# ── certificates ──


def _request_certificate(it: Subject) -> Steps:
    names = "CertificateAuthorityArn DomainName KeyAlgorithm SubjectAlternativeNames ValidationMethod"
    options: dict[str, Any] = {}
    if it.get("CertificateTransparencyLoggingPreference"):
        options["CertificateTransparencyLoggingPreference"] = it.get("CertificateTransparencyLoggingPreference")
    if it.get("CertificateExport"):
        options["Export"] = it.get("CertificateExport")
    validation = [
        {"DomainName": option.get("DomainName"), "ValidationDomain": option["ValidationDomain"]}
        for option in it.get("DomainValidationOptions") or []
        if option.get("ValidationDomain")
    ]
    request = {**it.wanted(*names.split()), "IdempotencyToken": it.token.replace("-", "")[:32]}
    request |= {"Options": options or None, "DomainValidationOptions": validation or None}
    made = yield Call("RequestCertificate", {**request, "Tags": it.user_tags() or None})
    return Made(made["CertificateArn"], {"CertificateArn": made["CertificateArn"]})


def _update_certificate(it: Subject) -> Steps:
    arn, tags = it.physical_id, it.user_tags()
    told = yield Call("ListTagsForCertificate", {"CertificateArn": arn})
    stale = [tag for tag in told.get("Tags") or [] if tag["Key"] not in tags]
    if stale:
        yield Call("RemoveTagsFromCertificate", {"CertificateArn": arn, "Tags": stale})
    if tags:
        yield Call("AddTagsToCertificate", {"CertificateArn": arn, "Tags": tags})
    return Made(arn, it.attributes)


def _delete_certificate(it: Subject) -> Generator[Call, Json, Made | None]:
    yield Call("DeleteCertificate", {"CertificateArn": it.physical_id})
    return None


TYPES = [
    ResourceType(
        name="AWS::Route53::HostedZone",
        service="route53",
        properties=words("DelegationSetId HostedZoneConfig HostedZoneFeatures HostedZoneTags Name QueryLoggingConfig")
        | words("VPCs"),
        no_effect=words("HostedZoneFeatures QueryLoggingConfig"),
        replaces=words("DelegationSetId Name"),
        create=_create_zone,
        update=_update_zone,
        delete=_delete_zone,
    ),
    ResourceType(
        name="AWS::Route53::RecordSet",
        service="route53",
        properties=words(f"{_RECORD} Comment HostedZoneId HostedZoneName"),
        required=words("Name Type"),
        replaces=words("HostedZoneId HostedZoneName"),
        create=_create_record,
        update=_update_record,
        delete=_delete_record,
    ),
    ResourceType(
        name="AWS::Route53::RecordSetGroup",
        service="route53",
        properties=words("Comment HostedZoneId HostedZoneName RecordSets"),
        replaces=words("HostedZoneId HostedZoneName"),
        create=_put_group,
        update=_put_group,
        delete=_delete_group,
    ),
    ResourceType(
        name="AWS::CertificateManager::Certificate",
        service="acm",
        properties=words(
            "CertificateAuthorityArn CertificateExport CertificateTransparencyLoggingPreference DomainName"
        )
        | words("DomainValidationOptions Id KeyAlgorithm SubjectAlternativeNames Tags ValidationMethod"),
        required=words("DomainName"),
        no_effect=words("Id"),
        replaces=words("CertificateAuthorityArn CertificateExport DomainName DomainValidationOptions KeyAlgorithm")
        | words("SubjectAlternativeNames ValidationMethod"),
        create=_request_certificate,
        update=_update_certificate,
        delete=_delete_certificate,
    ),
]
