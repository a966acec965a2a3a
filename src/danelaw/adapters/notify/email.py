"""Notices by e-mail: to a server, or through the host's sendmail command."""

from __future__ import annotations

import contextlib
import shlex
import smtplib
import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from danelaw.adapters.notify.letter import Envelope, message
from danelaw.core.model import DanelawError, Instant
from danelaw.core.notify.record import Notice
from danelaw.core.secrecy import hide
from danelaw.ports import Blocking, Programs

PATIENCE: Final = timedelta(seconds=60)
"""For the whole of one delivery. Servers that hold back their greeting to tell hasty clients do so for some seconds."""
_SILENCE: Final = 20.0
_READ: Final = 1 << 12
_LONGEST_TALK: Final = 1 << 16
"""In octets, of all that a server says between two changes of how it is spoken to."""


@dataclass(frozen=True, slots=True)
class Login:
    user: str
    password: str

    def __repr__(self) -> str:
        return f"Login({self.user!r})"


@dataclass(frozen=True, slots=True)
class MailServer:
    """``implicit``: TLS from the start (RFC 8314 §3.3), else by STARTTLS. ``ca``: PEM, None: the system's.

    Loopback may do without TLS, where no login is needed; every other server must show a certificate for its name.
    """

    host: str
    port: int
    implicit: bool = False
    ca: Path | None = None
    login: Login | None = None

    @property
    def loopback(self) -> bool:
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def __str__(self) -> str:
        return f"{self.host} port {self.port}"


class _Lines:
    """What a server says, as smtplib reads it: up to a bound, and until a time.

    Nobody else ends a talk with one that drips or never comes to an end.
    """

    def __init__(self, sock: socket.socket, until: float) -> None:
        self._sock = sock
        self._until = until
        self._buffer = bytearray()
        self._left = _LONGEST_TALK

    def readline(self, most: int) -> bytes:
        while b"\n" not in self._buffer and len(self._buffer) < most:
            left = self._until - time.monotonic()
            if left <= 0 or self._left <= 0:
                raise TimeoutError("it talks on and on")
            self._sock.settimeout(min(left, _SILENCE))
            more = self._sock.recv(4096)
            if not more:
                break
            self._left -= len(more)
            self._buffer += more
        end = min(self._buffer.find(b"\n") + 1 or len(self._buffer), most)
        line = bytes(self._buffer[:end])
        del self._buffer[:end]
        return line

    def close(self) -> None:
        """The socket is another's to close."""


class _Patient(smtplib.SMTP):
    """For ``PATIENCE`` from its first word, and no longer."""

    until: float | None = None

    def getreply(self) -> tuple[int, bytes]:
        if self.until is None:
            self.until = time.monotonic() + PATIENCE.total_seconds()
        if self.file is None and self.sock is not None:
            self.file = _Lines(self.sock, self.until)
        return super().getreply()


class _PatientTLS(_Patient, smtplib.SMTP_SSL):
    """TLS from the start."""


class SMTPWay:
    """``ports.Way``: by SMTP to a mail server. Raises ``MAIL_NOT_TAKEN``."""

    def __init__(self, server: MailServer, envelope: Envelope, blocking: Blocking) -> None:
        self._server = server
        self._envelope = envelope
        self._blocking = blocking

    async def tell(self, notices: Sequence[Notice], at: Instant) -> None:
        built = message(notices, self._envelope, at)
        try:
            await self._blocking.call(lambda: self._deliver(built), PATIENCE)
        except TimeoutError as error:
            raise self._not_taken("it does not answer in time") from error

    def _deliver(self, built: EmailMessage) -> None:
        """Whoever takes it for some of the recipients only has not taken it."""
        server, mine = self._server, self._envelope
        try:
            context = ssl.create_default_context(cafile=server.ca)
            talk = self._connected(context)
            try:
                talk.ehlo()
                if not server.implicit and (talk.has_extn("starttls") or not server.loopback):
                    self._start_tls(talk, context)
                if server.login is not None:
                    talk.login(server.login.user, server.login.password)
                refused = talk.send_message(built, mine.sender, mine.to)
                with contextlib.suppress(smtplib.SMTPException, OSError):  # it is taken, however they part
                    talk.quit()
            finally:
                talk.close()
        except ssl.SSLCertVerificationError as error:
            raise self._not_taken(f"its certificate cannot be believed: {error.verify_message}") from error
        # It may quote the login, and none of these errors is to go further for that.
        except smtplib.SMTPRecipientsRefused as error:
            raise self._not_taken(_refusals(error.recipients)) from None
        except smtplib.SMTPResponseException as error:
            said = error.smtp_error.decode("utf-8", "replace") if isinstance(error.smtp_error, bytes) else ""
            raise self._not_taken(f"{error.smtp_code} {said}") from None
        except (smtplib.SMTPException, OSError, ValueError) as error:  # a ValueError: what it says cannot be read
            raise self._not_taken(str(error) or type(error).__name__) from None
        if refused:
            raise self._not_taken(_refusals(refused))

    def _connected(self, context: ssl.SSLContext) -> smtplib.SMTP:
        server = self._server
        if server.implicit:
            return _PatientTLS(server.host, server.port, self._envelope.host, timeout=_SILENCE, context=context)
        return _Patient(server.host, server.port, self._envelope.host, timeout=_SILENCE)

    def _start_tls(self, talk: smtplib.SMTP, context: ssl.SSLContext) -> None:
        """On loopback nobody stands between, so nobody need be shown: servers there have certificates of other names.

        What a server says before TLS starts counts for nothing (RFC 3207 §4.2).
        """
        if self._server.loopback and self._server.ca is None and self._server.login is None:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        talk.starttls(context=context)
        talk.ehlo()

    def _not_taken(self, evidence: str) -> DanelawError:
        login = self._server.login
        evidence = hide(evidence[:_READ], [login.password] if login is not None else [])
        return DanelawError(
            "MAIL_NOT_TAKEN",
            f"{self._server} does not take mail from {self._envelope.sender}",
            evidence=_line(evidence),
            hint="does it run, does it take mail from this host, and has it STARTTLS with a certificate for its name?",
        )


class SendmailWay:
    """``ports.Way``: hands the message to a program such as ``/usr/sbin/sendmail -t -i``. Raises ``MAIL_NOT_TAKEN``."""

    def __init__(self, argv: Sequence[str], envelope: Envelope, programs: Programs) -> None:
        self._argv = tuple(argv)
        self._envelope = envelope
        self._programs = programs

    async def tell(self, notices: Sequence[Notice], at: Instant) -> None:
        built = message(notices, self._envelope, at).as_bytes(policy=SMTP.clone(linesep="\n"))
        name = shlex.quote(self._argv[0])
        try:
            # It may have taken the letter, and deliver it in the background.
            ended = await self._programs.ask(self._argv, built, PATIENCE, leaving=lambda _: True)
        except TimeoutError as error:
            raise DanelawError("MAIL_NOT_TAKEN", f"{name} did not end in {PATIENCE.seconds} s") from error
        if ended.status:
            raise DanelawError(
                "MAIL_NOT_TAKEN",
                f"{name} ended with status {ended.status}",
                evidence=ended.said,
                hint="does it read the recipients from the message, as with the options -t -i?",
            )


def _refusals(recipients: dict[str, tuple[int, bytes]]) -> str:
    return "; ".join(f"{to}: {code} {said.decode('utf-8', 'replace')}" for to, (code, said) in recipients.items())


def _line(text: str) -> str:
    shown = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return shown if len(shown) <= 400 else f"{shown[:400]}…"
