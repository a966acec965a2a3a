"""P2: a zone is signed and all of it verified. Goal: 1.3 times as fast as dnssec-signzone, which verifies by default.

The zone is that of P1. Ours is ``danelaw zone sign``: the serial is raised in the source, the
signed text is read back and compared, every signature and the chain of names are checked, three files are written.
"""

from __future__ import annotations

import sys

from zone_contest import OURS, arena, arguments, contest, guarded, print_ratios, profile


def main() -> int:
    options = arguments(__doc__).parse_args()
    with arena(options.hosts) as place:
        if options.profile:
            return profile(place.serving(), place.directory)
        contestants = {OURS: place.serving(), "dnssec-signzone": place.signzone()}
        costs = contest(options.rounds, contestants, place.directory)
        for contestant in contestants.values():
            place.check(contestant.output)
    print_ratios(f"P2 sign and verify, {options.hosts} hosts", costs, "1.3x")
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main))
