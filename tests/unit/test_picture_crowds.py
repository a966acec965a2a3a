"""Of thousands of keys, DS records and signatures the picture and the tree show a few, and say so; the JSON has all."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache

import dns.name
import pytest

from danelaw.core.dnssec.algorithms import DEFAULT_POLICY
from danelaw.core.dnssec.keys import DNSKEY, DS
from danelaw.core.dnssec.rrsig import RRSIG
from danelaw.core.dnssec.validate import Validation, drive
from danelaw.core.model import Security
from danelaw.core.picture.crowds import MOST, thinned
from danelaw.core.picture.json_form import as_json
from danelaw.core.picture.seen import Picture
from danelaw.core.picture.svg import as_svg
from danelaw.core.picture.tree import tree
from fault_garden.damages import PLAINLY, stored
from fault_garden.garden import plant

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CROWD = 200


@cache
def crowded() -> Picture:
    """A zone that is right, among much that is of no use."""
    garden = plant(PLAINLY, dns.name.root, NOW)
    junk = [DNSKEY(256, 3, 13, number.to_bytes(2)) for number in range(CROWD)]
    (ds,) = map(DS.from_rdata, garden.rrset("example.net. DS").rdatas)
    others = sorted(set(range(CROWD * 9)) - {key.tag for key in junk})[:CROWD]
    rrsig = RRSIG.from_rdata(next(iter(garden.rrset("www A").rrsigs)))
    strangers = {replace(rrsig, key_tag=tag).to_rdata() for tag in others}
    garden.put("example.net. DNSKEY", [*garden.rrset("example.net. DNSKEY").rdatas, *(key.to_rdata() for key in junk)])
    garden.put("example.net. DS", [replace(ds, tag=tag).to_rdata() for tag in (ds.tag, *others)])
    stored("www A", lambda rrset: replace(rrset, rrsigs=rrset.rrsigs | strangers))(garden)
    asked = garden.question("www A")
    answer = drive(Validation(asked.name, asked.type, garden.anchors, DEFAULT_POLICY, NOW), garden.answer)
    assert answer.state is Security.SECURE
    return Picture(answer)


def test_what_carries_the_chain_is_among_the_few() -> None:
    few, _ = thinned(crowded())
    assert few.answer.proof is not None
    zone = few.answer.proof.zones[-1]
    assert [len(zone.keys), len(zone.digests)] == [MOST, MOST]
    assert any(key.vouched_for for key in zone.keys)
    (link,) = few.answer.proof.links
    assert link.rrset is not None
    (good,) = [one for one in link.rrset.signatures if one.fault is None]
    assert good.key_tag in {key.tag for key in zone.keys}


@pytest.mark.parametrize("shown", [as_svg, lambda picture: "\n".join(line.text for line in tree(picture))])
def test_what_is_left_out_is_counted(shown: object) -> None:
    assert callable(shown)
    text = " ".join(str(shown(crowded())).split())
    assert f"{CROWD + 2 - MOST} keys" in text
    assert f"{CROWD + 1 - MOST} DS records" in text
    assert len(text) < 60_000


def test_the_json_has_all() -> None:
    given = json.loads(json.dumps(as_json(crowded())))
    assert len(given["zones"][-1]["keys"]) == CROWD + 2


def test_honest_zones_are_shown_as_they_are() -> None:
    garden = plant(PLAINLY, dns.name.root, NOW)
    asked = garden.question("www A")
    answer = drive(Validation(asked.name, asked.type, garden.anchors, DEFAULT_POLICY, NOW), garden.answer)
    assert thinned(Picture(answer)) == (Picture(answer), "")
