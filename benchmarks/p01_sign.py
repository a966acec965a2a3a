"""P1: a zone is signed, from its text file to a signed one. Goal: 1.3 times as fast as the fastest peer.

The work: 20k hosts with A and TLSA records and their NSEC, 80k signatures, P-256. Peers: ldns-signzone, dnssec-signzone
without its verification, kzonesign. Ours leaves out the proof too, without which Danelaw writes nothing: P2 has it.
Every output must be accepted by ldns-verify-zone and dnssec-verify.
"""

from __future__ import annotations

import sys

from zone_contest import OURS, arena, arguments, contest, guarded, print_ratios, profile


def main() -> int:
    options = arguments(__doc__).parse_args()
    with arena(options.hosts) as place:
        if options.profile:
            return profile(place.signing(), place.directory)
        contestants = {
            OURS: place.signing(),
            "ldns-signzone": place.ldns(),
            "dnssec-signzone -P": place.signzone("-P"),
            "kzonesign": place.knot(),
        }
        costs = contest(options.rounds, contestants, place.directory)
        for contestant in contestants.values():
            place.check(contestant.output)
    print_ratios(f"P1 sign, {options.hosts} hosts", costs, "1.3x")
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main))
