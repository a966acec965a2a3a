"""Taking over what certbot left on the disk: nothing is seen from outside, all can be undone, whenever killed."""

from __future__ import annotations

import fcntl
import os
import signal
from pathlib import Path

import pytest
from certbot_world import NAME, SERVER, Machine, as_certbot_left, killed

from danelaw.app.config import load
from danelaw.core.model import KeyAlgorithm

pytestmark = pytest.mark.slow


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(tmp_path)
    as_certbot_left(machine)
    return machine


def test_a_certificate_becomes_a_service_and_serves_on(machine: Machine) -> None:
    before = machine.presented()
    machine.adopted()
    assert machine.presented() == before
    (service,) = load(machine.path).services
    assert [str(endpoint) for endpoint in service.endpoints] == [f"{NAME}:443/tcp"]
    assert (service.issuer, service.hosts[0].reloads) == ("ca", (("systemctl", "reload", "nginx"),))
    assert machine.live.readlink() == service.hosts[0].directory
    assert not list(machine.conf.parent.glob("*.conf"))
    assert machine.live.resolve().parent.name == "generations"


def test_what_certbot_has_is_neither_changed_nor_deleted(machine: Machine) -> None:
    before = machine.left()
    machine.adopted()
    aside = {name.replace(f"{NAME}.before-danelaw/", f"{NAME}/"): content for name, content in machine.left().items()}
    assert aside[f"renewal/{NAME}.conf.danelaw"] == before.pop(f"renewal/{NAME}.conf")
    assert before.items() <= aside.items()


def test_undone_all_is_as_it_was(machine: Machine) -> None:
    before = machine.left()
    machine.adopted()
    machine.adopted("--undo", "--keep-records")
    assert machine.left() == before
    assert load(machine.path).services == ()


def test_adopted_undone_and_adopted_again(machine: Machine) -> None:
    for _ in range(2):
        machine.adopted()
        assert "already" in machine.adopted().output
        machine.adopted("--undo", "--keep-records")
    assert machine.refused("--undo").code == "CERTBOT_NOT_ADOPTED"


def test_a_dry_run_changes_nothing(machine: Machine) -> None:
    before = machine.left()
    assert f'endpoints = ["{NAME}:443"]' in machine.adopted("--dry-run").output
    assert (machine.left(), machine.service.exists()) == (before, False)
    machine.adopted()
    taken = machine.left()
    machine.adopted("--undo", "--keep-records", "--dry-run")
    assert (machine.left(), machine.service.exists()) == (taken, True)


def test_names_that_are_not_served_stay_in_the_certificate(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    as_certbot_left(machine, NAME, "example.net", "www.example.org")
    machine.adopted()
    (service,) = load(machine.path).services
    assert [t.name.to_text() for t in service.targets] == ["www.example.net.", "example.net."]
    assert [name.to_text() for name in service.further_names] == ["www.example.org."]


def test_endpoints_may_be_others(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    as_certbot_left(machine, NAME, "mail.example.net")
    machine.adopted("--endpoint", "mail.example.net:25")
    (service,) = load(machine.path).services
    assert [str(e) for e in service.endpoints] == ["mail.example.net:25/tcp"]
    assert [name.to_text() for name in service.further_names] == ["www.example.net."]


def test_an_rsa_key_stays_one(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    as_certbot_left(machine, kind="rsa")
    before = machine.presented()
    machine.adopted()
    (service,) = load(machine.path).services
    assert service.algorithms == (KeyAlgorithm.RSA,)
    assert machine.presented() == before
    machine.adopted("--undo", "--keep-records")
    assert machine.presented() == before


def test_a_key_that_servers_read_by_themselves_is_left_alone(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    as_certbot_left(machine, mode=0o640)
    (machine.live / "privkey.pem").resolve().chmod(0o640)
    before = machine.left()
    assert machine.refused().code == "CERTBOT_SHARED_KEY"
    assert machine.left() == before


def test_an_issuer_that_there_is_none_of_is_written_for_the_operator(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    as_certbot_left(machine)
    machine.conf.write_text(
        machine.conf.read_text().replace(SERVER, "https://acme-v02.api.letsencrypt.org/directory"), encoding="utf-8"
    )
    problem = machine.refused()
    assert problem.code == "ISSUER_UNCLEAR"
    for line in ("[issuers.letsencrypt]", 'directory = "letsencrypt"', 'webroot = "/var/www/html"'):
        assert line in problem.hint


def test_a_certbot_that_is_at_work_is_waited_for(machine: Machine) -> None:
    with (machine.letsencrypt / ".certbot.lock").open("w") as lock:
        child = os.fork()
        if child == 0:
            fcntl.lockf(lock, fcntl.LOCK_EX)  # a lock is a process's: another one has it
            os.kill(os.getpid(), signal.SIGSTOP)
            os._exit(0)
        os.waitpid(child, os.WUNTRACED)
        try:
            assert machine.refused().code == "CERTBOT_BUSY"
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def test_records_that_would_match_no_more_hold_it_up(machine: Machine) -> None:
    """Nobody tells here whether there are any."""
    machine.adopted()
    taken = machine.left()
    result = machine.danelaw("--undo")
    assert result.status == 4
    assert "danelaw withdraw" in result.output
    assert machine.left() == taken
    with machine.conf.with_name(f"{machine.conf.name}.danelaw").open("a") as conf:
        conf.write("[renewalparams]\nreuse_key = True\n")
    machine.adopted("--undo")


def test_killed_at_every_change_it_goes_on_or_is_undone(tmp_path: Path) -> None:
    number, alive = 0, False
    while not alive:
        for step, then in enumerate(((), ("--undo", "--keep-records"))):
            machine = Machine(tmp_path / f"{number}-{step}")
            as_certbot_left(machine)
            before, left = machine.presented(), machine.left()
            alive = not killed(machine, number)
            assert machine.presented() == before, number
            result = machine.danelaw(*then)
            assert machine.presented() == before, number
            if then and result.status == 0:
                assert machine.left() == left, number
                assert not machine.service.exists()
            elif then:
                assert result.problem is not None, number
                assert result.problem.code == "CERTBOT_NOT_ADOPTED", number
                machine.adopted()
            assert not then or machine.conf.exists() or machine.live.is_symlink()
            if not then:
                assert result.status == 0, (number, result.problem)
                assert machine.live.is_symlink()
                assert not machine.conf.exists()
                assert len(load(machine.path).services) == 1
        number += 1
    assert number > 30


def test_killed_at_every_change_of_giving_back_it_ends_as_it_was(tmp_path: Path) -> None:
    number, alive = 0, False
    while not alive:
        machine = Machine(tmp_path / str(number))
        as_certbot_left(machine)
        before, left = machine.presented(), machine.left()
        machine.adopted()
        alive = not killed(machine, number, "--undo", "--keep-records")
        assert machine.presented() == before, number
        if machine.danelaw("--undo", "--keep-records").status != 0:
            assert machine.refused("--undo", "--keep-records").code == "CERTBOT_NOT_ADOPTED", number
        assert machine.left() == left, number
        machine.adopted()
        assert machine.presented() == before
        number += 1
    assert number > 10
