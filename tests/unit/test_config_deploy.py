"""``deploy`` in the file of a service: what it says, what it may not, and what is plugged in for it."""

from __future__ import annotations

import ssl
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest

from danelaw import wiring
from danelaw.adapters.deploy import CopyingDeployer, DirectoryDeployer
from danelaw.app.config import load
from danelaw.app.deploy_sections import USUAL, HostConfig
from danelaw.app.service_sections import ServiceConfig
from danelaw.core.model import DanelawError, KeyAlgorithm
from tlsa_chains import ROOT

MAIN = """\
[clients]
roots = "roots.pem"
[issuers.self]
type = "selfsigned"
[publishers.net]
type = "manual"
zone = "example.net"
"""
SERVICE = """\
endpoints = ["www.example.net:443", "www.example.net:8443"]
issuer = "self"
publisher = "net"
"""
SIMPLE = '[deploy]\ndirectory = "live/www"\nserver = "nginx"\n'
TWO = """\
[[deploy]]
directory = "/live/www"
server = "nginx"
addresses = ["192.0.2.1", "2001:db8::1"]
[[deploy]]
ssh = "danelaw@web2.example.net"
directory = "/live/www"
server = "nginx"
addresses = ["192.0.2.2"]
"""
ONE_IP, TWO_IP, SIX = map(ip_address, ("192.0.2.1", "192.0.2.2", "2001:db8::1"))


def service(folder: Path, deploy: str) -> ServiceConfig:
    (folder / "services.d").mkdir(exist_ok=True)
    (folder / "roots.pem").write_text(ssl.DER_cert_to_PEM_cert(ROOT.der))
    (folder / "danelaw.toml").write_text(MAIN)
    (folder / "services.d" / "www.toml").write_text(SERVICE + deploy)
    (found,) = load(folder / "danelaw.toml").services
    return found


def host(folder: Path, more: str, deploy: str = SIMPLE) -> HostConfig:
    return service(folder, deploy + more).hosts[0]


# -- what it says -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", USUAL)
def test_a_server_brings_its_usual_test_and_reload(tmp_path: Path, name: str) -> None:
    found = host(tmp_path, "", SIMPLE.replace("nginx", name))
    assert (found.tests, found.reloads) == ((USUAL[name].test,), (USUAL[name].reload,))
    assert found.name == "local"
    assert found.linked is (name != "prosody")


def test_either_may_be_given_instead_and_an_empty_one_is_none(tmp_path: Path) -> None:
    given = host(tmp_path, 'test = ["check", "it"]\nreload = ["again"]\ntimeout = 5\n')
    assert (given.tests, given.reloads, given.timeout) == ((("check", "it"),), (("again",),), timedelta(seconds=5))
    assert host(tmp_path, "test = []\n").tests == ()
    assert host(tmp_path, "reload = []\n").reloads == ()


def test_several_servers_read_one_credential(tmp_path: Path) -> None:
    found = host(tmp_path, "", SIMPLE.replace('"nginx"', '["postfix", "dovecot"]'))
    assert found.reloads == (("postfix", "reload"), ("doveadm", "reload"))


def test_prosody_gets_a_copy_for_its_group(tmp_path: Path) -> None:
    found = host(tmp_path, "", SIMPLE.replace("nginx", "prosody"))
    assert (found.owner, found.group, found.mode, found.linked) == (None, "prosody", 0o640, False)


@pytest.mark.parametrize(
    ("more", "owner", "group", "mode"),
    [
        ('owner = "openldap"\n', "openldap", None, 0o600),
        ('group = "ssl-cert"\n', None, "ssl-cert", 0o640),
        ('group = "ssl-cert"\nmode = "0440"\n', None, "ssl-cert", 0o440),
        ('mode = "400"\n', None, None, 0o400),
    ],
)
def test_keys_may_belong_to_others_and_then_they_are_copies(
    tmp_path: Path, more: str, owner: str | None, group: str | None, mode: int
) -> None:
    found = host(tmp_path, more)
    assert (found.owner, found.group, found.mode, found.linked) == (owner, group, mode, False)


