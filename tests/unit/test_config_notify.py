"""``[notify.*]`` and ``[metrics]``: who is told of which service, how, and what cannot be."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from danelaw.app.config import Config, load
from danelaw.app.notify_sections import EmailConfig, NotifyCommandConfig, WebhookConfig
from danelaw.core.model import DanelawError
from danelaw.core.notify.concern import Severity

MAIN = """\
[issuers.self]
type = "selfsigned"
[publishers.net]
type = "manual"
zone = "example.net"
"""
SERVICE = 'endpoints = ["{}"]\nissuer = "self"\ndeploy = {{ directory = "live/{}", reload = ["reload"] }}\n'
WWW, MAIL, SUBMISSION, ZONE = (
    "www.example.net:443/tcp",
    "mail.example.net:25/tcp",
    "mail.example.net:587/tcp",
    "example.net.",
)
COMMAND = 'type = "command"\ncommand = ["tell"]\n'
EMAIL = 'type = "email"\nto = ["admin@example.net"]\n'
HOOK = 'type = "webhook"\n'


def loaded(folder: Path, more: str) -> Config:
    path = folder / "danelaw.toml"
    path.write_text(MAIN + more, encoding="utf-8")
    (folder / "services.d").mkdir(exist_ok=True)
    for endpoint in (WWW, MAIL, SUBMISSION):
        host, _, port = endpoint.removesuffix("/tcp").partition(":")
        text = SERVICE.format(f"{host}:{port}", f"{host}.{port}")
        (folder / "services.d" / f"{host}.{port}.toml").write_text(text, encoding="utf-8")
    return load(path)


def refused(folder: Path, more: str) -> str:
    with pytest.raises(DanelawError) as caught:
        loaded(folder, more)
    assert caught.value.code == "CONFIG_INVALID"
    return f"{caught.value.evidence} {caught.value.hint}"


# -- of whom ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        (WWW, WWW),
        ("www.example.net:443", WWW),
        ("WWW.example.net", WWW),
        ("mail.example.net:587", SUBMISSION),
        ("example.net.", ZONE),
        ("example.net", ZONE),
    ],
)
def test_a_service_is_named_as_far_as_it_takes_to_tell_which(tmp_path: Path, text: str, subject: str) -> None:
    way = loaded(tmp_path, f'[notify.me]\n{COMMAND}services = ["{text}"]\n').notify["me"]
    assert way.wants.subjects == {subject}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ftp.example.net", "there is no service 'ftp.example.net'"),
        ("www.example.net:8443", "there is no service 'www.example.net:8443'"),
        ("www", "there is no service 'www'"),
        ("mail.example.net", "'mail.example.net' may be more than one"),
    ],
)
def test_a_name_that_is_no_service_or_several_is_refused(tmp_path: Path, text: str, says: str) -> None:
    assert says in refused(tmp_path, f'[notify.me]\n{COMMAND}services = ["{text}"]\n')


def test_of_all_that_there_is_unless_it_is_said_and_of_every_severity(tmp_path: Path) -> None:
    wants = loaded(tmp_path, f"[notify.me]\n{COMMAND}").notify["me"].wants
    assert (wants.subjects, wants.severities) == (frozenset(), frozenset(Severity))
    assert (wants.after, wants.again) == (timedelta(minutes=10), timedelta(days=1))


# -- by which way -----------------------------------------------------------------------------------------------------


def test_paths_start_at_the_file_and_a_secret_is_where_it_is_said_to_be(tmp_path: Path) -> None:
    hook = 'url_file = "hook"\nsecret_env = "HOOK_SECRET"\nca = "ca.pem"\n'
    login = 'server = "[2001:db8::25]:587"\nuser = "danelaw"\npassword_file = "/run/password"\n'
    config = loaded(tmp_path, f"[notify.hook]\n{HOOK}{hook}[notify.mail]\n{EMAIL}{login}[notify.me]\n{COMMAND}")
    way, mail, me = config.notify["hook"], config.notify["mail"], config.notify["me"]
    assert isinstance(way, WebhookConfig)
    assert (way.url, way.url_from, way.secret, way.ca) == (None, tmp_path / "hook", "HOOK_SECRET", tmp_path / "ca.pem")
    assert isinstance(mail, EmailConfig)
    assert (mail.server, mail.login) == (("2001:db8::25", 587), ("danelaw", Path("/run/password")))
    assert isinstance(me, NotifyCommandConfig)
    assert me.timeout == timedelta(seconds=60)


@pytest.mark.parametrize(("tls", "port"), [("starttls", 25), ("implicit", 465)])
def test_a_mail_server_has_the_port_of_its_kind_of_tls(tmp_path: Path, tls: str, port: int) -> None:
    mail = loaded(tmp_path, f'[notify.mail]\n{EMAIL}server = "mail.example.net"\ntls = "{tls}"\n').notify["mail"]
    assert isinstance(mail, EmailConfig)
    assert mail.server == ("mail.example.net", port)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (f"[notify.me]\n{HOOK}", "notify.me has 0 addresses"),
        (f'[notify.me]\n{HOOK}url = "https://example.net/"\nurl_env = "HOOK"\n', "notify.me has 2 addresses"),
        (f'[notify.me]\n{HOOK}url_env = "HOOK"\nsecret_file = "a"\nsecret_env = "B"\n', "two of secret"),
        (f'[notify.me]\n{EMAIL}user = "danelaw"\n', "half a login"),
        (f'[notify.me]\n{EMAIL}password_env = "PASSWORD"\n', "half a login"),
        (f'[notify.me]\n{EMAIL}server = "2001:db8::25"\n', "no place to connect to"),
        (f'[notify.me]\n{EMAIL}server = "mail.example.net:0"\n', "no place to connect to"),
        ('[metrics]\ntextfile = "danelaw.txt"\n', "end in .prom"),
        ('[metrics]\nlisten = "localhost:9816"\n', "127.0.0.1:9816"),
        ('[metrics]\nlisten = "127.0.0.1"\n', "no place to connect to"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, table: str, says: str) -> None:
    assert says in refused(tmp_path, table)
