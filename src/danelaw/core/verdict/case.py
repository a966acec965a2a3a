"""Evidence laid out for judgement: the records that count, and each chain that was presented, matched against them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import dns.rdatatype
from dns.name import Name
from dns.rdatatype import RdataType

from danelaw.core.model import (
    IP,
    Asked,
    Chain,
    Evidence,
    Handshake,
    HandshakeFailure,
    Hello,
    Instant,
    KeyAlgorithm,
    Probe,
    RRset,
    Security,
    Unreachable,
    Validated,
)
from danelaw.core.tlsa import Match, Profile, RecordMatch, Reference, TLSARecord, Verdict, match, records_of
from danelaw.core.tlsa.match import set_aside
from danelaw.core.tlsa.x509 import Certificate, parse
from danelaw.core.verdict.authorities import Version, tlsa_versions
from danelaw.core.verdict.hellos import whom
from danelaw.core.verdict.identity import PassedOver, passed_over


@dataclass(frozen=True, slots=True)
class View:
    """One chain that one address presents, and the kinds of client that see it.

    ``match`` is what a client finds that supports everything and minds digest agility; ``outcomes`` has every record
    by itself, as for a client that supports nothing else. ``asked_for``: every name that unrestricted clients sent to
    this address.
    """

    address: IP
    hellos: tuple[Hello, ...]
    asked_for: frozenset[Name | None]
    at: Instant
    handshake: Handshake
    match: Match
    outcomes: tuple[RecordMatch, ...]

    @property
    def leaf(self) -> Certificate | None:
        """The server's certificate, if it can be read."""
        return parse(self.handshake.chain.ders[0]) if self.handshake.chain.ders else None

    @property
    def whom(self) -> str:
        """The clients that see this chain, for a sentence: ``clients``, if those are all."""
        return whom(self.hellos, self.asked_for)

    @property
    def algorithms(self) -> tuple[KeyAlgorithm, ...]:
        """The key algorithms by which alone this chain is had; none, if clients that offer all of them see it."""
        if any(hello.algorithm is None for hello in self.hellos):
            return ()
        return tuple(dict.fromkeys(hello.algorithm for hello in self.hellos if hello.algorithm is not None))


@dataclass(frozen=True, slots=True)
class Case:
    """``records``: those of a secure answer that clients ask for, else none; ``usable``: those of them that a client
    may use at all. ``passed_over``: why clients do not ask.

    ``notice``: how long before its end a certificate is reported; None: as suits its life. ``at``: for which instant
    chains are judged. ``served``: for each question for TLSA what each name server that answered serves.
    """

    evidence: Evidence
    reference: Reference
    notice: timedelta | None
    records: tuple[TLSARecord, ...]
    usable: tuple[TLSARecord, ...]
    views: tuple[View, ...]
    at: Instant
    served: tuple[tuple[Asked, tuple[Version, ...]], ...] = ()

    @classmethod
    def of(
        cls, evidence: Evidence, reference: Reference, notice: timedelta | None = None, as_of: Instant | None = None
    ) -> Case:
        """``as_of``: None to judge each chain for the instant when it was seen."""
        rrset = evidence.tlsa.rrset
        counts = evidence.tlsa.state is Security.SECURE and passed_over(evidence) is None
        records = records_of(rrset) if rrset is not None and counts else ()
        usable = tuple(record for record in records if set_aside(record, reference, None) is None)
        views = _views(evidence, reference, records, as_of)
        served = tuple(tlsa_versions(evidence.sweep)) if evidence.sweep is not None else ()
        return cls(evidence, reference, notice, records, usable, views, as_of or evidence.at, served)

    @property
    def matched(self) -> frozenset[TLSARecord]:
        """The records that match some chain somewhere."""
        return frozenset(outcome.record for view in self.views for outcome in view.outcomes if outcome.matched)

    def beside_a_good_one(self, view: View) -> bool:
        """Whether the chain is that of one key algorithm, where the server has another algorithm's that matches.

        Where no algorithm leads to the one that matches, what is presented changes from one connection to the next.
        """
        good = (v for v in self.views if v.address == view.address and v.match.verdict is Verdict.MATCHED)
        return bool(view.algorithms) and any(hello.algorithm is not None for one in good for hello in one.hellos)

    @property
    def passed_over(self) -> PassedOver | None:
        return passed_over(self.evidence)

    @property
    def rrset(self) -> RRset | None:
        """The TLSA RRset, if the answer is secure and clients ask for it."""
        asked = self.evidence.tlsa.state is Security.SECURE and self.passed_over is None
        return self.evidence.tlsa.rrset if asked else None

    @property
    def answers(self) -> tuple[Validated, ...]:
        """Every answer that a client needs."""
        addresses = (self.evidence.a, self.evidence.aaaa)
        return addresses if self.passed_over is not None else (self.evidence.tlsa, *addresses)

    @staticmethod
    def asked(answer: Validated | Asked) -> str:
        """The question that was answered: ``_443._tcp.www.example.net TLSA``."""
        return f"{answer.name.to_text(omit_final_dot=True)} {dns.rdatatype.to_text(RdataType.make(answer.type))}"

    @property
    def expanded(self) -> Name:
        """Where the aliases of the endpoint's host end: itself, if it is none."""
        found = (answer.rrset for answer in (self.evidence.a, self.evidence.aaaa))
        return next((rrset.owner for rrset in found if rrset is not None), self.evidence.endpoint.host)

    @property
    def addresses(self) -> tuple[IP, ...]:
        """Every address that was probed, in order."""
        return tuple(dict.fromkeys(probe.address for probe in self.evidence.probes))

    @property
    def failures(self) -> dict[IP, HandshakeFailure]:
        """Each address whose server answered and came to no handshake with some client; the first such failure."""
        failed: dict[IP, HandshakeFailure] = {}
        for probe in self.evidence.probes:
            if isinstance(probe.got, HandshakeFailure):
                failed.setdefault(probe.address, probe.got)
        return failed

    @property
    def unreached(self) -> dict[IP, Unreachable]:
        """Each address of which something was not learnt; the first silence."""
        silent: dict[IP, Unreachable] = {}
        for probe in self.evidence.probes:
            if isinstance(probe.got, Unreachable):
                silent.setdefault(probe.address, probe.got)
        return silent


def _views(
    evidence: Evidence, reference: Reference, records: tuple[TLSARecord, ...], as_of: Instant | None
) -> tuple[View, ...]:
    """The chains that were presented, each once per address, judged for ``as_of`` or when they were first seen."""
    seen: dict[tuple[IP, Chain], list[tuple[Probe, Handshake]]] = {}
    asked_for: dict[IP, frozenset[Name | None]] = {}
    for probe in evidence.probes:
        if not probe.hello.restricted:
            asked_for[probe.address] = asked_for.get(probe.address, frozenset()) | {probe.hello.sni}
        if isinstance(probe.got, Handshake):
            seen.setdefault((probe.address, probe.got.chain), []).append((probe, probe.got))
    views = []
    for (address, chain), probes in seen.items():
        first, handshake = probes[0]
        at = as_of or first.at
        agile = match(records, chain, reference, at)
        by_itself = match(records, chain, reference, at, Profile(agility=False))
        hellos = tuple(probe.hello for probe, _ in probes)
        views.append(
            View(address, hellos, asked_for.get(address, frozenset()), at, handshake, agile, by_itself.records)
        )
    return tuple(views)
