"""What was seen, each fact in a line."""

from __future__ import annotations

from danelaw.core.model import Answer, Chain, Hello, Unreachable
from danelaw.core.rollover.conditions import says, type_text
from danelaw.core.rollover.facts import (
    Dated,
    Fact,
    Got,
    Holding,
    Judged,
    Presented,
    RenewalInfo,
    Roster,
    Sight,
    ZoneKeys,
)
from danelaw.core.rollover.history import in_order
from danelaw.core.tlsa.credential import leaf_validity


def evidence(fact: Fact) -> str:
    """What was looked at, and what was found there."""
    match fact:
        case Sight(server=server, serial=serial, owner=owner, type=asked, answer=answer, refused=refused):
            return f"{server} at serial {serial if serial is not None else '?'}: {_said(answer, refused=refused)}" + (
                "" if answer is not None else f" to {owner} {type_text(asked)}"
            )
        case Roster(zone=zone, servers=servers):
            return f"{zone} is served by {', '.join(map(str, in_order(servers))) or 'nobody'}"
        case Judged(owner=owner, type=asked, state=state):
            return f"{owner} {type_text(asked)} is {state.value}"
        case Presented(endpoint=endpoint, address=address, hello=hello, got=got):
            return f"{address} port {endpoint.port} {presented(got)}, to {_client(hello)}"
        case Holding(lineage=lineage, generations=generations, live=live):
            held = ", ".join(
                str(g.generation) + ("" if g.chain is not None else " (no certificate)") for g in generations
            )
            kind = lineage.algorithm.value.upper()
            return f"{kind} generations stored: {held or 'none'}; on the serving path: {live or 'none'}"
        case ZoneKeys(zone=zone, ksks=ksks, zsks=zsks):
            return f"keys of {zone}: {len(ksks)} KSK, {len(zsks)} ZSK"
        case RenewalInfo(window=window):
            return f"the CA suggests renewal from {window.start:%Y-%m-%d %H:%M} to {window.end:%Y-%m-%d %H:%M} UTC"
        case Dated(source=source, date=date):
            return f"by the clock of {source} it was {date:%Y-%m-%d %H:%M:%S} UTC"
        case _:
            return type(fact).__name__


def presented(got: Got) -> str:
    """What came of a handshake."""
    if isinstance(got, Chain):
        validity = leaf_validity(got)
        until = f" until {validity.end:%Y-%m-%d}" if validity is not None else ""
        return f"presents a chain of {len(got.ders)}, valid{until}"
    if isinstance(got, Unreachable):
        return f"cannot be reached [{got.code}]"
    code = getattr(got, "code", "")
    return f"gives no handshake [{code}]" if code else "does not offer such a credential"


def _said(answer: Answer | None, *, refused: bool) -> str:
    if answer is None:
        return "refuses to answer" if refused else "no usable answer"
    return says(answer)


def _client(hello: Hello) -> str:
    parts = [
        f"one that sends {hello.sni.to_text(omit_final_dot=True)}" if hello.sni is not None else "one without SNI",
        hello.version.value if hello.version is not None else "",
        f"{hello.algorithm.value.upper()} alone" if hello.algorithm is not None else "",
    ]
    return ", ".join(filter(None, parts))
