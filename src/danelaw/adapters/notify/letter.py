"""Notices as a message of Internet mail, which no vacation program answers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from danelaw.core.model import Instant
from danelaw.core.notify import texts
from danelaw.core.notify.record import Notice


@dataclass(frozen=True, slots=True)
class Envelope:
    """``host``: whose notices these are, as it calls itself. Addresses are without display names."""

    sender: str
    to: tuple[str, ...]
    host: str


def message(notices: Sequence[Notice], envelope: Envelope, at: Instant) -> EmailMessage:
    """``Auto-Submitted: auto-generated`` (RFC 3834 §5) keeps those who answer by themselves from answering.

    The same notices at the same time are the same message, with the same Message-ID.
    """
    built = EmailMessage(policy=SMTP)
    built["From"] = f"danelaw <{envelope.sender}>"
    built["To"] = ", ".join(envelope.to)
    built["Subject"] = texts.headline(notices, envelope.host)
    built["Date"] = format_datetime(at)
    text = texts.letter(notices, envelope.host, at)
    digest = hashlib.sha256("\0".join((at.isoformat(), *envelope.to, text)).encode()).hexdigest()[:32]
    built["Message-ID"] = f"<{digest}@{envelope.sender.rpartition('@')[2]}>"
    built["Auto-Submitted"] = "auto-generated"
    built.set_content(text, cte="quoted-printable" if not text.isascii() else "7bit")
    return built
