"""Whom the operator does not want to be waited for: addresses that are waived by name, for a time.

A waiver takes an authority, or a server that cannot be probed, out of what the gate reckons with. The last one of
its kind cannot be waived: nothing would be known of what clients get. When a waiver ends, what it hid counts again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from danelaw.core.model import IP, Instant, SubjectName, Unreachable
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.reach import Reached
from danelaw.core.rollover.words import Waived

NONE: Final[Mapping[IP, Waived]] = {}


def waivers(facts: Facts, subject: SubjectName, now: Instant) -> Mapping[IP, Waived]:
    """The waivers of a zone or a service that hold now, by address: the latest word on each."""
    if not facts.words:
        return NONE
    latest = {word.address: word for word in facts.words if isinstance(word, Waived) and word.subject == subject}
    return {ip: word for ip, word in latest.items() if word.at <= now < word.until}


def without(addresses: Iterable[IP], waived: Iterable[IP]) -> frozenset[IP]:
    """The addresses that count: all but the waived ones, unless none would remain."""
    every = frozenset(addresses)
    return (every - frozenset(waived)) or every


def unprobed(facts: Facts, reached: Reached, ip: IP) -> bool:
    """Whether an address could not be probed when it was last tried, by any kind of client.

    One that answers counts, whatever was waived: what it presents is known.
    """
    return all(isinstance(spans[-1].got, Unreachable) for spans in facts.presented(reached.endpoint, ip).values())


def waived_servers(facts: Facts, reached: Reached, addresses: Iterable[IP], now: Instant) -> Mapping[IP, Waived]:
    """Those addresses of an endpoint that are not reckoned with, each with the waiver.

    Of one of several hosts these may be all, if those of another are seen.
    """
    held = waivers(facts, reached.service, now)
    if not held:
        return NONE
    every = frozenset(addresses)
    seen_elsewhere = {ip for ip in reached.addresses_elsewhere if not unprobed(facts, reached, ip)}
    silent = [ip for ip in held if ip in every and unprobed(facts, reached, ip)]
    return {ip: held[ip] for ip in every - without(every | seen_elsewhere, silent)}


def says_waived(word: Waived) -> str:
    """A waiver in a few words."""
    why = f": {word.reason}" if word.reason else ""
    return f"{word.address} is waived by {word.by} until {word.until:%Y-%m-%d %H:%M:%S} UTC{why}"
