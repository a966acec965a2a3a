"""What the text, the picture and its description say in the same words: of the whole, of a denial, of a signature."""

from __future__ import annotations

from collections.abc import Iterator

from dns.name import Name
from dns.rdatatype import RdataType as T

from danelaw.core.model import (
    Instant,
    JudgedLink,
    JudgedRRset,
    JudgedSignature,
    JudgedZone,
    Outcome,
    Proof,
    Security,
    Validated,
)
from danelaw.core.picture import words


def subject(answer: Validated) -> str:
    return f"{words.shown(answer.name)} {words.type_name(answer.type)}"


def conclusion(answer: Validated) -> str:
    """The verdict in one sentence."""
    if answer.state is Security.SECURE:
        if answer.absence is not None:
            return "the answer is that there is none, and every link from the trust anchor to that proof holds"
        return "every link from the trust anchor to the answer holds"
    first = answer.reasons[0] if answer.reasons else None
    if answer.state is Security.INSECURE:
        return "the way there leads through a zone that is proven not to be signed; nothing vouches for the answer"
    if answer.state is Security.BOGUS:
        where = f" at {first.blamed}" if first is not None else ""
        return f"the chain is broken{where}; a validating resolver refuses this answer"
    why = f", because of {first.code} at {first.blamed}" if first is not None else ""
    return f"not enough is known to decide{why}"


def home(link: JudgedLink, proof: Proof) -> Name | None:
    """The zone that a link is drawn in: its own, or the deepest one known above it."""
    if link.zone is not None and proof.zone(link.zone) is not None:
        return link.zone
    above = [zone.name for zone in proof.zones if link.name.is_subdomain(zone.name)]
    return max(above, key=len, default=None)


def tops(proof: Proof) -> tuple[JudgedZone, ...]:
    """The zones under no other: those of the trust anchors."""
    return tuple(zone for zone in proof.zones if zone.parent is None or proof.zone(zone.parent) is None)


def data_of(zone: JudgedZone, proof: Proof) -> Iterator[JudgedRRset]:
    """What the zone's keys should have signed, its DNSKEY RRset aside."""
    for other in proof.zones:
        if other.parent == zone.name:
            if other.ds is not None:
                yield other.ds
            yield from other.denial.records if other.denial is not None else ()
    for link in proof.links:
        judged = ([link.rrset] if link.rrset is not None else []) + list(link.denial.records if link.denial else ())
        yield from (one for one in judged if one.zone == zone.name)


def link_title(link: JudgedLink) -> str:
    """The RRset of a link, or what is not there."""
    if link.rrset is not None:
        rrset = link.rrset.rrset
        return f"{words.shown(rrset.owner)} {words.type_name(rrset.type)}"
    asked = f"{words.shown(link.name)} {words.type_name(link.type)}"
    if link.denial is not None and link.denial.how:
        return f"{asked} is not there"
    return asked


def synthesis(link: JudgedLink) -> str:
    """What a DNAME makes (RFC 6672 §5.3.1); empty for other links."""
    if link.synthesized is None or link.onward is None:
        return ""
    return f"makes {words.shown(link.name)} CNAME {words.shown(link.onward)}"


def signature_state(signature: JudgedSignature, over: JudgedRRset) -> Security | None:
    """How a signature is to be marked; None for one that decided nothing."""
    if signature.outcome is Outcome.VALID:
        return Security.SECURE
    if signature.outcome is Outcome.FAILED and over.state is Security.BOGUS:
        return Security.BOGUS
    return None


def signature_line(signature: JudgedSignature, zone: Name, now: Instant) -> str:
    """Who signed, until when, and why it did not count."""
    whose = f" of {words.plain(signature.signer)}" if signature.signer != zone else ""
    line = f"signed by key {signature.key_tag}{whose}, {words.life(signature, now)}"
    if signature.outcome is Outcome.NOT_TRIED:
        return f"{line} (not needed)"
    return line


def is_unsigned(judged: JudgedRRset) -> bool:
    """Whether no signature came with it, so that there was none to be looked at."""
    return not judged.signatures and not judged.rrset.rrsigs and not judged.malformed_signatures


def is_blamed(judged: JudgedRRset) -> bool:
    """Whether what is wrong is wrong with this RRset, and not with the way to it."""
    label = f"{judged.rrset.owner} {words.type_name(judged.rrset.type)}"
    return any(reason.blamed == label for reason in judged.reasons)


def aliased(link: JudgedLink) -> str:
    return f"leads to {words.shown(link.onward)}" if link.onward is not None else ""


def is_denial_record(judged: JudgedRRset) -> bool:
    return judged.rrset.type in (T.NSEC, T.NSEC3)
