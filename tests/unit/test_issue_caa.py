"""CAA before an order (RFC 8659, RFC 8657): who may issue, to whom, and how."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import dns.name
import dns.rdata
import pytest
from dns.name import Name

from danelaw.adapters.issue.caa import CAA, Applicant, objection, relevant
from danelaw.core.model import ChallengeType, DanelawError, RRset, Security, Validated

WWW = dns.name.from_text("www.example.net.")
WILD = dns.name.from_text("*.example.net.")
ACCOUNT = "https://ca.test/account/1"
WHO = Applicant(("ca.test", "other.ca.test"), ACCOUNT, ChallengeType.DNS_01)


def records(*texts: str, owner: Name = WWW) -> RRset:
    rdatas = (dns.rdata.from_text("IN", "CAA", text).to_wire() for text in texts)
    return RRset(owner, CAA, 60, frozenset(rdata for rdata in rdatas if rdata is not None))


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        (WWW, ['0 issue "ca.test"']),
        (WWW, ['0 issue "CA.Test"']),
        (WWW, ['0 issue "another.test"', '0 issue "other.ca.test"']),
        (WWW, ['0 iodef "mailto:x@example.net"']),  # restricts nothing
        (WWW, ['0 issuewild ";"']),  # of wildcards only
        (WILD, ['0 issue "ca.test"']),
        (WILD, ['0 issue ";"', '0 issuewild "ca.test"']),
        (WWW, [f'0 issue "ca.test; accounturi={ACCOUNT}"']),
        (WWW, ['0 issue "ca.test;validationmethods=http-01,dns-01"']),
        (WWW, [f'0 issue "ca.test; accounturi={ACCOUNT}; validationmethods=dns-01"']),
        (WWW, ['0 tbs "unknown"']),
    ],
)
def test_what_permits(name: Name, texts: list[str]) -> None:
    assert objection(records(*texts), name, WHO) is None


@pytest.mark.parametrize(
    ("name", "texts", "said"),
    [
        (WWW, ['0 issue ";"'], 'issue ";"'),
        (WWW, ['0 issue ""'], 'issue ""'),
        (WWW, ['0 issue "another.test"'], "another.test"),
        (WILD, ['0 issue "ca.test"', '0 issuewild ";"'], "issuewild"),
        (WWW, ['0 issue "ca.test; accounturi=https://ca.test/account/2"'], "account/2"),
        (WWW, ['0 issue "ca.test; validationmethods=http-01"'], "http-01"),
        (WWW, ['128 tbs "unknown"'], "critical"),
    ],
)
def test_what_forbids(name: Name, texts: list[str], said: str) -> None:
    told = objection(records(*texts), name, WHO)
    assert told is not None
    assert said in told


def test_an_account_that_is_not_made_yet_is_not_forbidden() -> None:
    who = Applicant(("ca.test",), None, ChallengeType.DNS_01)
    assert objection(records('0 issue "ca.test; accounturi=https://ca.test/account/2"'), WWW, who) is None


@pytest.mark.parametrize("rdata", [b"", b"\0", b"\0\0", b"\0\x05iss", b"\0\x05issue\xff", b"\0\x05\xffssue"])
def test_what_is_malformed_is_told(rdata: bytes) -> None:
    told = objection(RRset(WWW, CAA, 60, frozenset({rdata})), WWW, WHO)
    assert told is not None
    assert "malformed" in told


@dataclass
class Answers:
    """``ports.Resolver``: CAA records at one name; ``state`` of every answer."""

    at: str
    state: Security = Security.INSECURE

    async def resolve(self, name: Name, type: int) -> Validated:
        if self.state is Security.INDETERMINATE:
            raise DanelawError("NO_ANSWER", "nobody")
        found = (records('0 issue ";"', owner=name),) if name.to_text() == self.at else ()
        return Validated(name, type, self.state, found)


@pytest.mark.parametrize(
    ("at", "name", "state", "found"),
    [
        ("www.example.net.", WWW, Security.SECURE, True),
        ("example.net.", WWW, Security.INSECURE, True),
        ("net.", WWW, Security.INSECURE, True),
        ("example.net.", WILD, Security.SECURE, True),
        ("mail.example.net.", WWW, Security.SECURE, False),
        ("example.net.", WWW, Security.BOGUS, False),
        ("example.net.", WWW, Security.INDETERMINATE, False),
    ],
)
def test_the_nearest_records_above_count(at: str, name: Name, state: Security, found: bool) -> None:
    """RFC 8659 §3; where nothing can be seen from here, nothing is forbidden from here."""
    got = asyncio.run(relevant(Answers(at, state), name))
    assert (got is not None) is found
