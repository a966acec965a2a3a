"""The settings of a scenario file: the few of a resolver's that bear on what is true."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Final

import dns.exception
import dns.name
from dns.name import Name
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.anchors import Anchor, Anchors
from danelaw.core.dnssec.iterate import Delegation
from danelaw.core.dnssec.keys import DNSKEY, DS, MalformedKeyError
from danelaw.core.dnssec.rrsig import RRSIG, MalformedSignatureError
from danelaw.core.model import IP, Instant, Record
from danelaw.worlds.replay.records import UnreadableRecordError, read_name, read_record, uncommented
from danelaw.worlds.replay.scenario import Settings
from danelaw.worlds.replay.unsupported import UnsupportedError

_NO_MATTER: Final = frozenset(
    [
        *("access-control", "directory", "do-ip4", "do-ip6", "ede", "harden-referral-path"),
        *("harden-glue", "minimal-responses", "msg-cache-size", "num-threads", "outbound-msg-retry", "prefetch"),
        *("prefetch-key", "qname-minimisation", "qname-minimization", "query-minimization", "rrset-roundrobin"),
        *("stub-prime", "stub-first", "target-fetch-policy", "trust-anchor-signaling", "do-not-query-localhost"),
        *("use-caps-for-id", "verbosity", "val-log-level", "fake-dsa", "discovery-timeout"),
    ]
)
"""Settings that change how servers are asked, what is kept, or what clients are told beside the answer."""

_ONLY: Final = {
    "aggressive-nsec": "no",  # nothing is made up from cached denials (RFC 8198)
    "harden-algo-downgrade": "no",  # one good algorithm is enough (RFC 6840 §5.11)
    "harden-dnssec-stripped": "yes",  # a signed zone without keys is bogus
    "module-config": "validator iterator",
}
"""Settings with the one value that describes what is done here."""

_SETTING: Final = re.compile(r'^\s*(?P<key>[a-z0-9-]+):\s*(?P<value>"[^"]*"|[^"#]*?)\s*(?:#.*)?$')
_SECTIONS: Final = frozenset({"server", "stub-zone", "forward-zone"})


class SettingsReader:
    """Reads ``(line number, text)`` pairs. Raises ``UnsupportedError``."""

    def __init__(self, lines: Iterable[tuple[int, str]]) -> None:
        self._anchors: dict[Name, tuple[set[DS], set[DNSKEY]]] = {}
        self._hints: list[tuple[str, Name, list[IP]]] = []
        self._date = ""
        self._date_line = 0
        self._old = False
        self._iterations: int | None = None
        for number, text in lines:
            stripped = text.strip()
            if not stripped or stripped[0] in ";#":
                continue
            setting = _SETTING.match(text)
            if setting is None:
                raise UnsupportedError(number, f"not a setting: {stripped}")
            self._set(number, setting["key"], setting["value"].strip('"').strip())

    def _set(self, line: int, key: str, value: str) -> None:
        if key in _NO_MATTER or (key in _ONLY and value == _ONLY[key]):
            return
        if key in _SECTIONS:
            self._section = key
            if key != "server":
                self._hints.append((key, dns.name.root, []))
        elif key == "name" and self._hints:
            kind, _, addresses = self._hints[-1]
            self._hints[-1] = (kind, _name(line, value), addresses)
        elif key in ("stub-addr", "forward-addr"):
            if not self._hints:  # Deckard names the root's server by itself
                self._hints.append(("stub-zone", dns.name.root, []))
            self._hints[-1][2].append(_address(line, value))
        elif key == "trust-anchor":
            self._anchor(line, value)
        elif key in ("val-override-date", "val-override-timestamp"):
            self._date, self._date_line = value, line
        elif key == "val-nsec3-keysize-iterations" and re.fullmatch(r"[0-9]{1,9}( +[0-9]{1,9})*", value):
            self._iterations = min(map(int, value.split()[1::2]), default=None)  # by size of key; here there is one
        elif key == "fake-sha1":
            self._old = value == "yes"
        else:
            raise UnsupportedError(line, f"the setting {key}: {value}")

    def _anchor(self, line: int, text: str) -> None:
        try:
            record = read_record(uncommented(text))
            digests, keys = self._anchors.setdefault(record.owner, (set(), set()))
            if record.type == T.DS:
                digests.add(DS.from_rdata(record.rdata))
            elif record.type == T.DNSKEY:
                keys.add(DNSKEY.from_rdata(record.rdata))
            else:
                raise UnsupportedError(line, f"no trust anchor: {text}")
        except (UnreadableRecordError, MalformedKeyError) as error:
            raise UnsupportedError(line, str(error)) from error

    def settings(self, records: Iterable[Record]) -> Settings:
        """``records``: those whose signatures are to be in force where the date is overridden altogether (-1)."""
        anchors = [Anchor(zone, frozenset(ds), frozenset(keys)) for zone, (ds, keys) in self._anchors.items()]
        hints = [
            Delegation(zone, tuple(addresses), recursive=kind == "forward-zone")
            for kind, zone, addresses in self._hints
        ]
        return Settings(self._now(records), Anchors(tuple(anchors)), tuple(hints), self._old, self._iterations)

    def _now(self, records: Iterable[Record]) -> Instant:
        if self._date == "-1":
            return _when_all_are_in_force(records, self._date_line)
        try:
            if len(self._date) == 14:
                return datetime.strptime(self._date, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
            return datetime.fromtimestamp(int(self._date), UTC)
        except (ValueError, OverflowError, OSError) as error:
            raise UnsupportedError(self._date_line, f"no date is set: {self._date!r}") from error


def _name(line: int, text: str) -> Name:
    try:
        return read_name(text)
    except UnreadableRecordError as error:
        raise UnsupportedError(line, str(error)) from error


def _when_all_are_in_force(records: Iterable[Record], line: int) -> Instant:
    """An instant at which no signature is out of its time; that there is one is demanded."""
    signatures = []
    for record in records:
        if record.type == T.RRSIG:
            try:
                signatures.append(RRSIG.from_rdata(record.rdata))
            except MalformedSignatureError:
                continue
    first = max((rrsig.inception for rrsig in signatures), default=0)
    if first > min((rrsig.expiration for rrsig in signatures), default=0):
        raise UnsupportedError(line, "dates are not to count, and no instant suits all signatures")
    return datetime.fromtimestamp(first, UTC)


def _address(line: int, text: str) -> IP:
    try:
        return ip_address(text.partition("@")[0])
    except ValueError as error:
        raise UnsupportedError(line, str(error)) from error
