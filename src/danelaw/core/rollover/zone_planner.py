"""Planning a zone: keys, signatures, the DS at the parent, and the next step where keys are rolled."""

from __future__ import annotations

import dns.rdatatype
from dns.name import Name

from danelaw.core.dnssec.keys import DNSKEY
from danelaw.core.model import Instant, RRset, Security
from danelaw.core.rollover.actions import MakeZoneKeys, SignZone, SubmitDS
from danelaw.core.rollover.answers import newest, visible
from danelaw.core.rollover.delegation import Unasked, asked_ds, ds_for
from danelaw.core.rollover.epochs import DNSKEY_TYPE, DS_TYPE, signatures_end
from danelaw.core.rollover.facts import ZoneKeys
from danelaw.core.rollover.plans import DesiredZone, Outlook, Plan, Settled, Wait
from danelaw.core.rollover.zone_rolls import STEPS, Roll, Step, next_outlived, outlived_pairs, roll_of
from danelaw.core.rollover.zone_trust import planned, served_content

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
        return MakeZoneKeys(d.zone, d.algorithm)
    if newest(facts, d.zone, d.zone, DNSKEY_TYPE) is None:
        return Wait("UNOBSERVED", f"no authority of {d.zone} has answered for its DNSKEY", now, None)
    roll = roll_of(d, keys, outlook)
    if roll is not None and roll.missing:
        return roll.missing[0]
    here = SignZone.by(d.zone, keys.published, keys.signing)
    if roll is not None and roll.at is not None:
        here = roll.signing(STEPS[roll.kind][roll.at])
    stale = signatures_end(facts, d.zone)
    if again := _sign_again(here, d, keys, outlook, stale, rolling=roll is not None):
        return again
    if roll is not None and roll.next is not None:
        return _plan_step(roll, roll.next, d, outlook)
    dues = (stale, keys.due, next_outlived(d, keys))
    refresh = min((at for at in dues if at is not None), default=None)
    rest: Plan = Settled(refresh)
    if d.parent is not None:
        present = newest(facts, d.parent, d.zone, DS_TYPE)
        ds = ds_for(d.zone, map(DNSKEY.from_rdata, keys.ksks), present)
        rest = _plan_ds(d.parent, d, ds, outlook, refresh)
    if isinstance(rest, Settled) and (outlived := outlived_pairs(d, keys, outlook)):
        return outlook.gated(outlived[0])
    return rest


def _sign_again(
    here: SignZone, d: DesiredZone, keys: ZoneKeys, outlook: Outlook, stale: Instant | None, *, rolling: bool
) -> Plan | None:
    """The signing that the zone needs where it stands; None: all is served as it should be."""
    facts, now = outlook.facts, outlook.now
    dnskeys = newest(facts, d.zone, d.zone, DNSKEY_TYPE)
    content = served_content(facts, d.zone, now, outlook.limits)
    tried = outlook.lately_done(here)
    other = not isinstance(dnskeys, RRset) or dnskeys.rdatas != here.keys
    other |= content is not None and content != planned(here)[1]
    if (other and not rolling) or (stale is not None and now >= stale):
        if tried:
            because = f"{d.zone} was signed and reloaded; its authorities do not serve it yet"
            return Wait("NOT_LOADED", because, tried, tried + outlook.limits.in_flight)
        return outlook.gated(here)
    if keys.edited or (keys.due is not None and now >= keys.due and not tried):
        return outlook.gated(here)
    return None


def _plan_step(roll: Roll, step: Step, d: DesiredZone, outlook: Outlook) -> Plan:
    """The next step of a roll: what is signed first, and then the DS."""
    present = newest(outlook.facts, d.parent, d.zone, DS_TYPE) if d.parent is not None else None
    sign, ds = roll.signing(step), roll.ds(step, present)
    before = STEPS[roll.kind][roll.at] if roll.at is not None else None
    if before is None or roll.signing(before) != sign or ds is None or d.parent is None:
        if tried := outlook.lately_done(sign):
            because = f"{d.zone} was signed and reloaded; its authorities do not serve it yet"
            return Wait("NOT_LOADED", because, tried, tried + outlook.limits.in_flight)
        return outlook.gated(sign)
    return _plan_ds(d.parent, d, ds, outlook, None)


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
