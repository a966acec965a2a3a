"""What a lab leaves behind for its spectators: the files made, a table, and a report as JSON."""

from __future__ import annotations

import contextlib
import json
import secrets
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import dns.rdata
import dns.rdataclass
import dns.rdatatype
from dns.name import Name

from danelaw.core.model import DanelawError, Limits, RRset
from danelaw.core.rollover.answers import newest
from danelaw.core.rollover.fold import Facts
from danelaw.worlds.lab.crowd import Tally
from danelaw.worlds.lab.play import CERTIFICATE, DNSSEC, MEND, NAIVE, RECORDS, STAGED, Story
from danelaw.worlds.lab.real.oracles import OracleTally
from danelaw.worlds.lab.world import World

SCHEMA: Final = "danelaw/lab/1"


def summary(story: Story, folder: Path) -> dict[str, Any]:
    """The result for scripts."""
    runs = {scene.run: _run(story, scene.key) for scene in story.scenes if scene.run is not None}
    return {
        "schema": SCHEMA,
        "good": story.good,
        "runs": runs,
        "scenes": {scene.key: {"title": scene.title, **_run(story, scene.key)} for scene in story.scenes},
        "steps": [
            {"scene": s.scene, "seconds": round(s.at.total_seconds(), 3), "action": type(s.action).__name__}
            for s in story.steps
        ],
        "others": [{"seconds": round(f.at.total_seconds(), 3), "who": f.who, "did": f.did} for f in story.foreign],
        "artifacts": str(folder),
    }


@contextlib.contextmanager
def kept(folder: Path | None) -> Iterator[Path]:
    """The folder for the files made, proven writable before the play; without files it is removed again.

    None: a new one among the temporary files. Raises ``DanelawError("ARTIFACTS_UNWRITABLE")``.
    """
    made = folder is None or not folder.exists()
    try:
        target = folder or Path(tempfile.mkdtemp(prefix="danelaw-lab-"))
        target.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=target) as probe:
            probe.write(b"\n")
    except OSError as error:
        raise DanelawError(
            "ARTIFACTS_UNWRITABLE",
            f"the lab's files cannot be written into {folder or 'a temporary folder'}",
            evidence=error.strerror or str(error),
            hint="name another folder with --artifacts",
        ) from error
    try:
        yield target
    finally:
        if made:
            with contextlib.suppress(OSError):  # not empty: there are files to keep
                target.rmdir()


def write(folder: Path, world: World, facts: Facts, story: Story, limits: Limits) -> list[str]:
    """Write the files into ``folder``; returns their names. No private key is among them."""
    zone = world.zone.to_text(omit_final_dot=True)
    host = world.host.to_text(omit_final_dot=True)
    texts = {
        f"dsset-{zone}.": _records(facts, world.zone.parent(), world.zone, int(dns.rdatatype.DS)),
        f"{host}.tlsa": _records(
            facts, world.zone, Name((b"_443", b"_tcp", *world.host.labels)), int(dns.rdatatype.TLSA)
        ),
        "check.txt": "\n".join(story.checks[-1].lines) + "\n",
        "report.json": json.dumps({**summary(story, folder), "limits": limits.as_seconds()}, indent=2) + "\n",
    }
    copies = {
        f"{host}.pem": world.live / "fullchain.pem",
        "danelaw.toml": world.directory / "danelaw.toml",
    }
    if world.update_key is None:  # else the zone is its server's, and in no file of the operator's
        copies |= {f"{zone}.zone": world.zone_file, f"{zone}.signed": world.served_zone_file}
    for name, path in copies.items():
        put(folder / name, path.read_bytes())
    for name, text in texts.items():
        put(folder / name, text.encode())
    return sorted((*copies, *texts))


def put(target: Path, content: bytes) -> None:
    """Make or replace a file. A link that somebody has laid there is replaced, and never followed."""
    beside = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    try:
        with beside.open("xb") as file:
            file.write(content)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def table(story: Story) -> list[str]:
    """Steps, times, and what the crowd saw, within 80 columns."""
    lines = [f"{'':38}{'took':>8}{'connections':>13}{'refused':>9}{'for':>9}"]
    for number, scene in enumerate(story.scenes, 1):
        tally = story.tallies[scene.key]
        took = story.durations[scene.key].total_seconds()
        title = scene.title.partition(":")[0] if scene in (DNSSEC, MEND) else scene.title
        short = {CERTIFICATE: "Certificate", RECORDS: "TLSA record", STAGED: "Re-issuance, staged (Danelaw)"}
        short |= {NAIVE: "Re-issuance, naive (by hand)", MEND: "Danelaw again"}
        refused = f"{tally.seconds_refused:.1f} s" if tally.refused else "-"
        label = f"{number}  {short.get(scene, title)}"
        lines.append(f"{label:<38}{took:>6.1f} s{tally.connections:>13}{tally.refused:>9}{refused:>9}")
    return lines + _oracles_table(story)


def _oracles_table(story: Story) -> list[str]:
    """A line for each oracle."""
    staged, naive = story.oracles.get(STAGED.key, ()), story.oracles.get(NAIVE.key, ())
    if not staged:
        return []
    lines = ["", f"{'Oracles':<20}{'staged: polls':>14}{'refused':>9}{'naive: polls':>16}{'refused':>9}"]
    for ours, theirs in zip(staged, naive, strict=True):
        lines.append(f"   {ours.oracle:<17}{ours.polls:>14}{ours.refused:>9}{theirs.polls:>16}{theirs.refused:>9}")
    return lines


def _run(story: Story, key: str) -> dict[str, Any]:
    tally: Tally = story.tallies[key]
    return {
        "seconds": round(story.durations[key].total_seconds(), 3),
        "connections": tally.connections,
        "accepted": tally.accepted,
        "refused": tally.refused,
        "seconds_refused": round(tally.seconds_refused, 3),
        "reasons": {str(reason): count for reason, count in tally.reasons.items()},
        "oracles": {tally.oracle: _oracle(tally) for tally in story.oracles.get(key, ())},
    }


def _oracle(tally: OracleTally) -> dict[str, Any]:
    answers = {
        "polls": tally.polls,
        "accepted": tally.accepted,
        "refused": tally.refused,
        "undecided": tally.undecided,
    }
    first = tally.example
    if first is None:
        return answers
    began = first.started.isoformat(timespec="milliseconds")
    told = {"started": began, "status": first.status, "because": first.because, "lines": first.lines}
    return answers | {"first_refusal": told}


def _records(facts: Facts, zone: Name, owner: Name, type: int) -> str:
    """What the authorities say now, in master-file form."""
    found = newest(facts, zone, owner, type)
    if not isinstance(found, RRset):
        return f"; no {dns.rdatatype.to_text(dns.rdatatype.RdataType.make(type))} at {owner}\n"
    rdatas: Sequence[bytes] = sorted(found.rdatas)
    name = dns.rdatatype.RdataType.make(type)
    lines = [
        f"{owner} {found.ttl} IN {dns.rdatatype.to_text(name)} "
        f"{dns.rdata.from_wire(dns.rdataclass.IN, name, rdata, 0, len(rdata)).to_text(chunksize=0)}"
        for rdata in rdatas
    ]
    return "\n".join(lines) + "\n"
