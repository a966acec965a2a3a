"""What each ACME resource answers (RFC 8555 §7), without the HTTP around it."""

from __future__ import annotations

import json
import random
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from danelaw.worlds.lab.ca.envelopes import new_key, require_binding
from danelaw.worlds.lab.ca.exchange import Reply, Request, json_reply
from danelaw.worlds.lab.ca.jws import AccountKey, Signed, b64decode
from danelaw.worlds.lab.ca.ordering import Ordering
from danelaw.worlds.lab.ca.pki import CertificateAuthority, pem
from danelaw.worlds.lab.ca.problem import Problem
from danelaw.worlds.lab.ca.resources import (
    Account,
    Authorization,
    Certificate,
    Ledger,
    Order,
    Status,
    certificate_id,
    default_window,
    timestamp,
)
from danelaw.worlds.lab.ca.vantage import Vantage

RenewalWindow: TypeAlias = tuple[datetime, datetime]
Resource = TypeVar("Resource", Account, Authorization, Certificate, Order)

CAA_IDENTITY: Final = "ca.lab.test"
"""Its name in CAA records, which it does not look at."""
_REASONS: Final = frozenset({0, 1, 3, 4, 5, 9})
"""CRLReasons a subscriber may give (RFC 5280 §5.3.1)."""


