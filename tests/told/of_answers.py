"""Stories of what answers and denials are made of."""

from __future__ import annotations

import dns.name
from dns.rdatatype import RdataType as T

from danelaw.core.model import Message
from told.script import Script, asked, entry, said
from told.telling import EXAMPLE, EXAMPLE_IP, FORWARDER, KEYS, NET, OPT_OUT, OTHER, OTHER_IP, above, story, tree
from told.zones import AA, QR, also, empty, rcode, without, without_owners, zone


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
