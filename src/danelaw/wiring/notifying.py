"""Who is told, and by which way; where Prometheus finds what is measured."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from danelaw.app.config import Config
from danelaw.app.notify import Outlets, UnusableWay
from danelaw.app.notify_sections import EmailConfig, NotifyConfig, WebhookConfig
from danelaw.core.model import DanelawError
from danelaw.ports import Way
from danelaw.wiring.surroundings import blocking, clock, programs


def host_name() -> str:
    """As this machine calls itself, without asking anybody."""
    return socket.gethostname()


def outlets(config: Config) -> Outlets:
    """A way whose secret cannot be used, or whose address is none, is an ``UnusableWay``."""
    from danelaw.adapters.metrics.textfile import WholeFile
    from danelaw.adapters.notify.book import NoticeFile

    textfile = config.metrics.textfile
    return Outlets(
        NoticeFile(config.store.with_suffix(".notices"), blocking()),
        {name: (one.wants, _usable(one)) for name, one in config.notify.items()},
        WholeFile(textfile, blocking()) if textfile is not None else None,
    )


def metrics_server(
    place: tuple[str, int], text: Callable[[], str | None], ailing: Callable[[], str]
) -> AbstractAsyncContextManager[int]:
    """Serves ``/metrics`` and ``/healthz`` while it is entered. Raises ``DanelawError("METRICS_NOT_SERVED")``."""
    from danelaw.adapters.metrics.listener import Pages, listening

    return listening(*place, Pages(text, ailing))


def _usable(one: NotifyConfig) -> Way:
    try:
        return _way(one)
    except DanelawError as error:
        return UnusableWay(error)


def _way(one: NotifyConfig) -> Way:
    host = host_name()
    if isinstance(one, EmailConfig):
        return _mail(one, host)
    if isinstance(one, WebhookConfig):
        from danelaw.adapters.notify.webhook import WebhookWay
        from danelaw.adapters.publish.secret import Secret, read_secret
        from danelaw.adapters.publish.web import Hook

        url = Secret(one.url, "url") if one.url is not None else read_secret(one.url_from or "")
        secret = read_secret(one.secret).value.encode("ascii") if one.secret is not None else None
        return WebhookWay(Hook(url, clock(), one.timeout, one.ca), secret, host)
    from danelaw.adapters.notify.command import CommandWay

    return CommandWay(one.command, programs(), one.timeout, host)


def _mail(one: EmailConfig, host: str) -> Way:
    from danelaw.adapters.notify.email import Login, MailServer, SendmailWay, SMTPWay
    from danelaw.adapters.notify.letter import Envelope
    from danelaw.adapters.publish.secret import read_secret

    envelope = Envelope(one.sender or f"danelaw@{host}", one.to, host)
    if one.sendmail is not None:
        return SendmailWay(one.sendmail, envelope, programs())
    login = Login(one.login[0], read_secret(one.login[1]).value) if one.login is not None else None
    where, port = one.server
    return SMTPWay(MailServer(where, port, one.implicit, one.ca, login), envelope, blocking())
