"""Stories of servers: who knows what, who lies, and who is to be asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.keys import DS, make_ds
from danelaw.worlds.replay.records import read_record
from told.script import Script, asked, entry, said
from told.telling import (
    EXAMPLE,
    EXAMPLE_IP,
    FORWARDER,
    KEYS,
    NET,
    NET_IP,
    OTHER,
    OTHER_IP,
    ROOT,
    ROOT_IP,
    WWW,
    above,
    story,
    tree,
)
from told.zones import NOW, also, empty, rcode, truncated, without, zone


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
