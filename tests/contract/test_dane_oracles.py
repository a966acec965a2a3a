"""What other verifiers of DANE say of thousands of chains and TLSA RRsets, beside what we say.

OpenSSL's is called in this process, ``ldns-dane`` is given files, and ``danetool`` and ``posttls-finger`` look for
themselves, in namespaces of their own. docs/divergences.md lists, with the reason, where they judge otherwise than the
RFCs have it, what the profile of each leaves out, and what they refuse though a publisher would rely on it. What is not
listed fails, and so does what is listed and no more.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from agreement import room
from agreement.cases import Case, Word, every_case, mixtures, ours, sample, server_files, some_cases
from agreement.chains import DOMAIN, NAMES, Presented, chains
from agreement.divergences import OF_CLIENTS, OF_PROFILES, OF_STRICT, Difference, is_about, listed, stale, unlisted
from agreement.issuing import Issuer
from agreement.libssl import LibraryMissingError, LibSSL
from agreement.rrsets import ALL, ESSENTIAL
from agreement.witnesses import by_ldns_dane, by_libssl, by_s_client, in_a_room
from danelaw.core.model import DanelawError
from danelaw.core.tlsa.profiles import PROFILES, RFC, STRICT, Profile
from danelaw.worlds.lab.real import namespaces

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

VERIFIERS: Final = frozenset({"OpenSSL", "OpenSSL without names", "ldns-dane", "Postfix", "danetool"})
SMTP: Final = frozenset({"Postfix"})
"""They are clients of SMTP, to whom usages 0 and 1 mean nothing (RFC 7672 §3.1.3)."""


@dataclass(frozen=True)
class Agreed:
    """The cases of this run, and what one verifier said of some of them."""

    verifier: str
    now: datetime
    cases: Sequence[Case]
    words: Sequence[Word]

    def differences(self, profile: Profile) -> list[Difference]:
        found = []
        for case, word in zip(self.cases, self.words, strict=True):
            mine = ours(case, self.now, profile, smtp=self.verifier in SMTP)
            if mine.accepts != word.accepts:
                said = f"{mine.said} | {word.said}"
                found.append(Difference(self.verifier, case, mine.word, word.word, said))
        return found

    def hold_to_all(self, profile: str) -> None:
        """Fails where the tables list too little or too much of this verifier, whose profile has this name.

        Whom the strict rule refuses somebody may well accept. It is about single records: in an RRset of several each
        combination has to match by itself.
        """
        self._hold_to(OF_CLIENTS, self.differences(RFC))
        self._hold_to(OF_PROFILES, self.differences(PROFILES[profile]))
        promised = [one for one in self.differences(STRICT) if one.ours == "accepts" and one.case.single]
        self._hold_to(OF_STRICT, promised)

    def _hold_to(self, title: str, differences: Sequence[Difference]) -> None:
        rows = listed(title)
        assert (unlisted(differences, rows), stale(self.verifier, self.cases, differences, rows)) == ([], [])


@dataclass(frozen=True)
class World:
    now: datetime
    chains: Mapping[str, Presented]
    folder: Path
    files: Mapping[str, Path]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    now = datetime.now(UTC).replace(microsecond=0)  # those who look for themselves have no other time
    made = chains(Issuer(now))
    folder = tmp_path_factory.mktemp("agreement")
    return World(now, made, folder, server_files(folder, iter(made.values())))


@pytest.fixture(scope="module")
def library() -> LibSSL:
    try:
        return LibSSL()
    except LibraryMissingError as error:
        pytest.skip(f"no libssl: {error}")


@pytest.fixture(scope="module")
def openssl(world: World, library: LibSSL) -> Agreed:
    """OpenSSL's word on every case."""
    cases = every_case(world.chains)
    return Agreed("OpenSSL", world.now, cases, by_libssl(library, cases, world.now, names_under_dane_ee=True))


