"""The credential store: immutable generations in directories.

    ROOT/SERVICE/ALGORITHM/generations/000001/privkey.pem     0600, from its first octet
                                              pubkey.pem      so that reading the store never opens the key
                                              created         when the key was made
                                              cert.pem        once the certificate has come: the leaf,
                                              chain.pem       the rest of the chain,
                                              combined.pem    0600: the key and the whole chain, for who wants one file
                                              fullchain.pem   the chain; written last: a generation that has it is whole
                                              destroyed       once the key is gone

The names are certbot's, so that servers' configurations need no change. A generation appears by one rename and is never
overwritten (a failed renewal that leaves a key beside another key's certificate kills web servers); its directory stays
when its key is destroyed, so that no number is ever used twice.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from os.path import realpath
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import quote

from cryptography.hazmat.primitives import serialization
from dns.name import Name

from danelaw.adapters.deploy import durable, x509
from danelaw.core.model import Chain, CredentialFacts, DanelawError, GenerationId, Lineage
from danelaw.ports import Blocking, Clock

T = TypeVar("T")

PRIVKEY: Final = "privkey.pem"
PUBKEY: Final = "pubkey.pem"
CREATED: Final = "created"
CERT: Final = "cert.pem"
CHAIN: Final = "chain.pem"
FULLCHAIN: Final = "fullchain.pem"
COMBINED: Final = "combined.pem"
DESTROYED: Final = "destroyed"

DEPLOYED: Final = (PRIVKEY, CERT, CHAIN, FULLCHAIN, COMBINED)
"""What a server finds in its live directory."""
SECRET: Final = (PRIVKEY, COMBINED)
"""Those of them with the private key."""

_NUMBER: Final = re.compile(r"[0-9]{6,}")


class DirectoryCredentials:
    """``ports.Credentials`` under ``root``.

    ``live``: where each lineage's server looks, a symbolic link that a deployer moves from generation to generation.
    ``limit`` bounds each operation. All methods raise ``DanelawError``: CREDENTIAL_STORE_FAILED when the disk does,
    CREDENTIAL_DAMAGED when files are missing or unreadable, NO_SUCH_GENERATION.
    """

    def __init__(
        self,
        root: Path,
        blocking: Blocking,
        clock: Clock,
        live: Mapping[Lineage, Path] | None = None,
        limit: timedelta = timedelta(seconds=60),
    ) -> None:
        self._root = root.absolute()
        self._blocking = blocking
        self._clock = clock
        self._live = {lineage: path.absolute() for lineage, path in (live or {}).items()}
        self._limit = limit

    # -- ports.Credentials --------------------------------------------------------------------------------------

    async def list(self, lineage: Lineage) -> Sequence[CredentialFacts]:
        """Every generation whose key is there, oldest first."""

        def read() -> Sequence[CredentialFacts]:
            folders = sorted(self._numbered(lineage).items())
            return [_facts(lineage, number, path) for number, path in folders if not (path / DESTROYED).exists()]

        return await self._do(read)

    async def make_key(self, lineage: Lineage) -> GenerationId:
        """A new generation with a key and no certificate: EC P-256, or RSA 3072."""
        created = self._clock.now()
        return await self._do(lambda: self._born(lineage, x509.make_key(lineage.algorithm), created))

    async def reuse_key(self, lineage: Lineage, generation: GenerationId) -> GenerationId:
        """A new generation with the key of another one, and no certificate."""
        created = self._clock.now()
        return await self._do(lambda: self._born(lineage, _key(self._folder(lineage, generation)), created))

    async def csr(self, lineage: Lineage, generation: GenerationId, names: Sequence[Name]) -> bytes:
        """PKCS #10 in DER."""
        return await self._do(lambda: x509.make_csr(_key(self._folder(lineage, generation)), names))

    async def complete(self, lineage: Lineage, generation: GenerationId, chain: Chain) -> None:
        """Stores the certificate of a generation's key; once more with the same chain changes nothing.

        Raises ``DanelawError``: BAD_CHAIN, KEY_MISMATCH when the leaf is for another key, ALREADY_COMPLETE.
        """

        def store() -> None:
            folder = self._folder(lineage, generation)
            held = _chain(folder)
            if held == chain:
                return
            if held is not None:
                raise DanelawError(
                    "ALREADY_COMPLETE",
                    f"generation {generation} of {lineage.service} has another certificate already",
                    evidence=str(folder),
                    hint="generations are never overwritten: make a new one",
                )
            _require_match(folder, chain)
            _write_chain(folder, chain)

        await self._do(store)

    async def destroy(self, lineage: Lineage, generation: GenerationId) -> None:
        """Removes the private key and keeps the rest as a record. Raises ``DanelawError("GENERATION_LIVE")``."""
        destroyed = self._clock.now().isoformat()

        def remove() -> None:
            folder = self._numbered(lineage).get(generation)
            if folder is None:
                raise _no_such(lineage, generation)
            if self._live_number(lineage) == generation:
                raise DanelawError(
                    "GENERATION_LIVE",
                    f"generation {generation} of {lineage.service} lies on the serving path",
                    evidence=str(self._live[lineage]),
                    hint="switch to another generation first",
                )
            if not (folder / DESTROYED).exists():
                durable.write_file(folder / DESTROYED, destroyed.encode(), durable.PUBLIC_FILE)
            for secret in SECRET:
                (folder / secret).unlink(missing_ok=True)
            durable.remove_leftovers(folder)
            durable.sync_directory(folder)

        await self._do(remove)

    async def live(self, lineage: Lineage) -> GenerationId | None:
        """The generation on the serving path; None: nothing, or nothing of this store."""
        return await self._do(lambda: self._live_number(lineage))

    # -- for credentials without a CA of ours -----------------------------------------------------------------------

    async def adopt(self, lineage: Lineage, key: bytes, chain: Chain) -> GenerationId:
        """A new generation of a private key (PEM) that was made elsewhere, with its certificate.

        Raises ``DanelawError``: BAD_KEY when it is of another kind than the lineage, BAD_CHAIN, KEY_MISMATCH.
        """
        created = self._clock.now()

        def store() -> GenerationId:
            try:
                private = x509.key_from_pem(key)
            except (ValueError, TypeError) as error:
                raise _bad_key(lineage, "it is no unencrypted EC or RSA key") from error
            if x509.algorithm_of(private) is not lineage.algorithm:
                raise _bad_key(lineage, f"it is an {x509.algorithm_of(private).name} key")
            if x509.spki_of_leaf(chain) != x509.spki_of_key(private):
                raise DanelawError("KEY_MISMATCH", "the certificate is not for the key that came with it")
            return self._born(lineage, private, created, chain)

        return await self._do(store)

    async def self_signed(self, lineage: Lineage, csr: bytes, begin: datetime, end: datetime) -> Chain:
        """A certificate that the key of a request signs itself. Raises ``DanelawError("NO_SUCH_GENERATION")``."""

        def sign() -> Chain:
            wanted = x509.spki_of_request(csr)
            for number, folder in sorted(self._numbered(lineage).items()):
                if not (folder / DESTROYED).exists() and _facts(lineage, number, folder).spki == wanted:
                    return x509.self_sign(_key(folder), csr, begin, end)
            raise DanelawError("NO_SUCH_GENERATION", f"{lineage.service} has no key that this request is for")

        return await self._do(sign)

    async def key_of(self, chain: Chain) -> bytes | None:
        """The private key (PEM) of a certificate, the first of the chain, whichever service it is of; None: it is not
        here any more. It looks through the whole store."""

        def find() -> bytes | None:
            leaf, _ = x509.chain_to_pem(chain)
            for cert in self._root.glob(f"*/*/generations/*/{CERT}"):
                with contextlib.suppress(FileNotFoundError):  # it was destroyed
                    if cert.read_bytes() == leaf:
                        return cert.with_name(PRIVKEY).read_bytes()
            return None

        return await self._do(find)

    # -- for deployers ------------------------------------------------------------------------------------------

    def live_path(self, lineage: Lineage) -> Path:
        """Raises ``DanelawError("NO_LIVE_PATH")`` where the configuration names none."""
        path = self._live.get(lineage)
        if path is None:
            raise DanelawError(
                "NO_LIVE_PATH",
                f"{lineage.service} has no directory to deploy its {lineage.algorithm.name} credential to",
                hint="set the directory under deploy in the file of the service",
            )
        return path

    async def deployable(self, lineage: Lineage, generation: GenerationId, chain: Chain) -> Path:
        """The directory of a generation that holds this very chain and the key that belongs to it.

        Raises ``DanelawError``: CHAIN_MISMATCH, KEY_MISMATCH.
        """

        def check() -> Path:
            folder = self._folder(lineage, generation)
            if _chain(folder) != chain:
                raise DanelawError(
                    "CHAIN_MISMATCH",
                    f"generation {generation} of {lineage.service} does not hold the chain that was judged",
                    evidence=str(folder),
                    hint="run again: what is there now will be judged anew",
                )
            _require_match(folder, chain)
            if not (folder / COMBINED).exists():  # generations of older versions have none
                durable.write_file(folder / COMBINED, _combined(folder, chain), durable.PRIVATE_FILE)
            return folder

        return await self._do(check)

    async def material(self, lineage: Lineage, generation: GenerationId, chain: Chain) -> Mapping[str, bytes]:
        """The files of a generation for a serving path that is a copy, the private key among them.

        Raises as ``deployable`` does.
        """
        folder = await self.deployable(lineage, generation, chain)
        return await self._do(lambda: {name: (folder / name).read_bytes() for name in DEPLOYED})

    # -- within -------------------------------------------------------------------------------------------------

    async def _do(self, fn: Callable[[], T]) -> T:
        try:
            return await self._blocking.call(fn, self._limit)
        except OSError as error:  # TimeoutError is one too
            raise DanelawError(
                "CREDENTIAL_STORE_FAILED",
                f"the credential store {self._root} cannot be used",
                evidence=str(error) or type(error).__name__,
                hint="look at the directory's owner, its mode, and the space left on the disk",
            ) from error

    def _generations(self, lineage: Lineage) -> Path:
        return self._root / _slug(lineage.service) / lineage.algorithm.value / "generations"

    def _numbered(self, lineage: Lineage) -> dict[GenerationId, Path]:
        """The generations, destroyed ones included; half-made ones have no number yet."""
        generations = self._generations(lineage)
        if not generations.exists():
            return {}
        return {GenerationId(int(path.name)): path for path in generations.iterdir() if _NUMBER.fullmatch(path.name)}

    def _born(
        self, lineage: Lineage, key: x509.PrivateKey, created: datetime, chain: Chain | None = None
    ) -> GenerationId:
        generations = self._generations(lineage)
        durable.make_directory(generations)
        with durable.alone(generations):
            for left in generations.glob(".new-*"):  # of a runner that was killed, with a key that nobody will use
                shutil.rmtree(left, ignore_errors=True)
            unborn = generations / f".new-{secrets.token_hex(8)}"
            unborn.mkdir(durable.PRIVATE_DIRECTORY)
            try:
                durable.create_file(unborn / PRIVKEY, x509.key_to_pem(key), durable.PRIVATE_FILE)
                durable.create_file(unborn / PUBKEY, x509.public_key_to_pem(key), durable.PUBLIC_FILE)
                durable.create_file(unborn / CREATED, created.isoformat().encode(), durable.PUBLIC_FILE)
                if chain is not None:
                    _write_chain(unborn, chain)
                durable.sync_directory(unborn)
                return self._number(lineage, unborn)
            finally:
                shutil.rmtree(unborn, ignore_errors=True)  # there only if it failed: no unnumbered key stays behind

    def _number(self, lineage: Lineage, unborn: Path) -> GenerationId:
        """Gives a half-made generation the next number, by the one rename that makes it appear."""
        while True:
            number = GenerationId(max(self._numbered(lineage), default=0) + 1)
            try:
                unborn.rename(unborn.with_name(f"{number:06d}"))
            except OSError:
                if number not in self._numbered(lineage):
                    raise
                continue  # another process was faster, and took the number
            durable.sync_directory(unborn.parent)
            return number

    def _folder(self, lineage: Lineage, generation: GenerationId) -> Path:
        folder = self._numbered(lineage).get(generation)
        if folder is None or (folder / DESTROYED).exists():
            raise _no_such(lineage, generation)
        return folder

    def _live_number(self, lineage: Lineage) -> GenerationId | None:
        link = self._live.get(lineage)
        if link is None:
            return None
        lying_there = realpath(link)  # a link to itself leads nowhere; Path.resolve would raise
        for number, path in self._numbered(lineage).items():
            if realpath(path) == lying_there:
                return number
        return None


