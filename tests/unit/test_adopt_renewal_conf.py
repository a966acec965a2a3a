"""What certbot's renewal configuration is read as. The texts are as certbot 2.1.0 (configobj 5.0.8) writes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from danelaw.app.adopt_certbot import Renewal, issuer_of, read_renewal, reload_of
from danelaw.core.model import DanelawError

LIVE = Path("/etc/letsencrypt/live/www.example.net")
TEXT = """\
# renew_before_expiry = 30 days
version = 2.1.0
fullchain = /etc/letsencrypt/live/www.example.net/fullchain.pem

# Options used in the renewal process
[renewalparams]
account = b4d404cc4c74d559a57ba3c8dcd1349b
key_type = ecdsa
{lines}
server = https://acme-v02.api.letsencrypt.org/directory
authenticator = {authenticator}
webroot_path = "/srv/a, b", /srv/c
[[webroot_map]]
www.example.net = "/srv/a, b"
"""


def read(lines: str = "", authenticator: str = "webroot") -> Renewal:
    return read_renewal(TEXT.format(lines=lines, authenticator=authenticator))


def test_what_is_of_use_is_read() -> None:
    renewal = read(
        "pre_hook = systemctl stop nginx\npost_hook = systemctl start nginx\nreuse_key = True\ninstaller = None"
    )
    assert renewal == Renewal(
        directory="https://acme-v02.api.letsencrypt.org/directory",
        authenticator="webroot",
        installer=None,
        webroot="/srv/a, b",
        hook=None,
        reuses_key=True,
        other_hooks=("systemctl stop nginx", "systemctl start nginx"),
        fullchain="/etc/letsencrypt/live/www.example.net/fullchain.pem",
        account="b4d404cc4c74d559a57ba3c8dcd1349b",
    )


TOLD = ("env", f"RENEWED_LINEAGE={LIVE}", "RENEWED_DOMAINS=www.example.net example.net")


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("renew_hook = systemctl reload nginx", ("systemctl", "reload", "nginx")),
        ("renew_hook = /usr/bin/systemctl reload nginx", ("/usr/bin/systemctl", "reload", "nginx")),
        ("renew_hook = service nginx reload", ("service", "nginx", "reload")),
        ("""renew_hook = "sh -c 'systemctl reload nginx'\"""", (*TOLD, "sh", "-c", "systemctl reload nginx")),
        ("""renew_hook = 'deploy "a, b" # c'""", (*TOLD, "deploy", "a, b")),
        ("renew_hook = /usr/local/sbin/deploy", (*TOLD, "/usr/local/sbin/deploy")),
        ("renew_hook = '''say \"it's\"'''", (*TOLD, "say", "it's")),
        ("renew_hook = '''systemctl reload nginx\nsystemctl reload postfix'''", ()),
        ('renew_hook = """systemctl reload nginx\nsystemctl reload postfix"""', ()),
        ('renew_hook = "cp $RENEWED_LINEAGE/fullchain.pem /srv, done"', ()),
        ("renew_hook = LANG=C deploy", ()),
        ("renew_hook = a && b", ()),
        ("renew_hook = 'unclosed \"'", ()),
        ("renew_hook = None", ()),
        ("renew_hook = ''", ()),
        ("", ()),
        ("renew_hook = '''never closed", ()),
    ],
)
def test_a_hook_is_a_command_where_it_needs_no_shell(line: str, command: tuple[str, ...]) -> None:
    assert reload_of(read(line), LIVE, ("www.example.net", "example.net")) == command


@pytest.mark.parametrize(
    ("authenticator", "challenge"),
    [
        ("webroot", '{ type = "http-01", webroot = "/srv/a, b" }'),
        ("nginx", '{ type = "http-01", webroot = "/srv/a, b" }'),
        ("standalone", '{ type = "http-01", standalone = true }'),
        ("manual", '{ type = "dns-01" }'),
        ("dns-rfc2136", '{ type = "dns-01" }'),
        ("certbot-dns-odd:dns-odd", '{ type = "dns-01" }'),
    ],
)
def test_an_issuer_does_as_certbot_did(authenticator: str, challenge: str) -> None:
    with pytest.raises(DanelawError) as caught:
        issuer_of(read(authenticator=authenticator), {})
    assert caught.value.code == "ISSUER_UNCLEAR"
    assert f"challenge = {challenge}" in caught.value.hint
