"""What certbot leaves on a machine, and a configuration of Danelaw's beside it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from josepy.jwk import JWK

from danelaw import wiring
from danelaw.app.config import load
from danelaw.core.model import Chain, DanelawError, KeyAlgorithm
from danelaw.faces.cli import cli

MUTATING = {"os.rename", "os.symlink", "os.link", "os.remove", "os.mkdir"}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_DIRECTORY
"""A directory is opened to have it on the disk, after something in it was changed."""
NAME = "www.example.net"
KINDS = ("cert", "privkey", "chain", "fullchain")
CONF = """\
# renew_before_expiry = 30 days
version = 2.1.0
archive_dir = {directory}/archive/{name}
cert = {directory}/live/{name}/cert.pem
privkey = {directory}/live/{name}/privkey.pem
chain = {directory}/live/{name}/chain.pem
fullchain = {directory}/live/{name}/fullchain.pem

# Options used in the renewal process
[renewalparams]
account = 0123456789abcdef0123456789abcdef
authenticator = webroot
webroot_path = /var/www/html,
server = {server}
key_type = ecdsa
renew_hook = systemctl reload nginx
[[webroot_map]]
{name} = /var/www/html
"""
MAIN = """\
[resolver]
forwarders = ["127.0.0.1@{dns}"]

[state]
credentials = "state/credentials"
store = "state/store.sqlite"

[issuers.ca]
type = "acme"
directory = "{server}"
account = "accounts/ca"
{bundle}
challenge = {{ type = "http-01", webroot = "www", preflight = false }}

[publishers.zone]
type = "manual"
zone = "example.net"
"""
SERVER = "https://ca.test/dir"
ACCOUNT, URL = "0123456789abcdef0123456789abcdef", "https://ca.test/acct/17"
"""Which one ordered what there is, as ``CONF`` says, and how the CA calls it."""


@dataclass(frozen=True)
class Said:
    """What a command said, and how it ended."""

    status: int
    output: str
    problem: DanelawError | None = None


@dataclass
class Machine:
    """``letsencrypt``: certbot's directory. ``path``: Danelaw's configuration. ``names``: the certificates that
    commands are about; none: all."""

    folder: Path
    dns: int = 9
    server: str = SERVER
    bundle: str = ""
    names: tuple[str, ...] = (NAME,)

    def __post_init__(self) -> None:
        self.path.parent.mkdir(parents=True)
        text = MAIN.format(dns=self.dns, server=self.server, bundle=self.bundle)
        self.path.write_text(text, encoding="utf-8")

    @property
    def letsencrypt(self) -> Path:
        return self.folder / "letsencrypt"

    @property
    def path(self) -> Path:
        return self.folder / "danelaw" / "danelaw.toml"

    @property
    def live(self) -> Path:
        return self.letsencrypt / "live" / NAME

    @property
    def service(self) -> Path:
        return self.path.parent / "services.d" / f"{NAME}.toml"

    @property
    def conf(self) -> Path:
        return self.letsencrypt / "renewal" / f"{NAME}.conf"

    def asks(self, *arguments: str) -> list[str]:
        config = ["--config-dir", str(self.letsencrypt), "--config", str(self.path)]
        names = [word for name in self.names for word in ("--cert-name", name)]
        return ["adopt", "certbot", *config, *names, "--yes", *arguments]

    def danelaw(self, *arguments: str) -> Said:
        """In this process: its output goes to a file, as the command wants to write to one that is open."""
        with (self.folder / "said").open("w+") as said, redirect_stdout(said), redirect_stderr(said):
            try:
                status = cli.main(self.asks(*arguments), standalone_mode=False)
            except DanelawError as error:
                return Said(2, str(error), error)
            except click.exceptions.Exit as ended:
                status = ended.exit_code
            said.flush()
            said.seek(0)
            return Said(status if isinstance(status, int) else 0, said.read())

    def adopted(self, *arguments: str) -> Said:
        result = self.danelaw(*arguments)
        assert result.status == 0, result.output
        return result

    def refused(self, *arguments: str) -> DanelawError:
        result = self.danelaw(*arguments)
        assert result.problem is not None, result
        return result.problem

    def left(self) -> dict[str, bytes | str]:
        """All that certbot has there."""
        found: dict[str, bytes | str] = {}
        for path in sorted(self.letsencrypt.rglob("*")):
            if path.is_symlink():
                found[str(path.relative_to(self.letsencrypt))] = str(path.readlink())
            elif path.is_file():
                found[str(path.relative_to(self.letsencrypt))] = path.read_bytes()
        return found

    def presented(self, name: str = NAME) -> bytes:
        """The public key that a server serves which reads its files now; they belong together."""
        live = self.live.with_name(name)
        leaf = x509.load_pem_x509_certificate((live / "fullchain.pem").read_bytes())
        key = serialization.load_pem_private_key((live / "privkey.pem").read_bytes(), None)
        assert leaf.public_key() == key.public_key()
        return spki(leaf)


def spki(certificate: x509.Certificate) -> bytes:
    return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def as_certbot_left(
    machine: Machine, *names: str, kind: str = "ec", mode: int = 0o600, called: str = NAME, days: int = 89
) -> None:
    """A certificate of certbot's, the third of its name, ``called`` so. ``days``: for how long it is good yet."""
    archive, live = machine.letsencrypt / "archive" / called, machine.live.with_name(called)
    for folder in (archive, live):
        folder.mkdir(parents=True)
    machine.conf.parent.mkdir(exist_ok=True)
    for name, content in credential(names or (NAME,), kind, days).items():
        (archive / f"{name}3.pem").touch(mode if name == "privkey" else 0o644)
        (archive / f"{name}3.pem").write_bytes(content)
        (live / f"{name}.pem").symlink_to(f"../../archive/{called}/{name}3.pem")
    machine.conf.with_name(f"{called}.conf").write_text(
        CONF.format(directory=machine.letsencrypt, name=called, server=machine.server), encoding="utf-8"
    )


