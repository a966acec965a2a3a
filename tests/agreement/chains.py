"""Chains that servers present to ``HOST``: one for each thing that a client may mind, and some for what it must not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final

from cryptography import x509

from agreement.issuing import ANY, CLIENTS, Issued, Issuer
from danelaw.core.model import Chain

DOMAIN: Final = "agreed.example"
HOST: Final = f"host.{DOMAIN}"
PLACES: Final = ("leaf", "issuer", "root")


@dataclass(frozen=True)
class Presented:
    """A chain as it is ``sent``, the leaf first. ``issuer`` is the certificate that made the leaf, ``root`` the last
    one above, sent or not: what TLSA records may name. ``roots``: what clients of PKIX trust."""

    name: str
    sent: tuple[Issued, ...]
    issuer: Issued
    root: Issued
    roots: tuple[Issued, ...]

    @property
    def leaf(self) -> Issued:
        return self.sent[0]

    @property
    def chain(self) -> Chain:
        return Chain(tuple(one.der for one in self.sent))


class _World:
    """The usual CAs, and how the usual leaf is made of them."""

    def __init__(self, make: Issuer) -> None:
        self.make = make
        self.root = make.issue("Root", ca=True)
        self.issuer = make.issue("Issuer", self.root, ca=True, path_length=0)
        self.rsa_root = make.issue("RSA Root", ca=True)
        self.rsa_issuer = make.issue("RSA Issuer", self.rsa_root, ca=True)
        self.stranger = make.issue("Stranger", ca=True)
        self.roots = (self.root, self.rsa_root)
        self.leaf = self.leaf_by(self.issuer)

    def leaf_by(self, issuer: Issued | None, **said: Any) -> Issued:
        """The usual leaf, but for what is said."""
        return self.make.issue("leaf", issuer, **{"names": (HOST,), "key": "leaf", **said})

    def presented(self, name: str, *sent: Issued, issuer: Issued, root: Issued) -> Presented:
        return Presented(name, sent, issuer, root, self.roots)


_Maker = Callable[[_World], Iterator[Presented]]


def chains(make: Issuer) -> dict[str, Presented]:
    """All of them, by name, with dates around the issuer's present."""
    world = _World(make)
    made = [one for maker in _MAKERS for one in maker(world)]
    named = {one.name: one for one in made}
    assert len(named) == len(made)
    return named


def _sent_in_many_ways(world: _World) -> Iterator[Presented]:
    leaf, issuer, root = world.leaf, world.issuer, world.root
    above = {"issuer": issuer, "root": root}
    yield world.presented("usual", leaf, issuer, **above)
    yield world.presented("root sent", leaf, issuer, root, **above)
    yield world.presented("leaf alone", leaf, **above)
    yield world.presented("out of order", leaf, root, issuer, **above)
    yield world.presented("leaf twice", leaf, leaf, issuer, root, **above)
    yield world.presented("issuer twice", leaf, issuer, issuer, root, **above)
    yield world.presented("a stranger between", leaf, world.stranger, issuer, root, **above)
    yield world.presented("issuer left out", leaf, root, **above)
    by_root = world.leaf_by(root)
    yield world.presented("made by the root", by_root, root, issuer=root, root=root)
    yield world.presented("made by the root, alone", by_root, issuer=root, root=root)
    alone = world.leaf_by(None)
    yield world.presented("self-signed", alone, issuer=alone, root=alone)
    as_ca = world.leaf_by(None, ca=True)
    yield world.presented("self-signed CA", as_ca, issuer=as_ca, root=as_ca)
    yield world.presented("self-signed CA twice", as_ca, as_ca, issuer=as_ca, root=as_ca)
    yield world.presented("self-signed, and a chain", alone, issuer, root, **above)
    same_name = world.make.issue("leaf", ca=True, key="Stranger", key_identifiers=False)
    self_issued = world.leaf_by(same_name, key_identifiers=False)
    yield world.presented("an issuer of the leaf's name", self_issued, same_name, issuer=same_name, root=same_name)
    as_ca_again = world.leaf_by(None, ca=True, since=-20)
    yield world.presented("self-signed CA, and again", as_ca, as_ca_again, issuer=as_ca_again, root=as_ca_again)
    renewed = world.leaf_by(None, since=-20)
    yield world.presented("self-signed, and again", alone, renewed, issuer=renewed, root=renewed)


def _of_other_keys(world: _World) -> Iterator[Presented]:
    rsa, rsa_root = world.rsa_issuer, world.rsa_root
    yield world.presented("RSA", world.leaf_by(rsa, key="RSA leaf"), rsa, rsa_root, issuer=rsa, root=rsa_root)
    yield world.presented("ECDSA under RSA", world.leaf_by(rsa), rsa, issuer=rsa, root=rsa_root)
    mixed = world.leaf_by(world.issuer, key="RSA leaf")
    yield world.presented("RSA under ECDSA", mixed, world.issuer, world.root, issuer=world.issuer, root=world.root)