@pytest.fixture(scope="module")
def openssl_without_names(world: World, library: LibSSL, openssl: Agreed) -> Agreed:
    """And where it is told not to look at names under DANE-EE: there no other usage is touched."""
    asked = [number for number, case in enumerate(openssl.cases) if "3 " in case.text]
    words = list(openssl.words)
    again = by_libssl(library, [openssl.cases[number] for number in asked], world.now, names_under_dane_ee=False)
    for number, word in zip(asked, again, strict=True):
        words[number] = word
    return Agreed("OpenSSL without names", world.now, openssl.cases, words)


@pytest.fixture
def rooms(require_program: Callable[..., str]) -> dict[str, str]:
    """The programs for namespaces, where this machine allows them."""
    programs = {program: require_program(program, package=package) for program, package in room.PACKAGES.items()}
    try:
        namespaces.run(("true",), programs)
    except DanelawError as error:
        if error.code != "NAMESPACES_FORBIDDEN":
            raise
        pytest.skip(f"{error}: {error.evidence}")
    return programs


# -- OpenSSL -----------------------------------------------------------------------------------------------------------


def test_openssl_differs_as_listed(openssl: Agreed) -> None:
    openssl.hold_to_all("openssl")


def test_openssl_that_looks_at_no_names_under_dane_ee_differs_as_listed(openssl_without_names: Agreed) -> None:
    openssl_without_names.hold_to_all("openssl-no-ee-names")


def test_openssl_matches_the_same_record_at_the_same_depth(openssl_without_names: Agreed) -> None:
    """But that it counts a bare key that issued the last certificate as that one's depth, and we as one above."""
    told = openssl_without_names
    found, bare = [], 0
    for case, word in zip(told.cases, told.words, strict=True):
        mine = ours(case, told.now, PROFILES["openssl-no-ee-names"])
        if mine.accepts and word.accepts and (mine.depth, mine.record) != (word.depth, word.record):
            if word.record == mine.record and word.depth is not None and mine.depth == word.depth + 1:
                assert case.text.startswith("2 1 0 "), case.name
                bare += 1
            else:
                found.append((case.name, mine, word))
    assert found == []
    assert bare


def test_openssl_agrees_on_any_mixture_of_records_at_any_time(world: World, library: LibSSL) -> None:
    rows = listed(OF_PROFILES)
    for day in (-31, -10, 0, 30, 61):
        at = world.now + timedelta(days=day)
        cases = mixtures(world.chains, 1000, seed=day)
        words = by_libssl(library, cases, at, names_under_dane_ee=day % 2 == 0)
        profile = PROFILES["openssl" if day % 2 == 0 else "openssl-no-ee-names"]
        assert unlisted(Agreed("OpenSSL", at, cases, words).differences(profile), rows) == [], day


EDGES: Final = (-30, -2, 2, 60)
"""Days from now, where certificates of these chains begin and end."""


ONE_PATH: Final = ("usual", "root sent", "leaf expired")


def _at(world: World, library: LibSSL, at: datetime, named: Sequence[str]) -> list[str]:
    """Where OpenSSL and its profile disagree about these chains at that time, and no table says so."""
    cases = [Case(world.chains[name], text) for name in named for text in ESSENTIAL]
    words = by_libssl(library, cases, at, names_under_dane_ee=True)
    return unlisted(Agreed("OpenSSL", at, cases, words).differences(PROFILES["openssl"]), listed(OF_PROFILES))


@pytest.mark.parametrize("second", [-1, 1])
def test_openssl_agrees_just_before_and_after_a_certificate_begins_and_ends(
    world: World, library: LibSSL, second: int
) -> None:
    dated = [name for name in world.chains if "expired" in name or "valid" in name]
    edges = [world.now + timedelta(days=day, seconds=second) for day in EDGES]
    assert [_at(world, library, at, (*dated, *ONE_PATH)) for at in edges] == [[]] * len(edges)


def test_only_in_its_last_second_a_certificate_has_expired_to_openssl_and_not_to_us(
    world: World, library: LibSSL
) -> None:
    """RFC 5280 §4.1.2.5: it is valid through notAfter, inclusive. It begins for both in its first second."""
    told = {day: _at(world, library, world.now + timedelta(days=day), ONE_PATH) for day in EDGES}
    assert {day for day, differences in told.items() if differences} == {-2, 60}
    for one in (one for differences in told.values() for one in differences):
        assert "Danelaw accepts, it refuses" in one, one
        assert "certificate has expired" in one, one


