"""Operations on client certificates: kept and shown. Nothing here speaks TLS to an endpoint with them."""

from __future__ import annotations

from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.apigateway import document_store as documents
from emulator.services.apigateway import store
from emulator.services.apigateway.certificate import self_signed
from emulator.services.apigateway.document_store import Place
from emulator.services.apigateway.model import bad_request, not_found, short_id
from emulator.services.apigateway.operations.loading import Loading, given, page
from emulator.services.apigateway.patch import Patchable, Scalar, apply
from emulator.services.apigateway.quotas import check_room

CERTIFICATE = Patchable(scalars={"/description": Scalar("description")}, strict=True)
_CERTIFICATES = Place("client certificate")


class ClientCertificates(Loading):
    """GenerateClientCertificate … DeleteClientCertificate."""

    def generate_client_certificate(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """A new certificate, valid for a year."""
        kept = documents.listed(tx, scope, _CERTIFICATES)
        check_room(len(kept), self._settings.client_certificates, "client certificates", "account")
        pem, expires = self_signed(tx.new_id(), tx.now)
        certificate: dict[str, Any] = {
            "clientCertificateId": short_id(tx.new_id(), 6),
            **given(request, "description"),
            "pemEncodedCertificate": pem,
            "createdDate": float(int(tx.now)),
            "expirationDate": expires,
            **({"tags": dict(request["tags"])} if request.get("tags") else {}),
        }
        self._keep_certificate(tx, scope, certificate)
        return certificate

    def get_client_certificate(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """One certificate."""
        return {"tags": {}, **self._certificate(tx, scope, request["clientCertificateId"])}

    def get_client_certificates(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """All certificates of the account and region."""
        return page(documents.listed(tx, scope, _CERTIFICATES), request)

    def update_client_certificate(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Change a certificate's description."""
        certificate = self._certificate(tx, scope, request["clientCertificateId"])
        certificate = apply(certificate, request.get("patchOperations") or [], CERTIFICATE)
        self._keep_certificate(tx, scope, certificate)
        return {"tags": {}, **certificate}

    def delete_client_certificate(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Delete a certificate that no stage uses."""
        certificate = self._certificate(tx, scope, request["clientCertificateId"])
        identifier = certificate["clientCertificateId"]
        for api in store.list_apis(tx, scope, -1, 0):
            for stage in store.list_stages(tx, api.id):
                if stage.get("clientCertificateId") == identifier:
                    # Text unverified.
                    where = f"{api.id}/{stage['stageName']}"
                    raise bad_request(f"Cannot delete client certificate '{identifier}', is used by stage: {where}")
        documents.delete(tx, scope, _CERTIFICATES, identifier)
        return {}

    def _certificate(self, tx: Transaction, scope: Scope, identifier: str) -> dict[str, Any]:
        certificate = documents.load(tx, scope, _CERTIFICATES, identifier)
        if certificate is None:
            raise not_found("Invalid Client Certificate identifier specified")  # unverified, as of other entities
        return certificate

    def _keep_certificate(self, tx: Transaction, scope: Scope, certificate: dict[str, Any]) -> None:
        documents.put(tx, scope, _CERTIFICATES, certificate["clientCertificateId"], certificate)
