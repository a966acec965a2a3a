"""Every way up from a presented leaf, certificate by certificate, as far as a client may care to go.

Looked for once for a chain, whatever the records name, and within bounds: a server may send any number of certificates
that name each other.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from danelaw.core.model import Chain, Instant, Reason
from danelaw.core.tlsa.constraints import DN
from danelaw.core.tlsa.kept import kept
from danelaw.core.tlsa.x509 import Certificate, constrained, parse, signed_by, weak_key

MOST_ASCENTS: Final = 128
MOST_PRESENTED: Final = 32
"""How many presented certificates are looked at above the leaf."""
MOST_NAMESAKES: Final = 4
"""How many presented certificates of one subject are."""


@dataclass(frozen=True, slots=True)
class Rules:
    """In what clients differ on the way up, see ``Profile``.

    ``greedy``: who does not come back to try another issuer takes the first that was presented; of several, the first
    that is valid ``at`` that time, where one is told. ``exact_names``: an issuer's name is written octet by octet as
    its certificate has it; else as RFC 5280 §7.1 compares them. ``strong_keys``: no certificate may have a key that TLS
    libraries refuse (RFC 9325 §4.5). ``longest``: certificates, the leaf and the anchor among them.
    """

    any_purpose: bool = True
    old_roots: bool = False
    silent_roots: bool = False
    cas_by_key_usage: bool = False
    greedy: bool = False
    at: Instant | None = None
    exact_key_ids: bool = False
    ends_at_own_name: bool = False
    exact_names: bool = False
    strong_keys: bool = False
    longest: int = MOST_PRESENTED + 1


STRICT_RULES: Final = Rules(
    any_purpose=False,
    greedy=True,
    exact_key_ids=True,
    ends_at_own_name=True,
    exact_names=True,
    strong_keys=True,
    longest=10,
)
"""What passes by these passes by all."""


@dataclass(frozen=True, slots=True)
class Ascent:
    """Certificates from the leaf upwards, each named as issuer by the one before.

    ``flaw``: the first thing that is wrong with them, dates aside. ``topmost``: no presented certificate goes further.
    """

    certificates: tuple[Certificate, ...]
    flaw: Reason | None
    topmost: bool

    @property
    def top(self) -> Certificate:
        return self.certificates[-1]


@kept(512)
def ascents(chain: Chain, added: tuple[bytes, ...], rules: Rules) -> tuple[Ascent, ...]:
    """The ways up from the leaf, through presented certificates in any order and others, ``added``, which a
    client tries first.

    The leaf alone is the first; then those without a flaw, shorter ones first. None where the leaf cannot be read. A
    leaf that was sent twice is not its own issuer.
    """
    leaf = parse(chain.ders[0]) if chain.ders else None
    if leaf is None:
        return ()
    pool = _pool(chain, added)
    sound: deque[Ascent] = deque()
    flawed: deque[Ascent] = deque()
    start = _ascent((leaf,), _leaf_flaw(leaf, rules), pool, rules)
    (sound if start.flaw is None else flawed).append(start)
    found = [start]
    while (sound or flawed) and len(found) < MOST_ASCENTS:
        below = (sound or flawed).popleft()
        for issuer in _issuers(below.certificates, pool, rules):
            flaw = below.flaw or _step_flaw(below.certificates, issuer, rules)
            longer = _ascent((*below.certificates, issuer), flaw, pool, rules)
            found.append(longer)
            if len(longer.certificates) < rules.longest:
                (sound if flaw is None else flawed).append(longer)
    return (start, *sorted(found[1:], key=lambda ascent: (ascent.flaw is not None, len(ascent.certificates))))


def _ascent(
    certificates: tuple[Certificate, ...], flaw: Reason | None, pool: dict[DN, list[Certificate]], rules: Rules
) -> Ascent:
    return Ascent(certificates, flaw, not _issuers(certificates, pool, rules))


def _issuers(path: tuple[Certificate, ...], pool: dict[DN, list[Certificate]], rules: Rules) -> list[Certificate]:
    """Who may have issued the top of a path, by names and by key identifiers."""
    child = path[-1]
    if rules.ends_at_own_name and child.self_issued and not child.says_otherwise(child, exact=rules.exact_key_ids):
        return []
    named = [
        issuer
        for issuer in pool.get(child.issuer_name, ())
        if not child.says_otherwise(issuer, exact=rules.exact_key_ids)
        if all(issuer.der != certificate.der for certificate in path)
    ]
    if not rules.greedy:
        return named
    at = rules.at
    timely = [issuer for issuer in named if at is None or issuer.validity.covers(at)]
    return (timely or sorted(named, key=lambda issuer: issuer.validity.end, reverse=True))[:1]


def _pool(chain: Chain, added: Iterable[bytes]) -> dict[DN, list[Certificate]]:
    """The certificates that may be issuers, by their subjects, each once; those that were not presented first."""
    pool: dict[DN, list[Certificate]] = {}
    known = tuple(dict.fromkeys(added))
    for certificate in filter(None, map(parse, known)):
        pool.setdefault(certificate.subject_name, []).append(certificate)
    presented = list(dict.fromkeys(chain.ders[1:]))[:MOST_PRESENTED]
    sent: Counter[DN] = Counter()
    for certificate in filter(None, map(parse, presented)):
        if certificate.der not in known and sent[certificate.subject_name] < MOST_NAMESAKES:
            pool.setdefault(certificate.subject_name, []).append(certificate)
        sent[certificate.subject_name] += 1
    return pool


def _leaf_flaw(leaf: Certificate, rules: Rules) -> Reason | None:
    if not leaf.authenticates:
        detail = "its key usage leaves out all that TLS servers do"
        return Reason("NOT_FOR_SERVERS", "RFC 5280 §4.2.1.3", str(leaf), detail)
    return _own_flaw(leaf, rules)


def _own_flaw(certificate: Certificate, rules: Rules) -> Reason | None:
    if certificate.unknown is not None:
        detail = f"critical extension {certificate.unknown}"
        return Reason("UNKNOWN_EXTENSION", "RFC 5280 §4.2", str(certificate), detail)
    if not (certificate.server_auth or (rules.any_purpose and certificate.any_purpose)):
        detail = "its purposes leave out TLS servers"
        return Reason("NOT_FOR_SERVERS", "RFC 5280 §4.2.1.12", str(certificate), detail)
    weak = weak_key(certificate.spki) if rules.strong_keys else None
    return Reason("WEAK_KEY", "RFC 9325 §4.5", str(certificate), weak) if weak is not None else None


def _step_flaw(path: tuple[Certificate, ...], issuer: Certificate, rules: Rules) -> Reason | None:
    """The first thing that is wrong with one more step up, dates aside (RFC 5280 §6.1.3, §6.1.4).

    What the anchor's own certificate demands counts too, as RFC 7671 §5.2.1 has it.
    """
    child = path[-1]
    if rules.exact_names and child.issuer != issuer.subject:
        detail = f"{issuer} is written otherwise there"
        return Reason("ISSUER_SPELT_OTHERWISE", "RFC 5280 §7.1", str(child), detail)
    if not (
        issuer.signs_certificates
        or (rules.old_roots and issuer.old_root)
        or (rules.silent_roots and issuer.silent_root)
        or (rules.cas_by_key_usage and issuer.ca_by_key_usage)
    ):
        return Reason("NOT_A_CA", "RFC 5280 §6.1.4", str(issuer), "it may not sign certificates")
    below = sum(not certificate.self_issued for certificate in path[1:])  # RFC 5280 §4.2.1.9
    if issuer.path_length is not None and below > issuer.path_length:
        return Reason("PATH_TOO_LONG", "RFC 5280 §4.2.1.9", str(issuer), f"{below} CAs below it")
    for certificate in path:
        if certificate is path[0] or not certificate.self_issued:
            barred = constrained(issuer, certificate)
            if barred is not None:
                detail = f"it may not certify {barred}"
                return Reason("NAME_NOT_PERMITTED", "RFC 5280 §4.2.1.10", str(issuer), detail)
    if child.weak is not None:
        return Reason("WEAK_SIGNATURE", "RFC 8446 §4.4.2.4", str(child), f"signed over {child.weak}")
    if not signed_by(child, issuer):
        return Reason("BAD_SIGNATURE", "RFC 5280 §6.1.3", str(child), f"not signed by {issuer}")
    return _own_flaw(issuer, rules)