@pytest.mark.parametrize("names_under_dane_ee", [True, False])
def test_s_client_says_of_handshakes_what_its_library_says_of_chains(
    world: World, library: LibSSL, require_program: Callable[..., str], *, names_under_dane_ee: bool
) -> None:
    openssl = require_program("openssl", package="openssl")
    at = world.now if names_under_dane_ee else world.now + timedelta(days=61)
    words = ("-attime", str(int(at.timestamp())), *(() if names_under_dane_ee else ("-dane_ee_no_namechecks",)))
    cases = sample(some_cases(world.chains), 7)
    told = asyncio.run(by_s_client(openssl, world.folder, world.files, cases, *words))
    judged = by_libssl(library, cases, at, names_under_dane_ee=names_under_dane_ee)
    assert [(case.name, one.accepts, one.depth) for case, one in zip(cases, told, strict=True)] == [
        (case.name, one.accepts, one.depth) for case, one in zip(cases, judged, strict=True)
    ]
    assert len({one.accepts for one in told}) == 2


# -- programs ----------------------------------------------------------------------------------------------------------


def test_ldns_dane_differs_as_listed(world: World, require_program: Callable[..., str]) -> None:
    ldns_dane = require_program("ldns-dane", package="ldnsutils")
    cases = some_cases(world.chains)
    words = asyncio.run(by_ldns_dane(ldns_dane, world.folder, cases))
    Agreed("ldns-dane", world.now, cases, words).hold_to_all("ldns")


def test_danetool_differs_as_listed(world: World, rooms: dict[str, str]) -> None:
    cases = some_cases(world.chains)
    words = in_a_room(world.folder, rooms, world.files, {"danetool": cases})["danetool"]
    Agreed("danetool", world.now, cases, words).hold_to_all("gnutls")


def test_postfix_differs_as_listed(world: World, rooms: dict[str, str]) -> None:
    cases = [case for case in some_cases(world.chains) if case.text[0] not in "01" or case.presented.name == "usual"]
    words = in_a_room(world.folder, rooms, world.files, {"posttls-finger": cases})["posttls-finger"]
    Agreed("Postfix", world.now, cases, words).hold_to_all("postfix")


def test_postfix_takes_the_name_of_the_domain_for_that_of_its_mail_server_as_its_profile_does(
    world: World, rooms: dict[str, str]
) -> None:
    """RFC 7672 §3.2.2: of a secure MX RRset the next-hop domain is a reference identifier too."""
    named = (*NAMES, "a common name alone", "a common name beside another", "a wildcard as common name", "no name")
    cases = [Case(world.chains[name], text) for name in named for text in ("3 1 1 leaf", "2 1 1 issuer")]
    words = in_a_room(world.folder, rooms, world.files, {room.BY_MX: cases})[room.BY_MX]
    mine = [ours(case, world.now, PROFILES["postfix"], smtp=True, more_names=(DOMAIN,)) for case in cases]
    assert [(case.name, one.accepts, one.depth) for case, one in zip(cases, words, strict=True)] == [
        (case.name, one.accepts, one.depth) for case, one in zip(cases, mine, strict=True)
    ]
    accepted = {case.presented.name for case, one in zip(cases, words, strict=True) if one.accepts and one.depth}
    assert {"a name above", "a wildcard"} <= accepted
    assert "another name" not in accepted


# -- the tables --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("title", [OF_CLIENTS, OF_PROFILES, OF_STRICT])
def test_each_row_says_which_text_decides_and_why(title: str, world: World) -> None:
    rows = listed(title)
    assert [row for row, count in Counter(rows).items() if count > 1] == []
    for row in rows:
        assert set(row.verifiers) <= VERIFIERS, row
        assert {row.ours, row.theirs} == {"accepts", "refuses"}, row
        assert not row.exact or set(row.chains) <= set(world.chains), row
        assert all(any(is_about(said, text) for text in ALL) for said in row.records), row
        assert row.decided_by.startswith("RFC "), row
        assert row.why, row
