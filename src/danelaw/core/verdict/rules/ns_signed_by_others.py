"""Name servers whose signatures are by other keys than those of the rest: several signers, or a key roll on its way."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.model import RRset
from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said
from danelaw.core.verdict.signatures import rrsigs_of


def _look(case: Case) -> Iterable[Said]:
    for asked, versions in case.served:
        keys: dict[tuple[int, ...], list[str]] = {}
        for version in versions:
            if isinstance(version.answer, RRset) and version.answer.rrsigs:
                tags = tuple(sorted(rrsig.key_tag for rrsig in rrsigs_of(version.answer)))
                keys.setdefault(tags, []).append(version.server)
        if len(keys) > 1:
            yield Said(
                case.asked(asked),
                "not every name server has these records signed by the same keys",
                details=tuple(f"key {', '.join(map(str, tags))}: {', '.join(who)}" for tags, who in keys.items()),
            )


RULE: Final = Rule(
    id="NS_SIGNED_BY_OTHERS",
    level=Level.INFO,
    citation="RFC 8901 §2",
    remedy="none with several signers; otherwise wait until every name server has the new version",
    applies=lambda case: case.evidence.sweep is not None,
    look=_look,
)
