"""Certificates by a program of the operator's: a request in, a chain out.

It is started without a shell, gets the PKCS #10 request in PEM on standard input, and answers with the chain in PEM,
the leaf first. Status 75 (EX_TEMPFAIL) says that the certificate is not there yet: it is asked again, with the same
request. Any other status but 0 is a refusal, whose reason is what was said to standard error.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from danelaw.adapters.issue.received import acme_text, read_chain, unlike
from danelaw.core.model import (
    Advance,
    Chain,
    DanelawError,
    Failed,
    Issued,
    OrderState,
    Pending,
    RevocationReason,
    Window,
)
from danelaw.ports import LONGEST_ANSWER, Clock, Programs

NOT_YET: Final = 75
ASK_AGAIN: Final = timedelta(minutes=1)


class CommandIssuer:
    """``ports.Issuer``. ``argv``: the program and its arguments, which everybody on this machine can read.

    ``patience``: for one run, after which it is killed with all that it started. ``back_off``: before it is asked again
    after a refusal; it doubles with each one that ``OrderState.failed`` counts.

    ``advance`` raises ``DanelawError("COMMAND_NOT_FOUND")`` and ``TimeoutError``; ``revoke`` ``REVOCATION_REFUSED``.
    """

    def __init__(
        self, argv: Sequence[str], programs: Programs, clock: Clock, patience: timedelta, back_off: timedelta
    ) -> None:
        self._argv = tuple(argv)
        self._programs = programs
        self._clock = clock
        self._patience = patience
        self._back_off = back_off

    async def advance(self, order: OrderState, csr: bytes) -> Advance:
        request = x509.load_der_x509_csr(csr)
        document = request.public_bytes(serialization.Encoding.PEM)
        told = {"DANELAW_NAMES": " ".join(map(acme_text, order.names)), "DANELAW_PROFILE": order.profile or ""}
        ended = await self._programs.ask(self._argv, document, self._patience, told)
        if ended.status == NOT_YET:
            return Pending(order, self._clock.now() + ASK_AGAIN)
        if ended.status:
            return self._refused(order, f"{self._name} ended with status {ended.status}: {ended.said}")
        if len(ended.answer) > LONGEST_ANSWER:
            return self._refused(order, f"{self._name} answers with more than {LONGEST_ANSWER} octets")
        try:
            certificates = read_chain(ended.answer)
        except ValueError as error:
            return self._refused(order, f"what {self._name} answers is no chain in PEM: {error}")
        wrong = unlike(certificates, request, order.names)
        if wrong is not None:
            return self._refused(order, f"the certificate of {self._name} is not what was asked for: {wrong}")
        return Issued(order, Chain(tuple(c.public_bytes(serialization.Encoding.DER) for c in certificates)))

    async def renewal_window(self, chain: Chain) -> Window | None:
        del chain
        return None

    async def revoke(self, chain: Chain, reason: RevocationReason) -> None:
        raise DanelawError(
            "REVOCATION_REFUSED",
            f"{self._name} issues certificates and revokes none",
            hint="revoke it where it comes from, by hand",
        )

    async def date(self, since: float) -> tuple[datetime, float] | None:
        del since
        return None

    def _refused(self, order: OrderState, detail: str) -> Failed:
        return Failed(order, "commandFailed", detail, self._clock.now() + self._back_off * (1 << order.failed))

    @property
    def _name(self) -> str:
        return shlex.quote(self._argv[0])
