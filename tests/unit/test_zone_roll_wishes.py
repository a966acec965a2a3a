"""What somebody who wants other keys is taken to ask for, by the keys that there are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import dns.name
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from danelaw.app.zone_roll import Wish, read_wish
from danelaw.core.dnssec.algorithms import Algorithm
from danelaw.core.dnssec.bind_keys import NEVER, KeyTimes
from danelaw.core.dnssec.key_choice import KeyRole
from danelaw.core.dnssec.keys import ZoneKey
from danelaw.core.model import DanelawError
from danelaw.core.rollover.zone_rolls import RollKind

ZONE = dns.name.from_text("example.net.")
NOW = datetime(2026, 11, 23, 12, 0, 0, 500000, tzinfo=UTC)
DAY = timedelta(days=1)
P256, P384 = Algorithm.ECDSAP256SHA256, Algorithm.ECDSAP384SHA384


def key(number: int, *, sep: bool, algorithm: Algorithm = P256) -> ZoneKey:
    curve = ec.SECP256R1() if algorithm is P256 else ec.SECP384R1()
    return ZoneKey.of(ZONE, 257 if sep else 256, algorithm, ec.derive_private_key(number, curve))


def since(days: float) -> KeyTimes:
    return KeyTimes.at_once(NOW - days * DAY)


K1, K2, Z1, Z2 = key(1, sep=True), key(2, sep=True), key(3, sep=False), key(4, sep=False)
KB = key(5, sep=True, algorithm=P384)
OLD = since(100)
IDLE = KeyTimes(created=(NOW - DAY).replace(microsecond=0))
SPLIT = ((K1, OLD), (Z1, OLD))
ZSK, KSK, CSK = KeyRole.ZSK, KeyRole.KSK, KeyRole.CSK


def wish(
    role: KeyRole | None, *keys: tuple[ZoneKey, KeyTimes], algorithm: Algorithm | None = None, anew: bool = False
) -> Wish:
    return read_wish(ZONE, keys, role, algorithm, NOW, anew=anew)


@pytest.mark.parametrize(
    ("role", "keys", "kind", "old"),
    [(ZSK, SPLIT, RollKind.ZSK, Z1), (KSK, SPLIT, RollKind.KSK, K1), (CSK, ((K1, OLD),), RollKind.KSK, K1)],
)
def test_the_keys_of_the_role_go_and_new_ones_are_made(
    role: KeyRole, keys: tuple[tuple[ZoneKey, KeyTimes], ...], kind: RollKind, old: ZoneKey
) -> None:
    found = wish(role, *keys)
    assert (found.kind, found.old, found.new, found.at) == (kind, (old,), (), NOW)


@pytest.mark.parametrize(
    ("role", "keys", "hint"),
    [
        (ZSK, ((K1, OLD),), "--csk"),
        (KSK, ((K1, OLD),), "--csk"),
        (CSK, SPLIT, "--zsk or --ksk"),
    ],
)
def test_a_role_that_no_key_has_is_told(role: KeyRole, keys: tuple[tuple[ZoneKey, KeyTimes], ...], hint: str) -> None:
    with pytest.raises(DanelawError) as caught:
        wish(role, *keys)
    assert (caught.value.code, caught.value.hint) == ("KEY_ROLE", f"ask for {hint}")
    assert str(K1.tag) in caught.value.evidence


MIDDLE = {
    "made": (Z2, IDLE, OLD),
    "published": (Z2, IDLE.changed(NOW, published=True, signs=False), OLD),
    "switched": (
        Z2, IDLE.changed(NOW, published=True, signs=True), OLD.changed(NOW, published=True, signs=False),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("new", "times", "old_times"), MIDDLE.values(), ids=MIDDLE)
def test_in_the_middle_of_a_roll_the_same_words_go_on_with_it(
    new: ZoneKey, times: KeyTimes, old_times: KeyTimes
) -> None:
    found = wish(ZSK, (K1, OLD), (Z1, old_times), (new, times))
    assert (found.old, found.new, found.at) == ((Z1,), (Z2,), IDLE.created)


def test_so_they_do_while_two_keys_sign_the_keys() -> None:
    found = wish(KSK, (K1, OLD), (K2, since(1)), (Z1, OLD))
    assert (found.old, found.new) == ((K1,), (K2,))


def test_unless_another_key_is_wanted_in_any_case() -> None:
    """As of a zone that has two of a kind all the time."""
    found = wish(KSK, (K1, OLD), (K2, since(1)), (Z1, OLD), anew=True)
    assert (found.old, found.new, found.at) == ((K1, K2), (), NOW)


def test_until_the_old_key_is_destroyed_they_go_on_too() -> None:
    """It is out of use, and somebody may hold it: who comes back in that time wants no third key."""
    gone = OLD.changed(NOW - DAY, published=False, signs=False)
    found = wish(ZSK, (K1, OLD), (Z1, gone), (Z2, since(2)))
    assert (found.old, found.new, found.at) == ((Z1,), (Z2,), since(2).created)
    assert wish(ZSK, (K1, OLD), (Z1, gone), (Z2, since(2)), anew=True).old == (Z2,)


@pytest.mark.parametrize(("out", "made"), [(8, 9), (1, 0.5)], ids=["left over long ago", "not for the other's sake"])
def test_a_key_that_is_out_of_use_otherwise_is_no_matter(out: float, made: float) -> None:
    gone = OLD.changed(NOW - out * DAY, published=False, signs=False)
    assert wish(ZSK, (K1, OLD), (Z1, since(made)), (Z2, gone)).old == (Z1,)


def test_a_key_of_unknown_age_is_older_than_any_other() -> None:
    found = wish(ZSK, (K1, OLD), (Z1, KeyTimes()), (Z2, since(1)))
    assert (found.old, found.new) == ((Z1,), (Z2,))


def test_an_algorithm_takes_the_place_of_all_others() -> None:
    found = wish(None, *SPLIT, (KB, KeyTimes(IDLE.created, publish=NEVER)), algorithm=P384)
    assert (found.kind, found.role, found.algorithm) == (RollKind.ALGORITHM, None, P384)
    assert (found.old, found.new) == ((K1, Z1), (KB,))
