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
from typing import Final, Protocol, TypeVar

import dns.exception
import requests
from acme import errors as acme_errors
from acme import messages
from dns.name import Name
from josepy.errors import Error as JoseError

from danelaw.adapters.issue import caa, renewal, revocation
from danelaw.adapters.issue.account import AccountFiles
from danelaw.adapters.issue.deadline import Deadline
from danelaw.adapters.issue.ordering import OrderStep
from danelaw.adapters.issue.preflight import Preflight
from danelaw.adapters.issue.registration import Binding
from danelaw.adapters.issue.session import Session, Terms
from danelaw.adapters.issue.transport import ElsewhereError, Transport, json_object
from danelaw.core.model import (
    Advance,
    Chain,
    ChallengeType,
    DanelawError,
    Failed,
    OrderState,
    Pending,
    RevocationReason,
    RRset,
    Window,
)
from danelaw.ports import Blocking, Clock, Resolver

T = TypeVar("T")

REQUEST_SECONDS: Final = 20.0
STEP_LIMIT: Final = timedelta(seconds=60)
"""One step is a handful of requests."""
LONGEST_QUOTE: Final = 1000
LONGEST_CODE: Final = 64
"""Characters that are kept of what a CA says, and of the type of a problem."""
_GRACE: Final = timedelta(seconds=5)
"""In which a step ends whose connections were cut off."""
BACK_OFF: Final = timedelta(minutes=15)
"""Before a new order after a failed one: below the five failed validations an hour that public CAs allow."""


class KeyHolder(Protocol):
    """Where private keys are."""

    async def key_of(self, chain: Chain) -> bytes | None:
        """The key (PEM) of a certificate, the first of the chain; None: it is not here."""
        ...


