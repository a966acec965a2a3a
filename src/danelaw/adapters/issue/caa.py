"""Whether the CAA records of a name let a CA issue for it (RFC 8659), to this account and by this challenge (RFC 8657).

Asked before an order is placed: a CA that finds itself forbidden counts a failed authorization.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from dns.name import Name

from danelaw.core.model import ChallengeType, DanelawError, RRset, Security
from danelaw.ports import Resolver

CAA: Final = 257
_CRITICAL: Final = 0x80
_KNOWN: Final = frozenset({"issue", "issuewild", "iodef", "contactemail", "contactphone", "issuemail", "issuevmc"})


@dataclass(frozen=True, slots=True)
class Applicant:
    """Who would issue to whom, and how. ``identities``: the CA's names in CAA records (``caaIdentities``)."""

    identities: tuple[str, ...]
    account: str | None
    challenge: ChallengeType


@dataclass(frozen=True, slots=True)
class Property:
    """RFC 8659 §4.1."""

    critical: bool
    tag: str
    value: str

    @classmethod
    def from_rdata(cls, rdata: bytes) -> Property:
        """Raises ``ValueError``."""
        if len(rdata) < 2 or not 0 < rdata[1] <= len(rdata) - 2:
            raise ValueError("the tag does not fit in")
        tag = rdata[2 : 2 + rdata[1]].decode("ascii").lower()
        return cls(bool(rdata[0] & _CRITICAL), tag, rdata[2 + rdata[1] :].decode("ascii"))


async def relevant(resolver: Resolver, name: Name) -> RRset | None:
    """The CAA RRset of a name or of the nearest name above it that has one (RFC 8659 §3); None: any CA may issue.

    Also None where nobody answers from here: the CA asks by itself.
    """
    at = Name(name.labels[1:]) if name.is_wild() else name
    while len(at) > 1:
        try:
            found = await resolver.resolve(at, CAA)
        except (DanelawError, TimeoutError):
            return None
        if found.state not in (Security.SECURE, Security.INSECURE):
            return None
        if found.rrset is not None:
            return found.rrset
        at = at.parent()
    return None


def objections(records: Iterable[tuple[Name, RRset]], who: Applicant) -> str | None:
    """The first objection against any of these names, to each of which some records are relevant."""
    told = (objection(rrset, name, who) for name, rrset in records)
    return next((objection for objection in told if objection is not None), None)


def objection(records: RRset, name: Name, who: Applicant) -> str | None:
    """Why the CA may not issue; None: it may. Where there are some, wildcards go by issuewild (RFC 8659 §4.3)."""
    try:
        properties = [Property.from_rdata(rdata) for rdata in sorted(records.rdatas)]
    except ValueError as error:
        return f"a CAA record of {records.owner} is malformed: {error}"
    if strange := next((p for p in properties if p.critical and p.tag not in _KNOWN), None):
        return f"a CAA record of {records.owner} is critical and not known: {strange.tag}"
    wild = [p for p in properties if p.tag == "issuewild"]
    relevant = wild if name.is_wild() and wild else [p for p in properties if p.tag == "issue"]
    if not relevant or any(_permits(p, who) for p in relevant):
        return None
    told = ", ".join(f'{p.tag} "{p.value}"' for p in relevant)
    ours = f"; this account is {who.account}" if who.account is not None and "accounturi" in told.lower() else ""
    return f"the CAA records of {records.owner} permit others: {told}{ours}"


def _permits(permission: Property, who: Applicant) -> bool:
    """RFC 8659 §4.2; the parameters: RFC 8657 §3 and §4."""
    domain, *rest = (part.strip() for part in permission.value.split(";"))
    if domain.lower().rstrip(".") not in {identity.lower() for identity in who.identities}:
        return False
    parameters = [part.partition("=") for part in rest if part]
    accounts = list(_values(parameters, "accounturi"))
    methods = list(_values(parameters, "validationmethods"))
    if accounts and who.account is not None and accounts != [who.account]:
        return False
    return all(who.challenge.value in (m.strip().lower() for m in method.split(",")) for method in methods)


def _values(parameters: Iterable[tuple[str, str, str]], tag: str) -> Iterable[str]:
    return (value.strip() for name, _, value in parameters if name.strip().lower() == tag)
