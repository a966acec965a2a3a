"""Taking a certificate over from another client, and giving it back: the order of the steps, on which all depends.

What a server reads is the same before and after each of them, so that it may read at any moment and need not be told.
Each may be done again: whoever was killed begins anew, forwards or backwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from danelaw.core.model import Answer, Chain, CredentialFacts, DanelawError, GenerationId, Lineage
from danelaw.core.tlsa import TLSARecord, records_of
from danelaw.core.tlsa.credential import associations, leaf_spki


class ClientFiles(Protocol):
    """Where another client keeps one certificate, and how it is told to leave it alone.

    ``taken``: where its live directory leads to, while that is none of its own. ``suspended``: it renews it no more.
    All methods raise ``DanelawError``.
    """

    @property
    def live(self) -> Path: ...
    @property
    def taken(self) -> Path | None: ...
    @property
    def suspended(self) -> bool: ...

    def renewal(self) -> str:
        """The text of what it is told of renewals."""
        ...

    def read_by_others(self) -> str | None:
        """Who beside root may read the key; None: nobody."""
        ...

    def lead(self, target: Path) -> None: ...
    def suspend(self, since: str) -> None: ...
    def keep(self, files: Mapping[str, bytes]) -> bool: ...
    def unlead(self) -> None: ...
    def resume(self) -> None: ...


class OwnCredentials(Protocol):
    """The credential store, as far as it takes what others made."""

    async def list(self, lineage: Lineage) -> Sequence[CredentialFacts]: ...
    async def adopt(self, lineage: Lineage, key: bytes, chain: Chain) -> GenerationId: ...
    async def deployable(self, lineage: Lineage, generation: GenerationId, chain: Chain) -> Path: ...


@dataclass(frozen=True, slots=True)
class LivePaths:
    """Danelaw's own live directories: made, read, taken away."""

    serve: Callable[[Path, Path], None]
    served: Callable[[Path], Mapping[str, bytes]]
    unserve: Callable[[Path], None]


@dataclass(frozen=True, slots=True)
class Adoption:
    """One certificate to be taken over. ``target``: Danelaw's live directory for it. ``since``: for people to read."""

    lineage: Lineage
    key: bytes
    chain: Chain
    target: Path
    since: str


async def take_over(
    one: Adoption, files: ClientFiles, store: OwnCredentials, paths: LivePaths, enrol: Callable[[], None]
) -> None:
    """Nothing of it is seen from outside. ``enrol``: makes it a service, unless it is one already.

    First the credential lies in the store as well, then servers find it there, then Danelaw knows of the service, and
    at last the other client forgets it. From the moment at which servers read from the store, the other client finds
    none of its own links in its live directory and renews nothing, whether it was told already or not. The other client
    must not be at work meanwhile.
    """
    if files.taken != one.target:
        generation = await _stored(one, store)
        paths.serve(one.target, await store.deployable(one.lineage, generation, one.chain))
        files.lead(one.target)
    enrol()
    files.suspend(one.since)


async def _stored(one: Adoption, store: OwnCredentials) -> GenerationId:
    spki = leaf_spki(one.chain)
    for generation in await store.list(one.lineage):
        if (generation.spki, generation.chain) == (spki, one.chain):
            return generation.generation
    return await store.adopt(one.lineage, one.key, one.chain)


def give_back(files: ClientFiles, paths: LivePaths, target: Path, retire: Callable[[], None]) -> bool:
    """The other client has it again, with the credential that serves now. ``retire``: makes it a service no more.

    Neither the other client nor a runner may be at work meanwhile. ``target``: Danelaw's live directory, where the
    other client's leads no more. Whether the credential is another than it was.
    """
    target = files.taken or target
    renewed = files.keep(paths.served(target)) if files.taken is not None else False
    retire()
    files.unlead()
    paths.unserve(target)
    files.resume()
    return renewed


def named_by(answers: Iterable[Answer], chain: Chain) -> frozenset[TLSARecord]:
    """The TLSA records that match a credential, whatever their parameters are."""
    spki = leaf_spki(chain)
    if spki is None:
        raise DanelawError("BAD_CHAIN", "the chain has no leaf that can be read")
    records = frozenset(record for answer in answers for record in records_of(answer))
    return records & associations({record.combination for record in records}, chain, spki)
