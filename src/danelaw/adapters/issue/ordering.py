"""One step of an order at a CA (RFC 8555 §7.4): place it, respond to challenges, finalize, fetch the certificate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, TypeAlias

import dns.name
import requests
from acme import errors as acme_errors
from acme import messages
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from dns.name import Name
from josepy.json_util import field as json_field

from danelaw.adapters.issue import caa
from danelaw.adapters.issue.chains import alternates, ends_at
from danelaw.adapters.issue.received import acme_text, read_chain, unlike
from danelaw.adapters.issue.renewal import certificate_id
from danelaw.adapters.issue.session import Session
from danelaw.adapters.issue.transport import code_of, detail_of, json_object
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
    RRset,
)

Offer: TypeAlias = tuple[messages.Authorization, messages.ChallengeBody]

POLL: Final = timedelta(seconds=2)
"""When to ask again where the CA does not say."""
SOON: Final = timedelta(seconds=0.25)
"""No CA is asked sooner again, whatever it says."""
OUTAGE: Final = timedelta(minutes=1)
"""When to ask again after a server error without Retry-After."""
RECOVERY: Final = timedelta(seconds=10)
"""No CA in trouble is asked sooner again, whatever it says."""
RARER: Final = 8
"""A CA at work is asked again after this part of the time that it has been at work, ..."""
RAREST: Final = timedelta(hours=1)
"""... but at least so often, ..."""
GIVEN_UP: Final = timedelta(days=1)
"""... and no longer than this."""
REMINDER: Final = timedelta(minutes=10)
"""When a CA that looks for no response by then is told again that it is there: it may have been started again."""
MOST_FOR_ONE: Final = 4
"""Authorizations for one name of an order; no CA is known that wants more than one."""


class NewOrder(messages.NewOrder):
    """An order that may name the certificate it renews."""

    replaces: str | None = json_field("replaces", omitempty=True)  # RFC 9773 §5, unknown to acme


class OrderStep:
    """In the thread that may block. ``now`` is when it began. ``permissions``: the CAA records that are relevant to
    each name of a new order that has some."""

    def __init__(self, session: Session, now: datetime, permissions: Iterable[tuple[Name, RRset]] = ()) -> None:
        self._session = session
        self._permissions = tuple(permissions)
        self._net = session.net
        self._terms = session.terms
        self._now = now

    def advance(self, order: OrderState, csr: bytes) -> Advance:
        try:
            if order.url is None and (objection := self._objection()) is not None:
                return self._failed(order, "caa", objection)
            self._session.log_in(tell=order.url is None)
            if order.url is None:
                if self._session.made_account and (objection := self._objection()) is not None:
                    return self._failed(order, "caa", objection)  # of an account that nobody knew before
                return self._place(order)
            reply = self._session.post(order.url, None)
            return self._proceed(order, csr, messages.Order.from_json(json_object(reply)))
        except messages.Error as problem:
            return self._refused(order, code_of(problem), detail_of(problem))
        except acme_errors.ClientError:
            if not self._net.busy:
                raise
            return self._in_trouble(order, "")

    def _objection(self) -> str | None:
        """What CAA records have against an order of this account. A CA that does not say its name is not judged."""
        identities = self._session.resources["meta"].caa_identities if self._permissions else None
        if not identities:
            return None
        account = self._session.files.url(self._terms.directory)
        return caa.objections(self._permissions, caa.Applicant(tuple(identities), account, self._terms.challenge))

    # -- the order ----------------------------------------------------------------------------------------------

    def _place(self, order: OrderState) -> Advance:
        if self._terms.challenge is ChallengeType.HTTP_01 and (
            wild := [name for name in order.names if name.is_wild()]
        ):
            raise self._not_offered(wild[0].to_text(omit_final_dot=True))  # no CA may offer it: RFC 8555 §8.4
        resources = self._session.resources
        profile = order.profile or self._terms.profile
        offered = resources["meta"].profiles or {}
        if profile is not None and profile not in offered:
            raise DanelawError(
                "PROFILE_UNKNOWN",
                f"the CA at {self._terms.directory} has no profile {profile!r}",
                evidence=f"it has {', '.join(sorted(offered)) or 'none'}",
                hint="set one of these as the issuer's profile, or none",
            )
        names = [messages.Identifier(typ=messages.IDENTIFIER_FQDN, value=acme_text(name)) for name in order.names]
        wish = NewOrder(identifiers=names, profile=profile, replaces=self._predecessor(order))
        try:
            reply = self._session.post(resources["newOrder"], wish)
        except (messages.Error, acme_errors.ConflictError) as refusal:
            # Naming the predecessor is a courtesy (RFC 9773 §5): a CA that will not hear of it may still issue.
            if wish.replaces is None or self._not_about_the_order(refusal):
                raise
            reply = self._session.post(resources["newOrder"], wish.update(replaces=None))
        # Nothing else is asked for in this step, nor is the body read: the URL is to be stored first, without which
        # the order is lost to us and counts at the CA all the same.
        return Pending(replace(order, url=reply.headers["Location"], placed=frozenset(), since=None), self._now)

    def _predecessor(self, order: OrderState) -> str | None:
        if order.replaces is None or "renewalInfo" not in self._session.resources.to_partial_json():
            return None
        return certificate_id(order.replaces)

    def _not_about_the_order(self, refusal: Exception) -> bool:
        """Whether a refused order says nothing of what was in it."""
        about_us = ("rateLimited", "badNonce", "accountDoesNotExist", "userActionRequired")
        return self._net.busy or (isinstance(refusal, messages.Error) and code_of(refusal) in about_us)

    def _proceed(self, order: OrderState, csr: bytes, body: messages.Order) -> Advance:
        """RFC 8555 §7.1.6, the order's states."""
        if body.status is messages.STATUS_PENDING:
            return self._authorize(order, body)
        if body.status is messages.STATUS_READY:
            wish = messages.CertificateRequest(csr=x509.load_der_x509_csr(csr))
            reply = self._session.post(body.finalize, wish)
            body = messages.Order.from_json(json_object(reply))
            if body.status is not messages.STATUS_READY:
                order = replace(order, since=None)  # a work of its own
        if body.status is messages.STATUS_VALID and body.certificate:
            return self._download(order, csr, body.certificate)
        if body.status is messages.STATUS_INVALID:
            code, detail = self._why_invalid(order, body)
            return self._failed(order, code, detail)
        return self._at_work(order)

    def _at_work(self, order: OrderState, asked: datetime | None = None) -> Advance:
        """The CA wants time: it gets ever more of it, until it has had enough. ``asked``: when it wants to be."""
        since = order.since or self._now
        if self._now - since >= GIVEN_UP:
            told = f"the CA has been at work since {since:%Y-%m-%d %H:%M} UTC without an end; a new order is made"
            return self._failed(replace(order, since=None), "stuck", told)
        least = max(SOON, min((self._now - since) / RARER, RAREST))
        until = asked if asked is not None else self._net.retry_at(self._now, POLL)
        return Pending(replace(order, since=since), max(until, self._now + least))

    # -- challenges ---------------------------------------------------------------------------------------------

    def _authorize(self, order: OrderState, body: messages.Order) -> Advance:
        """Ask for what is not yet placed; once all is, tell the CA to look (RFC 8555 §7.5.1)."""
        missing: list[Offer] = []
        placed: list[messages.ChallengeBody] = []
        until = self._now + POLL
        for authorization in self._asked_for(order, body):
            if authorization.status is not messages.STATUS_PENDING:
                continue
            offer = self._offer(authorization)
            if offer.uri in order.placed and offer.error is not None:
                # Smallstep's CA leaves a challenge pending that it could not see, and would look on and on.
                return self._failed(order, code_of(offer.error), detail_of(offer.error))
            if offer.status is not messages.STATUS_PENDING or offer.uri in order.placed:
                until = self._net.retry_at(self._now, POLL)
            if offer.status is messages.STATUS_PENDING:
                if offer.uri in order.placed:
                    placed.append(offer)
                else:
                    missing.append((authorization, offer))
        if missing:
            needed = tuple(self._challenge(authorization, offer) for authorization, offer in missing)
            return NeedChallenge(replace(order, since=None), needed)
        if order.since is None or self._now - order.since >= REMINDER:
            for offer in placed:
                until = self._respond(offer)
        return self._at_work(order, until)

    def _asked_for(self, order: OrderState, body: messages.Order) -> Iterator[messages.Authorization]:
        """What the CA wants to see control of. It need not be one for each name (RFC 8555 §7.1.3), but is for no other:
        what is placed for a name shows the world that the account has control of it."""
        ordered = {acme_text(name).removeprefix("*.") for name in order.names}
        if len(body.authorizations) > MOST_FOR_ONE * len(order.names):
            raise self._too_much(order, f"there are {len(body.authorizations)} authorizations")
        for url in body.authorizations:
            found = messages.Authorization.from_json(json_object(self._session.post(url, None)))
            identifier = found.identifier
            if identifier.typ is not messages.IDENTIFIER_FQDN or identifier.value.lower() not in ordered:
                raise self._too_much(order, f"one is for {identifier.typ.name} {identifier.value!r}")
            yield found

    def _too_much(self, order: OrderState, evidence: str) -> DanelawError:
        names = ", ".join(map(acme_text, order.names))
        return DanelawError(
            "CA_ASKS_TOO_MUCH",
            f"the CA at {self._terms.directory} wants to see more than control of {names}",
            evidence=evidence,
            hint="nothing was placed for it; ask the CA why, or take another",
        )

    def _respond(self, offer: messages.ChallengeBody) -> datetime:
        """Tell the CA to look; when to ask what it saw. One that saw it meanwhile, being told before, may refuse."""
        try:
            self._session.post(offer.uri, offer.response(self._net.key))
        except messages.Error:
            if self._net.busy:
                raise
            refused = self._net.last
            now = messages.ChallengeBody.from_json(json_object(self._session.post(offer.uri, None)))
            if now.status is messages.STATUS_PENDING:
                self._net.last = refused
                raise
        return self._net.retry_at(self._now, POLL)

    def _offer(self, authorization: messages.Authorization) -> messages.ChallengeBody:
        wanted = self._terms.challenge.value
        for offer in authorization.challenges:
            if offer.chall.to_partial_json().get("type") == wanted:
                return offer
        raise self._not_offered(f"{'*.' if authorization.wildcard else ''}{authorization.identifier.value}")

    def _not_offered(self, name: str) -> DanelawError:
        return DanelawError(
            "CHALLENGE_NOT_OFFERED",
            f"the CA does not offer {self._terms.challenge.value} for {name}",
            hint='a wildcard needs challenge = { type = "dns-01" } (RFC 8555 §8.4)',
        )

    def _challenge(self, authorization: messages.Authorization, offer: messages.ChallengeBody) -> Challenge:
        return Challenge(
            url=offer.uri,
            type=self._terms.challenge,
            identifier=dns.name.from_text(authorization.identifier.value),
            token=offer.chall.encode("token"),
            response=offer.validation(self._net.key),
        )

    # -- the certificate ----------------------------------------------------------------------------------------

    def _download(self, order: OrderState, csr: bytes, url: str) -> Advance:
        """RFC 8555 §7.4.2. What the CA gives is checked before anybody serves it."""
        reply = self._session.post(url, None)
        try:
            certificates = self._preferred(reply) or read_chain(reply.content)
        except ValueError as error:  # it can be asked for again
            raise acme_errors.ClientError(f"the certificate chain at {url} is unreadable: {error}") from error
        request = x509.load_der_x509_csr(csr)
        wrong = unlike(certificates, request, order.names)
        if wrong is not None:
            failed = self._failed(order, "malformed", f"the CA's certificate is not what was ordered: {wrong}")
            if certificates[0].public_key() != request.public_key() and order.failed == 0:
                # Whoever orders for two keys may get one order for both, as at Boulder: this one went to the other.
                return replace(failed, retry_at=self._now)
            return failed
        return Issued(order, Chain(tuple(c.public_bytes(serialization.Encoding.DER) for c in certificates)))

    def _preferred(self, reply: requests.Response) -> list[x509.Certificate] | None:
        """The chain below the preferred root; None where the CA has none, or nobody asks for one."""
        root = self._terms.preferred
        if root is None:
            return None
        others = alternates(reply)
        while not ends_at(chain := read_chain(reply.content), root):
            if not others:
                return None
            reply = self._session.post(others.pop(0), None)
        return chain

    # -- refusals -----------------------------------------------------------------------------------------------

    def _refused(self, order: OrderState, code: str, detail: str) -> Advance:
        """What a problem document (RFC 8555 §6.7) means for the order."""
        if code == "accountDoesNotExist":
            return self._unknown(order, detail)
        if code == "orderNotReady":
            return self._at_work(order)
        refused = code == "rateLimited" and order.url is None  # else there is an order still
        if self._net.server_failed or (not refused and (self._net.busy or code in ("badNonce", "rateLimited"))):
            return self._in_trouble(order, detail)
        terms = self._terms
        if (
            terms.binding is not None
            and self._session.made_account
            and self._session.files.url(terms.directory) is None
        ):
            detail = f"{detail}; the account was to be bound to {terms.binding.kid!r}: check kid and key_file at the CA"
        elif code == "unauthorized" and self._shut_out():
            detail = f"{detail}; with {self._session.files.directory} moved away, the next order makes a new account"
        until = max(self._net.retry_at(self._now, self._back_off(order)), self._now + OUTAGE)
        return Failed(order, code, detail, until)

    def _shut_out(self) -> bool:
        """Whether the CA refuses the account itself, as one that was deactivated (RFC 8555 §7.3.6)."""
        account, refused = self._session.files.url(self._terms.directory), self._net.last
        if account is None:
            return False
        try:
            self._session.post(account, None)
        except messages.Error as problem:
            return code_of(problem) == "unauthorized"
        except (acme_errors.Error, requests.RequestException):
            return False
        finally:
            self._net.last = refused  # whose Retry-After counts
        return False

    def _in_trouble(self, order: OrderState, detail: str) -> Pending:
        """What it has of the order is not lost, nor is it at work on it."""
        until = self._net.retry_at(self._now, OUTAGE)
        status = f"HTTP {self._net.last.status_code}" if self._net.last is not None else "no reply"
        trouble = f"{status}: {detail}" if detail else status
        return Pending(replace(order, since=None), max(until, self._now + RECOVERY), trouble)

    def _unknown(self, order: OrderState, detail: str) -> Advance:
        """The CA does not know our account: whatever was ordered there is lost with it."""
        self._session.files.forget(self._terms.directory)
        if self._session.made_account:  # in this very step: asking on and on would make one after the other
            return self._failed(order, "accountDoesNotExist", detail)
        if order.url is None:
            return Pending(order, self._now)
        told = f"{detail}; the account is gone with all its orders, and a new one is made"
        return Failed(order, "accountDoesNotExist", told, self._now)

    def _failed(self, order: OrderState, code: str, detail: str) -> Failed:
        return Failed(order, code, detail, self._now + self._back_off(order))

    def _back_off(self, order: OrderState) -> timedelta:
        return self._terms.back_off * (1 << order.failed)

    def _why_invalid(self, order: OrderState, body: messages.Order) -> tuple[str, str]:
        """The order's own error, else that of the challenge that failed."""
        if body.error is not None:
            return code_of(body.error), detail_of(body.error)
        for url in body.authorizations[: MOST_FOR_ONE * len(order.names)]:
            # Raw JSON: acme refuses the status "expired" of RFC 8555 §7.1.6.
            authorization = json_object(self._session.post(url, None))
            for challenge in authorization.get("challenges", ()):
                if "error" in challenge:
                    problem = messages.Error.from_json(challenge["error"])
                    return code_of(problem), detail_of(problem)
            if authorization.get("status") not in ("valid", "pending"):
                name = authorization.get("identifier", {}).get("value")
                return "unauthorized", f"the authorization for {name} is {authorization.get('status')}"
        return "malformed", "the CA calls the order invalid and does not say why"
