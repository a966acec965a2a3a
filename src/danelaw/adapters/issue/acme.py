"""Certificates from an ACME CA (RFC 8555), one resumable step at a time, over EFF's ``acme``.

Nothing here waits for the CA: a step asks what there is to ask, and says when to come back. All that must survive
between two steps is in ``OrderState``; the account is on disk.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

import dns.exception
import dns.name
import requests
from acme import errors as acme_errors
from acme import messages
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from josepy.errors import Error as JoseError
from josepy.interfaces import JSONDeSerializable
from josepy.json_util import field as json_field

from danelaw.adapters.issue import caa
from danelaw.adapters.issue.account import AccountFiles
from danelaw.adapters.issue.chains import alternates, ends_at
from danelaw.adapters.issue.received import acme_text, read_chain, unlike
from danelaw.adapters.issue.registration import Binding, log_in
from danelaw.adapters.issue.renewal import certificate_id, window_from_json
from danelaw.adapters.issue.transport import Transport, code_of
from danelaw.core.model import (
    Advance,
    Chain,
    Challenge,
    ChallengeType,
    DanelawError,
    Failed,
    Issued,
    NeedChallenge,
    OrderState,
    Pending,
    RevocationReason,
    Window,
)
from danelaw.ports import Blocking, Clock, Resolver

T = TypeVar("T")
Offer: TypeAlias = tuple[messages.Authorization, messages.ChallengeBody]

REQUEST_SECONDS: Final = 20.0
STEP_LIMIT: Final = timedelta(seconds=60)
"""One step is a handful of requests."""
POLL: Final = timedelta(seconds=2)
"""When to ask again where the CA does not say."""
OUTAGE: Final = timedelta(minutes=1)
"""When to ask again after a server error without Retry-After."""
BACK_OFF: Final = timedelta(minutes=15)
"""Before a new order after a failed one: below the five failed validations an hour that public CAs allow."""


class NewOrder(messages.NewOrder):
    """An order that may name the certificate it renews."""

    replaces: str | None = json_field("replaces", omitempty=True)  # RFC 9773 §5, unknown to acme


class AcmeIssuer:
    """Implements ``ports.Issuer``.

    ``directory``: URL of the CA's directory. ``contact``: a ``mailto:`` URL. ``account``: the folder of the account's
    files. ``bundle``: PEM roots for the CA's HTTPS, None for the system's. ``profile``: for orders that name none.
    ``back_off``: before a new order, where a failed one brought no Retry-After; it doubles with each one that
    ``OrderState.failed`` counts. ``preferred``: the common name of the root that the chain should end below, where the
    CA has a choice. ``binding``: for a CA that knows its customers otherwise. With ``resolver`` an order that CAA
    records forbid is never placed. The CA's terms are agreed to.

    All methods raise ``DanelawError``: ``CA_UNREACHABLE``, ``CA_MALFORMED`` (it does not speak RFC 8555),
    ``ACCOUNT_UNREADABLE``; ``advance`` also ``PROFILE_UNKNOWN``, ``CHALLENGE_NOT_OFFERED``,
    ``ACCOUNT_BINDING_REQUIRED`` and ``BINDING_UNUSABLE``; ``revoke`` also ``REVOCATION_REFUSED``.
    """

    def __init__(
        self,
        directory: str,
        contact: str | None,
        account: Path,
        bundle: Path | None,
        challenge: ChallengeType,
        profile: str | None,
        blocking: Blocking,
        clock: Clock,
        *,
        back_off: timedelta = BACK_OFF,
        preferred: str | None = None,
        binding: Binding | None = None,
        resolver: Resolver | None = None,
    ) -> None:
        self.directory = directory
        self.contact = contact
        self.account = AccountFiles(account)
        self.bundle = bundle
        self.challenge = challenge
        self.profile = profile
        self.back_off = back_off
        self.preferred = preferred
        self.binding = binding
        self._resolver = resolver
        self._blocking = blocking
        self._clock = clock
        self._resources: messages.Directory | None = None
        self._heard: tuple[datetime | None, float] | None = None

    async def advance(self, order: OrderState, csr: bytes) -> Advance:
        """Take one step (RFC 8555 §7.4): place the order, respond to challenges, finalize, or fetch the certificate.

        ``csr`` is DER. A CA in trouble is ``Pending``; an order that is over is ``Failed``.
        """
        if order.url is None and (objection := await self._objection(order)):
            return Failed(order, "caa", objection, self._clock.now() + self.back_off * (1 << order.failed))
        return await self._run(lambda step: step.advance(order, csr))

    async def _objection(self, order: OrderState) -> str | None:
        """What CAA records have against the order, as far as can be seen from here."""
        if self._resolver is None:
            return None
        found = [(name, await caa.relevant(self._resolver, name)) for name in order.names]
        if not any(records is not None for _, records in found):
            return None
        who = await self._run(lambda step: step.applicant())
        if not who.identities:
            return None  # a CA that does not say its name
        told = (caa.objection(records, name, who) for name, records in found if records is not None)
        return next((objection for objection in told if objection is not None), None)

    async def renewal_window(self, chain: Chain) -> Window | None:
        """The CA's suggestion for this certificate (RFC 9773 §4.2); None where it makes none.

        Also raises ``DanelawError("RENEWAL_INFO_UNAVAILABLE")`` when the CA has it and does not give it now.
        """
        return await self._run(lambda step: step.renewal_window(chain))

    async def revoke(self, chain: Chain, reason: RevocationReason) -> None:
        """Revoke the chain's leaf, as the account that ordered it (RFC 8555 §7.6). One that is revoked is no error."""
        await self._run(lambda step: step.revoke(chain, reason))

    async def date(self, since: float) -> tuple[datetime, float] | None:
        """As of the latest reply, and when it came; the directory is fetched for it where that is too long ago."""
        if self._heard is None or self._heard[1] < since:
            await self._run(lambda step: step.net.get(self.directory))
        date, heard = self._heard or (None, 0.0)
        return (date, heard) if date is not None else None

    async def _run(self, work: Callable[[_Step], T]) -> T:
        now = self._clock.now()

        def step() -> T:
            if self.bundle is not None and not self.bundle.is_file():
                raise DanelawError(
                    "CA_UNREACHABLE",
                    f"the CA at {self.directory} cannot be told from another",
                    evidence=f"there is no file {self.bundle}",
                    hint="set bundle to a PEM file with the root of its HTTPS, or leave it out for a public CA",
                )
            net = Transport(self.account.key(), self.directory, self.bundle, REQUEST_SECONDS)
            with closing(net.session):
                done = work(_Step(self, net, now))
            if net.last is not None:
                self._heard = net.date, self._clock.monotonic()
            return done

        try:
            return await self._blocking.call(step, STEP_LIMIT)
        except requests.exceptions.SSLError as error:
            raise DanelawError(
                "CA_UNREACHABLE",
                f"the HTTPS of the CA at {self.directory} is not to be trusted",
                evidence=f"{type(error).__name__}: {error}",
                hint="for a CA of your own, set bundle to a PEM file with the root of its HTTPS",
            ) from error
        except (TimeoutError, requests.RequestException) as error:
            raise DanelawError(
                "CA_UNREACHABLE",
                f"no answer from the CA at {self.directory}",
                evidence=f"{type(error).__name__}: {error}",
                hint="check the URL, the network, and the bundle of roots that its HTTPS certificate needs",
            ) from error
        except (acme_errors.Error, JoseError, KeyError, TypeError, AttributeError, dns.exception.DNSException) as error:
            raise DanelawError(
                "CA_MALFORMED",
                f"the CA at {self.directory} does not answer as RFC 8555 says",
                evidence=f"{type(error).__name__}: {error}",
                hint="check that this is the URL of an ACME directory",
            ) from error

    def forget_resources(self) -> None:
        self._resources = None

    def resources(self, net: Transport) -> messages.Directory:
        """The CA's directory (RFC 8555 §7.1.1), fetched once."""
        if self._resources is None:
            self._resources = messages.Directory.from_json(_object(net.get(self.directory)))
        return self._resources


