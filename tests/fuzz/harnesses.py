"""What is fed to the code, and what must not happen: other exceptions than the documented ones, unbounded work, belief.

A harness is a function of a source of chance. It tells what its input was, or raises ``FindingError``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Final
from unittest import mock

import dns.name
from dns.name import Name
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.algorithms import DEFAULT_POLICY
from danelaw.core.dnssec.anchors import read_anchors
from danelaw.core.dnssec.authenticate import Bounds, Verifier
from danelaw.core.dnssec.denials import by_nsec3
from danelaw.core.dnssec.keys import DNSKEY, DS, ds_matches
from danelaw.core.dnssec.message import (
    MessageError,
    answer_rrsets,
    as_answer,
    authority_rrsets,
    read_message,
    soa_serial,
)
from danelaw.core.dnssec.nsec3 import hash_name
from danelaw.core.dnssec.rrsig import RRSIG, verify
from danelaw.core.dnssec.validate import Validation
from danelaw.core.dnssec.zonekeys import ZoneKeyCache
from danelaw.core.model import DanelawError, Message, Question, Record, RRset, Security, Silence, Validated
from danelaw.core.starttls.conversation import MAX_SHOWN
from danelaw.core.starttls.dialogue import MAX_SAID
from danelaw.core.starttls.protocols import PROTOCOLS
from danelaw.core.verdict import judge_target, target_json, target_transcript
from danelaw.core.verdict.saved import from_text, to_line
from danelaw.worlds.replay.rpl import UnsupportedError, read_scenario
from fault_garden.beds import Bed
from fault_garden.garden import Garden, plant
from fault_garden.keys import same_tag
from fuzz.chains import chains
from fuzz.grounds import LAYOUTS, NOW, Case, Ground, Reply, ground, lie_believed
from fuzz.lies import TRICKS, flip_octets, lies, to_wire
from kept_evidence import LOOKED
from starttls_transcripts import TRANSCRIPTS, hold

BOUNDS: Final = Bounds()
Harness = Callable[[Random], str]


class FindingError(AssertionError):
    """Something that must not happen did."""


class Counted:
    """A validation whose work is counted from outside."""

    def __init__(self, anchors_of: Garden, asked: Question, cache: ZoneKeyCache | None = None) -> None:
        self.signatures = self.hashes = 0
        self.questions: set[Question] = set()
        verifier = Verifier(self._signature, self._digest)
        with mock.patch.object(by_nsec3, "hash_name", self._hash):
            self.validation = Validation(
                asked.name, asked.type, anchors_of.anchors, DEFAULT_POLICY, NOW, cache, bounds=BOUNDS, verifier=verifier
            )

    def run(self, answer: Callable[[Question], Reply]) -> Validated:
        validation = self.validation
        with mock.patch.object(by_nsec3, "hash_name", self._hash):
            while questions := validation.next_queries():
                self.questions |= set(questions)
                for question in questions:
                    validation.receive(question, answer(question))
        verdict = validation.result
        if verdict is None or verdict.proof is None:
            raise FindingError("nothing is asked, and there is no verdict")
        self._check(verdict)
        return verdict

    def _check(self, verdict: Validated) -> None:
        spent = (self.signatures, self.hashes, len(self.questions))
        most = (BOUNDS.signatures, BOUNDS.hashes, BOUNDS.questions)
        if any(cost > bound for cost, bound in zip(spent, most, strict=True)):
            raise FindingError(f"signatures, hashes and questions: {spent}, and at most {most}")
        links = len(verdict.proof.links) if verdict.proof is not None else 0
        if links > BOUNDS.links + 1:
            raise FindingError(f"{links} links")
        if not verdict.reasons:
            raise FindingError(f"{verdict.state.value} without a reason")
        if verdict.state in (Security.BOGUS, Security.INDETERMINATE) and (verdict.rrsets or verdict.absence):
            raise FindingError("data in spite of the verdict")

    def _signature(self, rrsig: RRSIG, rrset: RRset, key: DNSKEY) -> bool:
        self.signatures += 1
        return verify(rrsig, rrset, key)

    def _digest(self, ds: DS, zone: Name, key: DNSKEY) -> bool:
        self.signatures += 1
        return ds_matches(ds, zone, key)

    def _hash(self, name: Name, salt: bytes, iterations: int) -> bytes:
        self.hashes += iterations + 1
        return hash_name(name, salt, iterations)


def told(random: Random) -> str:
    """Honest replies, changed by a liar on the way: no lie is believed."""
    tree = ground(random.choice(list(LAYOUTS)))
    case = random.choice(tree.cases)
    lie = lies(random, tree, case.replies, TRICKS, most=random.choice([1, 2, 6]))
    cache = warm(tree, case) if random.random() < 0.2 else ZoneKeyCache()

    def answer(question: Question) -> Reply:
        return lie.replies[question] if question in lie.replies else tree.honestly(question)

    verdict = Counted(tree.garden, case.asked, cache).run(answer)
    said = f"{tree.word}: {case.asked.name} {case.asked.type}; {'; '.join(lie.tricks)}"
    for believed in (verdict, Counted(tree.garden, case.asked, cache).run(tree.honestly)):
        if wrong := lie_believed(case.truth, believed):
            raise FindingError(f"{said}: {wrong}: {[*map(str, believed.reasons)]}")
    return said


def warm(tree: Ground, case: Case) -> ZoneKeyCache:
    cache = ZoneKeyCache()
    Counted(tree.garden, case.asked, cache).run(tree.honestly)
    return cache


def signed(random: Random) -> str:
    """Zones whose operator signs whatever it is, and sends it: no exception, bounded work."""
    tree = ground(random.choice(list(LAYOUTS)))
    case = random.choice(tree.cases)
    garden = plant(LAYOUTS[tree.word], dns.name.root, NOW)
    spoilt: dict[tuple[int, bytes], RRset] = {}
    for _ in range(random.choice([1, 2, 5, 20])):
        bed = garden.bed(random.choice(["example.net.", "example.net.", "net.", "safe.org.", "org."]))
        owner, type = random.choice(sorted(key for key, rrset in bed.rrsets.items() if rrset.rrsigs))
        honest = bed.rrsets[owner, type]
        _spoil(random, bed, honest)
        spoilt |= {(type, rdata): bed.rrsets[owner, type] for rdata in honest.rdatas}
        spoilt |= {(int(T.RRSIG), rdata): bed.rrsets[owner, type] for rdata in honest.rrsigs}
    replies: dict[Question, Reply] = {question: _spoken(reply, spoilt) for question, reply in case.replies.items()}
    if random.random() < 0.3:
        replies = dict(lies(random, tree, replies, TRICKS, most=1).replies)

    def answer(question: Question) -> Reply:
        reply = replies.get(question) or tree.honestly(question)
        return reply if question in replies or isinstance(reply, Silence) else _spoken(reply, spoilt)

    Counted(garden, case.asked).run(answer)
    owners = sorted({str(rrset.owner) for rrset in spoilt.values()})
    return f"{tree.word}: {case.asked.name} {case.asked.type}; spoilt {', '.join(owners)}"


def _spoken(reply: Message, spoilt: Mapping[tuple[int, bytes], RRset]) -> Message:
    """The reply with the spoilt RRsets in place of the honest ones."""

    def section(records: Iterable[Record]) -> tuple[Record, ...]:
        made: dict[Record, None] = {}
        for one in records:
            rrset = spoilt.get((one.type, one.rdata))
            if rrset is None:
                made[one] = None
            elif one.type == T.RRSIG:
                made |= dict.fromkeys(replace(one, rdata=rdata) for rdata in rrset.rrsigs)
            else:
                made |= dict.fromkeys(replace(one, rdata=rdata) for rdata in rrset.rdatas)
        return tuple(made)

    return replace(reply, answer=section(reply.answer), authority=section(reply.authority))


def _spoil(random: Random, bed: Bed, rrset: RRset) -> None:
    """Other rdata, or more of it, well signed; or signed with another number of labels, or often."""
    rdatas = sorted(rrset.rdatas)
    for _ in range(random.choice([0, 1, 1, 2, 30])):
        old = random.choice(rdatas)
        at = random.randrange(len(old) + 1)
        made = random.choice(
            [flip_octets(random, old), old[:at], old + random.randbytes(3), random.randbytes(len(old)), old[at:]]
        )
        rdatas = [*rdatas, made] if random.random() < 0.5 else [made]
    signers = bed.keys
    if rrset.type == T.DNSKEY and random.random() < 0.5:
        rdatas += [key.to_rdata() for signer in signers for key in same_tag(signer.dnskey, 1 + random.randrange(14))]
    fields = {"labels": random.randrange(len(rrset.owner.labels))} if random.random() < 0.2 else {}
    bed.put(rrset.owner, rrset.type, rdatas, *random.choice([(), signers]), **fields)
    if random.random() < 0.2:
        made_up = frozenset(one[:-2] + random.randbytes(2) for one in bed.rrsets[rrset.owner, rrset.type].rrsigs)
        stored = bed.rrsets[rrset.owner, rrset.type]
        bed.rrsets[rrset.owner, rrset.type] = replace(stored, rrsigs=stored.rrsigs | made_up)


def octets(random: Random) -> str:
    """The message reader, on wires of all kinds."""
    tree = ground(random.choice(list(LAYOUTS)))
    reply = random.choice(list(random.choice(tree.cases).replies.values()))
    wire = bytearray(to_wire(reply) if random.random() < 0.9 else random.randbytes(random.randrange(600)))
    for _ in range(random.choice([1, 2, 8, 64])):
        if wire:
            at = random.randrange(len(wire))
            pointer = (0xC000 | random.randrange(at + 1)).to_bytes(2)
            wire[at : at + random.choice([0, 1, 2])] = random.choice([random.randbytes(1), pointer, b"\xff", b""])
    with suppress(MessageError):
        message = read_message(bytes(wire))
        for rrset in (*answer_rrsets(message), *authority_rrsets(message)):
            as_answer(message, rrset.owner, rrset.type)
        soa_serial(message)
        again = to_wire(replace(message, rcode=message.rcode & 0xF))
        if len(message.question) < 4 and read_message(again).answer != message.answer:
            raise FindingError("what was read and written reads otherwise")
    return bytes(wire).hex()


DS_LINE: Final = ". 172800 IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n"
DNSKEY_LINE: Final = "example.net. 600 IN DNSKEY 257 3 13 " + "A" * 86 + "==\n"
ANCHOR_TEXTS: Final = (
    DS_LINE + DNSKEY_LINE,
    "; autotrust trust anchor file\n;;id: . 1\n;;last_queried: 1700000000 ;;Wed\n"
    + DNSKEY_LINE.strip()
    + " ;;state=2 [  VALID  ] ;;count=0 ;;lastchange=1700000000 ;;Wed\n",
    'trust-anchors {\n  . initial-ds 20326 8 2 "E06D44B80B8F1D39A95C0B0D7C65D084 58E880409BBC683457104237C7F8EC8D";\n'
    f'  "example.net" static-key 257 3 13 "{"A" * 86}==";\n}};\n',
    '<?xml version="1.0" encoding="UTF-8"?>\n<TrustAnchor id="1" source="x">\n<Zone>.</Zone>\n'
    '<KeyDigest id="K" validFrom="2017-02-02T00:00:00+00:00"><KeyTag>20326</KeyTag><Algorithm>8</Algorithm>'
    "<DigestType>2</DigestType><Digest>E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D</Digest>"
    "</KeyDigest></TrustAnchor>\n",
)
SCRAPS: Final = (
    *'{};"()<>#\\\n\r\t\0\ud800ß',
    *(" DS ", "IN", "//", "/*", "..", "-1", "\\300", "&x;", ";;state=9", "managed-keys {"),
    *("<!DOCTYPE a [<!ENTITY b 'c'>]>", "=" * 9, "9" * 4500, "a" * 64),
)


def anchors(random: Random) -> str:
    """The readers of trust anchors' texts."""
    text = _scribbled(random, random.choice(ANCHOR_TEXTS))
    with suppress(DanelawError):
        read_anchors(text, NOW)
    return repr(text)