class AcmeIssuer:
    """Implements ``ports.Issuer``.

    ``directory``: URL of the CA's directory. ``contact``: a ``mailto:`` URL. ``account``: the folder of the account's
    files. ``bundle``: PEM roots for the CA's HTTPS, None for the system's. ``profile``: for orders that name none.
    ``back_off``: before a new order, where a failed one brought no Retry-After; it doubles with each one that
    ``OrderState.failed`` counts. ``preferred``: the common name of the root that the chain should end below, where the
    CA has a choice. ``binding``: for a CA that knows its customers otherwise. With ``resolver`` an order that CAA
    records forbid is never placed, with ``preflight`` none that it objects to. ``step_limit``: no step takes longer.
    ``keys``: of certificates that are to be revoked. The CA's terms are agreed to.

    All methods raise ``DanelawError``: ``CA_UNREACHABLE``, ``CA_MALFORMED`` (it does not speak RFC 8555),
    ``CA_LEADS_ELSEWHERE``, ``ACCOUNT_UNREADABLE``; ``advance`` also ``PROFILE_UNKNOWN``, ``CHALLENGE_NOT_OFFERED``,
    ``CA_ASKS_TOO_MUCH``, ``ACCOUNT_BINDING_REQUIRED``, ``BINDING_UNUSABLE`` and those of ``Preflight``; ``revoke`` also
    ``REVOCATION_REFUSED``.
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
        preflight: Preflight | None = None,
        step_limit: timedelta = STEP_LIMIT,
        keys: KeyHolder | None = None,
    ) -> None:
        self.directory = directory
        self.account = AccountFiles(account)
        self.bundle = bundle
        self._terms = Terms(directory, contact, challenge, profile, back_off, preferred, binding)
        self._resolver = resolver
        self._preflight = preflight
        self._step_limit = step_limit
        self._keys = keys
        self._blocking = blocking
        self._clock = clock
        self._resources: messages.Directory | None = None
        self._heard: tuple[datetime | None, float] | None = None

    async def advance(self, order: OrderState, csr: bytes) -> Advance:
        """Take one step (RFC 8555 §7.4): place the order, respond to challenges, finalize, or fetch the certificate.

        ``csr`` is DER. A CA in trouble is ``Pending``; an order that is over is ``Failed``.
        """
        permissions: list[tuple[Name, RRset]] = []
        if order.url is None:
            if self._preflight is not None:
                await self._preflight.check(order.names)
            permissions = await self._permissions(order)
            self._resources = None  # a CA changes them: an order begins with those of today
        taken = await self._run(lambda session, now: OrderStep(session, now, permissions).advance(order, csr))
        if isinstance(taken, Failed):
            return replace(taken, code=self._quoted(taken.code, LONGEST_CODE), detail=self._quoted(taken.detail))
        return replace(taken, trouble=self._quoted(taken.trouble)) if isinstance(taken, Pending) else taken

    async def _permissions(self, order: OrderState) -> list[tuple[Name, RRset]]:
        """The CAA records that are relevant to each name that has some, as far as can be seen from here."""
        if self._resolver is None:
            return []
        found = [(name, await caa.relevant(self._resolver, name)) for name in order.names]
        return [(name, records) for name, records in found if records is not None]

    async def renewal_window(self, chain: Chain) -> Window | None:
        """The CA's suggestion for this certificate (RFC 9773 §4.2); None where it makes none.

        Also raises ``DanelawError("RENEWAL_INFO_UNAVAILABLE")`` when the CA has it and does not give it now.
        """
        return await self._run(lambda session, _: renewal.renewal_window(session, chain))

    async def revoke(self, chain: Chain, reason: RevocationReason) -> None:
        """Revoke the chain's leaf, as the account that ordered it (RFC 8555 §7.6). One that is revoked is no error.

        With ``keys`` by its own key, where another account ordered it: another client's, or one that was given up.
        """
        ours = self.account.known(self.directory) is not None
        key = await self._keys.key_of(chain) if self._keys is not None and not ours else None
        if key is None:
            refused = await self._run(lambda session, _: revocation.by_account(session, chain, reason))
            if refused is None:
                return
            key = await self._keys.key_of(chain) if self._keys is not None else None
            if key is None:
                raise refused
        signing = key
        await self._run(lambda session, _: revocation.by_key(session, chain, reason, signing))

    async def date(self, since: float) -> tuple[datetime, float] | None:
        """As of the latest reply, and when it came; the directory is fetched for it where that is too long ago."""
        if self._heard is None or self._heard[1] < since:
            await self._run(lambda session, _: session.net.get(self.directory))
        date, heard = self._heard or (None, 0.0)
        return (date, heard) if date is not None else None

    async def _run(self, work: Callable[[Session, datetime], T]) -> T:
        now = self._clock.now()

        def step() -> T:
            if self.bundle is not None and not self.bundle.is_file():
                raise DanelawError(
                    "CA_UNREACHABLE",
                    f"the CA at {self.directory} cannot be told from another",
                    evidence=f"there is no file {self.bundle}",
                    hint="set bundle to a PEM file with the root of its HTTPS, or leave it out for a public CA",
                )
            with Deadline(self._step_limit.total_seconds()) as deadline:
                net = Transport(self.account.key(), self.directory, self.bundle, REQUEST_SECONDS, deadline)
                with closing(net.session):
                    try:
                        done = work(Session(self._terms, self.account, net, self._directory), now)
                    except acme_errors.Error as error:
                        if net.busy:
                            raise self._busy(net, error) from error
                        raise
            if net.last is not None:
                self._heard = net.date, self._clock.monotonic()
            return done

        try:
            return await self._blocking.call(step, self._step_limit + _GRACE)
        except requests.exceptions.SSLError as error:
            raise DanelawError(
                "CA_UNREACHABLE",
                f"the HTTPS of the CA at {self.directory} is not to be trusted",
                evidence=self._quoted(f"{type(error).__name__}: {error}"),
                hint="for a CA of your own, set bundle to a PEM file with the root of its HTTPS",
            ) from error
        except (TimeoutError, requests.RequestException) as error:
            raise DanelawError(
                "CA_UNREACHABLE",
                f"no answer from the CA at {self.directory}",
                evidence=self._quoted(f"{type(error).__name__}: {error}"),
                hint="check the URL, the network, and the bundle of roots that its HTTPS certificate needs",
            ) from error
        except ElsewhereError as error:
            raise DanelawError(
                "CA_LEADS_ELSEWHERE",
                f"the CA at {self.directory} names URLs that are not its own",
                evidence=self._quoted(str(error)),
                hint="write the directory's URL as the CA has it, with https; no proxy before it may change its name",
            ) from error
        except (
            acme_errors.Error,
            JoseError,
            dns.exception.DNSException,
            KeyError,
            TypeError,
            AttributeError,
            RecursionError,  # of JSON that is deeper than can be read
        ) as error:
            raise DanelawError(
                "CA_MALFORMED",
                f"the CA at {self.directory} does not answer as RFC 8555 says",
                evidence=self._quoted(f"{type(error).__name__}: {error}"),
                hint="check that this is the URL of an ACME directory",
            ) from error

    def _quoted(self, said: str, longest: int = LONGEST_QUOTE) -> str:
        """What a CA says, as it may be shown and kept: JSON has characters that are none (RFC 8259 §8.2)."""
        binding = self._terms.binding
        hidden = binding.hide(said) if binding is not None else said
        text = hidden.encode("utf-8", "backslashreplace").decode("utf-8")
        return text if len(text) <= longest else f"{text[:longest]}…"

    def _busy(self, net: Transport, error: acme_errors.Error) -> DanelawError:
        status = net.last.status_code if net.last is not None else 0
        return DanelawError(
            "CA_UNREACHABLE",
            f"the CA at {self.directory} has no time now",
            evidence=self._quoted(f"status {status}: {error}"),
            hint="it is asked again at the next pass",
        )

    def _directory(self, net: Transport) -> messages.Directory:
        """The CA's directory (RFC 8555 §7.1.1), fetched once."""
        if self._resources is None:
            self._resources = messages.Directory.from_json(json_object(net.get(self.directory)))
        return self._resources
