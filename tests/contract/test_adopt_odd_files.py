"""What stands in certbot's directory is not always what certbot left there: nothing is lost, and nobody is cut off."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest
from certbot_world import NAME, Machine, as_certbot_left, credential, danelaw_renewed

from danelaw.adapters.deploy import certbot
from danelaw.app.config import load

pytestmark = pytest.mark.slow

KINDS = ("cert", "chain", "fullchain", "privkey")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(tmp_path)
    as_certbot_left(machine)
    return machine


# -- what is taken over, odd as it is ----------------------------------------------------------------------------------


def links_are_absolute(machine: Machine) -> None:
    for kind in KINDS:
        link = machine.live / f"{kind}.pem"
        target = link.resolve()
        link.unlink()
        link.symlink_to(target)


def numbers_are_missing(machine: Machine) -> None:
    """The first two were deleted, and an attempt has left a key without a certificate."""
    (machine.letsencrypt / "archive" / NAME / "privkey7.pem").write_bytes(b"of an attempt")


def kinds_of_keys_changed(machine: Machine) -> None:
    for kind, content in credential((NAME,), "rsa").items():
        (machine.letsencrypt / "archive" / NAME / f"{kind}2.pem").write_bytes(content)


def the_key_is_reused(machine: Machine) -> None:
    archive = machine.letsencrypt / "archive" / NAME
    for kind in KINDS:
        shutil.copy2(archive / f"{kind}3.pem", archive / f"{kind}2.pem")


def the_archive_is_elsewhere(machine: Machine) -> None:
    elsewhere = machine.folder / "elsewhere"
    (machine.letsencrypt / "archive").rename(elsewhere)
    (machine.letsencrypt / "archive").symlink_to(elsewhere)


def everything_is_elsewhere(machine: Machine) -> None:
    elsewhere = machine.folder / "elsewhere"
    machine.letsencrypt.rename(elsewhere)
    machine.letsencrypt.symlink_to(elsewhere)


def others_might_read_it_if_they_came_there(machine: Machine) -> None:
    """Before its version 0.29, certbot made keys so."""
    (machine.letsencrypt / "archive").chmod(0o700)
    (machine.letsencrypt / "archive" / NAME / "privkey3.pem").chmod(0o644)


def the_ca_is_asked_by_an_unknown_plugin(machine: Machine) -> None:
    machine.conf.write_text(machine.conf.read_text().replace("= webroot", "= certbot-dns-odd:dns-odd"))


def a_note_lies_beside_it(machine: Machine) -> None:
    (machine.live / "README").write_text("certbot's", encoding="utf-8")
    (machine.live.parent / "README").write_text("certbot's", encoding="utf-8")


@pytest.mark.parametrize(
    "odd",
    [
        links_are_absolute,
        numbers_are_missing,
        kinds_of_keys_changed,
        the_key_is_reused,
        the_archive_is_elsewhere,
        everything_is_elsewhere,
        others_might_read_it_if_they_came_there,
        the_ca_is_asked_by_an_unknown_plugin,
        a_note_lies_beside_it,
    ],
    ids=lambda odd: str(odd.__name__),
)
def test_it_goes_there_and_back_and_is_renewed_meanwhile(machine: Machine, odd: object) -> None:
    assert callable(odd)
    odd(machine)
    before, first = machine.left(), machine.presented()
    machine.adopted()
    assert machine.presented() == first
    machine.adopted("--undo", "--keep-records")
    assert machine.left() == before
    machine.adopted()
    second = danelaw_renewed(machine)
    assert second != first
    machine.adopted("--undo", "--keep-records")
    assert machine.presented() == second
    after = machine.left()
    assert {path for path in before if after[path] != before[path]} == {f"live/{NAME}/{kind}.pem" for kind in KINDS}
    numbers = {str((machine.live / f"{kind}.pem").readlink().name) for kind in KINDS}
    assert numbers == {f"{kind}{8 if odd is numbers_are_missing else 4}.pem" for kind in KINDS}
    assert (machine.live / "privkey.pem").stat().st_mode & 0o777 == 0o600
    machine.adopted()
    assert machine.presented() == second


def test_one_that_has_expired_is_taken_too(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    as_certbot_left(machine, days=-3)
    machine.adopted()
    assert len(load(machine.path).services) == 1


def test_numbers_behind_the_name_are_part_of_it(tmp_path: Path) -> None:
    machine = Machine(tmp_path, names=(f"{NAME}-0001",))
    as_certbot_left(machine, called=f"{NAME}-0001")
    machine.adopted()
    (service,) = load(machine.path).services
    assert service.subject == f"{NAME}:443/tcp"
    assert machine.service.with_name(f"{NAME}-0001.toml").exists()
    machine.adopted("--undo", "--keep-records")


# -- what is refused before anything is done ---------------------------------------------------------------------------


def a_link_leads_nowhere(machine: Machine) -> None:
    (machine.letsencrypt / "archive" / NAME / "chain3.pem").unlink()


def a_file_is_no_link(machine: Machine) -> None:
    content = (machine.live / "cert.pem").read_bytes()
    (machine.live / "cert.pem").unlink()
    (machine.live / "cert.pem").write_bytes(content)


def there_is_but_a_note(machine: Machine) -> None:
    for kind in KINDS:
        (machine.live / f"{kind}.pem").unlink()
    (machine.live / "README").write_text("certbot's", encoding="utf-8")


def the_key_is_somewhere_else(machine: Machine) -> None:
    elsewhere = machine.folder / "elsewhere"
    elsewhere.mkdir()
    shutil.move(machine.letsencrypt / "archive" / NAME / "privkey3.pem", elsewhere)
    (machine.live / "privkey.pem").unlink()
    (machine.live / "privkey.pem").symlink_to(elsewhere / "privkey3.pem")


def it_is_a_link_already(machine: Machine) -> None:
    machine.live.rename(machine.folder / "elsewhere")
    machine.live.symlink_to(machine.folder / "elsewhere")


def it_is_a_copy_of_another(machine: Machine) -> None:
    """certbot renews the other, and servers read that."""
    machine.conf.write_text(machine.conf.read_text().replace(str(machine.letsencrypt), str(machine.folder / "other")))


def what_is_to_lie_aside_is_there(machine: Machine) -> None:
    machine.live.with_name(f"{NAME}.before-danelaw").mkdir()


def there_are_two_configurations(machine: Machine) -> None:
    machine.conf.with_name(f"{machine.conf.name}.danelaw").write_text("another", encoding="utf-8")


@pytest.mark.parametrize(
    ("odd", "code"),
    [
        (a_link_leads_nowhere, "CERTBOT_BROKEN"),
        (a_file_is_no_link, "CERTBOT_BROKEN"),
        (there_is_but_a_note, "CERTBOT_BROKEN"),
        (the_key_is_somewhere_else, "CERTBOT_BROKEN"),
        (it_is_a_link_already, "CERTBOT_BROKEN"),
        (it_is_a_copy_of_another, "CERTBOT_BROKEN"),
        (what_is_to_lie_aside_is_there, "CERTBOT_PATH_TAKEN"),
        (there_are_two_configurations, "CERTBOT_PATH_TAKEN"),
    ],
    ids=lambda odd: str(getattr(odd, "__name__", odd)),
)
def test_what_could_not_be_given_back_is_not_taken(machine: Machine, odd: object, code: str) -> None:
    assert callable(odd)
    odd(machine)
    before = machine.left()
    assert machine.refused().code == code
    assert machine.left() == before
    assert not machine.service.exists()
    assert not (machine.path.parent / "state").exists()
    if code == "CERTBOT_BROKEN":
        assert machine.refused("--undo").code == "CERTBOT_NOT_ADOPTED"


def test_a_file_system_that_cannot_let_names_change_places_is_left_as_it_was(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(one: Path, other: Path) -> None:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    before = machine.left()
    monkeypatch.setattr(certbot, "_exchange", refuse)
    assert machine.refused().code == "CERTBOT_UNUSABLE"
    assert machine.left() == before


def test_names_with_a_wildcard_alone_need_a_host(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    as_certbot_left(machine, "*.example.net")
    machine.path.write_text(
        machine.path.read_text().replace('type = "http-01", webroot = "www", preflight = false', 'type = "dns-01"')
    )
    problem = machine.refused()
    assert (problem.code, problem.hint) == ("PUBLISHER_UNCLEAR", "--endpoint HOST:443")
    machine.adopted("--endpoint", "www.example.net:443")
    (service,) = load(machine.path).services
    assert [name.to_text() for name in service.names] == ["www.example.net.", "*.example.net."]


def test_the_zone_is_that_of_the_endpoints_that_are_asked_for(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    as_certbot_left(machine, "www.example.org", "mail.example.net")
    with machine.path.open("a", encoding="utf-8") as file:
        file.write('[publishers.other]\ntype = "manual"\nzone = "example.org"\n')
    machine.adopted("--endpoint", "mail.example.net:25")
    (service,) = load(machine.path).services
    assert service.zone.to_text() == "example.net."


# -- what happens while Danelaw has it ---------------------------------------------------------------------------------


def reserved(machine: Machine) -> None:
    """certbot, asked for a certificate of the same names, finds the archive and gives up, and leaves this."""
    machine.conf.touch()


def restored(machine: Machine) -> None:
    shutil.copy2(machine.conf.with_name(f"{machine.conf.name}.danelaw"), machine.conf)


@pytest.mark.parametrize("left", [reserved, restored])
@pytest.mark.parametrize("again", [True, False], ids=["taken again", "given back"])
def test_a_configuration_that_comes_back_is_not_the_one_that_is_lost(
    machine: Machine, left: object, *, again: bool
) -> None:
    assert callable(left)
    before = machine.left()
    machine.adopted()
    taken = machine.left()
    left(machine)
    if again:
        machine.adopted()
        assert machine.left() == taken
    machine.adopted("--undo", "--keep-records")
    assert machine.left() == before


def test_a_configuration_that_somebody_wrote_is_neither_lost_nor_lost_sight_of(machine: Machine) -> None:
    machine.adopted()
    machine.conf.write_text("[renewalparams]\nserver = https://other.test/\n", encoding="utf-8")
    before = machine.left()
    for arguments in ((), ("--undo", "--keep-records")):
        assert machine.refused(*arguments).code == "CERTBOT_PATH_TAKEN"
    assert machine.left() == before


def test_a_link_that_somebody_deleted_does_not_hinder(machine: Machine) -> None:
    before = machine.left()
    machine.adopted()
    machine.live.unlink()
    machine.adopted("--undo", "--keep-records")
    assert machine.left() == before


def test_an_archive_that_somebody_deleted_is_made_anew(machine: Machine) -> None:
    machine.adopted()
    shutil.rmtree(machine.letsencrypt / "archive")
    first = machine.presented()
    machine.adopted("--undo", "--keep-records")
    assert machine.presented() == first
    assert (machine.live / "cert.pem").readlink().name == "cert4.pem"


def test_without_the_directory_that_lay_aside_it_serves_on(machine: Machine) -> None:
    machine.adopted()
    shutil.rmtree(machine.live.with_name(f"{NAME}.before-danelaw"))
    first = machine.presented()
    assert machine.refused("--undo", "--keep-records").code == "CERTBOT_BROKEN"
    assert machine.presented() == first
    assert machine.service.exists()


def test_killed_before_servers_were_led_and_renewed_by_certbot_then(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(one: Path, other: Path) -> None:
        raise InterruptedError  # none of those that are looked out for, but at the place itself

    with monkeypatch.context() as patched:
        patched.setattr(certbot, "_exchange", dies)
        machine.refused()
    for kind, content in credential((NAME,)).items():
        (machine.letsencrypt / "archive" / NAME / f"{kind}4.pem").write_bytes(content)
        (machine.live / f"{kind}.pem").unlink()
        (machine.live / f"{kind}.pem").symlink_to(f"../../archive/{NAME}/{kind}4.pem")
    (machine.letsencrypt / "archive" / NAME / "privkey4.pem").chmod(0o600)
    first = machine.presented()
    machine.adopted()
    assert machine.presented() == first


# -- what certbot runs -------------------------------------------------------------------------------------------------


def hooked(machine: Machine, line: str) -> None:
    text = machine.conf.read_text()
    machine.conf.write_text(text.replace("renew_hook = systemctl reload nginx", line), encoding="utf-8")


def test_a_script_is_told_what_certbot_tells_it(machine: Machine) -> None:
    hooked(machine, "renew_hook = \"/usr/local/sbin/spread 'to the others'\"")
    machine.adopted()
    (service,) = load(machine.path).services
    told = (f"RENEWED_LINEAGE={machine.live}", f"RENEWED_DOMAINS={NAME}")
    assert service.hosts[0].reloads == (("env", *told, "/usr/local/sbin/spread", "to the others"),)


def test_what_runs_at_renewals_no_more_is_told(machine: Machine) -> None:
    hooked(machine, "installer = nginx\nrenew_hook = systemctl reload postfix\npre_hook = systemctl stop haproxy")
    folder = machine.letsencrypt / "renewal-hooks" / "deploy"
    folder.mkdir(parents=True)
    (folder / "copy").touch(0o755)
    (folder / "README").touch(0o644)
    said = " ".join(machine.adopted().output.split())
    for one in ("systemctl reload postfix", "systemctl stop haproxy", str(folder / "copy")):
        assert f"certbot runs at its renewals, and Danelaw will not: {one}" in said
    assert "README" not in said
    (service,) = load(machine.path).services
    assert service.hosts[0].servers == ("nginx",)


def test_a_hook_that_needs_a_shell_is_shown_and_asked_about(machine: Machine) -> None:
    hooked(machine, "renew_hook = '''systemctl reload nginx\nsystemctl reload postfix'''")
    problem = machine.refused()
    assert problem.code == "RELOAD_UNCLEAR"
    assert "systemctl reload postfix" in problem.evidence


# -- several -----------------------------------------------------------------------------------------------------------


def test_all_that_were_taken_are_given_back_and_no_others(machine: Machine) -> None:
    as_certbot_left(machine, "mail.example.net", called="mail")
    before = machine.left()
    machine.adopted()
    machine.names = ()
    machine.adopted("--undo", "--keep-records")
    assert machine.left() == before
    assert machine.refused("--undo").code == "CERTBOT_NOT_ADOPTED"
    machine.adopted()
    assert len(load(machine.path).services) == 2
    machine.adopted("--undo", "--keep-records")
    assert machine.left() == before


def test_none_is_given_back_where_one_of_those_named_cannot_be(machine: Machine) -> None:
    as_certbot_left(machine, "mail.example.net", called="mail")
    machine.adopted()
    taken = machine.left()
    machine.names = (NAME, "mail")
    assert machine.refused("--undo", "--keep-records").code == "CERTBOT_NOT_ADOPTED"
    assert machine.left() == taken


def test_a_service_that_is_there_has_its_endpoint_to_itself(machine: Machine) -> None:
    machine.adopted()
    as_certbot_left(machine, NAME, "example.net", called="newer")
    machine.names = ("newer",)
    before = machine.left()
    problem = machine.refused()
    assert (problem.code, machine.left()) == ("CERTBOT_SAME_NAMES", before)
    assert f"{NAME}:443/tcp" in str(problem)


def test_the_file_of_the_service_may_have_another_name(machine: Machine) -> None:
    machine.adopted()
    machine.service.rename(machine.service.with_name("web.toml"))
    assert "already" in machine.adopted().output
    machine.adopted("--undo", "--keep-records")
    assert machine.service.with_name("web.toml.given-back").exists()
    assert load(machine.path).services == ()


def test_a_service_that_reads_another_directory_by_now_is_left_alone(machine: Machine) -> None:
    machine.adopted()
    text = machine.service.read_text()
    machine.service.write_text(text.replace(f'live/{NAME}"', 'live/elsewhere"'), encoding="utf-8")
    assert "no file of services.d names it" in " ".join(machine.adopted("--undo").output.split())
    assert machine.service.exists()
