"""Which rules the exhaustive explorer misses at once, and in how small a world: ``python -m mutation.explored NAME``.

For each of these mutants there is a hole in a world with the fault that it needs, and with the smallest budget. Exits
with status 1 if there is none. Without the mutant the same worlds hold: they are parts of those that are explored.
"""

from __future__ import annotations

import sys
from typing import Final

from danelaw.core.rollover.succession import Strategy
from danelaw.worlds.sim.explorer.faults import (
    IDLE,
    LAG,
    LOST_STORE,
    RESTORE,
    RETARGET,
    SILENCE,
)
from danelaw.worlds.sim.explorer.scene import Scene
from danelaw.worlds.sim.explorer.search import Search, SmallWorld
from danelaw.worlds.sim.explorer.worlds import small_world


def _staged(budget: int, *faults: str) -> SmallWorld:
    return small_world(Scene(), budget, frozenset(faults))


EXPLORED: Final[dict[str, SmallWorld]] = {
    "one TTL, not two": _staged(0),
    "the look-up delay is no part of the hold": _staged(0),
    "one secondary is skipped": _staged(1, LAG),
    "what an authority left once it never serves again": _staged(1, RESTORE),
    "observed_since is forgotten": _staged(1, LOST_STORE),
    "an unknown answer is presumed to match what is presented": _staged(1, LOST_STORE),
    "with an unknown history whole-certificate records may change": small_world(
        Scene(roll="renewal", strategy=Strategy.PINNED, tlsa="3 0 1"), 1, frozenset({LOST_STORE})
    ),
    "no address is cached that DNS no longer has": small_world(Scene(elsewhere=True), 2, frozenset({RETARGET, IDLE})),
    "a gap counts for nothing at an authority": _staged(2, SILENCE, RESTORE),
    "a silent authority goes on as it was last seen": _staged(2, SILENCE, RESTORE),
    "a sight vouches for ever": _staged(2, SILENCE, RESTORE),
    "a question without an answer says nothing": small_world(Scene(gap=3), 2, frozenset({SILENCE, RESTORE})),
}


def main() -> int:
    world = EXPLORED[sys.argv[1]]
    verdict = Search(world, most_seconds=300).run()
    if not verdict.hole and not verdict.stuck:
        print(f"no hole in {world.name}: {verdict.states} states")
        return 1
    found = "hole" if verdict.hole else "roll that does not end"
    print(f"{found} at tick {len(verdict.hole or verdict.stuck)} of {world.name}: {verdict.states} states")
    return 0


if __name__ == "__main__":
    import mutation.mutated_sources  # noqa: F401 - it looks whether the copy is what is explored

    sys.exit(main())
