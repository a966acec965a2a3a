"""Programs in use that refuse what the standards let pass."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.tlsa import Verdict, match
from danelaw.core.tlsa.profiles import PROFILES
from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said

_MAIL_SERVERS: Final = frozenset({"postfix", "exim"})


def _look(case: Case) -> Iterable[Said]:
    for view in case.views:
        if view.match.verdict is not Verdict.MATCHED:
            continue
        refusing: dict[str, list[str]] = {}
        for name, profile in PROFILES.items():
            if name in _MAIL_SERVERS and not case.reference.opportunistic:
                continue
            found = match(case.records, view.handshake.chain, case.reference, view.at, profile)
            if found.verdict is Verdict.MISMATCH:
                refusing.setdefault(str(found.reason), []).append(name)
        for why, names in refusing.items():
            yield Said(
                str(case.evidence.endpoint),
                f"what is presented to {view.whom} matches by the standards, and clients that work like "
                f"{', '.join(names)} refuse it all the same",
                view.address,
                (why,),
            )


RULE: Final = Rule(
    id="CLIENT_REFUSES",
    level=Level.WARNING,
    citation="RFC 7671 §5.1",
    remedy="have the certificate bear the name that clients want, and send its whole chain; 3 1 1 asks for the least",
    applies=lambda case: bool(case.usable and case.views),
    look=_look,
)
