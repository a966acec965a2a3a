"""A mail host with one credential on four ports, Postfix and Dovecot; and a Postfix elsewhere that sends to it by DANE
(``smtp_tls_security_level = dane``): one more witness, whose log says how each message went."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import ClassVar, Final

from life_services import everywhere, literal
from life_world import DOMAIN, Room, listens

from danelaw.worlds.lab.real import addresses
from danelaw.worlds.lab.real.addresses import Place
from danelaw.worlds.lab.real.supervise import Server

POSTFIX: Final = Path("/usr/lib/postfix/sbin")
QUEUES: Final = "active bounce corrupt defer deferred flush hold incoming maildrop private public saved trace pid"
INSIDE: Final = """\
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
"""
"""The services of every Postfix, as in ``master.cf``."""
SENDER: Final = ("127.0.0.1", 10025)


def _postfix(room: Room, name: str, settings: str, listeners: Iterable[str]) -> Path:
    """The folder of an instance, laid out: its configuration, its queue, its log."""
    folder = room.made(name)
    for part in ("spool", "lib", *(f"spool/{queue}" for queue in QUEUES.split())):
        room.made(f"{name}/{part}", "root" if part in ("spool", "spool/pid") else "postfix")
    shutil.chown(folder / "spool" / "public", "postfix", "postdrop")
    shutil.chown(folder / "spool" / "maildrop", "postfix", "postdrop")
    common = f"""\
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/lib
maillog_file = {folder}/log
maillog_file_prefixes = {room.folder}
inet_protocols = all
alias_maps =
alias_database =
local_recipient_maps =
smtpd_peername_lookup = no
smtpd_client_connection_rate_limit = 0
"""
    (folder / "main.cf").write_text(common + settings, encoding="utf-8")
    (folder / "master.cf").write_text("".join(f"{line}\n" for line in listeners) + INSIDE, encoding="utf-8")
    return folder


@dataclass(frozen=True)
class MailHost:
    """Without a web server, so that control of the name is shown by dns-01."""

    room: Room
    host: ClassVar[str] = f"mail.{DOMAIN}"
    at: ClassVar[tuple[Place, ...]] = addresses.WEB[:1]
    endpoints: ClassVar[tuple[str, ...]] = tuple(f"mail.{DOMAIN}:{port}" for port in (25, 465, 587, 993))
    algorithms: ClassVar[tuple[str, ...]] = ("ecdsa",)
    challenge: ClassVar[str] = '{ type = "dns-01" }'
    records: ClassVar[str] = f"@ MX 10 mail.{DOMAIN}.\n"

    @property
    def directory(self) -> Path:
        return self.room.folder / "live" / self.host

    @property
    def reload(self) -> tuple[str, ...]:
        smtp, imap = self.room.folder / "postfix", self.room.folder / "dovecot"
        return self.room.script(
            "reload-service",
            f"cp {smtp}/tls/main.cf {smtp}/tls/master.cf {smtp}/",
            f"cp {imap}/tls {imap}/tls.conf",
            f"postfix -c {smtp} reload",
            f"doveadm -c {imap}/dovecot.conf reload",
        )

    def servers(self) -> list[Server]:
        return [self._smtp(), self._imap(), self._sender()]

    def _smtp(self) -> Server:
        settings = f"""\
inet_interfaces = {", ".join(literal(ip) for ip in everywhere(self.at))}
myhostname = {self.host}
mydestination = {DOMAIN}
local_transport = discard:
"""
        tls = f"""\
smtpd_tls_security_level = may
smtpd_tls_loglevel = 1
smtpd_tls_chain_files = {self.directory}/privkey.pem, {self.directory}/fullchain.pem
"""
        options = {"25": "", "587": "-o smtpd_tls_security_level=encrypt", "465": "-o smtpd_tls_wrappermode=yes"}
        lines = {
            port: [f"{literal(ip)}:{port} inet n - n - - smtpd {more}" for ip in everywhere(self.at)]
            for port, more in options.items()
        }
        folder = _postfix(self.room, "postfix", settings, lines["25"])
        (folder / "tls").mkdir()
        (folder / "tls" / "main.cf").write_text((folder / "main.cf").read_text("utf-8") + tls, encoding="utf-8")
        every = "".join(f"{line}\n" for some in lines.values() for line in some)
        (folder / "tls" / "master.cf").write_text(every + INSIDE, encoding="utf-8")
        return _master("postfix", folder, listens(*((ip, 25) for ip in everywhere(self.at))))

    def _imap(self) -> Server:
        folder = self.room.made("dovecot")
        (folder / "tls").write_text(
            f"ssl = yes\nssl_cert = <{self.directory}/fullchain.pem\nssl_key = <{self.directory}/privkey.pem\n",
            encoding="utf-8",
        )
        (folder / "dovecot.conf").write_text(
            f"""\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = /dev/stderr
