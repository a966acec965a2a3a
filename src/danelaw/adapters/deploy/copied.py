"""Deploying to where the store cannot be read from: a copy is handed to a shell, here or on another host.

The host needs a POSIX shell and tar, no Danelaw. It is reached by ssh, which must know its host key, or by a command of
the operator's. Whatever is cut short leaves the link where it was, or where it was to be, with a whole copy behind it.
"""

from __future__ import annotations

import io
import secrets
import shlex
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path, PurePath
from typing import Final

from danelaw.adapters.deploy import scripts, x509
from danelaw.adapters.deploy.credentials import PRIVKEY, SECRET, DirectoryCredentials
from danelaw.adapters.deploy.scripts import PRIVATE, Owned, Word
from danelaw.adapters.deploy.server import RETIRING, SHOWN, SWITCHING, Doing, said, unloaded, untested
from danelaw.core.model import Chain, DanelawError, GenerationId, HostName, Lineage
from danelaw.core.rollover.actions import Receipt, Retire, Switch
from danelaw.core.secrecy import hide
from danelaw.ports import Programs

HERE: Final = ("sh", "-c")
"""The shell of this machine, for a server that is not root."""

_PLAIN: Final = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ./_-=:,+@")
_SSH: Final = (
    *("-T", "-a", "-x"),
    *("-S", "none"),  # a shared connection would outlive the question, and be killed with it
    *("-o", "BatchMode=yes"),
    *("-o", "StrictHostKeyChecking=yes"),
    *("-o", "ClearAllForwardings=yes"),
    *("-o", "PermitLocalCommand=no"),
    *("-o", "ConnectTimeout=15"),
)


@dataclass(frozen=True, slots=True)
class Way:
    """How a shell of the host is reached. ``argv``: it takes one more word, the script. ``nested``: that word is read
    by a shell of whatever kind, which is to start ours."""

    argv: tuple[str, ...]
    nested: bool = False

    def to(self, script: str) -> tuple[str, ...]:
        return (*self.argv, _for_any_shell(script) if self.nested else script)


def _for_any_shell(script: str) -> str:
    """A line that starts our shell whichever reads it: csh ends a quoted word at a line's end, and takes ``!`` for its
    own even there. So no octet of the script stands for itself that means something to any of them."""
    if script.isalnum():
        return f"sh -c {script}"
    plain = "".join(
        chr(octet) if octet in _PLAIN else f"\\0{octet:03o}" for octet in script.encode("utf-8", "surrogateescape")
    )
    return f'sh -c \'eval "$(printf %b "{plain}")"\''


def by_ssh(destination: str, config: Path | None = None) -> Way:
    """The system's ssh. ``destination``: user@host or ssh://user@host:port. ``config``: a file as of ssh_config(5)."""
    own = ("-F", str(config)) if config is not None else ()
    return Way(("ssh", *own, *_SSH, "--", destination), nested=True)


