"""Two certificates of certbot's for the same names, with an RSA key and with an ECDSA key, are one service."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import pytest
from certbot_world import NAME, Machine, as_certbot_left, danelaw_renewed, killed

from danelaw.app.config import load
from danelaw.core.model import KeyAlgorithm

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

RSA = f"{NAME}-rsa"


SHARE: Final = int(os.environ.get("KILLED_SHARE", "20"))
"""One change in so many; ``make prove`` takes every one."""


def pair(folder: Path) -> Machine:
    machine = Machine(folder, names=(RSA, NAME))
    as_certbot_left(machine, NAME, "example.net")
    as_certbot_left(machine, "example.net", NAME, kind="rsa", called=RSA)
    return machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return pair(tmp_path)


def test_both_serve_on_as_one_service(machine: Machine) -> None:
    before = [machine.presented(name) for name in (NAME, RSA)]
    output = machine.adopted().output
    assert [machine.presented(name) for name in (NAME, RSA)] == before
    (service,) = load(machine.path).services
    assert service.algorithms == (KeyAlgorithm.ECDSA, KeyAlgorithm.RSA)
    (host,) = service.hosts
    paths = [host.path(lineage) for lineage in service.lineages]
    assert [machine.live.readlink(), machine.live.with_name(RSA).readlink()] == paths
    assert not list(machine.conf.parent.glob("*.conf"))
    assert output.count("taken over") == 2
    assert machine.adopted().output.count("already") == 2


def test_both_go_back_with_what_serves_then(machine: Machine) -> None:
    before = machine.left()
    machine.adopted()
    machine.adopted("--undo", "--keep-records")
    assert machine.left() == before
    assert load(machine.path).services == ()
    machine.adopted()
    first, second = machine.presented(), danelaw_renewed(machine, RSA)
    machine.adopted("--undo", "--keep-records")
    assert (machine.presented(), machine.presented(RSA)) == (first, second)
    assert (machine.live / "cert.pem").readlink().name == "cert3.pem"
    assert (machine.live.with_name(RSA) / "cert.pem").readlink().name == "cert4.pem"


def test_one_of_them_does_not_go_back_alone(machine: Machine) -> None:
    machine.adopted()
    before = machine.left()
    machine.names = (RSA,)
    problem = machine.refused("--undo", "--keep-records")
    assert problem.code == "CERTBOT_PAIR"
    assert f"--cert-name {RSA} --cert-name {NAME}" in problem.hint
    assert machine.left() == before


def test_one_of_them_does_not_follow_alone(machine: Machine) -> None:
    machine.names = (NAME,)
    machine.adopted()
    before = machine.left()
    machine.names = (RSA,)
    assert machine.refused().code == "CERTBOT_SAME_NAMES"
    machine.names = (NAME, RSA)
    problem = machine.refused()
    assert (problem.code, machine.left()) == ("SERVICE_FILE_EXISTS", before)
    text = machine.service.read_text()
    machine.service.write_text(f'algorithms = ["ecdsa", "rsa"]\n{text}', encoding="utf-8")
    first = machine.presented(RSA)
    machine.adopted()
    assert machine.presented(RSA) == first
    machine.adopted("--undo", "--keep-records")


def test_a_credential_of_danelaws_own_is_not_driven_from_its_place(machine: Machine) -> None:
    machine.names = (NAME,)
    machine.adopted()
    text = machine.service.read_text()
    machine.service.write_text(f'algorithms = ["ecdsa", "rsa"]\n{text}', encoding="utf-8")
    own = load(machine.path).services[0].hosts[0].path(load(machine.path).services[0].lineages[1])
    own.symlink_to(machine.live.resolve())
    before = machine.left()
    machine.names = (NAME, RSA)
    problem = machine.refused()
    assert problem.code == "CERTBOT_SAME_NAMES"
    assert f"certbot delete --cert-name {RSA}" in problem.hint
    assert machine.left() == before
    machine.names = (NAME,)
    assert f"nobody renews what is in {own}" in " ".join(machine.adopted("--undo", "--keep-records").output.split())


def test_two_with_keys_of_one_kind_are_one_too_many(tmp_path: Path) -> None:
    machine = Machine(tmp_path, names=())
    as_certbot_left(machine)
    as_certbot_left(machine, called=f"{NAME}-0001")
    before = machine.left()
    problem = machine.refused()
    assert (problem.code, machine.left()) == ("CERTBOT_SAME_NAMES", before)
    machine.names = (f"{NAME}-0001",)
    machine.adopted()


def test_of_two_cas_one_is_to_be_chosen(machine: Machine) -> None:
    conf = machine.conf.with_name(f"{RSA}.conf")
    conf.write_text(conf.read_text().replace(machine.server, "https://other.test/dir"), encoding="utf-8")
    with machine.path.open("a", encoding="utf-8") as file:
        file.write('[issuers.other]\ntype = "acme"\ndirectory = "https://other.test/dir"\naccount = "accounts/other"\n')
        file.write('challenge = { type = "dns-01" }\n')
    problem = machine.refused()
    assert (problem.code, problem.hint) == ("ISSUER_UNCLEAR", "--issuer ca or other")
    machine.adopted("--issuer", "ca")


def test_killed_at_any_change_both_serve_on_and_go_on_or_back(tmp_path: Path) -> None:
    number, alive = 0, False
    while not alive:
        for undone in (False, True):
            machine = pair(tmp_path / f"{number}-{undone}")
            before, left = [machine.presented(name) for name in (NAME, RSA)], machine.left()
            alive = not killed(machine, number)
            assert [machine.presented(name) for name in (NAME, RSA)] == before, number
            if undone and machine.danelaw("--undo", "--keep-records").status == 0:
                assert machine.left() == left, number
            machine.adopted()
            assert [machine.presented(name) for name in (NAME, RSA)] == before, number
            alive = alive and not killed(machine, number, "--undo", "--keep-records")
            assert [machine.presented(name) for name in (NAME, RSA)] == before, number
            machine.names = ()
            machine.danelaw("--undo", "--keep-records")
            assert machine.left() == left, number
            assert load(machine.path).services == (), number
        number += SHARE
    assert number > 50
