"""A picture's boxes and arrows: zones as panels, keys, DS records, RRsets, denials and certificates in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from dns.name import Name
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.agreement import differs
from danelaw.core.model import (
    JudgedDenial,
    JudgedDigest,
    JudgedKey,
    JudgedLink,
    JudgedRRset,
    JudgedSignature,
    JudgedZone,
    Outcome,
    Proof,
    Reason,
    Security,
    Silence,
)
from danelaw.core.picture import told, words
from danelaw.core.picture.boxes import LONGEST, SIDE, callouts, columns, node
from danelaw.core.picture.crowds import thinned
from danelaw.core.picture.graph import Column, Edge, Graph, Look, Node, Panel, Relation, Shape
from danelaw.core.picture.metrics import Style, Text, wrap
from danelaw.core.picture.seen import Picture, Presented
from danelaw.core.verdict.printable import printable

_KEY: Final = 190.0
_HASHED: Final = 272.0
_CERTIFICATE: Final = 220.0


def chart(picture: Picture) -> Graph:
    picture, left_out = thinned(picture)
    answer = picture.answer
    proof = answer.proof
    graph = Graph(
        told.subject(answer),
        Look.of(answer.state),
        told.conclusion(answer),
        f"judged as of {proof.now:%Y-%m-%d %H:%M:%S} UTC" if proof is not None else "",
        [],
        [],
        (*(printable(str(note)) for note in answer.notes), *filter(None, (left_out,))),
    )
    if proof is None or not (proof.zones or proof.links):
        graph.panels.append(Panel("", graph.look, callouts(answer.reasons, answer.state, set())))
        return graph
    chartist = _Chartist(picture, proof, graph.edges)
    graph.panels += [chartist.anchored(zone) for zone in told.tops(proof)]
    homeless = [link for link in proof.links if told.home(link, proof) is None]
    if homeless:
        state = homeless[0].state
        side = [side for link in homeless for side in callouts(link.reasons, link.state, chartist.said)]
        graph.panels.append(Panel("No zone", Look.of(state), side, own=[chartist.link(link) for link in homeless]))
    return graph


@dataclass(slots=True)
class _Chartist:
    picture: Picture
    proof: Proof
    edges: list[Edge]
    said: set[Reason] = field(default_factory=set)

    # -- zones --------------------------------------------------------------------------------------------------

    def anchored(self, zone: JudgedZone) -> Panel:
        """The trust anchor with the zone below it."""
        believed = wrap("believed without proof", Style.MUTE, SIDE)
        column = Column([[self._anchor(zone)]], self._zone(zone))
        return Panel("Trust anchor", Look.SECURE, [(None, believed)], delegated=[column])

    def _anchor(self, zone: JudgedZone) -> Node:
        id, title = f"anchor {self._index(zone)}", f"for {words.zone_name(zone.name)}"
        if zone.digests:
            return self._digests(id, zone, title, Look.SECURE, ())
        for key in (key for key in zone.keys if key.vouched_for):
            self._edge(id, self._key_id(zone, key), Relation.DIGESTS, Look.SECURE, f"the trust anchor is key {key.tag}")
        return node(id, Shape.RECORD, Look.SECURE, (("DNSKEY", Style.HEAD), (title, Style.DATA)))

    def _zone(self, zone: JudgedZone) -> Panel:
        panel = Panel(words.zone_name(zone.name), Look.of(zone.state), self._beside(zone), self._tiers(zone))
        children = [other for other in self.proof.zones if other.parent == zone.name != other.name]
        for child in sorted(children, key=self._first_link):
            panel.delegated.append(Column(self._cut(zone, child), self._zone(child)))
        links = [link for link in self.proof.links if told.home(link, self.proof) == zone.name]
        panel.own += [self.link(link) for link in links]
        for link in links:
            if link.state is not Security.SECURE:
                panel.side += callouts(link.reasons, link.state, self.said)
        return panel

    def _beside(self, zone: JudgedZone) -> list[tuple[Look | None, tuple[Text, ...]]]:
        side: list[tuple[Look | None, tuple[Text, ...]]] = []
        if zone.dnskey is not None:
            lines = wrap(f"DNSKEY, TTL {zone.dnskey.rrset.ttl}", Style.BODY, SIDE)
            for signature in zone.dnskey.signatures:
                lines += wrap(told.signature_line(signature, zone.name, self.proof.now), Style.MUTE, SIDE)
            side.append((None, lines))
        if zone.state is not Security.SECURE:
            side += callouts(zone.reasons, zone.state, self.said)
        return side + self._servers(zone.name)

    def _servers(self, zone: Name) -> list[tuple[Look | None, tuple[Text, ...]]]:
        """A note on what its servers say, each by itself."""
        sweep = self.picture.sweep
        if sweep is None or zone not in sweep.zones():
            return []
        if any(unknown == zone for unknown, _ in sweep.unknown):
            return [(Look.INDETERMINATE, wrap("not all of its servers could be found", Style.BODY, SIDE))]
        questions = sweep.questions(zone)
        differing = [asked for asked in questions if differs(sweep, asked)]
        count = len({said.address for asked in questions for said in sweep.to(asked)})
        if not differing:
            return [(None, wrap(f"all {count} servers say the same", Style.MUTE, SIDE))]
        mute = any(isinstance(said.answer, Silence) for asked in differing for said in sweep.to(asked))
        lines = wrap("not all of its servers answer:" if mute else f"its {count} servers differ:", Style.BODY, SIDE)
        for asked in differing:
            lines += wrap(f"{words.plain(asked.name)} {words.type_name(asked.type)}", Style.DATA, SIDE)
        return [(Look.BOGUS, lines)]

    def _first_link(self, zone: JudgedZone) -> int:
        """Zones are drawn in the order in which the answer leads through them."""
        within = [i for i, link in enumerate(self.proof.links) if link.name.is_subdomain(zone.name)]
        return min(within, default=len(self.proof.links))

    # -- keys ---------------------------------------------------------------------------------------------------

    def _tiers(self, zone: JudgedZone) -> list[list[Node]]:
        """The keys that sign the keys, then the others."""
        if not zone.keys:
            if zone.dnskey is None and zone.state in (Security.BOGUS, Security.INDETERMINATE) and zone.ds is not None:
                lines = (("DNSKEY", Style.HEAD), ("not there", Style.BODY))
                return [[node(f"keys {self._index(zone)}", Shape.KEY, Look.of(zone.state), lines)]]
            return []
        signatures = zone.dnskey.signatures if zone.dnskey is not None else ()
        first = [key for key in zone.keys if any(words.made_by(one, key) for one in signatures)]
        first = first or [key for key in zone.keys if key.vouched_for or key.flags & 1] or list(zone.keys)
        first = sorted(first, key=lambda key: key.tag)
        rest = sorted((key for key in zone.keys if key not in first), key=lambda key: key.tag)
        self._sign_keys(zone, first, rest, signatures)
        return [[self._key(zone, key, signatures) for key in tier] for tier in (first, rest) if tier]

    def _sign_keys(
        self, zone: JudgedZone, first: Sequence[JudgedKey], rest: Sequence[JudgedKey], made: Sequence[JudgedSignature]
    ) -> None:
        if zone.dnskey is None:
            return
        if not made and rest:
            self._edge(
                self._key_id(zone, first[0]), self._key_id(zone, rest[0]), Relation.SIGNS, Look.ASIDE, "not looked at"
            )
        for signature in made:
            for key in (key for key in first if words.made_by(signature, key)):
                for other in rest:
                    self._signed(signature, zone.dnskey, self._key_id(zone, key), self._key_id(zone, other))

    def _key(self, zone: JudgedZone, key: JudgedKey, signatures: Iterable[JudgedSignature]) -> Node:
        role = words.role(key, zone, told.data_of(zone, self.proof))
        size = f", {key.bits} bits" if key.bits is not None else ""
        lines: list[tuple[str, Style]] = [
            (f"{role} {key.tag}", Style.HEAD),
            (words.algorithm(key.algorithm), Style.DATA),
        ]
        lines.append((f"flags {key.flags}{size}", Style.MUTE))
        own = [signature for signature in signatures if words.made_by(signature, key)]
        faults = [key.fault] if key.fault is not None else []
        faults += [signature.fault for signature in own if signature.fault is not None]
        loop = Look.of(told.signature_state(own[0], zone.dnskey)) if own and zone.dnskey is not None else None
        if zone.dnskey is not None and told.is_unsigned(zone.dnskey) and key.vouched_for:
            faults += [reason for reason in zone.dnskey.reasons[:1] if zone.dnskey.state is Security.BOGUS]
            loop = Look.BOGUS if zone.dnskey.state is Security.BOGUS else None
        lines += [(code, Style.CODE) for code in dict.fromkeys(fault.code for fault in faults)]
        good = key.fault is None and zone.state is Security.SECURE
        look = Look.SECURE if good else Look.BOGUS if zone.state is Security.BOGUS else Look.ASIDE
        full = f"DNSKEY {key.tag} of {words.plain(zone.name)}: {words.rdata(T.DNSKEY, key.rdata)}"
        return node(self._key_id(zone, key), Shape.KEY, look, lines, full, room=_KEY, loop=loop)

    def _index(self, zone: JudgedZone) -> int:
        return self.proof.zones.index(zone)

    def _key_id(self, zone: JudgedZone, key: JudgedKey) -> str:
        return f"key {self._index(zone)} {zone.keys.index(key)}"

    # -- cuts ---------------------------------------------------------------------------------------------------

    def _cut(self, parent: JudgedZone, child: JudgedZone) -> list[list[Node]]:
        """What the parent has of a zone below it: its DS records, or the proof that there are none."""
        index, look = self._index(child), Look.of(child.state)
        if child.ds is not None:
            id = f"ds {index}"
            box = self._digests(id, child, words.shown(child.name), Look.of(child.ds.state), self._dates(child.ds))
            self._sign(parent, child.ds, id)
            return [[box]]
        if child.denial is not None:
            claim = f"no DS {index}"
            lines = (("no DS", Style.HEAD), (words.shown(child.name), Style.DATA), (child.denial.how, Style.MUTE))
            claimed = Look.INSECURE if child.denial.how else look
            code = child.reasons[0].code if child.reasons else ""
            row = self._denial(parent, child.denial, f"{index} ds", claim, look, code)
            if not row:
                self._unsigned(parent, claim, look, code)
            return [*([row] if row else []), [node(claim, Shape.CLAIM, claimed, lines)]]
        id = f"ds {index}"
        lines = (("DS", Style.HEAD), (words.shown(child.name), Style.DATA), ("neither there nor denied", Style.BODY))
        code = child.reasons[0].code if child.reasons else ""
        self._unsigned(parent, id, look, code)
        return [[node(id, Shape.RECORD, look, lines)]]

    def _digests(self, id: str, zone: JudgedZone, of: str, look: Look, dates: Iterable[tuple[str, Style]]) -> Node:
        chips = tuple(self._chip(f"{id} {n}", zone, digest) for n, digest in enumerate(zone.digests))
        lines = (("DS", Style.HEAD), (of, Style.DATA), *dates)
        full = "; ".join(
            f"DS {one.key_tag} {one.algorithm} {one.digest_type} {one.digest.hex()}" for one in zone.digests
        )
        return node(id, Shape.RECORD, look, lines, f"DS of {words.plain(zone.name)}: {full}", chips=chips)

    def _chip(self, id: str, zone: JudgedZone, digest: JudgedDigest) -> Node:
        tagged = [k for k in zone.keys if (k.tag, k.algorithm) == (digest.key_tag, digest.algorithm)]
        lines = [(f"key {digest.key_tag}", Style.HEAD), (words.digest_type(digest.digest_type), Style.DATA)]
        if digest.fault is not None:
            lines.append((digest.fault.code, Style.CODE))
        full = f"digest {digest.digest.hex()} of key {digest.key_tag}, {words.algorithm(digest.algorithm)}"
        full += f": {digest.fault}" if digest.fault is not None else f": {digest.outcome.value}"
        if digest.outcome is Outcome.VALID:
            for key in [key for key in tagged if key.vouched_for][:1]:
                self._edge(id, self._key_id(zone, key), Relation.DIGESTS, Look.SECURE, full)
            return node(id, Shape.CHIP, Look.SECURE, lines, full)
        broken = digest.outcome is Outcome.FAILED and zone.state is Security.BOGUS
        look = Look.BOGUS if broken else Look.ASIDE
        entries = [key for key in zone.keys if key.flags & 1] or list(zone.keys)
        if targets := tagged or (entries if broken else []):
            label = digest.fault.code if broken and digest.fault is not None else ""
            self._edge(id, self._key_id(zone, targets[0]), Relation.DIGESTS, look, full, label)
        return node(id, Shape.CHIP, look, lines, full)

    # -- RRsets -------------------------------------------------------------------------------------------------

    def link(self, link: JudgedLink) -> Column:
        index = self.proof.links.index(link)
        zone = self.proof.zone(link.zone) if link.zone is not None else None
        id, rows = f"link {index}", list[list[Node]]()
        if link.rrset is not None:
            rows.append([self._record(link, link.rrset, id)])
            if zone is not None:
                self._sign(zone, link.rrset, id)
                if link.denial is not None:
                    rows[0] += self._denial(zone, link.denial, f"{index}", None)
        elif link.denial is not None and zone is not None:
            lines = ((told.link_title(link), Style.HEAD), (link.denial.how or "not proven", Style.MUTE))
            look, code = Look.of(link.state), link.reasons[0].code if link.reasons else ""
            if row := self._denial(zone, link.denial, f"{index}", id, look, code):
                rows.append(row)
            else:
                self._unsigned(zone, id, look, code)
            rows.append([node(id, Shape.CLAIM, Look.of(link.state), lines)])
        else:
            lines = ((told.link_title(link), Style.HEAD), ("no answer", Style.MUTE))
            rows.append([node(id, Shape.CLAIM, Look.of(link.state), lines)])
        if link.onward is not None and index + 1 < len(self.proof.links):
            full = f"{told.link_title(link)} {told.aliased(link)}"
            following = self.proof.links.index(self.proof.links[index + 1])  # links that are alike share a box
            self._edge(id, f"link {following}", Relation.LEADS, Look.of(link.state), full)
        if index == len(self.proof.links) - 1 and self.picture.presented is not None:
            rows.append([self._certificate(one, n, id) for n, one in enumerate(self.picture.presented)])
        return Column([row for row in rows if row])

    def _record(self, link: JudgedLink, judged: JudgedRRset, id: str) -> Node:
        rrset = judged.rrset
        values = words.rdatas(rrset.type, rrset.rdatas)
        lines: list[tuple[str, Style]] = [
            (words.type_name(rrset.type), Style.HEAD),
            (words.shown(rrset.owner), Style.DATA),
            *((line, Style.DATA) for line in columns(values)),
        ]
        lines += [(made, Style.MUTE) for made in (told.synthesis(link),) if made]
        if judged.wildcard is not None:
            lines.append((f"expanded from {words.shown(judged.wildcard)}", Style.MUTE))
        full = f"{told.link_title(link)}: {'; '.join(values)}"
        return node(id, Shape.RECORD, Look.of(link.state), (*lines, *self._dates(judged)), full)

    def _dates(self, judged: JudgedRRset) -> list[tuple[str, Style]]:
        lines = [(f"TTL {judged.rrset.ttl}", Style.MUTE)]
        counted = [one for one in judged.signatures if one.outcome is not Outcome.NOT_TRIED]
        lines += [(f"key {one.key_tag}: {words.life(one, self.proof.now)}", Style.MUTE) for one in counted[:4]]
        if not judged.signatures and not judged.rrset.rrsigs:
            lines.append(("not signed", Style.MUTE))
        return lines

    def _denial(
        self,
        zone: JudgedZone,
        denial: JudgedDenial,
        prefix: str,
        claim: str | None,
        unproven: Look = Look.ASIDE,
        code: str = "",
    ) -> list[Node]:
        """The records of a denial, each with its arrow to what it proves. ``unproven`` and ``code``: if it does not."""
        row = []
        for n, judged in enumerate(denial.records):
            id = f"denial {prefix} {n}"
            rrset = judged.rrset
            values = words.rdatas(rrset.type, rrset.rdatas)
            lines = [(words.type_name(rrset.type), Style.HEAD), (words.shown(rrset.owner), Style.DATA)]
            lines += [(words.middle(value, LONGEST), Style.DATA) for value in values]
            if denial.opt_out and told.is_denial_record(judged):
                lines.append(("opt-out: unsigned delegations may be here", Style.MUTE))
            full = f"{words.plain(rrset.owner)} {words.type_name(rrset.type)}: {'; '.join(values)}"
            row.append(
                node(id, Shape.RECORD, Look.of(judged.state), (*lines, *self._dates(judged)), full, room=_HASHED)
            )
            self._sign(zone, judged, id)
            if claim is not None and told.is_denial_record(judged):
                if denial.how:
                    self._edge(id, claim, Relation.PROVES, Look.of(judged.state), f"{full} proves it")
                else:
                    self._edge(id, claim, Relation.PROVES, unproven, f"{full} does not prove it", code)
                    code = ""
        return row

    def _certificate(self, one: Presented, n: int, link: str) -> Node:
        look = {True: Look.SECURE, False: Look.BOGUS, None: Look.INDETERMINATE}[one.matched]
        word = {True: "matches", False: "does not match", None: "not seen"}[one.matched]
        lines = [
            (f"Certificate at {one.address}", Style.HEAD),
            (printable(one.subject), Style.BODY),
            (word, Style.BODY),
        ]
        if one.until is not None:
            lines.append((f"valid until {one.until:%Y-%m-%d}", Style.MUTE))
        if one.depth is not None:
            lines.append((f"depth {one.depth} of the presented chain", Style.MUTE))
        if one.trouble:
            lines.append((printable(one.trouble), Style.MUTE))
        full = " ".join((word, printable(one.subject), one.record, printable(one.trouble)))
        label = "" if one.matched is not False else "no match"
        self._edge(link, f"certificate {n}", Relation.MATCHES, look, full, label)
        says = {True: "", False: "NO MATCH", None: "NOT SEEN"}[one.matched]
        return replace(node(f"certificate {n}", Shape.CERTIFICATE, look, lines, full, room=_CERTIFICATE), word=says)

    # -- arrows -------------------------------------------------------------------------------------------------

    def _edge(self, source: str, target: str, relation: Relation, look: Look, full: str, label: str = "") -> None:
        self.edges.append(Edge(source, target, relation, look, full, label))

    def _sign(self, zone: JudgedZone, judged: JudgedRRset, target: str) -> None:
        """Arrows from the keys to an RRset that they signed; a broken one where no signature counts."""
        drawn = False
        for signature in judged.signatures:
            for key in [key for key in zone.keys if words.made_by(signature, key)]:
                self._signed(signature, judged, self._key_id(zone, key), target)
                drawn = True
        if not drawn and zone.keys:
            faults = [signature.fault for signature in judged.signatures if signature.fault is not None]
            reasons = [*faults, *judged.reasons]
            looked = judged.signatures or not judged.rrset.rrsigs
            look = Look.of(judged.state) if looked else Look.ASIDE
            self._unsigned(zone, target, look, reasons[0].code if looked and reasons else "")

    def _signed(self, signature: JudgedSignature, judged: JudgedRRset, source: str, target: str) -> None:
        look = Look.of(told.signature_state(signature, judged))
        covered = f"{words.plain(judged.rrset.owner)} {words.type_name(judged.rrset.type)}"
        full = f"{covered} {told.signature_line(signature, judged.zone, self.proof.now)}"
        label = ""
        if signature.fault is not None:
            full, label = f"{full}: {signature.fault}", signature.fault.code
        self._edge(source, target, Relation.SIGNS, look, printable(full), label)

    def _unsigned(self, zone: JudgedZone, target: str, look: Look, code: str) -> None:
        """An arrow that should be there: from one of the zone's keys."""
        tier = [key for key in zone.keys if not key.flags & 1] or zone.keys
        if tier and look is not Look.INSECURE:
            self._edge(self._key_id(zone, tier[0]), target, Relation.SIGNS, look, code or "not looked at", code)
