"""What ``danelaw zone roll`` prints."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from dns.name import Name

from danelaw.app.zone_roll import Wish
from danelaw.app.zone_sections import FileZoneConfig
from danelaw.core.dnssec.algorithms import Algorithm
from danelaw.core.dnssec.bind_keys import KeyState, KeyTimes
from danelaw.core.dnssec.key_choice import KeyRole
from danelaw.core.dnssec.keys import DNSKEY, ZoneKey
from danelaw.core.model import Instant
from danelaw.core.model.instants import rfc3339, to_minute
from danelaw.core.rollover.actions import DestroyZoneKey, SignZone, SubmitDS
from danelaw.core.rollover.planner import Settled, Wait
from danelaw.core.rollover.progress import Progress
from danelaw.core.rollover.zone_rolls import RollKind
from danelaw.core.rollover.zone_timetable import Timetable
from danelaw.faces.cli import handing_over, terminal, words
from danelaw.faces.cli.terminal import Ink

_HOW: Final = {
    RollKind.ZSK: "by pre-publication (RFC 6781 §4.1.1.1)",
    RollKind.KSK: "by double signatures (RFC 6781 §4.1.2)",
    RollKind.ALGORITHM: "signatures first and keys afterwards (RFC 6781 §4.1.4)",
}
_LAST: Final = "destroy old"
_FAR: Final = timedelta(days=10)
"""What hangs on somebody else, as on a server that lags, ends when the signatures that it serves do, if not before:
no time to tell of."""


def plan(zone: Name, wish: Wish, times: Timetable) -> None:
    """What will be done, and when at the earliest."""
    if not wish.old:
        why = f"every key is of {wish.algorithm.name}" if wish.algorithm is not None else "every key is new enough"
        terminal.show(Ink(f"{zone}: {why}, so none is to go", bold=True))
        terminal.show_hanging("  in use  ", _listed(wish.new, csk=all(key.dnskey.is_sep for key in wish.new)))
        return
    begun = times.steps[0][1]
    csk = wish.role is KeyRole.CSK or (wish.role is None and all(key.dnskey.is_sep for key in wish.old))
    new = _listed(wish.new, csk=csk) or f"a new {wish.role.name if wish.role is not None else 'key'}"
    if wish.algorithm is not None and not wish.new:
        new = f"new keys of {wish.algorithm.name}"
    what = f"another {wish.role.name}" if wish.role is not None else "other keys"
    terminal.show(Ink(f"{zone}: {what}, {_HOW[wish.kind]}", bold=True))
    terminal.show_hanging("  from  ", _listed(wish.old, csk=csk))
    terminal.show_hanging("  to    ", new)
    by_ds = wish.kind is not RollKind.ZSK
    width = max(len(name) for name in (_LAST, *(step.name for step, _ in times.steps)))
    earliest = [_soon(at, begun) for at in (*(at for _, at in times.steps), times.end)]
    wide = max(map(len, earliest))
    heads = f"  {'step':<{width}}  {'at the earliest':<{max(wide, 15)}}  {'published':<11}  {'signing':<11}"
    terminal.show(f"{heads}  DS" if by_ds else heads.rstrip())
    for (step, _), at in zip(times.steps, earliest, strict=False):
        line = f"  {step.name:<{width}}  {at:<{max(wide, 15)}}  {step.published.value:<11}  {step.signing.value:<11}"
        terminal.show(f"{line}  {step.delegated.value}" if by_ds else line.rstrip())
    terminal.show(f"  {_LAST:<{width}}  {earliest[-1]}")


def plan_json(zone: Name, wish: Wish, times: Timetable) -> dict[str, object]:
    return _head(zone, wish) | {
        "steps": [
            {
                "step": step.name,
                "earliest": rfc3339(at),
                "published": step.published.value,
                "signing": step.signing.value,
                "delegated": step.delegated.value,
            }
            for step, at in (times.steps if wish.old else ())
        ],
        "end": rfc3339(times.end) if wish.old else None,
    }


def done(zone: FileZoneConfig, keys: Sequence[tuple[ZoneKey, KeyTimes]], now: Instant) -> None:
    signing = sorted((key for key, times in keys if times.signs(now)), key=lambda key: not key.dnskey.is_sep)
    terminal.show(Ink(f"{zone.zone} is rolled", fg="green", bold=True))
    csk = all(key.dnskey.is_sep for key in signing)
    terminal.show_hanging("  signed by  ", _listed(signing, csk=csk))
    if left := [key for key, times in keys if times.state(now) is KeyState.REMOVED]:
        terminal.show_hanging(
            "  left over  ", f"{_listed(left, csk=csk)}: out of use, and not destroyed, since another run rolled"
        )


def done_json(zone: Name, wish: Wish, keys: Iterable[tuple[ZoneKey, KeyTimes]], teller: Teller) -> dict[str, object]:
    return _head(zone, wish) | {
        "done": [{"at": rfc3339(at), "did": verb, "what": what} for at, verb, what in teller.deeds],
        "keys": [_key(key) for key, _ in keys],
    }


@dataclass(slots=True)
class Teller:
    """Tells what is done, as it is done, and what is waited for. ``deeds``: what was done, each with its instant."""

    zone: Name
    quiet: bool
    deeds: list[tuple[Instant, str, str]] = field(default_factory=list)
    _awaited: tuple[str, str] = ("", "")
    _asked: SubmitDS | None = None
    _handed: SubmitDS | None = None

    def __call__(self, progress: Progress) -> None:
        ended = progress.ended
        if ended is None or isinstance(ended.plan, Settled):
            return
        if isinstance(ended.plan, Wait):
            self._wait(ended.plan, progress.at)
            return
        verb, what = words.verb(ended.plan), words.particulars(ended.plan, ended.outcome)
        if isinstance(ended.plan, SignZone):
            what = ", ".join(filter(None, (words.result(ended.outcome), _work(ended.plan))))
        elif isinstance(ended.plan, DestroyZoneKey):
            what = str(DNSKEY.from_rdata(ended.plan.key).tag)
        if isinstance(ended.plan, SubmitDS) and ended.plan == self._asked:
            return  # it was told already
        self._asked = ended.plan if isinstance(ended.plan, SubmitDS) else self._asked
        self._awaited = ("", "")
        self.deeds.append((progress.at, verb, what))
        if not self.quiet and ended.plan != self._handed:  # of that more was told already
            terminal.show_hanging(f"{_clock(progress.at)}  {verb:<13} ", what)

    def hand_over(self, change: SubmitDS, *, by_cds: bool) -> None:
        """Once for each change; as talk where the result is JSON."""
        if change == self._asked:
            return
        self._handed = change
        show = terminal.say if self.quiet else terminal.show
        show(Ink(f"Now {handing_over.asked(change)}:", bold=True))
        for line in handing_over.lines(change):
            show(f"  {line}")
        if by_cds:
            show(handing_over.BY_CDS)

    def _wait(self, wait: Wait, now: Instant) -> None:
        """Each thing that is awaited once; on a terminal, how long already."""
        if self.quiet:
            return
        near = wait.until if wait.until is not None and wait.until - now < _FAR else None
        until = f"; not before {_soon(near, now)}" if near is not None else ""
        if terminal.interactive():
            terminal.wait(f"{_clock(now)}  wait          {wait.code}{until}: {wait.because}")
        elif self._awaited != (wait.code, until):
            terminal.hanging((f"{_clock(now)}  ", Ink(f"{'wait':<13}"), " "), f"{wait.because}{until} [{wait.code}]")
        self._awaited = (wait.code, until)


def _head(zone: Name, wish: Wish) -> dict[str, object]:
    return {
        "schema": "danelaw/zone-roll/1",
        "zone": zone.to_text(),
        "kind": wish.kind.value,
        "old": [_key(key) for key in wish.old],
        "new": [_key(key) for key in wish.new],
    }


def _key(key: ZoneKey) -> dict[str, object]:
    return {"tag": key.tag, "flags": key.dnskey.flags, "algorithm": key.dnskey.algorithm}


def _listed(keys: Iterable[ZoneKey], *, csk: bool) -> str:
    """``csk``: those with the SEP flag sign everything."""
    sep = "CSK" if csk else "KSK"
    named = [
        f"{sep if key.dnskey.is_sep else 'ZSK'} {key.tag} ({Algorithm(key.dnskey.algorithm).name})" for key in keys
    ]
    return " and ".join(filter(None, (", ".join(named[:-1]), *named[-1:])))


def _work(signing: SignZone) -> str:
    return f"with {_tags(signing.keys)} in it, by {_tags(signing.signers)}"


def _tags(rdatas: Iterable[bytes]) -> str:
    """Of all keys of a zone. Without a ZSK among them they are CSKs."""
    keys = sorted((DNSKEY.from_rdata(rdata) for rdata in rdatas), key=lambda key: key.tag)
    zsks = [str(key.tag) for key in keys if not key.is_sep]
    seps = [str(key.tag) for key in keys if key.is_sep]
    parts = ("KSK" if zsks else "CSK", seps), ("ZSK", zsks)
    return " and ".join(f"{role} {', '.join(tags)}" for role, tags in parts if tags)


def _soon(until: Instant, now: Instant) -> str:
    return f"{until:%H:%M:%S}" if until - now < timedelta(hours=12) else to_minute(until)


def _clock(at: Instant) -> str:
    return f"{at:%H:%M:%S}"
