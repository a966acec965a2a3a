"""Trust anchors in the IANA's XML form, ``root-anchors.xml`` (RFC 9718 §2.1, §2.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from xml.parsers import expat

from dns.name import Name

from danelaw.core.dnssec.anchor_records import AnchorRecord, AnchorText, fault, read_dnskey, read_ds, read_zone
from danelaw.core.dnssec.keys import DS, PROTOCOL, ds_matches
from danelaw.core.model import Instant

_HINT: Final = "the form is that of https://data.iana.org/root-anchors/root-anchors.xml"


@dataclass(slots=True)
class _Element:
    tag: str
    attributes: dict[str, str]
    line: int
    text: str = ""
    children: list[_Element] = field(default_factory=list)

    def one(self, tag: str) -> _Element:
        """The only child of this tag."""
        found = [child for child in self.children if child.tag == tag]
        if len(found) != 1:
            raise fault(f"{self.tag} has {len(found)} elements {tag}, not one", _HINT, self.line)
        return found[0]

    def number(self, tag: str, limit: int) -> int:
        child = self.one(tag)
        if not (re.fullmatch(r"\s*[0-9]{1,9}\s*", child.text) and int(child.text) <= limit):
            raise fault(f"{tag} is no number up to {limit}: {child.text.strip()!r}", _HINT, child.line)
        return int(child.text)

    def time(self, name: str) -> Instant | None:
        """An xsd:dateTime attribute; None where there is none."""
        if name not in self.attributes:
            return None
        try:
            when = datetime.fromisoformat(self.attributes[name].strip())
        except ValueError:
            when = None
        if when is None or when.tzinfo is None:
            raise fault(f"{name} is no time with its zone: {self.attributes[name]!r}", _HINT, self.line)
        return when


def iana_anchors(text: str, now: Instant) -> AnchorText:
    """The digests that hold at ``now``: outside of its validFrom and validUntil none is used (RFC 9718 §2.2).

    Elements that are not known are ignored: the form has grown before. Raises ``DanelawError("ANCHOR_SYNTAX")``.
    """
    root = _parse(text)
    if root.tag != "TrustAnchor":
        raise fault(f"the document is a {root.tag}, not a TrustAnchor", _HINT, root.line)
    zone = root.one("Zone")
    try:
        name = read_zone(zone.text.strip())
    except ValueError as error:
        raise fault(str(error), _HINT, zone.line) from error
    records: list[AnchorRecord] = []
    passed_over: list[str] = []
    for element in root.children:
        if element.tag != "KeyDigest":
            continue
        ds = _digest(element, name)
        begins, ends = element.time("validFrom"), element.time("validUntil")
        if begins is None:
            raise fault("a KeyDigest without validFrom", _HINT, element.line)
        if begins <= now and (ends is None or now <= ends):
            records.append((name, ds))
        else:
            until = f" until {ends.isoformat()}" if ends is not None else ""
            passed_over.append(f"line {element.line}: key {ds.tag} holds from {begins.isoformat()}{until}")
    return AnchorText(tuple(records), tuple(passed_over))


def _digest(element: _Element, zone: Name) -> DS:
    """Raises for a digest that is not that of the key beside it: it must not be used (RFC 9718 §3.2)."""
    tag, algorithm = element.number("KeyTag", 0xFFFF), element.number("Algorithm", 0xFF)
    digest_type = element.number("DigestType", 0xFF)
    try:
        ds = read_ds(f"{tag} {algorithm} {digest_type} {element.one('Digest').text}")
        if all(child.tag != "PublicKey" for child in element.children):
            return ds
        public, flags = element.one("PublicKey").text, element.number("Flags", 0xFFFF)
        key = read_dnskey(f"{flags} {PROTOCOL} {algorithm} {public}")
    except ValueError as error:
        raise fault(str(error), _HINT, element.line) from error
    if not ds_matches(ds, zone, key):
        raise fault(f"the digest of key {tag} is not that of the PublicKey beside it", _HINT, element.line)
    return ds


def _parse(text: str) -> _Element:
    """The document's tree. A document type is refused, and with it every entity that XML does not itself define."""
    parser = expat.ParserCreate()
    above: list[_Element] = []
    roots: list[_Element] = []

    def refuse(*_: object) -> None:
        raise fault("a document type, which this form does not have", _HINT, parser.CurrentLineNumber)

    def start(tag: str, attributes: dict[str, str]) -> None:
        element = _Element(tag, attributes, parser.CurrentLineNumber)
        (above[-1].children if above else roots).append(element)
        above.append(element)

    def end(_: str) -> None:
        above.pop()

    def data(text: str) -> None:
        above[-1].text += text

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = data
    try:
        parser.Parse(text.removeprefix("\ufeff"), True)
    except expat.ExpatError as error:
        raise fault(expat.ErrorString(error.code), _HINT, error.lineno) from error
    except UnicodeEncodeError as error:
        raise fault("characters that no file holds", _HINT) from error
    return roots[0]