@pytest.mark.parametrize(
    ("reached", "name"),
    [
        ('ssh = "danelaw@web2.example.net"', "web2.example.net"),
        ('ssh = "web2"', "web2"),
        ('ssh = "ssh://danelaw@web2.example.net:2222"', "web2.example.net"),
        ('ssh = "ssh://[2001:db8::2]:22"', "2001:db8::2"),
        ('ssh = "web2"\nhost = "second"', "second"),
        ('command = ["podman", "exec", "-i", "web", "sh", "-c"]\nhost = "web"', "web"),
    ],
)
def test_another_host_is_called_after_where_it_is(tmp_path: Path, reached: str, name: str) -> None:
    found = host(tmp_path, f"{reached}\n", SIMPLE.replace("live/www", "/live/www"))
    assert (found.name, found.here, found.linked) == (name, False, False)


def test_paths_of_this_machine_start_at_the_configuration(tmp_path: Path) -> None:
    found = host(tmp_path, "", TWO.replace("danelaw@", "").replace('ssh = "web2', 'ssh_config = "ssh"\nssh = "web2'))
    assert found.directory == Path("/live/www")
    two = service(tmp_path, TWO.replace('ssh = "', 'ssh_config = "ssh"\nssh = "'))
    assert two.hosts[1].ssh_config == tmp_path / "ssh"
    ecdsa, rsa = two.every_lineage
    assert (ecdsa.algorithm, rsa.algorithm) == (KeyAlgorithm.ECDSA, KeyAlgorithm.RSA)
    assert [two.hosts[1].path(line) for line in (ecdsa, rsa)] == [Path("/live/www"), Path("/live/www.rsa")]


# -- what it may not --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("deploy", "evidence", "hint"),
    [
        ('[deploy]\ndirectory = "live"\n', "what makes the server read", "nginx"),
        (SIMPLE.replace("nginx", "ngnix"), "ngnix", ""),
        (SIMPLE + 'mode = "0644"\n', "0644", "0640"),
        (SIMPLE + 'mode = "0660"\n', "0660", "0640"),
        (SIMPLE + 'mode = "0200"\n', "0200", "0640"),
        (SIMPLE + 'mode = "rw"\n', "mode", ""),
        (SIMPLE + 'group = "$(id)"\n', "group", ""),
        (SIMPLE.replace("live", "/live") + 'ssh = "-oProxyCommand=id"\n', "-oProxyCommand=id", "user@host"),
        (SIMPLE.replace("live", "/live") + 'ssh = "web2 id"\n', "web2 id", "user@host"),
        (SIMPLE + 'ssh = "web2"\n', "absolute", "this machine"),
        (SIMPLE + 'ssh = "web2"\ncommand = ["sh", "-c"]\n', "not by both", ""),
        (SIMPLE + 'ssh_config = "ssh"\n', "for ssh alone", ""),
        (SIMPLE.replace("live", "/live") + 'command = ["sh", "-c"]\n', "needs a name", "host ="),
        (SIMPLE + "command = []\n", "command", ""),
        (SIMPLE + 'addresses = ["192.0.2.300"]\n', "192.0.2.300", "addresses ="),
        (SIMPLE + "relod = []\n", "relod", "reload"),
        ("deploy = []\n", "no host", "server ="),
        (TWO.replace('addresses = ["192.0.2.2"]\n', ""), "web2.example.net has no addresses", "addresses ="),
        (TWO.replace("[[deploy]]\nssh", '[[deploy]]\nhost = "local"\nssh'), "the same name", "host ="),
    ],
)
def test_what_cannot_be_is_told(tmp_path: Path, deploy: str, evidence: str, hint: str) -> None:
    with pytest.raises(DanelawError) as raised:
        service(tmp_path, deploy)
    assert raised.value.code == "CONFIG_INVALID"
    assert evidence in raised.value.evidence
    assert hint in raised.value.hint


# -- what comes of it -------------------------------------------------------------------------------------------------