def credential(names: Sequence[str], kind: str = "ec", days: int = 89) -> dict[str, bytes]:
    """What the four files of a new certificate hold."""
    key = ec.generate_private_key(ec.SECP256R1()) if kind == "ec" else rsa.generate_private_key(65537, 2048)
    now = datetime.now(UTC)
    subject = x509.Name([])
    issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a CA")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=min(0, days) - 1))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=True)
        .sign(key, hashes.SHA256())
    )
    leaf = certificate.public_bytes(Encoding.PEM)
    return {
        "cert": leaf,
        "chain": leaf,
        "fullchain": leaf + leaf,
        "privkey": key.private_bytes(Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    }


def account_of_certbot(machine: Machine, key: JWK) -> Path:
    folder = machine.letsencrypt / "accounts" / "ca.test" / "dir" / ACCOUNT
    folder.mkdir(parents=True)
    (folder / "private_key.json").write_text(key.json_dumps())
    (folder / "regr.json").write_text(json.dumps({"body": {}, "uri": URL}))
    (folder / "meta.json").write_text("{}")
    return folder


def danelaw_renewed(machine: Machine, name: str = NAME) -> bytes:
    """Another generation of the store serves, as after a renewal: its public key."""
    target, config = machine.live.with_name(name).readlink(), load(machine.path)
    lineage = next(one for s in config.services for one in s.lineages if s.hosts[0].path(one) == target)
    files = credential((NAME,), "rsa" if lineage.algorithm is KeyAlgorithm.RSA else "ec")
    chain = Chain(tuple(one.public_bytes(Encoding.DER) for one in x509.load_pem_x509_certificates(files["fullchain"])))
    store = wiring.own_credentials(config, {lineage: target})

    async def go() -> Path:
        return await store.deployable(lineage, await store.adopt(lineage, files["privkey"], chain), chain)

    new = asyncio.run(go())
    target.unlink()
    target.symlink_to(new)
    return machine.presented(name)


def killed(machine: Machine, number: int, *arguments: str) -> bool:
    """Whether the command was killed before its change of that number to the disk, and not done before."""
    child = os.fork()
    if child == 0:
        left = number

        def hook(event: str, args: tuple[object, ...]) -> None:
            nonlocal left
            inside = any(
                str(machine.folder) in os.fsdecode(a) for a in args if isinstance(a, str | bytes | os.PathLike)
            )
            changes = event == "open" and isinstance(args[2], int) and bool(args[2] & WRITING)
            if event == "ctypes.dlsym" or (inside and (event in MUTATING or changes)):
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        os._exit(machine.danelaw(*arguments).status)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    assert os.WEXITSTATUS(status) == 0
    return False
