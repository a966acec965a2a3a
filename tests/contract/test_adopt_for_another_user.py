"""certbot is root's, and Danelaw may run as a user of its own, whose all is then that it takes over."""

from __future__ import annotations

import importlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from certbot_world import NAME, URL, Machine, account_of_certbot, as_certbot_left, credential, danelaw_renewed
from cryptography.hazmat.primitives.asymmetric import ec
from josepy.jwk import JWK, JWKEC
from josepy.util import ComparableECKey

from danelaw import wiring
from danelaw.app.config import load

pytestmark = pytest.mark.slow

USER, GROUP = 64000, 64001
"""Nobody's."""


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> None:
    """All that a course needs: who runs Danelaw can read it, but may not be able to read this interpreter."""
    machine = Machine(tmp_path_factory.mktemp("imported") / "machine")
    as_certbot_left(machine)
    machine.adopted()
    danelaw_renewed(machine)
    machine.adopted("--undo", "--keep-records")
    machine.adopted()


@pytest.fixture
def machine(imported: None) -> Iterator[Machine]:
    if os.geteuid() != 0:
        pytest.skip("only root can act as another user")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # those above a test's own folder are root's alone
        machine = Machine(Path(folder))
        as_certbot_left(machine)
        os.chown(machine.path.parent, USER, GROUP)
        yield machine
    importlib.invalidate_caches()  # folders of this interpreter that the user could not read are there all the same


def an_account_key() -> JWK:
    return JWKEC(key=ComparableECKey(ec.generate_private_key(ec.SECP256R1())))


def of_root(machine: Machine) -> set[str]:
    """What root has in Danelaw's folders."""
    found = machine.path.parent.rglob("*")
    return {path.name for path in found if (path.lstat().st_uid, path.lstat().st_gid) != (USER, GROUP)}


def test_all_of_it_is_the_users_who_runs_danelaw(machine: Machine) -> None:
    given = of_root(machine)
    before = machine.presented()
    machine.adopted()
    assert machine.presented() == before
    assert of_root(machine) == given == {"danelaw.toml"}
    machine.adopted("--undo", "--keep-records")
    assert of_root(machine) == given


def test_certbots_account_becomes_the_users_too(machine: Machine) -> None:
    account_of_certbot(machine, an_account_key())
    given = of_root(machine)
    assert URL in machine.adopted().output
    assert (machine.path.parent / "accounts" / "ca" / "key.pem").is_file()
    assert of_root(machine) == given


def test_no_account_is_put_where_the_user_could_not_read_it(machine: Machine) -> None:
    """Danelaw could not order anything there, and would not say before it has to."""
    account_of_certbot(machine, an_account_key())
    elsewhere = machine.folder / "roots"
    elsewhere.mkdir(mode=0o755)
    machine.path.write_text(machine.path.read_text().replace('"accounts/ca"', f'"{elsewhere}/ca"'), encoding="utf-8")
    said = " ".join(machine.adopted().output.split())
    assert "ACCOUNT_UNREADABLE" in said
    assert URL in said
    assert not any(elsewhere.iterdir())


def test_what_the_user_renewed_is_roots_again_when_it_is_certbots(machine: Machine) -> None:
    machine.adopted()
    second = danelaw_renewed(machine)
    machine.adopted("--undo", "--keep-records")
    assert machine.presented() == second
    assert {path.lstat().st_uid for path in machine.letsencrypt.rglob("*")} == {0}
    machine.adopted()
    assert machine.presented() == second


def test_root_is_root_again_whatever_happened(machine: Machine) -> None:
    def fails() -> None:
        with wiring.as_owner_of(machine.path.parent / "not" / "there"):
            assert (os.geteuid(), os.getegid()) == (USER, GROUP)
            raise OSError("as disks do")

    with pytest.raises(OSError, match="as disks do"):
        fails()
    assert (os.geteuid(), os.getegid()) == (0, 0)


def test_a_server_is_reloaded_by_systemd_for_such_a_user(machine: Machine) -> None:
    text = machine.conf.read_text().replace("renew_hook = systemctl reload nginx", "installer = apache")
    machine.conf.write_text(text, encoding="utf-8")
    machine.adopted()
    (service,) = load(machine.path).services
    assert service.hosts[0].reloads == (("systemctl", "reload", "apache2"),)


def test_what_only_root_may_run_is_told(machine: Machine) -> None:
    text = machine.conf.read_text().replace("systemctl reload nginx", "/usr/local/sbin/spread")
    machine.conf.write_text(text, encoding="utf-8")
    said = " ".join(machine.adopted().output.split())
    assert f"Danelaw as user {USER}, who will run env RENEWED_LINEAGE=" in said


def test_a_link_of_the_users_is_not_followed_by_root(machine: Machine) -> None:
    machine.adopted()
    secret = machine.folder / "root's"
    secret.mkdir(mode=0o700)
    for kind, content in credential((NAME,)).items():
        (secret / f"{kind}.pem").write_bytes(content)
    target = machine.live.readlink()
    target.unlink()
    target.symlink_to(secret)
    assert machine.refused("--undo", "--keep-records").code == "DEPLOY_FAILED"