def test_each_host_serves_its_own_addresses_and_any_that_is_nobodys(tmp_path: Path) -> None:
    service(tmp_path, TWO)
    subjects = wiring.subjects_of(load(tmp_path / "danelaw.toml"))
    assert {(r.hosts, r.endpoint.port, r.elsewhere) for r in subjects.reach.endpoints} == {
        (("local",), port, frozenset({(TWO_IP, "web2.example.net")})) for port in (443, 8443)
    } | {(("web2.example.net",), port, frozenset({(ONE_IP, "local"), (SIX, "local")})) for port in (443, 8443)}


def test_one_host_serves_every_address_whatever_is_said(tmp_path: Path) -> None:
    service(tmp_path, SIMPLE + 'addresses = ["192.0.2.1"]\n')
    subjects = wiring.subjects_of(load(tmp_path / "danelaw.toml"))
    assert {(r.hosts, r.elsewhere) for r in subjects.reach.endpoints} == {(("local",), frozenset())}


def test_a_host_is_deployed_to_by_a_link_where_its_server_is_root_here_and_else_by_copies(tmp_path: Path) -> None:
    found = service(tmp_path, TWO)
    (tmp_path / "danelaw.toml").write_text(f'[resolver]\nforwarders = ["192.0.2.53"]\n{MAIN}')
    wired = wiring.build(load(tmp_path / "danelaw.toml"), wiring.open_world({}))
    kinds = {host: type(deployer) for (_, host), deployer in wired.tools.deployers.items()}
    assert kinds == {"local": DirectoryDeployer, "web2.example.net": CopyingDeployer}
    assert {line for line, _ in wired.tools.deployers} == set(found.every_lineage)


# -- what would have clients refused ----------------------------------------------------------------------------------


OTHER = SERVICE.replace(":443", ":9443").replace(":8443", ":9444")


@pytest.mark.parametrize(
    ("mine", "others"),
    [
        ('directory = "live/mail"', 'directory = "live/mail"'),
        ('directory = "live/mail"', 'directory = "live/../live/mail"'),
        ('directory = "live/mail"', 'directory = "live/mail.rsa"'),
        ('directory = "/live/mail"\nssh = "web2"', 'directory = "/live/mail"\nssh = "web2"'),
    ],
    ids=["the same", "by another path", "one's RSA credential", "on another host"],
)
def test_two_services_never_have_one_live_directory(tmp_path: Path, mine: str, others: str) -> None:
    """Each would take the other's credential away, and its clients would be refused."""
    service(tmp_path, f'[deploy]\nserver = "postfix"\n{mine}\n')
    second = OTHER + f'[deploy]\nserver = "postfix"\n{others}\n'
    (tmp_path / "services.d" / "zzz.toml").write_text(second)
    with pytest.raises(DanelawError) as raised:
        load(tmp_path / "danelaw.toml")
    assert raised.value.code == "CONFIG_INVALID"
    assert "both have" in raised.value.evidence
    assert "one service" in raised.value.hint


def test_services_on_several_hosts_may_call_their_directories_alike(tmp_path: Path) -> None:
    service(tmp_path, '[deploy]\nserver = "nginx"\ndirectory = "/live/www"\nssh = "web1"\n')
    second = OTHER + '[deploy]\nserver = "nginx"\ndirectory = "/live/www"\nssh = "web2"\n'
    (tmp_path / "services.d" / "zzz.toml").write_text(second)
    assert len(load(tmp_path / "danelaw.toml").services) == 2


@pytest.mark.parametrize("name", ["", "/", ".", "/live/..", "/live/www\\n", "/live/\\u001b[31m", "/live/www\\u0000"])
def test_a_live_directory_has_a_name_that_can_be_one(tmp_path: Path, name: str) -> None:
    with pytest.raises(DanelawError) as raised:
        service(tmp_path, f'[deploy]\nserver = "nginx"\ndirectory = "{name}"\n')
    assert raised.value.code == "CONFIG_INVALID"
    assert "no name that a live directory can have" in raised.value.evidence
