"""The chain of trust as a tree for a terminal: from the trust anchor down to the answer.

A mark stands before everything that was judged, and words beside it, so that no meaning hangs on colour.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from danelaw.core.dnssec.agreement import differs
from danelaw.core.model import (
    JudgedDenial,
    JudgedDigest,
    JudgedLink,
    JudgedRRset,
    JudgedZone,
    Outcome,
    Proof,
    Reason,
    RRset,
    Said,
    Security,
    Silence,
    Sweep,
)
from danelaw.core.picture import told, words
from danelaw.core.picture.crowds import thinned
from danelaw.core.picture.hints import hint
from danelaw.core.picture.seen import Picture, Presented
from danelaw.core.verdict.printable import printable

WIDTH: Final = 80
ASIDE: Final = "·"
MARKS: Final = {
    Security.SECURE: "✓",
    Security.INSECURE: "○",
    Security.BOGUS: "✗",
    Security.INDETERMINATE: "?",
    None: ASIDE,
}
_ASCII: Final = str.maketrans(
    {
        "✓": "+",
        "○": "o",
        "✗": "X",
        "·": "-",
        "│": "|",
        "├": "|",
        "└": "`",
        "─": "-",
        "…": "...",
        "§": "section ",
        "→": "->",
    }
)
_NARROWEST: Final = 24
_MOST_RECORDS: Final = 40


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text without its end. ``state``: whose colour it may have. ``strong``: it is to stand out."""

    text: str
    state: Security | None = None
    strong: bool = False


@dataclass(slots=True)
class _Item:
    text: str
    state: Security | None = None
    marked: bool = True
    strong: bool = False


@dataclass(slots=True)
class _Branch:
    head: str
    state: Security | None
    items: list[_Item] = field(default_factory=list)
    children: list[_Branch] = field(default_factory=list)


def tree(picture: Picture, *, width: int = WIDTH, plain: bool = False) -> tuple[Line, ...]:
    """The picture in lines of at most ``width`` columns. ``plain``: for terminals that show nothing else."""
    lines = list(_lines(picture, width))
    if not plain:
        return tuple(lines)
    return tuple(Line(_plain(line.text), line.state, line.strong) for line in lines)


def _plain(text: str) -> str:
    return text.translate(_ASCII).encode("ascii", "backslashreplace").decode("ascii")


def _lines(picture: Picture, width: int) -> Iterator[Line]:
    picture, left_out = thinned(picture)
    answer = picture.answer
    head = f"{words.STATE[answer.state]}: {told.subject(answer)}"
    yield from _wrapped(head, f"{MARKS[answer.state]} ", "  ", width, answer.state, strong=True)
    sentence = told.conclusion(answer)
    yield from _wrapped(f"{sentence[0].upper()}{sentence[1:]}.", "  ", "  ", width)
    if answer.proof is not None:
        yield Line(f"  Judged as of {answer.proof.now:%Y-%m-%d %H:%M:%S} UTC.")
    yield Line("")
    said: set[Reason] = set()
    if answer.proof is not None:
        for branch in _Grower(answer.proof, picture.presented, said).roots():
            yield from _drawn(branch, "", "", width)
    rest = [reason for reason in answer.reasons if reason not in said]
    if answer.state is not Security.SECURE:
        for item in _reasons(rest, answer.state, said):
            yield from _item(item, "", width)
    if answer.notes:
        yield Line("")
        yield Line("What was wrong and did not decide:")
        for note in answer.notes:
            yield from _wrapped(printable(str(note)), f"  {ASIDE} ", "    ", width)
    if left_out:
        yield Line("")
        yield from _wrapped(left_out, "", "", width)
    if picture.sweep is not None:
        yield from _sweep(picture.sweep, width)


def _drawn(branch: _Branch, prefix: str, below: str, width: int) -> Iterator[Line]:
    word = f"  {words.STATE[branch.state]}" if branch.state is not None else ""
    mark = MARKS[branch.state]
    yield from _wrapped(f"{branch.head}{word}", f"{prefix}{mark} ", f"{below}  ", width, branch.state, strong=True)
    stem = f"{below}│ " if branch.children else f"{below}  "
    for item in branch.items:
        yield from _item(item, stem, width)
    for index, child in enumerate(branch.children):
        last = index == len(branch.children) - 1
        yield from _drawn(child, f"{below}{'└─' if last else '├─'}", f"{below}{'  ' if last else '│ '}", width)


def _item(item: _Item, stem: str, width: int) -> Iterator[Line]:
    mark = MARKS[item.state] if item.marked else " "
    yield from _wrapped(item.text, f"{stem}{mark} ", f"{stem}  ", width, item.state, strong=item.strong)


