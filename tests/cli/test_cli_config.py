"""``danelaw config`` as it is typed: which service is meant, which files, what is left to do.

That servers take what it prints is shown in tests/contract/test_deploy_snippets.py.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

DANELAW = Path(sys.executable).parent / "danelaw"
MAIN = """\
[issuers.self]
type = "selfsigned"
[publishers.net]
type = "manual"
zone = "example.net"
"""
MAIL = """\
endpoints = ["mail.example.net:25", "mail.example.net:465", "mail.example.net:993", "www.example.net:443"]
issuer = "self"
publisher = "net"
algorithms = ["ecdsa", "rsa"]
"""
HERE = 'deploy = { directory = "live/mail", server = ["postfix", "dovecot"] }\n'
TWO = """\
[[deploy]]
directory = "/live/one"
server = "nginx"
addresses = ["192.0.2.1"]
[[deploy]]
host = "web2"
ssh = "web2.example.net"
directory = "/live/two"
server = "nginx"
addresses = ["192.0.2.2"]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "danelaw.toml").write_text(MAIN)
    (tmp_path / "services.d").mkdir()
    (tmp_path / "services.d" / "mail.toml").write_text(MAIL + HERE)
    return tmp_path


def says(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own command
        (DANELAW, "config", *arguments), capture_output=True, text=True, timeout=60, check=False, cwd=folder
    )


@pytest.mark.parametrize("server", ["apache", "nginx"])
def test_a_web_server_gets_the_names_and_ports_that_are_its_and_both_keys(folder: Path, server: str) -> None:
    said = says(folder, server, "www.example.net")
    assert said.returncode == 0
    assert "www.example.net" in said.stdout
    assert "mail.example.net" not in said.stdout
    for name in ("live/mail", "live/mail.rsa"):
        assert f"{folder}/{name}/privkey.pem" in said.stdout
        assert f"{folder}/{name}/fullchain.pem" in said.stdout


@pytest.mark.parametrize(
    ("server", "line"), [("apache", "DocumentRoot /var/www/html"), ("nginx", "root /var/www/html;")]
)
def test_a_web_server_is_told_where_pages_are(folder: Path, server: str, line: str) -> None:
    """Without it, it would show what it was built with, under the host's name."""
    assert f"    {line}\n" in says(folder, server, "www.example.net").stdout


def test_postfix_is_told_of_mail_that_comes_in_and_of_mail_that_goes_out(folder: Path) -> None:
    said = says(folder, "postfix", "mail.example.net").stdout
    main, _, master = said.partition("# ---- master.cf\n")
    assert f"    {folder}/live/mail/combined.pem,\n    {folder}/live/mail.rsa/combined.pem\n" in main
    assert "smtp_dns_support_level = dnssec\nsmtp_tls_security_level = dane\n" in main
    for warning in ("validating resolver", "smtp_tls_policy_maps", "relayhost", "smtp_host_lookup"):
        assert warning in main
    assert master.splitlines()[1:] == ["465 inet n - n - - smtpd", "    -o smtpd_tls_wrappermode=yes"]


def test_what_is_no_file_name_fits_eighty_columns(folder: Path) -> None:
    for server, host in [("postfix", "mail"), ("dovecot", "mail"), ("apache", "www"), ("nginx", "www")]:
        lines = says(folder, server, f"{host}.example.net").stdout.splitlines()
        assert max(len(line.replace(str(folder), "/etc/danelaw")) for line in lines) <= 80


def test_files_that_are_not_there_yet_are_spoken_of_beside_the_result(folder: Path) -> None:
    said = says(folder, "dovecot", "mail.example.net")
    assert f"note: {folder}/live/mail comes with the first credential" in " ".join(said.stderr.split())
    for name in ("mail", "mail.rsa"):
        (folder / "live" / name).mkdir(parents=True)
    assert says(folder, "dovecot", "mail.example.net").stderr == ""


def test_of_several_hosts_one_is_named(folder: Path) -> None:
    (folder / "services.d" / "mail.toml").write_text(MAIL + TWO)
    for arguments, directory in (((), "/live/one/"), (("--on", "web2"), "/live/two/")):
        assert directory in says(folder, "nginx", "www.example.net", *arguments).stdout
    said = says(folder, "nginx", "www.example.net", "--on", "web3")
    assert said.returncode == 2
    assert "UNKNOWN_HOST" in said.stderr
    assert "local, web2" in said.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (("nginx", "ww.example.net"), 2, "did you mean www.example.net?"),
        (("prosody", "mail.example.net"), 2, "prosody serves xmpp-client"),
        (("lighttpd", "www.example.net"), 2, "lighttpd"),
        (("nginx", "www..example.net"), 2, "BAD_NAME"),
        (("nginx", "www.example.net", "--config", "none.toml"), 2, "none.toml"),
    ],
)
def test_what_cannot_be_printed_is_told(folder: Path, arguments: tuple[str, ...], status: int, told: str) -> None:
    said = says(folder, *arguments)
    assert (said.returncode, said.stdout) == (status, "")
    assert told in " ".join(said.stderr.split())


def test_postfix_has_one_credential_and_says_so_where_services_are_several(folder: Path) -> None:
    (folder / "services.d" / "mail.toml").write_text(MAIL.replace('"mail.example.net:465", ', "") + HERE)
    other = MAIL.replace('"mail.example.net:25", ', "").replace(', "mail.example.net:993", "www.example.net:443"', "")
    (folder / "services.d" / "submissions.toml").write_text(other + HERE.replace("live/mail", "live/other"))
    said = says(folder, "postfix", "mail.example.net")
    assert "make mail.example.net:465/tcp one service with mail.example.net:25/tcp" in " ".join(said.stderr.split())
