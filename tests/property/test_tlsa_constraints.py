"""Name constraints (RFC 5280 §4.2.1.10): names are looked up by what they end with, which says the same as each tree
held against each name."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from danelaw.core.tlsa.constraints import Constraints, Names, Subtrees, barred

labels = st.lists(st.sampled_from(["a", "b", "ab"]), max_size=4)
trees = st.tuples(st.sampled_from(["", "."]), labels).map(lambda tree: tree[0] + ".".join(tree[1]) if tree[1] else "")
names = st.tuples(st.sampled_from(["", "*."]), labels.filter(bool)).map(lambda name: name[0] + ".".join(name[1]))


def stands_for(name: str) -> list[str]:
    """What a dNSName covers: itself, or some of the names that a wildcard stands for."""
    return [label + name[1:] for label in ("a", "b", "ab", "c")] if name.startswith("*.") else [name]


def inside(name: str, tree: str) -> bool:
    if tree.startswith("."):
        return name.endswith(tree)
    return not tree or name == tree or name.endswith("." + tree)


@given(st.lists(names, max_size=4), st.lists(trees, max_size=4))
def test_all_that_a_name_stands_for_has_to_be_in_one_permitted_tree(
    given_names: list[str], permitted: list[str]
) -> None:
    expected = [
        name
        for name in given_names
        if permitted and not any(all(inside(one, tree) for one in stands_for(name)) for tree in permitted)
    ]
    constraints = Constraints(Subtrees(tuple(permitted)), Subtrees())
    assert barred(constraints, Names(tuple(given_names))) == (expected[0] if expected else None)


@given(st.lists(names, max_size=4), st.lists(trees, max_size=4))
def test_nothing_that_a_name_stands_for_may_be_in_an_excluded_tree(given_names: list[str], excluded: list[str]) -> None:
    """Nor at its top, dot in front or not: some take one for the other."""
    expected = [
        name
        for name in given_names
        if any(inside(one, tree.removeprefix(".")) for tree in excluded for one in stands_for(name))
    ]
    constraints = Constraints(Subtrees(), Subtrees(tuple(excluded)))
    assert barred(constraints, Names(tuple(given_names))) == (expected[0] if expected else None)


@given(names)
def test_what_is_longer_than_any_name_is_in_no_tree_for_certain(name: str) -> None:
    long = f"{name}.{'a' * 255}"
    for constraints in (Constraints(Subtrees(("",)), Subtrees()), Constraints(Subtrees(), Subtrees(("c",)))):
        assert barred(constraints, Names((long,))) == long
