"""The stories that tests/replay/scenarios tell. ``python -m told.stories``, run in tests/, writes them all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import dns.name
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.keys import DS, make_ds
from danelaw.core.dnssec.nsec3_chain import NSEC3Chain
from danelaw.core.model import Message
from danelaw.worlds.replay.records import read_record
from fault_garden.keys import ZSK, zone_key
from told.script import LAST, Script, asked, entry, said
from told.zones import AA, DATES, NOW, QR, Zone, also, empty, rcode, truncated, without, without_owners, zone

SCENARIOS: Final = Path(__file__).parents[1] / "replay" / "scenarios"
STORIES: dict[str, Callable[[], Script]] = {}

ROOT_IP, NET_IP, EXAMPLE_IP, OTHER_IP = "192.0.2.1", "192.0.2.2", "192.0.2.11", "192.0.2.12"
FORWARDER = "192.0.2.53"
EXAMPLE = """
@ SOA ns host 1 1800 900 604800 300
@ NS ns
ns A 192.0.2.11
www 60 A 192.0.2.80
_443._tcp.www TLSA 3 1 1 8d02536c887482bc34ff54e41d2ba659bf85b341a0a20afadb5813dcfbcf286d
alias CNAME www.other.net.
*.wild TXT "from the wildcard"
old DNAME new.other.net.
"""
OTHER = """
@ SOA ns host 1 1800 900 604800 300
@ NS ns
ns A 192.0.2.12
www 60 A 192.0.2.90
host.new A 192.0.2.91
"""
NET = """
@ SOA a host 1 1800 900 604800 300
@ NS a
a A 192.0.2.2
b TXT "beside the delegations"
c TXT "beside the delegations"
example NS ns.example
ns.example A 192.0.2.11
other NS ns.other
ns.other A 192.0.2.12
"""
ROOT = """
@ SOA a host 1 1800 900 604800 300
@ NS a
a A 192.0.2.1
net NS a.net
a.net A 192.0.2.2
"""
WWW = "www.example.net. A"
KEYS = "example.net. DNSKEY"
OPT_OUT = NSEC3Chain(opt_out=True)


def story(tell: Callable[[], Script]) -> Callable[[], Script]:
    STORIES[tell.__name__.replace("_", "-")] = tell
    return tell


def above(*children: Zone, net: str = NET, nsec3: NSEC3Chain | None = None) -> tuple[Zone, Zone]:
    """The root and net. over these zones."""
    middle = zone("net.", net, *children, secret=2, nsec3=nsec3)
    return zone(".", ROOT, middle, secret=1), middle


def tree(script: Script, root: Zone, net: Zone, *questions: str, first: int = 0, last: int = LAST) -> None:
    """The upper servers, with referrals for the questions and what leads to keys."""
    script.server(ROOT_IP, said(root, *questions, ". DNSKEY", "net. DS", "net. DNSKEY"), first=first, last=last)
    below = ["net. DNSKEY", "example.net. DS", "other.net. DS", KEYS, "other.net. DNSKEY"]
    script.server(NET_IP, said(net, *questions, *below), first=first, last=last)


@story
def authorities_secure() -> Script:
    example = zone("example.net.", EXAMPLE, secret=3, zsk=4)
    root, net = above(example)
    script = Script(
        "From the root down to an address",
        "Each server is asked for what it has: referrals lead down (RFC 1034 §5.3.3), each DS comes from the parent's "
        "side (RFC 4035 §3.1.4.1), and the chain of trust follows (RFC 4035 §5.2).",
        anchors=[root.anchor()],
    )
    tree(script, root, net, WWW)
    script.server(EXAMPLE_IP, said(example, WWW, KEYS))
    script.query(WWW)
    script.check(WWW, "secure", "www.example.net. A 192.0.2.80", reasons=["SIGNATURE_VALID"])
    return script


@story
def insecure_delegation() -> Script:
    plain = zone("other.net.", OTHER, secret=None)
    root, net = above(plain)
    script = Script(
        "An unsigned zone below signed ones",
        "net. proves by NSEC that other.net. has no DS: the zone is insecure, not bogus (RFC 4035 §5.2).",
        anchors=[root.anchor()],
    )
    tree(script, root, net, "www.other.net. A")
    script.server(OTHER_IP, said(plain, "www.other.net. A"))
    script.query("www.other.net. A")
    script.check("www.other.net. A", "insecure", "www.other.net. A 192.0.2.90", reasons=["INSECURE_DELEGATION"])
    return script


@story
def insecure_delegation_without_proof() -> Script:
    plain = zone("other.net.", OTHER, secret=None)
    root, net = above(plain)
    script = Script(
        "An unsigned zone of which nothing is proved",
        "The NSEC record that proves the delegation unsigned is left out, of the referral and of the reply to the "
        "question for the DS: the answer must not pass for insecure (RFC 4035 §5.2).",
        anchors=[root.anchor()],
    )
    script.server(ROOT_IP, said(root, "www.other.net. A", ". DNSKEY"))
    stripped = without(T.NSEC, T.RRSIG)
    script.server(
        NET_IP,
        said(net, "net. DNSKEY"),
        said(net, "www.other.net. A", "other.net. DS", lie=[stripped]),
    )
    script.server(OTHER_IP, said(plain, "www.other.net. A"))
    script.query("www.other.net. A")
    script.check("www.other.net. A", "bogus", reasons=["DENIAL_MISSING"])
    return script


@story
def ds_only_at_the_parent() -> Script:
    example = zone("example.net.", EXAMPLE, secret=3)
    root, net = above(example)
    script = Script(
        "The child denies its own DS",
        "Referrals come without DS, as from old servers. The child's servers, asked for the DS, deny it by their own "
        "SOA; the parent's have it, and are the ones to ask (RFC 4035 §3.1.4.1).",
        anchors=[root.anchor()],
    )
    old = without(T.DS, T.RRSIG)
    script.server(ROOT_IP, said(root, WWW, lie=[old]), said(root, ". DNSKEY", "net. DS"))
    script.server(NET_IP, said(net, WWW, KEYS, lie=[old]), said(net, "net. DNSKEY", "example.net. DS"))
    script.server(EXAMPLE_IP, said(example, WWW, KEYS, "example.net. DS"))
    script.query(WWW)
    script.check(WWW, "secure", "www.example.net. A 192.0.2.80")
    script.query("example.net. DS")
    (ds,) = net.bed.rrsets[example.apex, T.DS].rdatas
    digest = DS.from_rdata(ds)
    shown = f"example.net. DS {digest.tag} {digest.algorithm} {digest.digest_type} {digest.digest.hex()}"
    script.check("example.net. DS", "secure", shown)
    return script


@story
def keys_are_kept_until_they_expire() -> Script:
    example = zone("example.net.", EXAMPLE, secret=3)
    root, net = above(example)
    script = Script(
        "Zone keys are kept as long as their TTL lasts",
        "After the first question no server tells of keys any more. While the DNSKEY RRset's TTL of an hour lasts, new "
        "addresses still validate; then they no longer do (RFC 4035 §5.3.3, §4.3).",
        anchors=[root.anchor()],
    )
    tree(script, root, net, WWW, last=20)
    script.server(EXAMPLE_IP, said(example, WWW, KEYS), last=20)
    script.server(ROOT_IP, said(root, WWW), first=21)
    script.server(NET_IP, said(net, WWW), first=21)
    script.server(EXAMPLE_IP, said(example, WWW), first=21)
    script.query(WWW)
    script.check(WWW, "secure", "www.example.net. A 192.0.2.80")
    script.passes(3000)
    script.query(WWW)
    script.check(WWW, "secure", "www.example.net. A 192.0.2.80")
    script.passes(601)
    script.query(WWW)
    script.check(WWW, "bogus", reasons=["NO_ANSWER"], undecided=True)
    return script


@story
def signature_expires_between_two_questions() -> Script:
    example = zone("example.net.", EXAMPLE, secret=3, dates=(DATES[0], NOW + timedelta(seconds=90)))
    script = Script(
        "A signature expires between two questions",
        "Nobody signs again, and the second question comes when the signature's time is over (RFC 4035 §5.3.1); it "
        "bounds how long the first answer may be kept too (RFC 4035 §5.3.3).",
        anchors=[example.anchor()],
        forwarder=FORWARDER,
    )
    script.server(FORWARDER, said(example, WWW, KEYS))
    script.query(WWW)
    script.check(WWW, "secure", "www.example.net. A 192.0.2.80")
    script.passes(91)
    script.query(WWW)
    script.check(WWW, "bogus", reasons=["SIGNATURE_EXPIRED"])
    return script


@story
def signature_not_yet_valid() -> Script:
    example = zone("example.net.", EXAMPLE, secret=3, dates=(NOW + timedelta(seconds=60), DATES[1]))
    script = Script(
        "A signature whose time has not come",
        "A signer's clock is a minute fast: bogus until the inception time (RFC 4035 §5.3.1), good at it.",
        anchors=[example.anchor()],
        forwarder=FORWARDER,
    )
    script.server(FORWARDER, said(example, WWW, KEYS))
    script.query(WWW)
    script.check(WWW, "bogus", reasons=["SIGNATURE_NOT_YET_VALID"])
    script.passes(60)
    script.query(WWW)
    script.check(WWW, "secure", "www.example.net. A 192.0.2.80")
    return script


def rolling(title: str, shows: str) -> tuple[Script, tuple[Zone, ...]]:
    """A zone whose ZSK rolls; each pair of steps sees the next version of it."""
    new = zone_key(dns.name.from_text("example.net."), 5, ZSK)
    old = zone_key(dns.name.from_text("example.net."), 4, ZSK)
    versions = (
        zone("example.net.", EXAMPLE, secret=3, zsk=4),
        zone("example.net.", EXAMPLE, secret=3, zsk=4, extra=[new.dnskey]),
        zone("example.net.", EXAMPLE, secret=3, zsk=5, extra=[old.dnskey]),
        zone("example.net.", EXAMPLE, secret=3, zsk=5),
    )
    script = Script(title, shows, anchors=[versions[0].anchor()], forwarder=FORWARDER)
    return script, versions


@story
def zsk_roll_by_prepublication() -> Script:
    script, versions = rolling(
        "A zone-signing key rolls",
        "The new key is published, signs once caches can know it, and the old one goes once no cache can hold its "
        "signatures (RFC 6781 §4.1.1.1). A validator that keeps keys notices nothing.",
    )
    for index, version in enumerate(versions):
        script.server(FORWARDER, said(version, WWW, KEYS), first=index * 30, last=index * 30 + 29)
    for index in range(len(versions)):
        if index:
            script.passes(3601)
        script.query(WWW)
        script.check(WWW, "secure", "www.example.net. A 192.0.2.80")
    return script


@story
def zsk_roll_too_fast() -> Script:
    script, versions = rolling(
        "A zone-signing key rolls too fast",
        "The new key signs at once. Who holds the old DNSKEY RRset finds no key for the signature until its TTL is "
        "over (RFC 6781 §4.1.1; RFC 4035 §5.3.1).",
    )
    script.server(FORWARDER, said(versions[0], WWW, KEYS), last=20)
    script.server(FORWARDER, said(versions[3], WWW, KEYS), first=21)
    script.query(WWW)
    script.check(WWW, "secure", "www.example.net. A 192.0.2.80")
    script.passes(120)
    script.query(WWW)
    script.check(WWW, "bogus", reasons=["SIGNING_KEY_MISSING"])
    script.passes(3600)
    script.query(WWW)
    script.check(WWW, "secure", "www.example.net. A 192.0.2.80")
    return script


@story
def cname_into_another_zone() -> Script:
    example, other = zone("example.net.", EXAMPLE, secret=3), zone("other.net.", OTHER, secret=6)
    root, net = above(example, other)
    script = Script(
        "An alias leads to another signed zone",
        "The target is asked for anew, from servers of its own; both links must be secure (RFC 1034 §3.6.2, RFC 4035 "
        "§5.3). What the first zone's server says about the other zone is not taken from it (RFC 2181 §5.4.1).",
        anchors=[root.anchor()],
    )
    tree(script, root, net, "alias.example.net. A", "www.other.net. A")
    poison = also("answer", "www.other.net. 60 A 192.0.2.66")
    script.server(EXAMPLE_IP, said(example, "alias.example.net. A", lie=[poison]), said(example, KEYS))
    script.server(OTHER_IP, said(other, "www.other.net. A", "other.net. DNSKEY"))
    script.query("alias.example.net. A")
    script.check(
        "alias.example.net. A",
        "secure",
        "alias.example.net. CNAME www.other.net.",
        "www.other.net. A 192.0.2.90",
    )
    return script


@story
def cname_into_an_unsigned_zone() -> Script:
    example, plain = zone("example.net.", EXAMPLE, secret=3), zone("other.net.", OTHER, secret=None)
    root, net = above(example, plain)
    script = Script(
        "An alias leads out of what is signed",
        "The chain is as strong as its weakest link: insecure (RFC 6672 §5.3.3 says it of DNAME chains).",
        anchors=[root.anchor()],
    )
    tree(script, root, net, "alias.example.net. A", "www.other.net. A")
    script.server(EXAMPLE_IP, said(example, "alias.example.net. A", KEYS))
    script.server(OTHER_IP, said(plain, "www.other.net. A"))
    script.query("alias.example.net. A")
    script.check(
        "alias.example.net. A",
        "insecure",
        "alias.example.net. CNAME www.other.net.",
        "www.other.net. A 192.0.2.90",
        reasons=["INSECURE_DELEGATION"],
    )
    return script


@story
def dname_into_another_zone() -> Script:
    example, other = zone("example.net.", EXAMPLE, secret=3), zone("other.net.", OTHER, secret=6)
    root, net = above(example, other)
    script = Script(
        "A DNAME leads to another signed zone",
        "The DNAME is signed, the CNAME made from it is not, and need not be (RFC 6672 §5.3.1).",
        anchors=[root.anchor()],
    )
    tree(script, root, net, "host.old.example.net. A", "host.new.other.net. A")
    script.server(EXAMPLE_IP, said(example, "host.old.example.net. A", KEYS))
    script.server(OTHER_IP, said(other, "host.new.other.net. A", "other.net. DNSKEY"))
    script.query("host.old.example.net. A")
    script.check(
        "host.old.example.net. A",
        "secure",
        "host.old.example.net. CNAME host.new.other.net.",
        "host.new.other.net. A 192.0.2.91",
    )
    return script


@story
def dname_from_a_wildcard() -> Script:
    example = zone("example.net.", EXAMPLE.replace("old DNAME", "*.far DNAME"), secret=3)
    other = zone("other.net.", OTHER, secret=6)
    script = Script(
        "A DNAME that came of a wildcard",
        "Signature and denial are right, and yet the owner that the DNAME is shown at is the server's free choice, and "
        "with it where the name leads: not to be accepted (RFC 6672 §3.3 and its security considerations).",
        anchors=[example.anchor(), other.anchor()],
        forwarder=FORWARDER,
    )
    bed = example.bed
    wildcard, shown = dns.name.from_text("*.far.example.net."), dns.name.from_text("b.far.example.net.")
    question = asked("www.b.far.example.net. A")
    denial = bed.expansion(shown, dns.name.from_text("far.example.net."))
    reply = Message(0, QR | AA, 0, (question,), tuple(bed.records(wildcard, T.DNAME, shown)), tuple(denial))
    script.server(
        FORWARDER,
        entry(question, reply),
        said(example, KEYS),
        said(other, "www.new.other.net. A", "other.net. DNSKEY"),
    )
    script.query("www.b.far.example.net. A")
    script.check("www.b.far.example.net. A", "bogus", reasons=["DNAME_FROM_WILDCARD"])
    return script


@story
def lame_server_then_a_good_one() -> Script:
    example = zone("example.net.", EXAMPLE.replace("@ NS ns\n", "@ NS ns\n@ NS ns2\nns2 A 192.0.2.13\n"), secret=3)
    net_text = NET.replace("example NS ns.example\n", "example NS ns2.example\nexample NS ns.example\n")
    root, net = above(example, net=net_text + "ns2.example A 192.0.2.13\n")
    script = Script(
        "One of two servers does not serve the zone",
        "One server refuses, or refers back to the root: it is passed over (RFC 1912 §2.8), and the other one answers.",
        anchors=[root.anchor()],
    )
    tree(script, root, net, WWW)
    upward = also("authority", ". 3600 NS a.")
    script.server(EXAMPLE_IP, said(example, KEYS, lie=[empty, rcode(5)]), said(example, WWW, lie=[empty, upward]))
    script.server("192.0.2.13", said(example, WWW, KEYS))
    script.query(WWW)
    script.check(WWW, "secure", "www.example.net. A 192.0.2.80")
    return script


@story
def stale_server_then_a_good_one() -> Script:
    text = EXAMPLE.replace("@ NS ns\n", "@ NS ns\n@ NS ns2\nns2 A 192.0.2.13\n")
    example = zone("example.net.", text, secret=3)
    stale = zone("example.net.", text, secret=3, dates=(NOW - timedelta(days=30), NOW - timedelta(days=2)))
    net_text = NET.replace("example NS ns.example\n", "example NS ns2.example\nexample NS ns.example\n")
    root, net = above(example, net=net_text + "ns2.example A 192.0.2.13\n")
    script = Script(
        "One of two servers serves signatures that are over",
        "What the stale server says is bogus (RFC 4035 §5.3.1). The other one is asked too before that is the verdict.",
        anchors=[root.anchor()],
    )
    tree(script, root, net, WWW)
    script.server(EXAMPLE_IP, said(stale, WWW, KEYS))
    script.server("192.0.2.13", said(example, WWW, KEYS))
    script.query(WWW)
    script.check(WWW, "secure", "www.example.net. A 192.0.2.80")
    return script


@story
def servers_that_need_each_other() -> Script:
    net_text = NET.replace("ns.example\n", "ns.other.net.\n").replace("other NS ns.other\n", "other NS ns.example\n")
    net_text = "\n".join(line for line in net_text.splitlines() if not line.startswith("ns."))
    root, net = above(net=net_text)
    script = Script(
        "Two zones whose servers are named in each other",
        "Without glue neither can be reached. The search ends (RFC 1034 §5.3.3), and nothing is decided.",
        anchors=[root.anchor()],
    )
    names = ["ns.example.net. A", "ns.example.net. AAAA", "ns.other.net. A", "ns.other.net. AAAA"]
    tree(script, root, net, WWW, *names)
    script.query(WWW)
    script.check(WWW, "bogus", reasons=["NO_ANSWER"], undecided=True)
    return script


@story
def glue_for_strangers() -> Script:
    example = zone("example.net.", EXAMPLE, secret=3)
    org = zone("org.", "@ SOA a host 1 1800 900 604800 300\n@ NS a\na A 192.0.2.12\nns A 192.0.2.11", secret=None)
    net = zone("net.", NET.replace("example NS ns.example\n", "example NS ns.org.\n"), example, secret=2)
    root = zone(".", ROOT + "org NS a.org\na.org A 192.0.2.12\n", net, secret=1)
    script = Script(
        "A server's address is looked up, not believed",
        "example.net. is served by ns.org. With the referral comes an address for that name, from a server which "
        "has no say in it: it is not taken (RFC 2181 §5.4.1), and the name is looked up in its own zone.",
        anchors=[root.anchor()],
    )
    script.server(ROOT_IP, said(root, WWW, ". DNSKEY", "net. DS", "ns.org. A"))
    poison = also("additional", "ns.org. 3600 A 192.0.2.66")
    script.server(NET_IP, said(net, WWW, lie=[poison]), said(net, "net. DNSKEY"))
    script.server(OTHER_IP, said(org, "ns.org. A"))
    script.server(EXAMPLE_IP, said(example, WWW, KEYS))
    forged = replace(empty(example.reply(asked(WWW))), answer=(read_record("www.example.net. 60 A 192.0.2.66"),))
    script.server("192.0.2.66", entry(asked(WWW), forged))
    script.query(WWW)
    script.check(WWW, "secure", "www.example.net. A 192.0.2.80")
    return script


@story
def forwarder_strips_signatures() -> Script:
    example = zone("example.net.", EXAMPLE, secret=3)
    script = Script(
        "A forwarder passes no signatures on",
        "Where a zone is known to be signed, an answer without signatures is bogus, not insecure (RFC 4035 §5.3.1).",
        anchors=[example.anchor()],
        forwarder=FORWARDER,
    )
    script.server(FORWARDER, said(example, WWW, lie=[without(T.RRSIG)]), said(example, KEYS, "www.example.net. DS"))
    script.query(WWW)
    script.check(WWW, "bogus", reasons=["SIGNATURE_MISSING"])
    return script


@story
def empty_non_terminal_as_name_error() -> Script:
    example = zone("example.net.", EXAMPLE, secret=3)
    script = Script(
        "A server says NXDOMAIN of a name with names below it",
        "_tcp.www exists, since _443._tcp.www does (RFC 4592 §2.2.2). Some servers deny it with NXDOMAIN. The RCODE is "
        "not signed; the NSEC record is, and proves but an empty name: the TLSA record below it stays in reach.",
        anchors=[example.anchor()],
        forwarder=FORWARDER,
    )
    tlsa = "_443._tcp.www.example.net. TLSA"
    broken = said(example, "_tcp.www.example.net. DS", "_tcp.www.example.net. A", lie=[rcode(3)])
    script.server(FORWARDER, broken, said(example, tlsa, KEYS))
    script.query("_tcp.www.example.net. A")
    script.check("_tcp.www.example.net. A", "secure", reasons=["DENIED_EMPTY_NON_TERMINAL"])
    script.query(tlsa)
    digest = "8d02536c887482bc34ff54e41d2ba659bf85b341a0a20afadb5813dcfbcf286d"
    script.check(tlsa, "secure", f"_443._tcp.www.example.net. TLSA 3 1 1 {digest}")
    return script


@story
def nsec3_opt_out_delegation() -> Script:
    plain = zone("other.net.", OTHER, secret=None)
    root, net = above(plain, nsec3=OPT_OUT)
    script = Script(
        "An unsigned delegation that a zone opted out of proving",
        "No NSEC3 record is other.net.'s own; the one that covers its hash has the Opt-Out flag (RFC 5155 §8.9).",
        anchors=[root.anchor()],
    )
    tree(script, root, net, "www.other.net. A")
    script.server(OTHER_IP, said(plain, "www.other.net. A"))
    script.query("www.other.net. A")
    script.check("www.other.net. A", "insecure", "www.other.net. A 192.0.2.90", reasons=["OPT_OUT"])
    return script


@story
def nsec3_opt_out_name_error() -> Script:
    net = zone("net.", NET, secret=2, nsec3=OPT_OUT)
    wildcard = {record.owner for record in net.bed.covering(dns.name.from_text("*.a.net."))}
    nothing = "no0.a.net. A"
    assert wildcard.isdisjoint(r.owner for r in net.bed.closest_encloser_proof(asked(nothing).name))
    script = Script(
        "No such name, where a zone opted out",
        "Only signed names are denied in an Opt-Out span: the denial is insecure (RFC 5155 §9.2). It is so too where "
        "the wildcard is not denied, as it has to be for a name error (RFC 5155 §8.4): what is left still proves that "
        "an unsigned delegation may be there, of which anything may be said (RFC 5155 §8.9).",
        anchors=[net.anchor()],
        forwarder=FORWARDER,
    )
    script.server(FORWARDER, said(net, nothing, "net. DNSKEY"), last=20)
    thin = [without_owners(wildcard)]
    script.server(FORWARDER, said(net, nothing, lie=thin), said(net, "net. DNSKEY", "no0.a.net. DS"), first=21)
    script.query(nothing)
    script.check(nothing, "insecure", rcode="NXDOMAIN", reasons=["OPT_OUT"])
    script.passes(3601)
    script.query(nothing)
    script.check(nothing, "insecure", reasons=["OPT_OUT"])
    return script


@story
def wildcard_answer() -> Script:
    example = zone("example.net.", EXAMPLE, secret=3)
    question = "a.wild.example.net. TXT"
    script = Script(
        "An answer made from a wildcard",
        "The signature proves what the wildcard holds, the NSEC record that no closer name exists (RFC 4035 §5.3.4). "
        "Without the latter the answer is bogus.",
        anchors=[example.anchor()],
        forwarder=FORWARDER,
    )
    script.server(FORWARDER, said(example, question, KEYS), last=20)
    script.server(FORWARDER, said(example, question, lie=[without(T.NSEC)]), said(example, KEYS), first=21)
    script.query(question)
    script.check(question, "secure", 'a.wild.example.net. TXT "from the wildcard"')
    script.passes(3601)
    script.query(question)
    script.check(question, "bogus", reasons=["DENIAL_MISSING"])
    return script


@story
def unknown_algorithm() -> Script:
    example = zone("example.net.", EXAMPLE, secret=3)
    strange = make_ds(example.apex, example.ksk.dnskey) if example.ksk else None
    assert strange is not None
    net_text = NET + f"example DS {strange.tag} 200 2 {strange.digest.hex()}\n"
    root, net = above(net=net_text)
    script = Script(
        "A zone signed with an algorithm that nobody knows",
        "All of its DS records have an unknown algorithm: it is taken as unsigned (RFC 4035 §5.2, RFC 6840 §5.2).",
        anchors=[root.anchor()],
    )
    tree(script, root, net, WWW)
    script.server(EXAMPLE_IP, said(example, WWW, KEYS))
    script.query(WWW)
    script.check(WWW, "insecure", "www.example.net. A 192.0.2.80", reasons=["ALGORITHM_UNSUPPORTED"])
    return script


@story
def truncated_reply() -> Script:
    example = zone("example.net.", EXAMPLE, secret=3)
    script = Script(
        "A reply that does not fit into a datagram",
        "What is truncated is asked for again by TCP (RFC 2181 §9), and no part of it is taken for the whole.",
        anchors=[example.anchor()],
        forwarder=FORWARDER,
    )
    script.server(
        FORWARDER,
        said(example, WWW, lie=[empty, truncated], transport="UDP"),
        said(example, WWW, transport="TCP"),
        said(example, KEYS),
    )
    script.query(WWW)
    script.check(WWW, "secure", "www.example.net. A 192.0.2.80")
    return script


@story
def bare_denial_of_an_unsigned_zone() -> Script:
    plain = zone("other.net.", OTHER, secret=None)
    root, net = above(plain)
    question = "www.other.net. TLSA"
    script = Script(
        "An unsigned zone denies without its SOA",
        "No answer, no SOA, and no NS that would make it a referral: there are no such records (RFC 2308 §2.2), as far "
        "as an unsigned zone can say so.",
        anchors=[root.anchor()],
        forwarder=FORWARDER,
    )
    script.server(
        FORWARDER,
        said(plain, question, lie=[empty]),
        said(root, ". DNSKEY", "net. DS"),
        said(net, "net. DNSKEY", "other.net. DS"),
    )
    script.query(question)
    script.check(question, "insecure", reasons=["INSECURE_DELEGATION"])
    return script


def main() -> None:
    SCENARIOS.mkdir(exist_ok=True)
    for name, tell in STORIES.items():
        (SCENARIOS / f"{name}.rpl").write_text(tell().text(), encoding="utf-8")


if __name__ == "__main__":
    main()