def _of_other_times(world: _World) -> Iterator[Presented]:
    root, issuer = world.root, world.issuer
    spans: tuple[tuple[str, dict[str, Any]], ...] = (
        ("expired", {"since": -30, "until": -2}),
        ("not yet valid", {"since": 2, "until": 60}),
    )
    for name, dates in spans:
        leaf = world.leaf_by(issuer, **dates)
        yield world.presented(f"leaf {name}", leaf, issuer, root, issuer=issuer, root=root)
        other = world.make.issue("Issuer", root, ca=True, path_length=0, **dates)
        yield world.presented(f"issuer {name}", world.leaf_by(other), other, root, issuer=other, root=root)
        top = world.make.issue("Root", ca=True, **dates)
        yield Presented(f"root {name}", (world.leaf, issuer, top), issuer, top, (top,))
        alone = world.leaf_by(None, **dates)
        yield world.presented(f"self-signed {name}", alone, issuer=alone, root=alone)


NAMES: Final[dict[str, tuple[str, ...]]] = {
    "another name": ("other.agreed.example",),
    "a name above": ("agreed.example",),
    "a name below": (f"a.{HOST}",),
    "many names": ("a.example", "b.example", HOST),
    "a name in capitals": (HOST.upper(),),
    "a wildcard": ("*.agreed.example",),
    "a wildcard too high": ("*.example",),
    "a wildcard below": (f"*.{HOST}",),
    "a wildcard for all": ("*",),
    "half a wildcard": ("h*.agreed.example",),
    "half a wildcard at the end": ("*st.agreed.example",),
    "a wildcard within": ("host.*.example",),
    "two wildcards": ("*.*.example",),
    "a name with a dot at its end": (f"{HOST}.",),
    "a name that begins with a dot": (".agreed.example",),
    "an empty name": ("", "other.example"),
}
"""The dNSNames of a leaf."""
RIGHT_NAMES: Final = frozenset({"many names", "a name in capitals", "a wildcard"})
MISNAMED: Final = frozenset(NAMES) - RIGHT_NAMES | {
    "no name",
    "a common name alone",
    "a common name beside another",
    "a common name beside an address",
    "a common name beside a mail address",
    "a wildcard as common name",
}
"""The chains whose leaf has no dNSName for ``HOST`` (RFC 9525 §6.3)."""


def _of_other_names(world: _World) -> Iterator[Presented]:
    issuer, root = world.issuer, world.root
    above = {"issuer": issuer, "root": root}
    for name, names in NAMES.items():
        yield world.presented(name, world.leaf_by(issuer, names=names), issuer, root, **above)
    for name, common, others in (
        ("a common name alone", HOST, ()),
        ("no name", "nobody", ()),
        ("a common name beside another", HOST, (x509.DNSName("other.agreed.example"),)),
        ("a common name beside an address", HOST, (x509.IPAddress(ip_address("127.0.0.1")),)),
        ("a common name beside a mail address", HOST, (x509.RFC822Name("a@agreed.example"),)),
    ):
        leaf = world.make.issue(common, issuer, key="leaf", other_names=others)
        yield world.presented(name, leaf, issuer, root, **above)
    wild = world.make.issue("*.agreed.example", issuer, key="leaf")
    yield world.presented("a wildcard as common name", wild, issuer, root, **above)


def _of_other_leaves(world: _World) -> Iterator[Presented]:
    issuer, root = world.issuer, world.root
    kinds: tuple[tuple[str, dict[str, Any]], ...] = (
        ("for clients only", {"purposes": (CLIENTS,)}),
        ("for any purpose", {"purposes": (ANY,)}),
        ("without purposes", {"purposes": ()}),
        ("without digital signature", {"digital_signature": False}),
        ("a leaf without key usage", {"key_usage": False}),
        ("a leaf without basic constraints", {"ca": None}),
        ("a leaf that is a CA", {"ca": True, "names": (HOST,)}),
        ("a critical extension", {"critical": "2.999.1"}),
        ("forged", {"signer": "Stranger"}),
        ("another issuer's key identifier", {"issuer_key": "Stranger"}),
        ("without key identifiers", {"key_identifiers": False}),
    )
    for name, said in kinds:
        yield world.presented(name, world.leaf_by(issuer, **said), issuer, root, issuer=issuer, root=root)


