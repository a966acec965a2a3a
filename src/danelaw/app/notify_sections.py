"""The tables of notifications and metrics, what is made of them, and how: who is told of what, and where to fetch."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

import msgspec

from danelaw.app.section import Section, invalid
from danelaw.app.subject_names import named
from danelaw.core.model import SubjectName
from danelaw.core.notify.concern import Severity
from danelaw.core.notify.record import Wants

Level: TypeAlias = Literal["critical", "warning", "note"]
Length: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=31_536_000)]
Often: TypeAlias = Annotated[int, msgspec.Meta(ge=60, le=31_536_000)]
Words: TypeAlias = Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
Timeout: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=300)]
Address: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"\A[!-~]{1,64}@[!-~]{1,255}\Z")]

SUBMISSION: Final = {"starttls": 25, "implicit": 465}


class EmailSection(Section, frozen=True, tag_field="type", tag="email"):
    """``server``: HOST or HOST:PORT, not used where ``sendmail`` names a program. ``sender``: danelaw@ this host if not
    given. The password of ``user`` is in ``password_file``, or in the variable ``password_env``. ``ca``: PEM, the
    system's if not given."""

    to: Annotated[tuple[Address, ...], msgspec.Meta(min_length=1)]
    sender: Address | None = None
    server: str = "localhost"
    tls: Literal["starttls", "implicit"] = "starttls"
    sendmail: Words | None = None
    user: str | None = None
    password_file: str | None = None
    password_env: str | None = None
    ca: str | None = None
    only: tuple[Level, ...] = ("critical", "warning", "note")
    services: tuple[str, ...] = ()
    after: Length = 600
    again: Often = 86400


class WebhookSection(Section, frozen=True, tag_field="type", tag="webhook"):
    """One of ``url``, ``url_file`` and ``url_env``. The secret that documents are signed with is in ``secret_file`` or
    in the variable ``secret_env``; without one they are not. ``ca``: PEM, the system's if not given."""

    url: str | None = None
    url_file: str | None = None
    url_env: str | None = None
    secret_file: str | None = None
    secret_env: str | None = None
    ca: str | None = None
    timeout: Timeout = 20
    only: tuple[Level, ...] = ("critical", "warning", "note")
    services: tuple[str, ...] = ()
    after: Length = 600
    again: Often = 86400


class NotifyCommandSection(Section, frozen=True, tag_field="type", tag="command"):
    """``command``: the program and its arguments. ``timeout``: of each run, in seconds."""

    command: Words
    timeout: Timeout = 60
    only: tuple[Level, ...] = ("critical", "warning", "note")
    services: tuple[str, ...] = ()
    after: Length = 600
    again: Often = 86400


NotifySection: TypeAlias = EmailSection | WebhookSection | NotifyCommandSection


class MetricsSection(Section, frozen=True):
    """``textfile``: written after each pass. ``listen``: IP:PORT, where ``danelaw run --watch`` is asked."""

    textfile: str | None = None
    listen: str | None = None


class EmailConfig(msgspec.Struct, frozen=True):
    """``server``: host and port. ``password``: its file, or the name of an environment variable."""

    wants: Wants
    to: tuple[str, ...]
    sender: str | None
    server: tuple[str, int]
    implicit: bool
    sendmail: tuple[str, ...] | None
    login: tuple[str, Path | str] | None
    ca: Path | None


class WebhookConfig(msgspec.Struct, frozen=True):
    """``url``: itself, or where it is. ``secret``: its file, or the name of an environment variable."""

    wants: Wants
    url: str | None
    url_from: Path | str | None
    secret: Path | str | None
    ca: Path | None
    timeout: timedelta


class NotifyCommandConfig(msgspec.Struct, frozen=True):
    wants: Wants
    command: tuple[str, ...]
    timeout: timedelta


NotifyConfig: TypeAlias = EmailConfig | WebhookConfig | NotifyCommandConfig


