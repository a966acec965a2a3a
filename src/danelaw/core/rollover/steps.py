"""The one mould of every change, as a table: what each step does, what is awaited in it, and what if it goes wrong.

First publication, renewal, a roll to another key, and the roll of a zone's keys are the same eight steps, some of them
empty. The documents' diagrams are drawn from this table, and a wait names its step by it.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final

from danelaw.core.rollover.actions import (
    Action,
    AdvanceOrder,
    ClearChallenge,
    DestroyKey,
    DestroyZoneKey,
    MakeKey,
    MakeZoneKey,
    MakeZoneKeys,
    PlaceChallenge,
    Publish,
    Retire,
    ReuseKey,
    Revoke,
    SignZone,
    SubmitDS,
    Switch,
)
from danelaw.core.rollover.succession import Strategy


class Step(enum.Enum):
    """The steps, in their order."""

    PREPARE = "prepare"
    PUBLISH = "publish"
    VISIBLE = "visible"
    SETTLE = "settle"
    SWITCH = "switch"
    CONFIRM = "confirm"
    WITHDRAW = "withdraw"
    SETTLED_AGAIN = "settled again"


@dataclass(frozen=True, slots=True)
class Row:
    """A step. ``what``: what comes about. ``does``: actions on a service that belong here; ``zone``: on a zone's keys.

    ``waits``: codes of the planner's waits, ``refusals``: of the gate's, each at the step where it is met first.
    ``judged``: what the gate compares before the action. ``trouble``: what may go wrong, and what happens then.
    """

    step: Step
    what: str
    does: tuple[type[Action], ...]
    zone: tuple[type[Action], ...]
    waits: tuple[str, ...]
    refusals: tuple[str, ...]
    judged: str
    trouble: str


STEPS: Final = (
    Row(
        Step.PREPARE,
        "a key is made, or kept, and the CA signs a certificate for it",
        (MakeKey, ReuseKey, AdvanceOrder, PlaceChallenge, ClearChallenge),
        (MakeZoneKeys, MakeZoneKey),
        (
            *("UNOBSERVED", "NO_ADDRESS"),
            *("CA_BUSY", "CA_FAILED", "CA_PENDING", "ORDER_FAILED", "CHALLENGE_NOT_VISIBLE"),
            *("CHALLENGE_ALIAS", "CHALLENGE_ELSEWHERE"),
            *("ZONE_UNSIGNED", "CDS_INVALID", "CDS_DELETE"),
            "CLOCK_WRONG",
        ),
        ("NOT_JUDGED", "WILDCARD_HOST"),
        "nothing: no client sees a change",
        "the CA refuses or is away: all stays as it was, and a new order has its time",
    ),
    Row(
        Step.PUBLISH,
        "the new records are added to the old ones, as one RRset",
        (Publish,),
        (SignZone,),
        ("NO_ASSOCIATION", "NOT_LOADED", "TLSA_ELSEWHERE"),
        (
            *("ZONE_NOT_SECURE", "NO_SHA256", "KEY_MISMATCH", "FOREIGN_ASSOCIATION", "EMPTY_RRSET"),
            *("ADDRESSES_UNSEEN", "ADDRESSES_UNKNOWN", "ALIAS_UNSEEN", "OWNER_IS_ALIAS", "UNREACHED"),
            *("UNPROBED", "NO_TLS", "CHAIN_UNMATCHED"),
            *("ZONE_UNSEEN", "KEYS_UNSIGNED"),
        ),
        "the new RRset with every chain that a server may present",
        "somebody else changed the RRset: nothing is written, and the next pass starts from what is there",
    ),
    Row(
        Step.VISIBLE,
        "every authority is seen to serve the union, and it validates",
        (),
        (),
        ("DNSKEY_NOT_VISIBLE", "CDS_NOT_VISIBLE", "DS_NOT_VISIBLE", "NOT_SECURE"),
        ("RRSET_UNSIGNED", "PARENT_UNSEEN"),
        "nothing: it is looked at, not changed",
        "a secondary lags or is silent: the clock of the next step does not start",
    ),
    Row(
        Step.SETTLE,
        "the older answers leave the caches",
        (),
        (),
        (),
        (
            *("ANSWER_HELD", "HISTORY_UNKNOWN"),
            *("KEYS_HELD", "SIGNATURES_HELD", "DS_HELD", "DS_MISMATCH", "UNSIGNED_HELD", "DS_WITHDRAWAL"),
        ),
        "nothing: it is waited",
        "an authority comes back with an old zone: the wait starts again from there",
    ),
    Row(
        Step.SWITCH,
        "the server is given the new certificate and reloaded",
        (Switch,),
        (SubmitDS,),
        (),
        ("NOT_STORED", "CERTIFICATE_REVOKED"),
        "the new chain with every answer that a client may hold",
        "the gate refuses: the old chain stays, and so does its record; near its end it is renewed with its own key",
    ),
    Row(
        Step.CONFIRM,
        "every address is seen to present the new chain",
        (),
        (),
        ("NOT_CONFIRMED", "NOT_SWITCHED"),
        (),
        "nothing: it is looked at, not changed",
        "an address presents another chain: it is reloaded again, and the old record stays",
    ),
    Row(
        Step.WITHDRAW,
        "the old records, and only these, are taken away",
        (Publish, Retire, Revoke),
        (SignZone,),
        ("LINGERING", "STILL_OFFERED", "FOREIGN_LEFT", "REMOVAL_REFUSED", "NOT_REVOKED", "REVOCATION_FAILED"),
        ("MANDATORY_CLIENTS", "NO_FALLBACK", "CERTIFICATE_IN_USE"),
        "what is left of the RRset with every chain that a server may present",
        "a server may still present the old chain: the old record stays",
    ),
    Row(
        Step.SETTLED_AGAIN,
        "no client can hold the old records; the old key is destroyed",
        (DestroyKey,),
        (DestroyZoneKey,),
        ("SETTLING", "KEY_KEPT", "TLSA_LEFT"),
        ("KEY_IN_USE", "KEY_PUBLISHED"),
        "the key with every answer that a client may hold and every chain that may be presented",
        "somebody may still need the key: it is kept, and that holds nothing else up",
    ),
)
"""Every step once, in the order of ``Step``."""

_SAME_KEY: Final = (Step.PREPARE, Step.SWITCH, Step.CONFIRM)

RENEWAL: Final[dict[Strategy, tuple[Step, ...]]] = {
    Strategy.STANDBY: _SAME_KEY,
    Strategy.STAGED: tuple(Step),
    Strategy.PINNED: _SAME_KEY,
}
"""The steps that lie in the path of a renewal, where no record names a whole certificate."""

_BY_CODE: Final = {code: row.step for row in STEPS for code in (*row.waits, *row.refusals)}


def step_of(code: str) -> Step | None:
    """The step in which a wait or a refusal of this code is met; None: the code is neither's."""
    return _BY_CODE.get(code)