class CopyingDeployer:
    """``ports.Deployer`` for one host. ``directories``: the live directory there of each lineage.

    ``limit`` bounds each of three parts of a run of the shell: all but test and reload, the tests, the reloads.
    """

    def __init__(
        self,
        host: HostName,
        directories: Mapping[Lineage, PurePath],
        credentials: DirectoryCredentials,
        way: Way,
        programs: Programs,
        *,
        tests: Sequence[Sequence[str]] = (),
        reloads: Sequence[Sequence[str]] = (),
        owned: Owned = PRIVATE,
        limit: timedelta = timedelta(seconds=60),
    ) -> None:
        self._host = host
        self._directories = dict(directories)
        self._credentials = credentials
        self._way = way
        self._programs = programs
        self._tests = tuple(map(tuple, tests))
        self._reloads = tuple(map(tuple, reloads))
        self._owned = owned
        self._limit = limit

    async def switch(self, change: Switch) -> Receipt:
        """Key and certificate are checked against each other and against ``change`` before anything goes out.

        Raises ``DanelawError``: CHAIN_MISMATCH, KEY_MISMATCH, NO_SUCH_GENERATION, UNKNOWN_HOST, NO_LIVE_PATH,
        LIVE_PATH_TAKEN, DEPLOY_FAILED, all with nothing changed; DEPLOY_CONFIG_TEST, with the link put back and nothing
        reloaded; RELOAD_FAILED, with the link moved already; HOST_UNREACHABLE, with nothing half done; and
        ``TimeoutError``.
        """
        directory = self._directory(change.lineage, change.host)
        files = await self._credentials.material(change.lineage, change.generation, change.chain)
        name = f"{change.generation:06d}-{secrets.token_hex(4)}"
        script = scripts.switch(directory, name, self._owned, self._tests, self._reloads, self._limit)
        self._require(await self._run(script, files, parts=3), directory, SWITCHING)
        return Receipt(note=f"{self._host}: {directory} -> generation {change.generation}")

    async def retire(self, change: Retire) -> Receipt:
        """Removes the link and every copy, and reloads; where that fails, the link is put back. What others put there
        is left. Raises as ``switch`` does."""
        directory = self._directory(change.lineage, change.host)
        if await self.live(change.lineage) is None:
            return Receipt(note=f"{self._host}: {directory} leads to no credential")
        name = f"retired-{secrets.token_hex(4)}"
        script = scripts.retire(directory, name, self._tests, self._reloads, self._limit)
        self._require(await self._run(script, parts=3), directory, RETIRING)
        return Receipt(note=f"{self._host}: {directory} removed")

    async def live(self, lineage: Lineage) -> GenerationId | None:
        """What the host says of where the link leads, if the chain that lies there is that generation's.

        Raises ``DanelawError``: HOST_UNREACHABLE, NO_LIVE_PATH, CREDENTIAL_STORE_FAILED; and ``TimeoutError``.
        """
        directory = self._directory(lineage, self._host)
        _, output = await self._run(scripts.look(directory))
        target, _, pem = output.partition("\n")
        number = scripts.generation(target)
        chain = _chain(pem)
        if number is None or chain is None:
            return None
        held = {facts.generation: facts.chain for facts in await self._credentials.list(lineage)}
        return number if held.get(number) == chain else None

    async def _run(self, script: str, files: Mapping[str, bytes] | None = None, parts: int = 1) -> tuple[Word, str]:
        document = _tar(files) if files is not None else b""
        answer = await self._programs.ask(self._way.to(script), document, parts * self._limit, leaving=_reloaded)
        word, output = _heard(answer.answer)
        if word is not None:
            # What tar or chown has to complain of comes by the other way.
            return word, _hidden(output or answer.said, files)
        unknown = "Host key verification failed" in answer.said
        raise DanelawError(
            "HOST_UNREACHABLE",
            f"{self._host} did not do what it was told: {shlex.join(self._way.argv)} ended with status {answer.status}",
            evidence=said(_hidden(answer.said or output, files)),
            hint="compare the host's key with what ssh-keyscan shows, and add it to known_hosts"
            if unknown
            else f"try it by hand: {shlex.join(self._way.to('true'))}",
        )

    def _require(self, ended: tuple[Word, str], directory: PurePath, doing: Doing) -> None:
        word, output = ended
        at = f" on {self._host}"
        match word:
            case Word.DONE:
                return
            case Word.UNTESTED:
                raise untested(" && ".join(map(shlex.join, self._tests)), output, at, doing)
            case Word.UNLOADED:
                raise unloaded("; ".join(map(shlex.join, self._reloads)) + " failed", output, at, doing)
            case Word.TAKEN:
                raise DanelawError(
                    "LIVE_PATH_TAKEN",
                    f"{directory} is there already{at} and is no symbolic link",
                    hint=f"move it away: mv {shlex.quote(str(directory))} {shlex.quote(str(directory))}.before-danelaw",
                )
            case Word.FAILED | Word.STUCK:
                left = "" if word is Word.FAILED else "; it leads to a credential that does not pass the server's test"
                raise DanelawError(
                    "DEPLOY_FAILED",
                    f"{directory}{at} cannot be changed{left}",
                    evidence=said(output),
                    hint=f"the directory {directory.parent} must be writable there, with space left on its disk",
                )

    def _directory(self, lineage: Lineage, host: HostName) -> PurePath:
        if host != self._host:
            raise DanelawError("UNKNOWN_HOST", f"{host} is not where this deploys to", evidence=self._host)
        found = self._directories.get(lineage)
        if found is None:
            raise DanelawError(
                "NO_LIVE_PATH",
                f"{lineage.service} has no directory on {host} to deploy its {lineage.algorithm.name} credential to",
                hint="set the directory under deploy in the file of the service",
            )
        return found


def _heard(answer: bytes) -> tuple[Word | None, str]:
    return scripts.heard(answer.decode("utf-8", "replace"))


def _reloaded(answer: bytes) -> bool:
    """A reload may start a server, which is not to end with the shell; a test that hangs is."""
    return _heard(answer)[0] in (Word.DONE, Word.UNLOADED)


def _hidden(text: str, files: Mapping[str, bytes] | None) -> str:
    """Without what a host may have said back of the private key, wherever that was cut off."""
    if files is None:
        return text
    lines = files[PRIVKEY].decode("ascii").splitlines()
    return hide(text[-2 * SHOWN :], ["".join(line for line in lines if not line.startswith("-"))])


def _chain(pem: str) -> Chain | None:
    try:
        return x509.chain_from_pem(pem.encode("ascii"))
    except ValueError:
        return None


def _tar(files: Mapping[str, bytes]) -> bytes:
    with io.BytesIO() as written:
        with tarfile.open(fileobj=written, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            for name, content in files.items():
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode = len(content), 0o600 if name in SECRET else 0o644
                archive.addfile(entry, io.BytesIO(content))
        return written.getvalue()
