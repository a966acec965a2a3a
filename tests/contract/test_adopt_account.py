"""certbot's ACME account goes with the certificate, so that CAA records which name it stay right."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from certbot_world import ACCOUNT, SERVER, URL, Machine, account_of_certbot, as_certbot_left
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from josepy.jwk import JWK, JWKEC, JWKRSA
from josepy.util import ComparableECKey, ComparableRSAKey

from danelaw import wiring
from danelaw.adapters.issue.account import AccountFiles, Known
from danelaw.adapters.issue.certbot import account
from danelaw.core.model import DanelawError


def an_rsa_key() -> JWK:
    return JWKRSA(key=ComparableRSAKey(rsa.generate_private_key(65537, 2048)))


def an_ec_key() -> JWK:
    return JWKEC(key=ComparableECKey(ec.generate_private_key(ec.SECP256R1())))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    found = Machine(tmp_path)
    as_certbot_left(found)
    return found


def own(machine: Machine) -> AccountFiles:
    return AccountFiles(machine.path.parent / "accounts" / "ca")


@pytest.mark.parametrize("make", [an_rsa_key, an_ec_key])
def test_the_issuer_goes_on_with_certbots_account(machine: Machine, make: object) -> None:
    assert callable(make)
    key = make()
    account_of_certbot(machine, key)
    before = machine.left()
    assert URL in machine.adopted().output
    assert (own(machine).key(), own(machine).known(SERVER)) == (key, Known(URL))
    assert stat.S_IMODE((own(machine).directory / "key.pem").stat().st_mode) == 0o600
    accounts = {path: content for path, content in before.items() if path.startswith("accounts")}
    assert accounts.items() <= machine.left().items()
    machine.adopted("--undo", "--keep-records")
    assert machine.left() == before
    assert own(machine).url(SERVER) == URL  # other services may go by it


def test_a_dry_run_takes_no_account(machine: Machine) -> None:
    account_of_certbot(machine, an_ec_key())
    machine.adopted("--dry-run")
    assert not own(machine).directory.exists()


def test_an_account_of_the_issuers_own_stays_and_certbots_is_told(machine: Machine) -> None:
    key = own(machine).key()
    account_of_certbot(machine, an_rsa_key())
    said = " ".join(machine.adopted().output.split())
    assert URL in said
    assert "accounturi" in said
    assert own(machine).key() == key


def test_without_an_account_of_certbots_nothing_is_said_of_one(machine: Machine) -> None:
    assert "\n  account " not in machine.adopted().output
    assert not own(machine).directory.exists()


def test_the_account_of_another_ca_is_not_taken(tmp_path: Path) -> None:
    machine = Machine(tmp_path, server="https://another.test/dir")
    as_certbot_left(machine)
    conf = machine.conf.read_text().replace("https://another.test/dir", SERVER)
    machine.conf.write_text(conf)
    account_of_certbot(machine, an_ec_key())
    machine.adopted("--issuer", "ca")
    assert not own(machine).directory.exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("private_key.json", "{"),
        ("private_key.json", "[]"),
        ("private_key.json", '{"kty": "oct", "k": "c2VjcmV0"}'),
        ("private_key.json", '{"kty": "RSA", "e": "AQAB", "n": "c2VjcmV0"}'),
        ("regr.json", "{}"),
        ("regr.json", '{"uri": 17}'),
        ("regr.json", '{"uri": "file:///etc/passwd"}'),
    ],
)
def test_an_account_that_is_none_is_told_and_holds_nothing_up(machine: Machine, name: str, content: str) -> None:
    folder = account_of_certbot(machine, an_ec_key())
    (folder / name).write_text(content)
    with pytest.raises(DanelawError) as told:
        account(machine.letsencrypt, SERVER, ACCOUNT)
    assert (told.value.code, "c2VjcmV0" in f"{told.value}{told.value.evidence}") == ("ACCOUNT_UNREADABLE", False)
    said = " ".join(machine.adopted().output.split())
    assert "a new account is made instead" in said
    assert not own(machine).directory.exists()


@pytest.mark.parametrize("name", ["..", "../../../elsewhere", "", "/etc", "none"])
def test_an_account_has_a_folder_of_its_own_or_is_none(machine: Machine, name: str) -> None:
    account_of_certbot(machine, an_ec_key())
    assert account(machine.letsencrypt, SERVER, name) is None
    assert wiring.certbot_account(machine.letsencrypt, SERVER, ACCOUNT) is not None
