"""Orders on their way to a certificate: authorizations, challenges, and the work done meanwhile (RFC 8555 §7.4).

``replaces`` is of RFC 9773 §5, the profiles are of draft-ietf-acme-profiles.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from cryptography import x509

from danelaw.worlds.lab.ca import csr as requests
from danelaw.worlds.lab.ca.exchange import Reply, json_reply
from danelaw.worlds.lab.ca.identifiers import parse_identifiers
from danelaw.worlds.lab.ca.jws import Signed, b64decode
from danelaw.worlds.lab.ca.pki import BACKDATED, CertificateAuthority, pem
from danelaw.worlds.lab.ca.problem import Problem
from danelaw.worlds.lab.ca.resources import Account, Authorization, Certificate, Challenge, Ledger, Order, Status
from danelaw.worlds.lab.ca.vantage import Vantage

ORDER_LIFETIME: Final = timedelta(days=7)


class Ordering:
    """Works through orders and writes them into ``ledger``. ``retry_after``: seconds told to clients meanwhile."""

    def __init__(
        self,
        ledger: Ledger,
        issuer: CertificateAuthority,
        vantage: Vantage,
        profiles: Mapping[str, timedelta],
        now: Callable[[], datetime],
        retry_after: int,
    ) -> None:
        self.refusals: list[Problem] = []
        """The next orders are refused with these, each with one."""
        self.hands_out_again = False
        """Whether whoever orders again what is still to be finalized gets that order, as at Boulder."""
        self.tasks: set[asyncio.Task[None]] = set()
        self._ledger = ledger
        self._issuer = issuer
        self._vantage = vantage
        self._profiles = dict(profiles)
        self._now = now
        self._retry_after = retry_after

    # -- orders -------------------------------------------------------------------------------------------------

    def place(self, signed: Signed, account: Account) -> Reply:
        """RFC 8555 §7.4; ``replaces`` RFC 9773 §5; authorizations are never reused."""
        fields = signed.fields()
        if self.refusals:
            raise self.refusals.pop(0)
        names = parse_identifiers(fields.get("identifiers"))
        if "notBefore" in fields or "notAfter" in fields:
            raise Problem("malformed", "notBefore and notAfter are the CA's to choose")
        profile = fields.get("profile", next(iter(self._profiles)))
        if not isinstance(profile, str) or profile not in self._profiles:
            raise Problem("invalidProfile", f"no profile {profile!r}; there are {', '.join(self._profiles)}")
        replaces = self._checked_predecessor(fields.get("replaces"), names, account)
        now = self._now()
        for order in self._ledger.orders.values() if self.hands_out_again else ():
            same = (order.account, order.names, order.profile) == (account, names, profile)
            if same and order.state(now) in (Status.PENDING, Status.READY):
                return self.show(201, order)
        expires = now + ORDER_LIFETIME
        authorizations = [self._new_authorization(name, account, expires) for name in names]
        order = Order(self._ledger.new_url("order"), account, names, profile, replaces, expires, authorizations)
        self._ledger.orders[order.url] = order
        return self.show(201, order)

    def _checked_predecessor(self, identifier: object, names: tuple[str, ...], account: Account) -> str | None:
        if identifier is None:
            return None
        if not isinstance(identifier, str):
            raise Problem("malformed", "replaces is a string")
        predecessor = self._ledger.certificate_by_id(identifier)
        if predecessor is None:
            raise Problem("malformed", f"no certificate {identifier} to replace", status=404)
        if predecessor.account is not account:
            raise Problem("unauthorized", "another account's certificate cannot be replaced")
        if not predecessor.names & set(names):
            raise Problem("malformed", "the certificate to be replaced shares no name with this order")
        if self._ledger.replaced(identifier, self._now()):
            raise Problem("alreadyReplaced", f"{identifier} is already replaced by another order")
        return identifier

    def _new_authorization(self, name: str, account: Account, expires: datetime) -> Authorization:
        wildcard = name.startswith("*.")
        kinds = ("dns-01",) if wildcard else ("http-01", "dns-01")
        challenges = [Challenge(self._ledger.new_url("challenge"), kind, secrets.token_urlsafe(32)) for kind in kinds]
        plain = name.removeprefix("*.")
        url = self._ledger.new_url("authorization")
        authorization = Authorization(url, account, plain, wildcard, expires, challenges)
        self._ledger.authorizations[authorization.url] = authorization
        self._ledger.challenges.update((challenge.url, (authorization, challenge)) for challenge in challenges)
        return authorization

    def show(self, status: int, order: Order) -> Reply:
        shown = order.to_json(self._now())
        headers = [("Location", order.url)] if status == 201 else []
        if shown["status"] == Status.PROCESSING:
            headers.append(("Retry-After", str(self._retry_after)))
        return json_reply(status, shown, *headers)

    def finalize(self, signed: Signed, order: Order) -> Reply:
        """Check the CSR, then sign: the order is ``processing`` meanwhile (RFC 8555 §7.4)."""
        state = order.state(self._now())
        if state is not Status.READY:
            raise Problem("orderNotReady", f"the order is {state}")
        request = requests.parse(b64decode(signed.fields().get("csr")), order.names, order.account.key)
        order.finalizing = True
        self._start(self._issue(order, request))
        return self.show(200, order)

    async def _issue(self, order: Order, request: requests.CertificateRequest) -> None:
        now = self._now()
        names: list[x509.GeneralName] = [x509.DNSName(name) for name in order.names]
        subject = order.names[0] if order.profile == "classic" else None
        end = now + self._profiles[order.profile]
        leaf = self._issuer.leaf(request.key, names, subject=subject, begin=now - BACKDATED, end=end)
        chain = pem(leaf, self._issuer.certificate)
        issued = Certificate(self._ledger.new_url("certificate"), order.account, leaf, chain, now)
        self._ledger.certificates[issued.url] = issued
        order.certificate = issued

    # -- authorizations and challenges --------------------------------------------------------------------------

    def authorization(self, signed: Signed, authorization: Authorization) -> Reply:
        """RFC 8555 §7.5; deactivation §7.5.2."""
        if signed.payload:
            if signed.fields().get("status") != Status.DEACTIVATED:
                raise Problem("malformed", "an authorization can only be deactivated")
            authorization.status = Status.DEACTIVATED
        return json_reply(200, authorization.to_json(self._now()), *self._patience(authorization))

    def challenge(self, signed: Signed, authorization: Authorization, challenge: Challenge | None) -> Reply:
        """Take the client's word that the response is in place, and go and look (RFC 8555 §7.5.1)."""
        if challenge is None:
            raise Problem("malformed", "no such challenge", status=404)
        if signed.payload:
            signed.fields()
            if challenge.status is Status.PENDING:
                if authorization.state(self._now()) is not Status.PENDING:
                    raise Problem("malformed", f"the authorization is {authorization.state(self._now())}")
                challenge.status = Status.PROCESSING
                self._start(self._validate(authorization, challenge))
        up = ("Link", f'<{authorization.url}>;rel="up"')
        return json_reply(200, challenge.to_json(), up, *self._patience(authorization))

    async def _validate(self, authorization: Authorization, challenge: Challenge) -> None:
        key_authorization = f"{challenge.token}.{authorization.account.key.thumbprint}"
        try:
            if challenge.type == "http-01":
                await self._vantage.http_01(authorization.name, challenge.token, key_authorization)
            else:
                await self._vantage.dns_01(authorization.name, key_authorization)
        except Problem as problem:
            challenge.error = problem
            challenge.status = authorization.status = Status.INVALID
        else:
            challenge.validated = self._now()
            challenge.status = authorization.status = Status.VALID

    def _patience(self, authorization: Authorization) -> list[tuple[str, str]]:
        busy = any(challenge.status is Status.PROCESSING for challenge in authorization.challenges)
        return [("Retry-After", str(self._retry_after))] if busy else []

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
