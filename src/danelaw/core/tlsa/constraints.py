"""Which names a CA may certify (RFC 5280 §4.2.1.10)."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final, TypeAlias

DN: TypeAlias = tuple[frozenset[tuple[str, str]], ...]
"""A distinguished name: its RDNs, each a set of attributes, values without case and with single blanks (RFC 5280 §7.1).
"""
_UNPROCESSED: Final = "a form of name that is not processed"


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
    for name in names.dns:
        if permitted.dns and not any(_dns_within(name, tree) for tree in permitted.dns):
            return name
        if any(_dns_meets(name, tree) for tree in excluded.dns):
            return name
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


def _dns_within(name: str, tree: str) -> bool:
    """Whether all that a dNSName stands for is in the tree. A dot in front, which is for URIs, leaves the top out."""
    bare = name.removeprefix("*.")
    if tree.startswith("."):
        return bare.endswith(tree) or (name != bare and "." + bare == tree)
    return not tree or bare == tree or bare.endswith("." + tree)


def _dns_meets(name: str, tree: str) -> bool:
    """Whether some of what a dNSName stands for is in the tree: of a wildcard it may be one label further down."""
    tree = tree.removeprefix(".")
    wildcard = name.startswith("*.")
    return _dns_within(name, tree) or (wildcard and tree.partition(".")[2] == name.removeprefix("*."))