def _wrapped(
    text: str, first: str, rest: str, width: int, state: Security | None = None, *, strong: bool = False
) -> Iterator[Line]:
    """Lines of text, escaped. Deep in the tree they may grow beyond ``width``, but stay readable."""
    room = max(width, len(first) + _NARROWEST)
    for line in textwrap.wrap(
        printable(text),
        room,
        initial_indent=first,
        subsequent_indent=rest,
        break_on_hyphens=False,
        drop_whitespace=True,
    ) or [first.rstrip()]:
        yield Line(line, state, strong)


def _reasons(reasons: Iterable[Reason], state: Security, said: set[Reason]) -> Iterator[_Item]:
    """Each reason once in the whole picture: where it is first met."""
    for reason in reasons:
        if reason in said:
            yield _Item(f"{words.STATE[state]}: see {reason.code} above", state)
            continue
        said.add(reason)
        yield _Item(f"{words.STATE[state]} {reason.code} ({reason.section})", state, strong=True)
        yield _Item(printable(f"{reason.blamed}: {reason.detail}" if reason.detail else reason.blamed), state, False)
        if advice := hint(reason):
            yield _Item(f"hint: {advice}", None, marked=False)


@dataclass(slots=True)
class _Grower:
    """Makes branches of a proof."""

    proof: Proof
    presented: tuple[Presented, ...] | None
    said: set[Reason]

    def roots(self) -> list[_Branch]:
        found = [
            self._zone(zone) for zone in self.proof.zones if zone.parent is None or not self.proof.zone(zone.parent)
        ]
        homeless = [link for link in self.proof.links if told.home(link, self.proof) is None]
        return found + [self._link(link) for link in homeless]

    def _zone(self, zone: JudgedZone) -> _Branch:
        branch = _Branch(words.zone_name(zone.name), zone.state)
        branch.items += self._cut(zone)
        branch.items += self._keys(zone)
        if zone.state is not Security.SECURE:
            branch.items += _reasons(zone.reasons, zone.state, self.said)
        branch.children += [self._link(link) for link in self.proof.links if told.home(link, self.proof) == zone.name]
        branch.children += [self._zone(child) for child in self.proof.zones if child.parent == zone.name != child.name]
        return branch

    def _cut(self, zone: JudgedZone) -> Iterator[_Item]:
        what = "DS" if zone.parent is not None else "trust anchor DS"
        if zone.ds is not None and zone.parent is not None:
            yield from self._signatures(f"DS in {words.plain(zone.parent)}", zone.ds)
        for digest in zone.digests:
            yield _Item(_digest(what, digest), _outcome(digest.outcome, zone.state))
        if zone.denial is not None:
            yield from self._denial(zone.denial, words.absent(43))

    def _keys(self, zone: JudgedZone) -> Iterator[_Item]:
        data = list(told.data_of(zone, self.proof))
        for key in zone.keys:
            line = f"{words.role(key, zone, data)} {key.tag}  {words.key_line(key)}"
            if zone.parent is None and key.vouched_for and not zone.digests:
                line += ", a trust anchor"
            state = Security.SECURE if key.fault is None and zone.state is Security.SECURE else None
            yield _Item(f"{line}: {key.fault.code}" if key.fault is not None else line, state)
        if zone.dnskey is not None:
            yield from self._signatures("DNSKEY", zone.dnskey)

    def _signatures(self, of: str, judged: JudgedRRset) -> Iterator[_Item]:
        what = f"{of}, " if of else ""
        if not judged.signatures and judged.rrset.rrsigs:
            yield _Item(f"{what}TTL {judged.rrset.ttl}, signed, and not looked at", None)
        elif not judged.signatures:
            wrong = told.is_blamed(judged) and judged.state is not Security.SECURE
            yield _Item(f"{what}TTL {judged.rrset.ttl}, without a signature", judged.state if wrong else None)
        for signature in judged.signatures:
            line = told.signature_line(signature, judged.zone, self.proof.now)
            fault = f": {signature.fault.code}" if signature.fault is not None else ""
            state = told.signature_state(signature, judged)
            yield _Item(f"{what}TTL {judged.rrset.ttl}, {line}{fault}", state)
        if judged.malformed_signatures:
            yield _Item(f"{judged.malformed_signatures} signatures that cannot be read", None)

    def _denial(self, denial: JudgedDenial, what: str) -> Iterator[_Item]:
        if denial.how:
            yield _Item(f"{what}: {denial.how}" + (" (opt-out)" if denial.opt_out else ""), Security.SECURE)
        for judged in denial.records:
            rrset = judged.rrset
            title = f"{words.shown(rrset.owner)} {words.type_name(rrset.type)}"
            if told.is_denial_record(judged):
                title += f" → {_next(rrset)}"
            yield from self._signatures(title, judged)

    def _link(self, link: JudgedLink) -> _Branch:
        number = f"{self.proof.links.index(link) + 1}. " if len(self.proof.links) > 1 else ""
        branch = _Branch(f"{number}{told.link_title(link)}", link.state)
        if link.rrset is not None:
            branch.items += self._content(link.rrset)
        if made := told.synthesis(link):
            branch.items.append(_Item(made, marked=False))
        if link.onward is not None:
            branch.items.append(_Item(f"→ {told.aliased(link)}", marked=False))
        if link.denial is not None:
            what = "no closer match" if link.rrset is not None else words.absent(link.type)
            branch.items += self._denial(link.denial, what)
        if link.state is not Security.SECURE:
            branch.items += _reasons(link.reasons, link.state, self.said)
        if link is self.proof.links[-1] and self.presented is not None:
            branch.items += _presented(self.presented)
        return branch

    def _content(self, judged: JudgedRRset) -> Iterator[_Item]:
        values = words.rdatas(judged.rrset.type, judged.rrset.rdatas)
        for value in values[:_MOST_RECORDS]:
            yield _Item(value, marked=False)
        if len(values) > _MOST_RECORDS:
            yield _Item(f"… and {len(values) - _MOST_RECORDS} more", marked=False)
        if judged.wildcard is not None:
            yield _Item(f"expanded from {words.shown(judged.wildcard)}", marked=False)
        if judged.signatures or judged.state is not Security.INSECURE:
            yield from self._signatures("", judged)
        else:
            yield _Item(f"TTL {judged.rrset.ttl}, not signed", Security.INSECURE)