def _of_other_issuers(world: _World) -> Iterator[Presented]:
    root = world.root
    kinds: tuple[tuple[str, dict[str, Any]], ...] = (
        ("an issuer that is no CA", {"ca": False, "purposes": ()}),
        ("an issuer that is no CA and may sign", {"ca": False, "signs": True, "purposes": ()}),
        ("an issuer without basic constraints", {"ca": None, "signs": True, "purposes": ()}),
        ("an issuer without extensions", {"ca": None, "key_usage": False, "purposes": (), "key_identifiers": False}),
        ("an issuer that may not sign", {"ca": True, "signs": False}),
        ("an issuer without key usage", {"ca": True, "key_usage": False}),
        ("an issuer for clients only", {"ca": True, "purposes": (CLIENTS,)}),
        ("an issuer for any purpose", {"ca": True, "purposes": (ANY,)}),
        ("an issuer for these names", {"ca": True, "permitted": ("agreed.example",)}),
        ("an issuer for names below", {"ca": True, "permitted": (".agreed.example",)}),
        ("an issuer for other names", {"ca": True, "permitted": ("other.example",)}),
        ("an issuer but for these names", {"ca": True, "excluded": ("agreed.example",)}),
        ("an issuer with a critical extension", {"ca": True, "critical": "2.999.1"}),
        ("a forged issuer", {"ca": True, "signer": "Stranger"}),
    )
    for name, said in kinds:
        issuer = world.make.issue("Issuer", root, **said)
        yield world.presented(name, world.leaf_by(issuer), issuer, root, issuer=issuer, root=root)


def _longer(world: _World) -> Iterator[Presented]:
    root, issue = world.root, world.make.issue
    high = issue("High", root, ca=True)
    middle = issue("Middle", high, ca=True)
    low = issue("Low", middle, ca=True)
    sent = (world.leaf_by(low), low, middle, high, root)
    yield world.presented("three between", *sent, issuer=low, root=root)
    yield world.presented("three between, turned round", sent[0], *sent[:0:-1], issuer=low, root=root)
    low = issue("Low", world.issuer, ca=True)
    too_deep = (world.leaf_by(low), low, world.issuer, root)
    yield world.presented("longer than allowed", *too_deep, issuer=low, root=root)
    one = issue("One", root, ca=True, path_length=1)
    low = issue("Low", one, ca=True)
    yield world.presented("as long as allowed", world.leaf_by(low), low, one, root, issuer=low, root=root)
    again = issue("One", one, ca=True, key="One again")
    low = issue("Low", again, ca=True)
    yield world.presented("self-issued between", world.leaf_by(low), low, again, one, root, issuer=low, root=root)
    no_more = issue("Root", ca=True, path_length=0)
    short = (world.leaf, world.issuer, no_more)
    yield Presented("longer than the root allows", short, world.issuer, no_more, (no_more,))


def _crossed(world: _World) -> Iterator[Presented]:
    issuer, root, leaf, issue = world.issuer, world.root, world.leaf, world.make.issue
    other = world.rsa_root
    crossed = issue("Issuer", other, ca=True, key="Issuer")
    yield world.presented("cross-signed", leaf, issuer, crossed, other, issuer=crossed, root=other)
    yield world.presented("cross-signed, the other first", leaf, crossed, issuer, other, issuer=issuer, root=root)
    stale = issue("Issuer", other, ca=True, key="Issuer", until=-2)
    yield world.presented("cross-signed, one expired", leaf, stale, issuer, root, issuer=issuer, root=root)
    yield world.presented("cross-signed, the named one expired", leaf, issuer, stale, root, issuer=stale, root=other)
    by_root = world.leaf_by(root, issuer_serial=root.certificate.serial_number)
    yield world.presented("the issuer's serial number", by_root, root, issuer=root, root=root)
    later = issue("Root", ca=True, key="Root", since=-5)
    yield Presented("the issuer's earlier serial number", (by_root, later), later, later, (later,))
    upper = issue("Root", other, ca=True, key="Root")
    yield world.presented("a cross-signed root", leaf, issuer, upper, other, issuer=upper, root=other)
    reissued = issue("Issuer", root, ca=True, key="Issuer", since=-10)
    yield world.presented("the issuer's earlier certificate", leaf, issuer, root, issuer=reissued, root=root)
    alike = issue("Issuer", root, ca=True, key="Alike", key_identifiers=False)
    plain = world.leaf_by(issuer, key_identifiers=False)
    yield world.presented("a namesake of the issuer first", plain, alike, issuer, root, issuer=issuer, root=root)
    yield world.presented("a namesake of the issuer named", plain, issuer, alike, root, issuer=alike, root=root)
    under = world.leaf_by(world.stranger)
    yield world.presented("under a CA that nobody trusts", under, world.stranger, issuer=world.stranger, root=root)


_MAKERS: Final[tuple[_Maker, ...]] = (
    _sent_in_many_ways,
    _of_other_keys,
    _of_other_times,
    _of_other_names,
    _of_other_leaves,
    _of_other_issuers,
    _longer,
    _crossed,
)
