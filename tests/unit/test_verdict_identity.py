"""Which names clients check, and whether they ask for TLSA at all."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import dns.name
import pytest

from danelaw.core.model import Evidence, Security
from danelaw.core.verdict import reference_of
from danelaw.core.verdict.identity import PassedOver, passed_over
from verdict_evidence import (
    AAAA,
    DOMAIN,
    EXPANDED,
    EXPANDED_OWNER,
    FOUR,
    HOST,
    HTTPS,
    SMTP,
    SOUND,
    XMPP,
    A,
    addresses,
    aliased,
    links,
)
from verdict_targets import mx

SECURE, INSECURE = Security.SECURE, Security.INSECURE
ELSEWHERE: Final = dns.name.from_text("mail.example.org.")
ALIASED: Final = aliased(EXPANDED, EXPANDED_OWNER)

NAMES: Final[dict[str, tuple[Evidence, tuple[str, ...], str]]] = {
    "a host": (SOUND, ("www.example.net",), "RFC 7671 §7"),
    "an alias: where it leads comes first": (ALIASED, ("web.example.org", "www.example.net"), "RFC 7671 §7"),
    "an alias whose own records count": (replace(ALIASED, base=HOST), ("www.example.net",), "RFC 7671 §7"),
    "behind a secure MX: the domain too": (SMTP, ("www.example.net", "example.net"), "RFC 7672 §3.2.2"),
    "behind an insecure MX: the MX host alone": (
        replace(SMTP, service_state=INSECURE),
        ("www.example.net",),
        "RFC 7672 §3.2.2",
    ),
    "behind an insecure MX, an alias: the base alone": (
        replace(SMTP, service_state=INSECURE, base=EXPANDED),
        ("web.example.org",),
        "RFC 7672 §3.2.2",
    ),
    "a relay without MX, an alias: the relay's own name too": (
        replace(SMTP, service=None, service_state=None, base=EXPANDED),
        ("web.example.org", "www.example.net"),
        "RFC 7672 §3.2.2",
    ),
    "behind SRV: host and domain": (XMPP, ("www.example.net", "example.net"), "RFC 7673 §4.1"),
    "names in capitals are the same": (
        replace(SMTP, base=dns.name.from_text("WWW.Example.NET.")),
        ("www.example.net", "example.net"),
        "RFC 1034 §3.1",
    ),
}


@pytest.mark.parametrize(("evidence", "names", "source"), NAMES.values(), ids=NAMES)
def test_the_names_that_clients_check(evidence: Evidence, names: tuple[str, ...], source: str) -> None:
    del source
    found = reference_of(evidence, ()).names
    assert tuple(name.to_text(omit_final_dot=True) for name in found) == names


def test_what_the_mail_domain_is_an_alias_of_counts_too() -> None:
    """RFC 7672 §3.2.2: the CNAME-expanded next-hop domain is the third reference identifier."""
    lookup = links(mx((10, "www.example.net.")), DOMAIN, ELSEWHERE)
    assert reference_of(SMTP, (), lookup).names == (HOST, DOMAIN, ELSEWHERE)


@pytest.mark.parametrize(
    ("evidence", "opportunistic", "names_under_dane_ee"),
    [(SOUND, False, True), (HTTPS, False, True), (SMTP, True, False), (XMPP, False, False)],
    ids=["tls", "https", "smtp", "behind SRV"],
)
def test_how_clients_of_a_protocol_care(evidence: Evidence, opportunistic: bool, names_under_dane_ee: bool) -> None:
    """RFC 7671 §4.1; RFC 7672 §3.2.1 and RFC 7673 §4.2 forbid checking names under DANE-EE."""
    reference = reference_of(evidence, (b"root",))
    assert (reference.opportunistic, reference.names_under_dane_ee) == (opportunistic, names_under_dane_ee)
    assert reference.roots == (b"root",)


NOT_SIGNED: Final = addresses(A, FOUR, state=INSECURE), addresses(AAAA, state=INSECURE)


def unsigned(evidence: Evidence) -> Evidence:
    """No address answer is secure."""
    return replace(evidence, a=NOT_SIGNED[0], aaaa=NOT_SIGNED[1])


ASKED: Final[dict[str, tuple[Evidence, PassedOver | None]]] = {
    "smtp, signed": (SMTP, None),
    "smtp, the host's zone is not signed": (replace(SMTP, initial=INSECURE), PassedOver.ADDRESSES),
    "smtp, a signed alias of addresses that are not": (unsigned(SMTP), None),
    "smtp, an insecure MX is no reason": (replace(SMTP, service_state=INSECURE), None),
    "smtp, a host named by the operator": (
        replace(SMTP, service=None, service_state=None, initial=INSECURE),
        PassedOver.ADDRESSES,
    ),
    "srv, signed": (XMPP, None),
    "srv, one address of two": (replace(XMPP, a=NOT_SIGNED[0]), None),
    "srv, no address": (unsigned(XMPP), PassedOver.ADDRESSES),
    "srv, the records are not signed": (replace(XMPP, service_state=INSECURE), PassedOver.SERVICE),
    "srv, none is there, and the domain is the host": (
        replace(XMPP, service_state=INSECURE, service=HOST),
        None,
    ),
    "https, whatever": (replace(unsigned(HTTPS), initial=INSECURE), None),
}


@pytest.mark.parametrize(("evidence", "why"), ASKED.values(), ids=ASKED)
def test_whether_clients_ask_for_tlsa(evidence: Evidence, why: PassedOver | None) -> None:
    """RFC 7672 §2.2.2, RFC 7673 §3.1 and §3.2."""
    assert passed_over(evidence) is why
