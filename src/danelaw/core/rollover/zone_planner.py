"""Planning a zone: keys, signatures, and the DS at the parent."""

from __future__ import annotations

import dns.rdatatype
from dns.name import Name

from danelaw.core.dnssec.keys import DNSKEY, make_ds
from danelaw.core.model import Instant, RRset, Security
from danelaw.core.rollover.actions import MakeZoneKeys, SignZone, SubmitDS
from danelaw.core.rollover.answers import newest, visible
from danelaw.core.rollover.delegation import Unasked, asked_ds
from danelaw.core.rollover.epochs import DNSKEY_TYPE, DS_TYPE, signatures_end
from danelaw.core.rollover.plans import DesiredZone, Outlook, Plan, Settled, Wait

SOA = int(dns.rdatatype.SOA)


def plan_zone(d: DesiredZone, outlook: Outlook) -> Plan:
    """The next action towards a signed zone with its DS at the parent."""
    if d.signed_by == "server":
        return _plan_served_zone(d, outlook)
    facts, now = outlook.facts, outlook.now
    keys = facts.zone_keys(d.zone)
    if keys is None:
        return Wait("UNOBSERVED", f"the keys of {d.zone} have not been looked at", now, now)
    if not keys.ksks:  # where there is no ZSK they sign everything
        return MakeZoneKeys(d.zone)
    wanted = keys.ksks | keys.zsks
    dnskeys = newest(facts, d.zone, d.zone, DNSKEY_TYPE)
    if dnskeys is None:
        return Wait("UNOBSERVED", f"no authority of {d.zone} has answered for its DNSKEY", now, None)
    sign = SignZone(d.zone, wanted)
    tried = outlook.lately_done(sign)
    stale = signatures_end(facts, d.zone)
    if not isinstance(dnskeys, RRset) or dnskeys.rdatas != wanted or (stale is not None and now >= stale):
        if tried:
            because = f"{d.zone} was signed and reloaded; its authorities do not serve it yet"
            return Wait("NOT_LOADED", because, tried, tried + outlook.limits.in_flight)
        return outlook.gated(sign)
    if keys.edited or (keys.due is not None and now >= keys.due and not tried):
        return outlook.gated(sign)
    refresh = min((at for at in (stale, keys.due) if at is not None), default=None)
    if d.parent is None:
        return Settled(refresh)
    ds = frozenset(make_ds(d.zone, DNSKEY.from_rdata(rdata)).to_rdata() for rdata in keys.ksks)
    return _plan_ds(d.parent, d, ds, outlook, refresh)


def _plan_served_zone(d: DesiredZone, outlook: Outlook) -> Plan:
    """A zone that its server signs: the DS follows what the zone asks for."""
    ds = asked_ds(d.zone, d.parent, outlook.facts, outlook.now, outlook.limits)
    if isinstance(ds, Unasked):
        return outlook.wait(ds.code, ds.because)
    if d.parent is None:
        return Settled(None)
    return _plan_ds(d.parent, d, ds, outlook, None)


def _plan_ds(
    parent: Name,
    d: DesiredZone,
    wanted: frozenset[bytes],
    outlook: Outlook,
    refresh: Instant | None,
) -> Plan:
    facts, now = outlook.facts, outlook.now
    ds = newest(facts, parent, d.zone, DS_TYPE)
    if ds is None:
        return Wait("UNOBSERVED", f"no authority of {parent} has answered for the DS of {d.zone}", now, None)
    if not isinstance(ds, RRset) or ds.rdatas != wanted:
        change = SubmitDS(d.zone, ds, RRset(d.zone, DS_TYPE, d.ds_ttl, wanted))
        if tried := outlook.lately_accepted(change):
            because = f"the DS was handed over; no authority of {parent} serves it yet"
            return Wait("NOT_LOADED", because, tried, tried + outlook.limits.in_flight)
        return outlook.gated(change)
    if visible(facts, parent, d.zone, DS_TYPE, now, outlook.limits) != wanted:
        return Wait("DS_NOT_VISIBLE", f"not every authority of {parent} serves the DS of {d.zone} yet", now, None)
    judged = facts.judged(d.zone, SOA)
    if judged is None or judged.state is not Security.SECURE:
        why = "; ".join(map(str, judged.reasons)) if judged else "not judged yet"
        return Wait("NOT_SECURE", f"{d.zone} does not validate yet: {why}", now, None)
    return Settled(refresh)
