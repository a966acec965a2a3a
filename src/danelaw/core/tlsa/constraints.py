"""Which names a CA may certify (RFC 5280 §4.2.1.10)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final, TypeAlias

DN: TypeAlias = tuple[frozenset[tuple[str, str]], ...]
"""A distinguished name: its RDNs, each a set of attributes, values without case and with single blanks (RFC 5280 §7.1).
"""
_UNPROCESSED: Final = "a form of name that is not processed"
_LONGEST_NAME: Final = 255
_MOST_COMPARED: Final = 1 << 14
"""Addresses times networks: who has more of both has them to keep somebody busy."""


@dataclass(frozen=True, slots=True)
class Names:
    """What a certificate is about. ``others``: the forms of its further names, by the library's words."""

    dns: tuple[str, ...] = ()
    addresses: tuple[IPv4Address | IPv6Address, ...] = ()
    subject: DN = ()
    others: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Subtrees:
    dns: tuple[str, ...] = ()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    subjects: tuple[DN, ...] = ()
    others: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Constraints:
    permitted: Subtrees
    excluded: Subtrees


def barred(constraints: Constraints, names: Names) -> str | None:
    """The first name that may not be certified under these constraints; None if there is none.

    A name of a form that is constrained and not processed here counts as barred, as RFC 5280 §4.2.1.10 has it.
    """
    permitted, excluded = constraints.permitted, constraints.excluded
    outside = _first_outside(names.dns, permitted.dns) if permitted.dns else None
    if outside is None and excluded.dns:
        outside = _first_meeting(names.dns, excluded.dns)
    if outside is not None:
        return outside
    if len(names.addresses) * (len(permitted.networks) + len(excluded.networks)) > _MOST_COMPARED:
        return "so many addresses"
    for address in names.addresses:
        if permitted.networks and not any(address in network for network in permitted.networks):
            return str(address)
        if any(address in network for network in excluded.networks):
            return str(address)
    if names.subject:
        if permitted.subjects and not any(_begins(names.subject, tree) for tree in permitted.subjects):
            return "its subject"
        if any(_begins(names.subject, tree) for tree in excluded.subjects):
            return "its subject"
    if names.others & (permitted.others | excluded.others):
        return _UNPROCESSED
    return None


def _begins(name: DN, tree: DN) -> bool:
    return name[: len(tree)] == tree


def _first_outside(names: Iterable[str], trees: Iterable[str]) -> str | None:
    """The first dNSName of which something is in none of the trees."""
    known = frozenset(trees)
    return next((name for name in names if _too_long(name) or not _within(name, known)), None)


def _first_meeting(names: Iterable[str], trees: Iterable[str]) -> str | None:
    """The first dNSName of which something is in one of the trees: of a wildcard it may be one label further down."""
    known = frozenset(tree.removeprefix(".") for tree in trees)
    above = frozenset(tree.partition(".")[2] for tree in known)
    return next(
        (
            name
            for name in names
            if _too_long(name) or _within(name, known) or (name.startswith("*.") and name.removeprefix("*.") in above)
        ),
        None,
    )


def _within(name: str, trees: frozenset[str]) -> bool:
    """Whether all that a dNSName stands for is in one of the trees.

    A dot in front of a tree, which is for URIs, leaves its top out. Names and trees are as many as a server likes, so
    that each name is looked up by what it ends with, and not held against each tree.
    """
    if "" in trees:
        return True
    bare = name.removeprefix("*.")
    if bare in trees or (bare != name and f".{bare}" in trees):
        return True
    return any(
        bare[dot + 1 :] in trees or bare[dot:] in trees for dot, character in enumerate(bare) if character == "."
    )


def _too_long(name: str) -> bool:
    """No name of the DNS: what it stands for cannot be told."""
    return len(name) > _LONGEST_NAME