def _scribbled(random: Random, text: str) -> str:
    for _ in range(random.choice([1, 2, 8, 30])):
        at, until = sorted(random.randrange(len(text) + 1) for _ in range(2))
        match random.randrange(4):
            case 0:
                text = text[:at] + random.choice(SCRAPS) + text[at:]
            case 1:
                text = text[:at] + text[min(until, at + 20) :]
            case 2:
                text = (
                    text[:at] + chr(random.choice([random.randrange(128), random.randrange(0x3000)])) + text[at + 1 :]
                )
            case _:
                text = text[:until] + text[at:until] + text[until:]
        text = text[:20000]
    return text


@cache
def _scenarios() -> tuple[str, ...]:
    folder = Path(__file__).parents[1] / "replay" / "scenarios"
    return tuple(path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.rpl")))


def scenarios(random: Random) -> str:
    """The reader of replayed conversations."""
    text = _scribbled(random, random.choice(_scenarios()))
    with suppress(UnsupportedError):
        read_scenario(text)
    return repr(text)


def evidence(random: Random) -> str:
    """Saved evidence: refused, or judged and told like any other."""
    text = random.choice(_documents())
    text = _scribbled(random, text) if random.random() < 0.3 else _transplanted(random, text)
    try:
        report = judge_target(from_text(text), ())
    except DanelawError as error:
        if error.code != "EVIDENCE_UNREADABLE":
            raise
    else:
        shown = (*target_transcript(report), json.dumps(target_json(report)))
        if not all(line.isprintable() for line in shown):
            raise FindingError("what a terminal would obey")
    return repr(text)


def _transplanted(random: Random, text: str) -> str:
    """Other values in some places, of other places or from nowhere: JSON still."""
    document = json.loads(text)
    for _ in range(random.choice([1, 2, 8])):
        places = list(_places(document))
        holder, step = random.choice(places)
        alike = [other[there] for other, there in places if there == step and type(other[there]) is type(holder[step])]
        value = random.choice(alike) if random.random() < 0.8 else random.choice(VALUES)
        holder[step] = json.loads(json.dumps(value))
    return json.dumps(document)


def _places(value: Any) -> Iterable[tuple[Any, Any]]:
    steps = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for step in steps:
        yield value, step
        yield from _places(value[step])


VALUES: Final[tuple[Any, ...]] = (
    *(None, True, -1, 0, 3, 16, 52, 65535, 2**32 - 1, 2**70, 0.5, [], {}, "", ".", "x.", "\x1b[2J", "\ud800", "smtp"),
    *("\\255\\000.example.", "1970-01-01T00:00:00Z", "8999-12-31T23:59:59Z", "insecure", "::1", "00", "030101", "MAA="),
)


@cache
def _documents() -> tuple[str, ...]:
    """One for each endpoint, so that little is cut off; what differs from run to run is the same in all."""
    lines = (to_line(replace(LOOKED, endpoints=(endpoint,))) for endpoint in LOOKED.endpoints)
    return tuple(
        re.sub("[0-9a-f]{64}", "ab" * 32, re.sub(r'"chain":\[[^]]*\]', '"chain":["MAMCAQA="]', line)) for line in lines
    )


def starttls(protocol: str) -> Harness:
    """A dialogue before TLS: an end within its bounds, and the same one in whatever pieces the octets come."""
    turns = [b"".join(transcript.turns) for transcript in TRANSCRIPTS if transcript.protocol == protocol]

    def harness(random: Random) -> str:
        octets = _overwritten(random, random.choice(turns))
        ends = sorted({random.randrange(len(octets) + 1) for _ in range(random.choice([1, 5, 50]))} | {len(octets)})
        pieces = [octets[start:end] for start, end in zip([0, *ends], ends, strict=False) if start < end]
        together, apart = (hold(protocol, [*parts, b""]) for parts in ([octets], pieces))
        for outcome in (together, apart):
            longest = max(map(len, outcome.said), default=0)
            if outcome.end is None or len(outcome.said) > MAX_SAID or longest > MAX_SHOWN:
                raise FindingError(f"no end, or too much said: {outcome}")
        cut_off = together.code == "STARTTLS_INJECTED" and apart.code == ""  # what is behind came in another piece
        if (together.said, together.sent) != (apart.said, apart.sent) or not (cut_off or together.code == apart.code):
            raise FindingError(f"{together} in one piece, and {apart} in {len(pieces)}")
        return f"{protocol}: {octets.hex()}, cut at {ends}"

    return harness


def _overwritten(random: Random, octets: bytes) -> bytes:
    """Parts of it taken away, repeated, at times until there is too much, or other octets in their place."""
    for _ in range(random.choice([1, 1, 2, 8])):
        at, until = sorted(random.randrange(len(octets) + 1) for _ in range(2))
        times = random.choice([0, 0, 2, 2, 2 + 80000 // (until - at + 1)])
        part = random.choice([octets[at:until] * times, random.choice(OCTETS), random.randbytes(random.randrange(9))])
        octets = (octets[:at] + part + octets[until:])[:100_000] or b"\0"
    return octets


OCTETS: Final = (
    *(b"\r\n", b"\n", b"\r", b"\0", b"\xff", b" ", b"-", b".", b"220 ", b"250-", b"421 x\r\n", b"a" * 9000),
    *(b"* BYE\r\n", b"+OK\r\n", b"-ERR\r\n", b"OK\r\n", b"NO\r\n", b"{9}\r\n", b"{99999}\r\n", b"{0}\n", b"HTTP/"),
    *(b"<", b">", b"'", b'"', b"/>", b"<a>", b"</a>", b"<a b='", b"<![CDATA[", b"]]>", b"&b;", b"<!DOCTYPE a [", b"<?"),
    *(b"\x16\x03\x01", b"\x30", b"\x80", b"\x84\xff\xff\xff\xff", b"\x02\x01\x00", b"\x0a", b"E\0\0\0\x09", b"N"),
)


HARNESSES: Final[Mapping[str, Harness]] = {
    "told": told,
    "signed": signed,
    "octets": octets,
    "anchors": anchors,
    "scenarios": scenarios,
    "evidence": evidence,
    "chains": chains,
    **{f"starttls-{protocol}": starttls(protocol) for protocol in PROTOCOLS},
}
