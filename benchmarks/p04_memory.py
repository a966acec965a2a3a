"""P4: the memory that signing takes. Goal: at most 1.5 times that of ldns-signzone, and bounded for a large zone.

The zone is that of P1. Measured is the most that a process held: of ours while it signs, and while it signs and proves.
"""

from __future__ import annotations

import resource
import sys

from zone_contest import OURS, ContestError, arena, arguments, contest, guarded


def main() -> int:
    options = arguments(__doc__).parse_args()
    held: list[dict[str, int]] = []
    sizes = (options.hosts, options.hosts // 2)
    for hosts in sizes:
        with arena(hosts) as place:
            contestants = {OURS: place.signing(), f"{OURS}, with its proof": place.serving()}
            contestants |= {"ldns-signzone": place.ldns(), "dnssec-signzone -P": place.signzone("-P")}
            contestants |= {"kzonesign": place.knot()}
            costs = contest(options.rounds, contestants, place.directory)
            for contestant in contestants.values():
                place.check(contestant.output)
        floor = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        if any(cost.rss <= floor for cost in costs.values()):
            raise ContestError(f"{hosts} hosts are too few: this script holds more than a signer, which hides it")
        held.append({name: cost.rss for name, cost in costs.items()})
    most, few = held
    print(f"{f'P4 memory, {options.hosts} hosts':34}    most    a further host   to ldns-signzone")
    for name, rss in most.items():
        each = (rss - few[name]) / (sizes[0] - sizes[1])
        ratio = rss / most["ldns-signzone"]
        goal = "   goal 1.5x" if name == OURS else ""
        print(f"  {name:32}{rss / 1024:5.0f} MiB     {each:5.2f} KiB       {ratio:5.2f}x{goal}")
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main))