def _slug(service: str) -> str:
    """A service's name as one file name: reversible, so that two services never share a directory."""
    return quote(service, safe="").replace(".", "%2E", 1) if service.startswith(".") else quote(service, safe="")


def _no_such(lineage: Lineage, generation: GenerationId) -> DanelawError:
    return DanelawError("NO_SUCH_GENERATION", f"{lineage.service} has no {lineage.algorithm.name} key {generation}")


def _damaged(folder: Path, error: Exception) -> DanelawError:
    return DanelawError(
        "CREDENTIAL_DAMAGED",
        f"generation {folder.name} cannot be read",
        evidence=f"{folder}: {error}",
        hint=f"restore its files; or, if its key is lost for good, create {folder / DESTROYED}",
    )


def _facts(lineage: Lineage, number: GenerationId, folder: Path) -> CredentialFacts:
    try:
        spki = serialization.load_pem_public_key((folder / PUBKEY).read_bytes()).public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        created = datetime.fromisoformat((folder / CREATED).read_text("ascii"))
    except (FileNotFoundError, ValueError) as error:
        raise _damaged(folder, error) from error
    return CredentialFacts(number, lineage, spki, _chain(folder), created)


def _chain(folder: Path) -> Chain | None:
    try:
        return x509.chain_from_pem((folder / FULLCHAIN).read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise _damaged(folder, error) from error


def _combined(folder: Path, chain: Chain) -> bytes:
    """The key first: Postfix wants it so."""
    return (folder / PRIVKEY).read_bytes() + b"".join(x509.chain_to_pem(chain))


def _write_chain(folder: Path, chain: Chain) -> None:
    leaf, rest = x509.chain_to_pem(chain)
    durable.write_file(folder / COMBINED, _combined(folder, chain), durable.PRIVATE_FILE)
    durable.write_file(folder / CERT, leaf, durable.PUBLIC_FILE)
    durable.write_file(folder / CHAIN, rest, durable.PUBLIC_FILE)
    durable.write_file(folder / FULLCHAIN, leaf + rest, durable.PUBLIC_FILE)


def _bad_key(lineage: Lineage, why: str) -> DanelawError:
    return DanelawError(
        "BAD_KEY",
        f"the key cannot be the {lineage.algorithm.name} key of {lineage.service}",
        evidence=why,
        hint='set algorithms = ["rsa"] for the service if its keys are RSA keys',
    )


def _key(folder: Path) -> x509.PrivateKey:
    try:
        return x509.key_from_pem((folder / PRIVKEY).read_bytes())
    except (FileNotFoundError, ValueError) as error:
        raise _damaged(folder, error) from error


def _require_match(folder: Path, chain: Chain) -> None:
    if x509.spki_of_leaf(chain) != x509.spki_of_key(_key(folder)):
        raise DanelawError(
            "KEY_MISMATCH",
            f"the certificate is not for the key of generation {folder.name}",
            evidence=str(folder),
            hint="nothing was changed; order a certificate with this key's own request",
        )
