"""Addresses that present different certificates, each of which matches: in a roll, or for good."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

from danelaw.core.tlsa import Verdict
from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said


def _look(case: Case) -> Iterable[Said]:
    leaves: dict[bytes, list[str]] = {}
    for view in case.views:
        if not all(hello.restricted for hello in view.hellos) and view.handshake.chain.ders:
            leaves.setdefault(view.handshake.chain.ders[0], []).append(str(view.address))
    differing = len({tuple(sorted(addresses)) for addresses in leaves.values()}) > 1
    if differing:
        yield Said(
            str(case.evidence.endpoint),
            "not every address presents the same certificate",
            details=tuple(
                f"{hashlib.sha256(leaf).hexdigest()[:16]}… at {', '.join(dict.fromkeys(addresses))}"
                for leaf, addresses in leaves.items()
            ),
        )


RULE: Final = Rule(
    id="ADDRESSES_DIFFER",
    level=Level.INFO,
    citation="RFC 7671 §8",
    remedy="none while a new certificate is brought to each machine; otherwise see that all of them are renewed",
    applies=lambda case: (
        len({view.address for view in case.views}) > 1
        and all(view.match.verdict is Verdict.MATCHED for view in case.views)
    ),
    look=_look,
)