def _digest(what: str, digest: JudgedDigest) -> str:
    line = f"{what} {digest.key_tag}  {words.digest_type(digest.digest_type)}"
    if digest.outcome is Outcome.VALID:
        return f"{line} → key {digest.key_tag}"
    fault = digest.fault
    return f"{line}: {fault.code}: {printable(fault.detail)}" if fault is not None else f"{line} (not needed)"


def _outcome(outcome: Outcome, state: Security) -> Security | None:
    if outcome is Outcome.VALID:
        return Security.SECURE
    return Security.BOGUS if outcome is Outcome.FAILED and state is Security.BOGUS else None


def _next(rrset: RRset) -> str:
    """The span and the types of an NSEC or NSEC3 record, without its parameters."""
    text = words.rdatas(rrset.type, rrset.rdatas)[0]
    if text.startswith("\\#") or rrset.type == words.NSEC_TYPES[0]:
        return text
    return " ".join(text.split(" ")[4:])


def _presented(presented: Iterable[Presented]) -> Iterator[_Item]:
    seen = list(presented)
    if not seen:
        yield _Item("no server to compare with: the host has no address", Security.INDETERMINATE)
    for one in seen:
        if one.matched:
            until = f", valid until {one.until:%Y-%m-%d}" if one.until is not None else ""
            text = f"matches at {one.address}: {one.record}, depth {one.depth}, {one.subject}{until}"
            yield _Item(printable(text), Security.SECURE)
        else:
            word, state = ("MISMATCH", Security.BOGUS) if one.matched is False else ("?", Security.INDETERMINATE)
            yield _Item(printable(f"{word} at {one.address}: {one.subject}{_because(one.trouble)}"), state)


def _because(trouble: str) -> str:
    return f": {trouble}" if trouble else ""


def _sweep(sweep: Sweep, width: int) -> Iterator[Line]:
    """A table for each zone: what was asked, and what each server said to it, the odd ones marked."""
    yield Line("")
    yield Line("Each server by itself:", strong=True)
    for zone in sweep.zones():
        yield Line(f"servers of {words.zone_name(zone)}", strong=True)
        yield from (
            line
            for unknown, why in sweep.unknown
            if unknown == zone
            for line in _wrapped(printable(why), "  ? ", "    ", width, Security.INDETERMINATE)
        )
        for asked in sweep.questions(zone):
            replies, differ = sweep.to(asked), differs(sweep, asked)
            what = f"{words.shown(asked.name)} {words.type_name(asked.type)}"
            if not differ:
                text = f"{what}: {reply_text(replies[0])}, all {len(replies)} servers"
                yield from _wrapped(text, "  ✓ ", "    ", width, Security.SECURE)
                continue
            mute = any(isinstance(said.answer, Silence) for said in replies)
            trouble = "not all of them answer" if mute else "they differ"
            yield from _wrapped(f"{what}: {trouble}", "  ✗ ", "    ", width, Security.BOGUS)
            for said in replies:
                where = f"{said.address} {words.plain(said.server)}"
                state = Security.INDETERMINATE if isinstance(said.answer, Silence) else None
                yield from _wrapped(f"{where}: {reply_text(said)}", "      ", "        ", width, state)


def reply_text(said: Said) -> str:
    """What one server said, in a few words."""
    answer = said.answer
    if isinstance(answer, Silence):
        return printable(f"{answer.code} {answer.detail}".strip())
    if not isinstance(answer, RRset):
        return "not there"
    if said.serial is not None:
        return f"serial {said.serial}"
    values = [words.middle(value, 40) for value in words.rdatas(answer.type, answer.rdatas)]
    signed = "" if answer.rrsigs else ", unsigned"
    return f"{len(values)} record{'s' if len(values) != 1 else ''}: {'; '.join(values)}{signed}"
