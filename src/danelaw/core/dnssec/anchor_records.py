"""Trust anchors as records of a master file, with the states that Unbound notes there (RFC 5011 §4.2).

What the readers of all forms give and share stands here too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, TypeAlias

import dns.exception
import dns.name
import dns.rdata
import dns.rdatatype
import dns.zonefile
from dns.name import Name
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.keys import DNSKEY, DS
from danelaw.core.model import DanelawError

AnchorRecord: TypeAlias = tuple[Name, DS | DNSKEY]


@dataclass(frozen=True, slots=True)
class AnchorText:
    """What a text of trust anchors says. ``passed_over``: what stands in it and is not to be believed, in words."""

    records: tuple[AnchorRecord, ...]
    passed_over: tuple[str, ...] = ()


class KeyState(IntEnum):
    """The states of a key at a trust point (RFC 5011 §4.2), by the numbers that Unbound writes."""

    START = 0
    ADDPEND = 1
    VALID = 2
    MISSING = 3
    REVOKED = 4
    REMOVED = 5

    @property
    def believed(self) -> bool:
        """A missing key "remains a valid trust-point key"; the others are no trust anchors, or not yet."""
        return self in (KeyState.VALID, KeyState.MISSING)


_STATE: Final = re.compile(r";state=(\d+) \[ *(\w+) *\]")


def fault(problem: str, hint: str, line: int | None = None) -> DanelawError:
    """The error of a text that is not right in this line, counted from 1."""
    where = f"line {line}: " if line is not None else ""
    return DanelawError("ANCHOR_SYNTAX", "The trust anchors cannot be read", evidence=f"{where}{problem}", hint=hint)


def read_ds(text: str) -> DS:
    """A DS's rdata in presentation form. Raises ``ValueError`` that says what is wrong."""
    return DS.from_rdata(_rdata(T.DS, text))


def read_dnskey(text: str) -> DNSKEY:
    """A DNSKEY's rdata in presentation form. Raises ``ValueError`` that says what is wrong."""
    return DNSKEY.from_rdata(_rdata(T.DNSKEY, text))


def _rdata(type: T, text: str) -> bytes:
    try:
        return dns.rdata.from_text(RdataClass.IN, type, " ".join(text.split())).to_digestable()
    except dns.exception.DNSException as error:
        raise ValueError(f"not the data of a {dns.rdatatype.to_text(type)} record: {error}") from error


def read_zone(text: str) -> Name:
    """A zone's name; relative to the root. Raises ``ValueError`` that says what is wrong."""
    try:
        return dns.name.from_text(text)
    except (dns.exception.DNSException, UnicodeError) as error:
        raise ValueError(f"{text!r} is no domain name: {error}") from error


def master_anchors(text: str) -> AnchorText:
    """DS and DNSKEY records, TTL and class optional; of those with a state, the believed ones.

    Raises ``DanelawError("ANCHOR_SYNTAX")``.
    """
    hint = "a trust anchor is a DS or DNSKEY record, as dnssec-dsfromkey prints it"
    records: list[AnchorRecord] = []
    passed_over: list[str] = []
    owner = ""
    for line, record, comment in _logical_lines(text):
        state = _state(line, comment)
        if not record.strip():
            if state is not None:
                raise fault("a key's state, and no key beside it", "Unbound writes both in one line", line)
            continue
        if not record[0].isspace():
            owner = record.split()[0]
        elif not owner:
            raise fault("a record without an owner", hint, line)
        else:
            record = f"{owner} {record}"
        try:
            zone, found = _record(record)
        except ValueError as error:
            raise fault(str(error), hint, line) from error
        if state is None or state.believed:
            records.append((zone, found))
        else:
            passed_over.append(f"line {line}: key {found.tag} of {zone} is in the state {state.name}")
    return AnchorText(tuple(records), tuple(passed_over))


def _logical_lines(text: str) -> Iterator[tuple[int, str, str]]:
    """Line number, record and comment; parentheses join lines (RFC 1035 §5.1)."""
    begun, depth = 0, 0
    held: list[tuple[str, str]] = []
    for number, line in enumerate(text.split("\n"), start=1):
        record, _, comment = line.rstrip("\r").partition(";")
        begun = begun if held else number
        held.append((record, comment))
        depth += record.count("(") - record.count(")")
        if depth <= 0:
            yield begun, " ".join(part for part, _ in held), " ".join(part for _, part in held)
            held, depth = [], 0
    if held:
        yield begun, " ".join(part for part, _ in held), ""


def _state(line: int, comment: str) -> KeyState | None:
    """The state in an Unbound comment; None where it has none."""
    if comment.strip() == ";REVOKED":
        raise fault(
            "Unbound notes that all keys of the zone are revoked",
            "get the zone's new trust anchor by another way, and overwrite the file with it",
            line,
        )
    if ";state=" not in comment:
        return None
    match = _STATE.search(comment)
    known = {int(state): state for state in KeyState}
    state = known.get(int(match[1])) if match else None
    if match is None or state is None or state.name != match[2]:
        raise fault("a key's state that is not known", "states are as in ';;state=2 [  VALID  ]'", line)
    return state


def _record(text: str) -> AnchorRecord:
    """Raises ``ValueError`` for what is no DS or DNSKEY record."""
    if text.startswith("$"):
        raise ValueError("directives are not followed")
    try:
        (rrset,) = dns.zonefile.read_rrsets(text, rdclass=None, default_ttl=0, origin=dns.name.root, relativize=False)
    except dns.exception.DNSException as error:
        raise ValueError(str(error).removeprefix("<input>:1: ")) from error
    if rrset.rdtype not in (T.DS, T.DNSKEY):
        raise ValueError(f"neither DS nor DNSKEY: {rrset}")
    wire = rrset[0].to_wire()
    return rrset.name, DS.from_rdata(wire) if rrset.rdtype == T.DS else DNSKEY.from_rdata(wire)
