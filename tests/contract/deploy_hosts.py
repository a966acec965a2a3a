"""Hosts for deployers: an sshd of a test's own on loopback, and what a CA makes of a request."""

from __future__ import annotations

import contextlib
import getpass
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from ended_processes import stopped
from update_servers import free_port

from danelaw.core.model import Chain

PATIENCE: Final = 20.0
"""Seconds for a server to listen."""

Find = Callable[..., str]


@dataclass(frozen=True)
class SSHHost:
    """``destination`` is this machine under another name. ``config``: what knows its host key, and has our own key.
    ``strange``: the same without its host key. ``wrong``: with another host's."""

    destination: str
    config: Path
    strange: Path
    wrong: Path
    port: int
    start: tuple[str, ...]

    @contextlib.contextmanager
    def up(self) -> Iterator[None]:
        """While it is entered, it listens."""
        with self.config.with_name("log").open("ab") as log:
            process = subprocess.Popen(self.start, stdin=subprocess.DEVNULL, stdout=log, stderr=log)  # noqa: S603 - our own words
        try:
            listens(self.port, process)
            yield
        finally:
            stopped(process)


def ssh_host(folder: Path, find: Find) -> SSHHost:
    """An sshd that lets whoever runs the tests in, with a key made for it."""
    sshd = find("sshd", package="openssh-server")
    keygen = find("ssh-keygen", package="openssh-client")
    folder.mkdir()
    for name in ("host", "other", "user"):
        subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)  # noqa: S603 - our own words
    port = free_port()
    (folder / "sshd_config").write_text(f"""\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
AuthorizedKeysFile {folder}/user.pub
PidFile none
UsePAM no
StrictModes no
PermitRootLogin prohibit-password
PasswordAuthentication no
""")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where sshd of root locks itself in
    configs: dict[str, Path] = {}
    for name, known in (("config", "host"), ("strange", None), ("wrong", "other")):
        hosts = folder / f"{name}_hosts"
        hosts.write_text(f"[127.0.0.1]:{port} {(folder / f'{known}.pub').read_text()}" if known is not None else "")
        config = folder / name
        config.write_text(f"""\
IdentityFile {folder}/user
IdentitiesOnly yes
UserKnownHostsFile {hosts}
GlobalKnownHostsFile none
""")
        configs[name] = config
    start = (sshd, "-D", "-e", "-f", str(folder / "sshd_config"))
    destination = f"ssh://{getpass.getuser()}@127.0.0.1:{port}"
    return SSHHost(destination, configs["config"], configs["strange"], configs["wrong"], port, start)


def listens(port: int, process: subprocess.Popen[bytes]) -> None:
    """Returns when connections are taken."""
    for _ in range(int(PATIENCE / 0.05)):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
            break  # a server that ended will never listen
    raise AssertionError(f"nothing listens at port {port}")


def issued(csr: bytes, noon: datetime) -> Chain:
    """What a CA makes of a request: a leaf for its key and names, and an intermediate."""
    request = x509.load_der_x509_csr(csr)
    ca_key = ec.generate_private_key(ec.SECP256R1())
    names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test CA")])

    def certificate(subject: x509.Name, key: x509.CertificateSigningRequest | ec.EllipticCurvePrivateKey) -> bytes:
        return (
            x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(noon - timedelta(hours=1))
            .not_valid_after(noon + timedelta(days=45))
            .add_extension(names.value, critical=True)
            .sign(ca_key, hashes.SHA256())
            .public_bytes(serialization.Encoding.DER)
        )

    return Chain((certificate(x509.Name([]), request), certificate(issuer, ca_key)))
