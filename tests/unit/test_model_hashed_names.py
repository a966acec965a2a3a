"""Names that are hashed once are names as others are."""

from __future__ import annotations

import copy
import operator
import pickle

import dns.name
import pytest

from danelaw.core.model.names import HashedName, hashed

PLAIN = dns.name.from_text("www.Example.net.")
QUICK = hashed(PLAIN)


@pytest.mark.parametrize("text", ["www.Example.net.", "WWW.example.NET."])
def test_it_equals_the_same_name_however_that_is_spelt(text: str) -> None:
    other = dns.name.from_text(text)
    for same in (other, hashed(other)):
        assert (operator.eq(QUICK, same), operator.eq(same, QUICK)) == (True, True)
        assert (operator.ne(QUICK, same), operator.ne(same, QUICK)) == (False, False)
        assert hash(QUICK) == hash(same)
        assert {QUICK: 1}[same] == 1


@pytest.mark.parametrize("text", ["example.net.", "ww.example.net.", "www.example.net.net.", "."])
def test_it_differs_from_every_other_name(text: str) -> None:
    other = dns.name.from_text(text)
    for another in (other, hashed(other)):
        assert (operator.eq(QUICK, another), operator.eq(another, QUICK)) == (False, False)
        assert (operator.ne(QUICK, another), operator.ne(another, QUICK)) == (True, True)


def test_it_is_no_text() -> None:
    assert QUICK != "www.example.net."


def test_its_spelling_stays() -> None:
    assert QUICK.to_text() == "www.Example.net."
    assert hashed(QUICK) is QUICK


def test_it_is_copied_and_pickled() -> None:
    back = pickle.loads(pickle.dumps(QUICK))  # noqa: S301  # it is our own
    assert isinstance(back, HashedName)
    assert (back, hash(back)) == (QUICK, hash(PLAIN))
    assert copy.deepcopy(QUICK) == QUICK
    assert copy.copy(QUICK) == QUICK


def test_it_is_never_changed() -> None:
    for attribute in ("labels", "_hash"):
        with pytest.raises(TypeError):
            setattr(QUICK, attribute, ())
