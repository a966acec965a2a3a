"""Stories in which time passes: keys and signatures grow old, and keys roll."""

from __future__ import annotations

from datetime import timedelta

import dns.name

from fault_garden.keys import ZSK, zone_key
from told.script import Script, said
from told.telling import EXAMPLE, EXAMPLE_IP, FORWARDER, KEYS, NET_IP, ROOT_IP, WWW, above, story, tree
from told.zones import DATES, NOW, Zone, zone


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