class AcmeService:
    """The protocol over one intermediate. ``retry_after``, ``window_retry_after``: seconds told to clients."""

    def __init__(
        self,
        issuer: CertificateAuthority,
        vantage: Vantage,
        profiles: Mapping[str, timedelta],
        now: Callable[[], datetime],
        *,
        seed: int,
        nonce_rejection: float,
        retry_after: int,
        window_retry_after: int,
        customers: Mapping[str, bytes] | None = None,
        alternates: Sequence[x509.Certificate] = (),
    ) -> None:
        self.issuer = issuer
        self.customers = dict(customers or {})
        self.alternates = tuple(alternates)
        self.profiles = dict(profiles)
        self.now = now
        self.nonce_rejection = nonce_rejection
        self.window_retry_after = window_retry_after
        self.window_for: Callable[[x509.Certificate], RenewalWindow] | None = None
        self.ledger = Ledger()
        self.ordering = Ordering(self.ledger, issuer, vantage, profiles, now, retry_after)
        self._nonces: set[str] = set()
        self._faults = random.Random(seed)  # noqa: S311 - picks faults, no secrets

    # -- the envelope -------------------------------------------------------------------------------------------

    async def answer(self, request: Request) -> Reply:
        """The reply to one request, refusals included; every one carries a fresh nonce (RFC 8555 §6.5)."""
        try:
            reply = await self._route(request)
        except Problem as problem:
            retry = () if problem.retry_after is None else (("Retry-After", str(problem.retry_after)),)
            body = json.dumps(problem.to_json()).encode()
            reply = Reply(problem.status, body, "application/problem+json", retry)
        headers = [*reply.headers, ("Cache-Control", "no-store"), ("Replay-Nonce", self._new_nonce())]
        if request.path != ("directory",):
            headers.append(("Link", f'<{self.ledger.base}/directory>;rel="index"'))
        return Reply(reply.status, reply.body, reply.content_type, tuple(headers))

    async def _route(self, request: Request) -> Reply:
        match request.method, request.path:
            case "GET" | "HEAD", ("directory",):
                return json_reply(200, self._directory())
            case "GET", ("new-nonce",):
                return Reply(204)
            case "HEAD", ("new-nonce",):
                return Reply(200)
            case "GET", ("renewal-info", identifier):
                return self._renewal_info(identifier)
            case "POST", _:
                return self._signed(request)
            case _:
                raise Problem("malformed", f"{request.method} is not for this resource", status=405)

    def _signed(self, request: Request) -> Reply:
        """Authenticate (RFC 8555 §6.2 to §6.5), then dispatch."""
        if request.content_type != "application/jose+json":
            raise Problem("malformed", "Content-Type must be application/jose+json", status=415)
        signed = Signed.from_body(request.body)
        account = None
        if signed.jwk is not None:
            key = AccountKey.from_jwk(signed.jwk)
        else:
            account = self.ledger.accounts.get(signed.kid or "")
            if account is None:
                raise Problem("accountDoesNotExist", f"no account {signed.kid}")
            key = account.key
        signed.verify(key)
        self._spend_nonce(signed.nonce)
        if signed.url != request.url:
            raise Problem("unauthorized", f"signed for {signed.url}, sent to {request.url}")
        if account is not None and account.status is not Status.VALID:
            raise Problem("unauthorized", f"the account is {account.status}", status=401)
        match request.path, account:
            case ("new-account",), None:
                return self._new_account(signed, key)
            case ("revoke-cert",), _:
                return self._revoke(signed, key, account)
            case _, None:
                raise Problem("malformed", "this resource wants kid, not jwk")
            case ("new-order",), _:
                return self.ordering.place(signed, account)
            case ("key-change",), _:
                return self._key_change(signed, account)
            case path, _:
                return self._owned(path, signed, account)

    def _owned(self, path: tuple[str, ...], signed: Signed, account: Account) -> Reply:
        url = f"{self.ledger.base}/{'/'.join(path)}"
        match path:
            case ("account", _):
                return self._account(_mine(self.ledger.accounts.get(url), account), signed)
            case ("account", _, "orders"):
                owner = _mine(self.ledger.accounts.get(url.removesuffix("/orders")), account)
                _post_as_get(signed)
                return json_reply(200, {"orders": [o.url for o in self.ledger.orders.values() if o.account is owner]})
            case ("order", _):
                _post_as_get(signed)
                return self.ordering.show(200, _mine(self.ledger.orders.get(url), account))
            case ("order", _, "finalize"):
                order = _mine(self.ledger.orders.get(url.removesuffix("/finalize")), account)
                return self.ordering.finalize(signed, order)
            case ("authorization", _):
                return self.ordering.authorization(signed, _mine(self.ledger.authorizations.get(url), account))
            case ("challenge", _):
                authorization, challenge = self.ledger.challenges.get(url, (None, None))
                return self.ordering.challenge(signed, _mine(authorization, account), challenge)
            case ("certificate", _):
                _post_as_get(signed)
                found = _mine(self.ledger.certificates.get(url), account)
                others = [("Link", f'<{url}/{number}>;rel="alternate"') for number in range(len(self.alternates))]
                return Reply(200, found.pem, "application/pem-certificate-chain", tuple(others))
            case ("certificate", _, number) if number.isdecimal() and int(number) < len(self.alternates):
                _post_as_get(signed)
                found = _mine(self.ledger.certificates.get(url.removesuffix(f"/{number}")), account)
                other = pem(found.certificate, self.alternates[int(number)])
                return Reply(200, other, "application/pem-certificate-chain")
            case _:
                raise Problem("malformed", f"no resource {url}", status=404)

    def _new_nonce(self) -> str:
        nonce = secrets.token_urlsafe(24)
        self._nonces.add(nonce)
        return nonce

    def _spend_nonce(self, nonce: str) -> None:
        """Each nonce is good for one request (RFC 8555 §6.5); some are refused for the client's practice."""
        known = nonce in self._nonces
        self._nonces.discard(nonce)
        if not known or self._faults.random() < self.nonce_rejection:
            raise Problem("badNonce", "take the nonce of this reply and try again")

    def _directory(self) -> dict[str, Any]:
        return {
            "newNonce": f"{self.ledger.base}/new-nonce",
            "newAccount": f"{self.ledger.base}/new-account",
            "newOrder": f"{self.ledger.base}/new-order",
            "keyChange": f"{self.ledger.base}/key-change",
            "revokeCert": f"{self.ledger.base}/revoke-cert",
            "renewalInfo": f"{self.ledger.base}/renewal-info",
            "meta": {
                "termsOfService": f"{self.ledger.base}/terms",
                "caaIdentities": [CAA_IDENTITY],
                "externalAccountRequired": bool(self.customers),
                "profiles": {name: f"certificates good for {life}" for name, life in self.profiles.items()},
            },
        }

    # -- accounts -----------------------------------------------------------------------------------------------

    def _new_account(self, signed: Signed, key: AccountKey) -> Reply:
        """RFC 8555 §7.3, §7.3.1."""
        fields = signed.fields()
        account = self.ledger.account_of(key)
        if account is not None:
            if account.status is not Status.VALID:
                raise Problem("unauthorized", f"the account is {account.status}")
            return json_reply(200, account.to_json(), ("Location", account.url))
        if fields.get("onlyReturnExisting") is True:
            raise Problem("accountDoesNotExist", "no account has this key")
        if fields.get("termsOfServiceAgreed") is not True:
            raise Problem("userActionRequired", "the terms of service must be agreed to")
        if self.customers:
            require_binding(fields.get("externalAccountBinding"), signed, self.customers)
        account = Account(self.ledger.new_url("account"), key, _contacts(fields))
        self.ledger.accounts[account.url] = account
        return json_reply(201, account.to_json(), ("Location", account.url))

    def _account(self, account: Account, signed: Signed) -> Reply:
        """Update and deactivation (RFC 8555 §7.3.2, §7.3.6)."""
        if signed.payload:
            fields = signed.fields()
            if "contact" in fields:
                account.contact = _contacts(fields)
            if fields.get("status") == Status.DEACTIVATED:
                account.status = Status.DEACTIVATED
        return json_reply(200, account.to_json())

    def _key_change(self, signed: Signed, account: Account) -> Reply:
        """RFC 8555 §7.3.5."""
        key = new_key(signed, account.url, account.key)
        other = self.ledger.account_of(key)
        if other is not None:
            raise Problem("malformed", "another account has this key", status=409)
        account.key = key
        return json_reply(200, account.to_json())

    # -- certificates -------------------------------------------------------------------------------------------

    def replaced(self, certificate: x509.Certificate) -> bool:
        """Whether an order that did not fail names this certificate as its predecessor (RFC 9773 §5)."""
        return self.ledger.replaced(certificate_id(certificate), self.now())

    def _renewal_info(self, identifier: str) -> Reply:
        """RFC 9773 §4. A revoked certificate's window lies in the past: renew now."""
        found = self.ledger.certificate_by_id(identifier)
        if found is None:
            raise Problem("malformed", f"no certificate {identifier}", status=404)
        if found.revoked:
            start, end = self.now() - timedelta(hours=2), self.now() - timedelta(hours=1)
        elif self.window_for is not None:
            start, end = self.window_for(found.certificate)
        else:
            start, end = default_window(found)
        window = {"suggestedWindow": {"start": timestamp(start, "microseconds"), "end": timestamp(end, "microseconds")}}
        return json_reply(200, window, ("Retry-After", str(self.window_retry_after)))

    def _revoke(self, signed: Signed, key: AccountKey, account: Account | None) -> Reply:
        """By the account that ordered the certificate, or by the certificate's own key (RFC 8555 §7.6)."""
        fields = signed.fields()
        try:
            certificate = x509.load_der_x509_certificate(b64decode(fields.get("certificate")))
            certificate.verify_directly_issued_by(self.issuer.certificate)
        except (ValueError, TypeError, InvalidSignature) as error:
            raise Problem("malformed", "no certificate of this CA") from error
        found = self.ledger.certificate_by_id(certificate_id(certificate))
        if found is None:
            raise Problem("malformed", "no certificate of this CA", status=404)
        allowed = found.account is account if account is not None else found.certificate.public_key() == key.key
        if not allowed:
            raise Problem("unauthorized", "neither the account of this certificate nor its key")
        reason = fields.get("reason", 0)
        if not isinstance(reason, int) or reason not in _REASONS:
            raise Problem("badRevocationReason", f"reason {reason!r} is not accepted")
        if found.revoked:
            raise Problem("alreadyRevoked", "the certificate is already revoked")
        found.revoked = True
        return Reply(200)


def _mine(resource: Resource | None, account: Account) -> Resource:
    """The resource, if it exists and is this account's."""
    if resource is None:
        raise Problem("malformed", "no such resource", status=404)
    if (resource if isinstance(resource, Account) else resource.account) is not account:
        raise Problem("unauthorized", "another account's resource")
    return resource


def _post_as_get(signed: Signed) -> None:
    if signed.payload:
        raise Problem("malformed", "this resource is only read: POST-as-GET has an empty payload")


def _contacts(fields: Mapping[str, Any]) -> list[str]:
    """RFC 8555 §7.3: mailto only, one address each, no header fields."""
    contacts = fields.get("contact", [])
    if not isinstance(contacts, list) or not all(isinstance(contact, str) for contact in contacts):
        raise Problem("malformed", "contact is a list of URLs")
    for contact in contacts:
        scheme, _, address = contact.partition(":")
        if scheme != "mailto":
            raise Problem("unsupportedContact", f"{scheme} is not supported, mailto is")
        if "?" in address or "," in address or address.count("@") != 1:
            raise Problem("invalidContact", f"{address!r} is not one address")
    return contacts
