"""What may be typed as a target, and what is meant by it."""

from __future__ import annotations

import pytest

from danelaw.core.model import APPLICATIONS, DanelawError, Lookup, read_target
from danelaw.core.model.application import BY_PORT

READ = [
    # what is typed, the endpoint on the host itself, how TLS starts, whether servers are looked up
    ("www.example.net", "www.example.net:443/tcp", None, False),
    ("WWW.Example.NET.", "www.example.net:443/tcp", None, False),
    ("  www.example.net\n", "www.example.net:443/tcp", None, False),
    ("https://www.example.net", "www.example.net:443/tcp", None, False),
    ("https://www.example.net/a/b?c=d#e", "www.example.net:443/tcp", None, False),
    ("HTTPS://me@www.example.net:8443/", "www.example.net:8443/tcp", None, False),
    ("mail.example.net:25", "mail.example.net:25/tcp", "smtp", False),
    ("mail.example.net:587", "mail.example.net:587/tcp", "submission", False),
    ("mail.example.net:465", "mail.example.net:465/tcp", None, False),
    ("db.example.net:5432", "db.example.net:5432/tcp", "postgres", False),
    ("www.example.net:4433", "www.example.net:4433/tcp", None, False),
    ("www.example.net:443/tcp", "www.example.net:443/tcp", None, False),
    ("www.example.net:853/udp", "www.example.net:853/udp", None, False),
    ("smtp:example.net", "example.net:25/tcp", "smtp", True),
    ("smtp://example.net", "example.net:25/tcp", "smtp", True),
    ("smtp:mail.example.net:2525", "mail.example.net:2525/tcp", "smtp", False),
    ("imap:example.net", "example.net:143/tcp", "imap", True),
    ("imaps:example.net", "example.net:993/tcp", None, True),
    ("submission:example.net", "example.net:587/tcp", "submission", True),
    ("smtps:example.net", "example.net:465/tcp", None, True),
    ("xmpp-client:example.net", "example.net:5222/tcp", "xmpp-client", True),
    ("postgresql://db.example.net/name", "db.example.net:5432/tcp", "postgres", False),
    ("_25._tcp.mail.example.net", "mail.example.net:25/tcp", "smtp", False),
    ("_443._TCP.www.example.net.", "www.example.net:443/tcp", None, False),
    ("bücher.example", "xn--bcher-kva.example:443/tcp", None, False),
    ("https://bücher.example/", "xn--bcher-kva.example:443/tcp", None, False),
    ("smtp", "smtp:443/tcp", None, False),
]

REFUSED = [
    ("", "BAD_TARGET", "no host"),
    (":443", "BAD_TARGET", "no host"),
    ("https://", "BAD_TARGET", "no host"),
    (".", "BAD_TARGET", "root"),
    ("no host", "BAD_TARGET", "no host's"),
    ("*.example.net", "BAD_TARGET", "no host's"),
    ("-www.example.net", "BAD_TARGET", "no host's"),
    (r"www\.example.net", "BAD_TARGET", "no host's"),
    ("www\x1b.example.net", "BAD_TARGET", "no host's"),
    ("www.example.net:0", "BAD_TARGET", "no port"),
    ("www.example.net:65536", "BAD_TARGET", "no port"),
    ("www.example.net:", "BAD_TARGET", "no port"),
    ("www.example.net:٤٤٣", "BAD_TARGET", "no port"),
    ("www.example.net:https", "BAD_TARGET", "no port"),
    ("_0._tcp.www.example.net", "BAD_TARGET", "no port"),
    ("a:b:c", "BAD_TARGET", "more than one colon"),
    ("192.0.2.80", "BAD_TARGET", "an address"),
    ("192.0.2.80:443", "BAD_TARGET", "an address"),
    ("2001:db8::80", "BAD_TARGET", "an address"),
    ("[2001:db8::80]:443", "BAD_TARGET", "an address"),
    ("smtp:192.0.2.25", "BAD_TARGET", "an address"),
    ("gopher://example.net", "BAD_TARGET", "nothing is known"),
    ("www.example.net/tcp", "BAD_TARGET", "no port"),
    ("www.example.net:443/dccp", "BAD_TARGET", "no transport"),
    ("www..example.net", "BAD_NAME", "empty"),
    ("a" * 64 + ".example", "BAD_NAME", "63"),
]


@pytest.mark.parametrize(("text", "endpoint", "starttls", "searched"), READ, ids=[row[0] or "nothing" for row in READ])
def test_a_target_is_read(text: str, endpoint: str, starttls: str | None, searched: bool) -> None:
    target = read_target(text)
    assert str(target.endpoint) == endpoint
    assert target.endpoint.starttls == starttls
    assert target.searched is searched


@pytest.mark.parametrize(("text", "code", "said"), REFUSED, ids=[row[0] or "nothing" for row in REFUSED])
def test_what_is_no_target_is_refused_with_a_hint(text: str, code: str, said: str) -> None:
    with pytest.raises(DanelawError) as refused:
        read_target(text)
    assert refused.value.code == code
    assert said in f"{refused.value.message} {refused.value.evidence}"
    assert refused.value.hint


@pytest.mark.parametrize("text", [row[0] for row in READ])
def test_what_a_target_is_called_is_read_as_the_same_target(text: str) -> None:
    target = read_target(text)
    assert read_target(str(target)) == target


@pytest.mark.parametrize(
    ("text", "starttls", "called"),
    [
        ("mail.example.net", "smtp", "mail.example.net:25"),
        ("mail.example.net:2525", "smtp", "smtp:mail.example.net:2525"),
        ("mail.example.net:25", "lmtp", "lmtp:mail.example.net:25"),
        ("_2525._tcp.mail.example.net", "smtp", "smtp:mail.example.net:2525"),
        ("imap:example.net", "imap", "example.net:143"),
    ],
)
def test_a_dialogue_that_is_named_is_spoken_with_the_host_itself(text: str, starttls: str, called: str) -> None:
    target = read_target(text, starttls)
    assert (str(target), target.searched, target.endpoint.starttls) == (called, False, starttls)


@pytest.mark.parametrize("starttls", ["https", "gopher", ""])
def test_what_starts_no_tls_by_a_dialogue_is_refused(starttls: str) -> None:
    with pytest.raises(DanelawError) as refused:
        read_target("mail.example.net", starttls)
    assert refused.value.code == "BAD_TARGET"
    assert "xmpp-client" in refused.value.hint


def test_every_port_stands_for_one_application() -> None:
    assert len(BY_PORT) == len(APPLICATIONS)


def test_only_mail_between_servers_is_found_by_mx_and_is_opportunistic() -> None:
    assert [a.name for a in APPLICATIONS.values() if a.lookup is Lookup.MX] == ["smtp"]
    assert [a.name for a in APPLICATIONS.values() if a.opportunistic] == ["smtp"]
