"""P3: one TLSA record is added to a signed zone, file to file. Goal: 20 times less CPU than signing again, and a cost
that grows with the change and not with the zone.

The zone is that of P1, signed. Peers get their own signed zone with the one record more in it, and keep what signatures
they find right: dnssec-signzone without its last verification, and kzonesign. Ours is ``danelaw zone add``: it edits
the source, signs anew what has changed, and proves that the whole is right again.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

from zone_contest import (
    OURS,
    ZONE,
    Arena,
    Command,
    Contestant,
    ContestError,
    arena,
    arguments,
    contest,
    guarded,
    measured,
    print_ratios,
    profile,
    remove,
    tlsa,
)


def main() -> int:
    options = arguments(__doc__).parse_args()
    with arena(options.hosts) as place:
        mine = publishing(place)
        if options.profile:
            return profile(mine, place.directory)
        with_peers = {
            OURS: mine,
            "dnssec-signzone -P": again(place, place.signzone("-P"), lambda file: place.signzone("-P", file=file)),
            "kzonesign": again(place, place.knot(), place.knot),
        }
        costs = contest(options.rounds, with_peers, place.directory)
        for contestant in with_peers.values():
            check(place, contestant, options.rounds - 1)
    print_ratios(f"P3 publish one, {options.hosts} hosts", costs, "20x less CPU")
    small = max(options.hosts // 4, 10)
    with arena(small) as place:
        mine = publishing(place)
        least = contest(options.rounds, {OURS: mine}, place.directory)[OURS]
        check(place, mine, options.rounds - 1)
    growth = costs[OURS].cpu / least.cpu
    print(f"  with {options.hosts / small:.0f} times the hosts our CPU time is {growth:.2f} times as much   goal 1")
    return 0


def added(turn: int) -> tuple[str, str]:
    """An owner, relative to the zone, and the rdata of its new record."""
    return f"_25._tcp.h{turn}", tlsa(-1 - turn)


def publishing(place: Arena) -> Contestant:
    """Ours, beginning with a zone that was served before."""
    served = place.serving()
    served.prepare(0)
    measured(served.command(0), place.directory)

    def command(turn: int) -> Command:
        owner, rdata = added(turn)
        return place.danelaw("add", place.source, served.output, owner, "TLSA", *rdata.split())

    return Contestant(command, served.output)


def again(place: Arena, first: Contestant, signer: Callable[[Path], Contestant]) -> Contestant:
    """A peer that signs again what it signed at ``first``, with the one record more."""
    first.prepare(0)
    measured(first.command(0), place.directory)
    text = first.output.read_bytes()
    changed = first.output.with_name(f"{first.output.name}.changed")
    remove(first.output)
    second = signer(changed)

    def prepare(turn: int) -> None:
        second.prepare(turn)
        owner, rdata = added(turn)
        changed.write_bytes(text + f"{owner}.{ZONE}. 3600 IN TLSA {rdata}\n".encode())

    return Contestant(second.command, second.output, prepare)


def check(place: Arena, contestant: Contestant, turn: int) -> None:
    """Raises ``ContestError`` unless the zone is right and holds the new record."""
    place.check(contestant.output)
    _, rdata = added(turn)
    if rdata.rsplit(" ", 1)[1] not in re.sub(r"\s", "", contestant.output.read_text(encoding="ascii")).lower():
        raise ContestError(f"{contestant.output.name} does not hold the new record")


if __name__ == "__main__":
    sys.exit(guarded(main))