protocols = imap
listen = {" ".join(str(ip) for ip in everywhere(self.at))}
ssl = no
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={folder}/home
}}
!include_try {folder}/tls.conf
""",
            encoding="utf-8",
        )
        argv = (self.room.programs["dovecot"], "-F", "-c", str(folder / "dovecot.conf"))
        return Server("dovecot", argv, folder / "log", listens(*((ip, 143) for ip in everywhere(self.at))))

    def _sender(self) -> Server:
        settings = """\
inet_interfaces = 127.0.0.1
myhostname = sender.invalid
mydestination =
mynetworks = 127.0.0.0/8
smtp_dns_support_level = dnssec
smtp_tls_security_level = dane
smtp_tls_loglevel = 1
smtp_connection_cache_on_demand = no
minimal_backoff_time = 1s
queue_run_delay = 1s
"""
        ip, port = SENDER
        folder = _postfix(self.room, "sender", settings, [f"{ip}:{port} inet n - n - - smtpd"])
        return _master("the sender", folder, listens((ip_address(ip), port)))


def _master(name: str, folder: Path, ready: Callable[[], Awaitable[bool]]) -> Server:
    return Server(name, (str(POSTFIX / "master"), "-c", str(folder), "-d"), folder / "started", ready)


# -- the witness -------------------------------------------------------------------------------------------------------

_ENDED: Final = re.compile(r"postfix/smtp\[(\d+)\]: (\w+): to=<[^>]*>,.* status=(\w+) \((.*)\)")
_TLS: Final = re.compile(r"postfix/smtp\[(\d+)\]: (\w+) TLS connection established to")
_FROM: Final = re.compile(r"postfix/qmgr\[\d+\]: (\w+): from=<([\w-]+)\.\d+@")
_RETRY: Final = re.compile(r"postfix/error\[\d+\]: (\w+): to=<[^>]*>,.* status=(\w+) \((.*)\)")


@dataclass
class Mail:
    """Sends a message each ``pace`` seconds to the domain, as long as the context is open."""

    log: Path
    pace: float = 1.5
    part: str = "before"
    _sent: int = 0
    _task: asyncio.Task[None] | None = None
    _open: asyncio.Event = field(default_factory=asyncio.Event)

    async def __aenter__(self) -> Mail:
        self._open.set()
        self._task = asyncio.create_task(self._send())
        return self

    async def __aexit__(self, *ended: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def enter(self, part: str) -> None:
        """What was sent has ended, and what is sent from now on is of another part."""
        self._open.clear()
        await self.rounds(0)
        self.part = part
        self._open.set()

    async def rounds(self, count: int = 1) -> None:
        """Until so many more messages have come to an end, and all that were sent before."""
        wanted = self._sent + count
        while len(self._outcomes()) < wanted:  # a log tells nobody that it has grown
            assert self._task is not None
            if self._task.done():
                self._task.result()
            await asyncio.sleep(0.05)

    def tally(self, part: str) -> dict[str, int]:
        """How the messages of a part ended at their first attempt, ``sent Verified`` as all should be under DANE."""
        return dict(Counter(how for of, how in self._outcomes().values() if of == part))

    def _outcomes(self) -> dict[str, tuple[str, str]]:
        """By message: its part, and how its first attempt ended."""
        parts: dict[str, str] = {}
        trust: dict[str, str] = {}
        found: dict[str, tuple[str, str]] = {}
        for line in self.log.read_text("utf-8", errors="replace").splitlines() if self.log.exists() else []:
            if queued := _FROM.search(line):
                parts[queued[1]] = queued[2]
            elif tls := _TLS.search(line):
                trust[tls[1]] = tls[2]
            elif ended := _ENDED.search(line):
                how = trust.pop(ended[1], "in the clear") if ended[3] == "sent" else ended[4]
                found.setdefault(ended[2], (parts.get(ended[2], ""), f"{ended[3]} {how}"))
            elif retried := _RETRY.search(line):
                found.setdefault(retried[1], (parts.get(retried[1], ""), f"{retried[2]} {retried[3]}"))
        return found

    async def _send(self) -> None:
        while True:
            await self._open.wait()
            self._sent += 1
            await _submit(f"{self.part}.{self._sent}@sender.invalid", f"postmaster@{DOMAIN}")
            await asyncio.sleep(self.pace)


async def _submit(sender: str, recipient: str) -> None:
    """Hand a message to the sender (RFC 5321 §3.3)."""
    reader, writer = await asyncio.open_connection(*SENDER)
    try:
        for line, code in (
            ("", b"220"),
            ("EHLO localhost", b"250"),
            (f"MAIL FROM:<{sender}>", b"250"),
            (f"RCPT TO:<{recipient}>", b"250"),
            ("DATA", b"354"),
            ("Subject: a message\r\n\r\nIt goes by DANE.\r\n.", b"250"),
            ("QUIT", b"221"),
        ):
            if line:
                writer.write(line.encode("ascii") + b"\r\n")
            said = b"   -"
            while said[3:4] == b"-":
                said = await reader.readline()
                assert said[:3] == code or said[3:4] == b"-", (line, said)
    finally:
        writer.close()