class _Step:
    """One step, in the thread that may block. ``now`` is when it began."""

    def __init__(self, issuer: AcmeIssuer, net: Transport, now: datetime) -> None:
        self.issuer = issuer
        self.net = net
        self.now = now
        self.made_account = False

    def advance(self, order: OrderState, csr: bytes) -> Advance:
        try:
            if order.url is None:
                self.issuer.forget_resources()  # a CA changes them: an order begins with those of today
            self.resources = self.issuer.resources(self.net)
            self._log_in(tell=order.url is None)
            if order.url is None:
                return self._place(order)
            reply = self._post(order.url, None)
            return self._proceed(order, csr, messages.Order.from_json(_object(reply)))
        except messages.Error as problem:
            return self._refused(order, code_of(problem), problem.detail or "")
        except acme_errors.ClientError:
            if not self.net.busy:
                raise
            return Pending(order, self.net.retry_at(self.now, OUTAGE))

    def applicant(self) -> caa.Applicant:
        resources = self.issuer.resources(self.net)
        identities = resources["meta"].caa_identities or ()
        return caa.Applicant(tuple(identities), self.issuer.account.url(self.issuer.directory), self.issuer.challenge)

    # -- the account --------------------------------------------------------------------------------------------

    def _log_in(self, *, tell: bool) -> None:
        issuer = self.issuer
        self.made_account = issuer.account.known(issuer.directory) is None
        log_in(self.net, self.resources, issuer.directory, issuer.account, issuer.contact, issuer.binding, tell=tell)

    def _post(self, url: str, body: JSONDeSerializable | None) -> requests.Response:
        """POST, or POST-as-GET where there is no body (RFC 8555 §6.3)."""
        return self.net.post(url, body, new_nonce_url=self.resources["newNonce"])

    # -- the order ----------------------------------------------------------------------------------------------

    def _place(self, order: OrderState) -> Advance:
        profile = order.profile or self.issuer.profile
        offered = self.resources["meta"].profiles or {}
        if profile is not None and profile not in offered:
            raise DanelawError(
                "PROFILE_UNKNOWN",
                f"the CA at {self.issuer.directory} has no profile {profile!r}",
                evidence=f"it has {', '.join(sorted(offered)) or 'none'}",
                hint="set one of these as the issuer's profile, or none",
            )
        names = [messages.Identifier(typ=messages.IDENTIFIER_FQDN, value=acme_text(name)) for name in order.names]
        wish = NewOrder(identifiers=names, profile=profile, replaces=self._predecessor(order))
        try:
            reply = self._post(self.resources["newOrder"], wish)
        except (messages.Error, acme_errors.ConflictError) as refusal:
            # Naming the predecessor is a courtesy (RFC 9773 §5): a CA that will not hear of it may still issue.
            if wish.replaces is None or _not_about_the_order(refusal, self.net):
                raise
            reply = self._post(self.resources["newOrder"], wish.update(replaces=None))
        placed = replace(order, url=reply.headers["Location"], placed=frozenset())
        body = messages.Order.from_json(_object(reply))
        if body.status is messages.STATUS_PENDING:
            return self._authorize(placed, body)
        return Pending(placed, self.now)

    def _predecessor(self, order: OrderState) -> str | None:
        if order.replaces is None or "renewalInfo" not in self.resources.to_partial_json():
            return None
        return certificate_id(order.replaces)

    def _proceed(self, order: OrderState, csr: bytes, body: messages.Order) -> Advance:
        """RFC 8555 §7.1.6, the order's states."""
        if body.status is messages.STATUS_PENDING:
            return self._authorize(order, body)
        if body.status is messages.STATUS_READY:
            wish = messages.CertificateRequest(csr=x509.load_der_x509_csr(csr))
            body = messages.Order.from_json(_object(self._post(body.finalize, wish)))
        if body.status is messages.STATUS_VALID and body.certificate:
            return self._download(order, csr, body.certificate)
        if body.status is messages.STATUS_INVALID:
            code, detail = self._why_invalid(body)
            return self._failed(order, code, detail)
        return Pending(order, self.net.retry_at(self.now, POLL))

    def _authorize(self, order: OrderState, body: messages.Order) -> Advance:
        """Ask for what is not yet placed; once all is, tell the CA to look (RFC 8555 §7.5.1)."""
        missing: list[Offer] = []
        placed: list[Offer] = []
        until = self.now + POLL
        for url in body.authorizations:
            authorization = messages.Authorization.from_json(_object(self._post(url, None)))
            if authorization.status is not messages.STATUS_PENDING:
                continue
            offer = self._offer(authorization)
            if offer.uri in order.placed and offer.error is not None:
                # Smallstep's CA leaves a challenge pending that it could not see, and would look on and on.
                return self._failed(order, code_of(offer.error), offer.error.detail or "")
            if offer.status is messages.STATUS_PENDING:
                (placed if offer.uri in order.placed else missing).append((authorization, offer))
            else:
                until = self.net.retry_at(self.now, POLL)
        if missing:
            return NeedChallenge(order, tuple(self._challenge(a, offer) for a, offer in missing))
        for _, offer in placed:
            self._post(offer.uri, offer.response(self.net.key))
            until = self.net.retry_at(self.now, POLL)
        return Pending(order, until)

    def _offer(self, authorization: messages.Authorization) -> messages.ChallengeBody:
        wanted = self.issuer.challenge.value
        for offer in authorization.challenges:
            if offer.chall.to_partial_json().get("type") == wanted:
                return offer
        name = authorization.identifier.value
        raise DanelawError(
            "CHALLENGE_NOT_OFFERED",
            f"the CA does not offer {wanted} for {'*.' if authorization.wildcard else ''}{name}",
            hint='a wildcard needs challenge = { type = "dns-01" } (RFC 8555 §8.4)',
        )

    def _challenge(self, authorization: messages.Authorization, offer: messages.ChallengeBody) -> Challenge:
        return Challenge(
            url=offer.uri,
            type=self.issuer.challenge,
            identifier=dns.name.from_text(authorization.identifier.value),
            token=offer.chall.encode("token"),
            response=offer.validation(self.net.key),
        )

    def _download(self, order: OrderState, csr: bytes, url: str) -> Advance:
        """RFC 8555 §7.4.2. What the CA gives is checked before anybody serves it."""
        reply = self._post(url, None)
        try:
            certificates = self._preferred(reply) or read_chain(reply.content)
        except ValueError as error:
            return self._failed(order, "malformed", f"the CA's certificate chain is unreadable: {error}")
        wrong = unlike(certificates, x509.load_der_x509_csr(csr), order.names)
        if wrong is not None:
            return self._failed(order, "malformed", f"the CA's certificate is not what was ordered: {wrong}")
        return Issued(order, Chain(tuple(c.public_bytes(serialization.Encoding.DER) for c in certificates)))

    def _preferred(self, reply: requests.Response) -> list[x509.Certificate] | None:
        """The chain below the preferred root; None where the CA has none, or nobody asks for one."""
        root = self.issuer.preferred
        if root is None:
            return None
        others = alternates(reply)
        while not ends_at(chain := read_chain(reply.content), root):
            if not others:
                return None
            reply = self._post(others.pop(0), None)
        return chain

    # -- refusals -----------------------------------------------------------------------------------------------

    def _refused(self, order: OrderState, code: str, detail: str) -> Advance:
        """What a problem document (RFC 8555 §6.7) means for the order."""
        if code == "accountDoesNotExist":
            return self._unknown(order, detail)
        if self.net.server_failed:
            return Pending(order, self.net.retry_at(self.now, OUTAGE))
        binding = self.issuer.binding
        if binding is not None and self.made_account and self.issuer.account.url(self.issuer.directory) is None:
            detail = f"{detail}; the account was to be bound to {binding.kid!r}: check kid and key_file at the CA"
        if code in ("badNonce", "orderNotReady") or (code == "rateLimited" and order.url is not None):
            return Pending(order, self.net.retry_at(self.now, POLL))
        return Failed(order, code, detail, self.net.retry_at(self.now, self._back_off(order)))

    def _unknown(self, order: OrderState, detail: str) -> Advance:
        """The CA does not know our account: whatever was ordered there is lost with it."""
        self.issuer.account.forget(self.issuer.directory)
        if self.made_account:  # in this very step: asking on and on would make one after the other
            return self._failed(order, "accountDoesNotExist", detail)
        if order.url is None:
            return Pending(order, self.now)
        told = f"{detail}; the account is gone with all its orders, and a new one is made"
        return Failed(order, "accountDoesNotExist", told, self.now)

    def _failed(self, order: OrderState, code: str, detail: str) -> Failed:
        return Failed(order, code, detail, self.now + self._back_off(order))

    def _back_off(self, order: OrderState) -> timedelta:
        return self.issuer.back_off * (1 << order.failed)

    def _why_invalid(self, body: messages.Order) -> tuple[str, str]:
        """The order's own error, else that of the challenge that failed."""
        if body.error is not None:
            return code_of(body.error), body.error.detail or ""
        for url in body.authorizations:
            # Raw JSON: acme refuses the status "expired" of RFC 8555 §7.1.6.
            authorization = _object(self._post(url, None))
            for challenge in authorization.get("challenges", ()):
                if "error" in challenge:
                    problem = messages.Error.from_json(challenge["error"])
                    return code_of(problem), problem.detail or ""
            if authorization.get("status") not in ("valid", "pending"):
                name = authorization.get("identifier", {}).get("value")
                return "unauthorized", f"the authorization for {name} is {authorization.get('status')}"
        return "malformed", "the CA calls the order invalid and does not say why"

    # -- revocation ---------------------------------------------------------------------------------------------

    def revoke(self, chain: Chain, reason: RevocationReason) -> None:
        self.resources = self.issuer.resources(self.net)
        leaf = x509.load_der_x509_certificate(chain.ders[0])
        try:
            self._log_in(tell=False)
            self._post(self.resources["revokeCert"], messages.Revocation(certificate=leaf, reason=int(reason)))
        except messages.Error as problem:
            if code_of(problem) == "alreadyRevoked":
                return
            raise DanelawError(
                "REVOCATION_REFUSED",
                f"the CA at {self.issuer.directory} does not revoke certificate {leaf.serial_number:x}",
                evidence=f"{code_of(problem)}: {problem.detail or ''}",
                hint="the certificate goes on being valid; revoke it at the CA by hand, or with its own key",
            ) from problem

    # -- renewal information ------------------------------------------------------------------------------------

    def renewal_window(self, chain: Chain) -> Window | None:
        resources = self.issuer.resources(self.net).to_partial_json()
        identifier = certificate_id(chain)
        if identifier is None or "renewalInfo" not in resources:
            return None
        try:
            reply = self.net.get(f"{str(resources['renewalInfo']).rstrip('/')}/{identifier}")
        except (messages.Error, acme_errors.ClientError) as refusal:
            if self.net.last is not None and self.net.last.status_code == 404:
                return None
            raise DanelawError(
                "RENEWAL_INFO_UNAVAILABLE",
                f"the CA at {self.issuer.directory} gives no renewal information now",
                evidence=str(refusal),
                hint="it is asked again at the next pass; renewal goes by the certificate's dates meanwhile",
            ) from refusal
        return window_from_json(_object(reply))


def _not_about_the_order(refusal: Exception, net: Transport) -> bool:
    """Whether a refused order says nothing of what was in it."""
    about_us = ("rateLimited", "badNonce", "accountDoesNotExist", "userActionRequired")
    return net.server_failed or (isinstance(refusal, messages.Error) and code_of(refusal) in about_us)


def _object(reply: requests.Response) -> dict[str, Any]:
    """The JSON object in a reply; raises acme's ``ClientError`` on anything else."""
    try:
        value = reply.json()
    except requests.JSONDecodeError as error:
        raise acme_errors.ClientError(f"{reply.url} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise acme_errors.ClientError(f"{reply.url} is not a JSON object")
    return value