class MetricsConfig(msgspec.Struct, frozen=True):
    """``listen``: an IP literal and a port."""

    textfile: Path | None = None
    listen: tuple[str, int] | None = None


def read_notify(
    path: Path, base: Path, name: str, section: NotifySection, subjects: Collection[SubjectName]
) -> NotifyConfig:
    """Raises ``DanelawError("CONFIG_INVALID")``."""
    wants = Wants(
        name,
        frozenset(map(Severity, section.only)),
        frozenset(_subject(path, text, subjects) for text in section.services),
        timedelta(seconds=section.after),
        timedelta(seconds=section.again),
    )
    if isinstance(section, NotifyCommandSection):
        return NotifyCommandConfig(wants, section.command, timedelta(seconds=section.timeout))
    ca = base / section.ca if section.ca is not None else None
    if isinstance(section, WebhookSection):
        given = [one for one in (section.url, section.url_file, section.url_env) if one is not None]
        if len(given) != 1:
            raise invalid(path, f"notify.{name} has {len(given)} addresses", "give one of url, url_file and url_env")
        return WebhookConfig(
            wants,
            section.url,
            _source(path, base, name, "url", section.url_file, section.url_env),
            _source(path, base, name, "secret", section.secret_file, section.secret_env),
            ca,
            timedelta(seconds=section.timeout),
        )
    password = _source(path, base, name, "password", section.password_file, section.password_env)
    if (section.user is None) is not (password is None):
        raise invalid(path, f"notify.{name} has half a login", "give user, and password_file or password_env")
    return EmailConfig(
        wants,
        section.to,
        section.sender,
        _place(path, section.server, SUBMISSION[section.tls]),
        section.tls == "implicit",
        section.sendmail,
        (section.user, password) if section.user is not None and password is not None else None,
        ca,
    )


def read_metrics(path: Path, base: Path, section: MetricsSection) -> MetricsConfig:
    """Raises ``DanelawError("CONFIG_INVALID")``."""
    textfile = base / section.textfile if section.textfile is not None else None
    if textfile is not None and textfile.suffix != ".prom":
        raise invalid(path, f"metrics.textfile is {textfile.name}", "the node exporter reads files that end in .prom")
    if section.listen is None:
        return MetricsConfig(textfile)
    host, port = _place(path, section.listen, None)
    try:
        ip_address(host)
    except ValueError as error:
        raise invalid(path, f"metrics.listen: {error}", "write an address, such as 127.0.0.1:9816") from error
    return MetricsConfig(textfile, (host, port))


def _subject(path: Path, text: str, subjects: Collection[SubjectName]) -> SubjectName:
    """As the commands take a service, but for the beginning of its name, which another may come to share."""
    fitting = named(subjects, text)
    if len(fitting) == 1:
        return fitting[0]
    known = ", ".join(sorted(fitting or subjects)) or "none"
    wrong = f"{text!r} may be more than one" if fitting else f"there is no service {text!r}"
    raise invalid(path, f"notify: {wrong}", f"services and zones are: {known}")


def _source(path: Path, base: Path, name: str, key: str, file: str | None, variable: str | None) -> Path | str | None:
    if file is not None and variable is not None:
        raise invalid(path, f"notify.{name} has two of {key}", f"give {key}_file or {key}_env, one of them")
    return base / file if file is not None else variable


def _place(path: Path, text: str, port: int | None) -> tuple[str, int]:
    """HOST, HOST:PORT, [IPv6]:PORT."""
    host, colon, number = text.rpartition(":") if not text.endswith("]") else (text, "", "")
    if not colon:
        host, number = text, str(port or "")
    bracketed = host.startswith("[") and host.endswith("]")
    bare = host[1:-1] if bracketed else host
    wrong = not bare or not bare.isascii() or (":" in bare) is not bracketed
    if wrong or not number.isdecimal() or not 0 < int(number) < 1 << 16:
        raise invalid(path, f"{text!r} is no place to connect to", "write HOST:PORT, an IPv6 address in brackets")
    return bare, int(number)
