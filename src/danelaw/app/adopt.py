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

    ``taken``: where its live directory leads to, while that is none of its own. ``away``: its own lies aside.
    ``suspended``: it renews it no more.
    All methods raise ``DanelawError``.
    """

    @property
    def live(self) -> Path: ...
    @property
    def taken(self) -> Path | None: ...
    @property
    def away(self) -> bool: ...
    @property
    def suspended(self) -> bool: ...

    def renewal(self) -> str:
        """The text of what it is told of renewals."""
        ...

    def hooks(self) -> Sequence[Path]:
        """The programs that it runs when it renews whatever it has."""
        ...

    def require_whole(self, fullchain: str | None) -> None:
        """It can have it again, once it is taken over. ``fullchain``: where it says that the certificate is."""
        ...

    def require_returnable(self) -> None:
        """What it had is where it was put."""
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


class Serve(Protocol):
    def __call__(self, path: Path, folder: Path, *, unread: bool) -> None:
        """``path`` leads to a generation. ``unread``: one that leads to another may be moved: no server reads it."""
        ...


@dataclass(frozen=True, slots=True)
class LivePaths:
    """Danelaw's own live directories: made, read, taken away."""

    serve: Serve
    served: Callable[[Path], Mapping[str, bytes]]
    unserve: Callable[[Path], None]


@dataclass(frozen=True, slots=True)
class Adoption:
    """One certificate to be taken over. ``target``: Danelaw's live directory for it."""

    files: ClientFiles
    lineage: Lineage
    key: bytes
    chain: Chain
    target: Path


async def take_over(
    every: Sequence[Adoption],
    store: OwnCredentials,
    paths: LivePaths,
    enrol: Callable[[], None] | None,
    since: str,
) -> None:
    """The certificates of one service. Nothing of it is seen from outside. ``enrol``: makes it a service; None: it is
    one already. ``since``: when it was, for people to read.

    First the credential lies in the store as well, then servers find it there, then Danelaw knows of the service, and
    at last the other client forgets it. From the moment at which servers read from the store, the other client finds
    none of its own links in its live directory and renews nothing, whether it was told already or not. The other client
    must not be at work meanwhile.
    """
    for one in every:
        if one.files.taken != one.target:
            generation = await _stored(one, store)
            folder = await store.deployable(one.lineage, generation, one.chain)
            paths.serve(one.target, folder, unread=enrol is not None)
            one.files.lead(one.target)
    if enrol is not None:
        enrol()
    for one in every:
        one.files.suspend(since)


async def _stored(one: Adoption, store: OwnCredentials) -> GenerationId:
    spki = leaf_spki(one.chain)
    for generation in await store.list(one.lineage):
        if (generation.spki, generation.chain) == (spki, one.chain):
            return generation.generation
    return await store.adopt(one.lineage, one.key, one.chain)


@dataclass(frozen=True, slots=True)
class Return:
    """One certificate to be given back. ``target``: Danelaw's live directory, if the other client's leads there no
    more."""

    files: ClientFiles
    target: Path


def give_back(every: Sequence[Return], paths: LivePaths, retire: Callable[[], None]) -> Sequence[bool]:
    """The other client has them again, with the credentials that serve now. ``retire``: makes them a service no more.

    Neither the other client nor a runner may be at work meanwhile. Of each, whether its credential is another than it
    was.
    """
    for one in every:
        one.files.require_returnable()
    targets = [one.files.taken or one.target for one in every]
    renewed = [
        one.files.keep(paths.served(target)) if one.files.away else False
        for one, target in zip(every, targets, strict=True)
    ]
    retire()
    for one, target in zip(every, targets, strict=True):
        one.files.unlead()
        paths.unserve(target)
        one.files.resume()
    return renewed


def named_by(answers: Iterable[Answer], chain: Chain) -> frozenset[TLSARecord]:
    """The TLSA records that match a credential, whatever their parameters are."""
    spki = leaf_spki(chain)
    if spki is None:
        raise DanelawError("BAD_CHAIN", "the chain has no leaf that can be read")
    records = frozenset(record for answer in answers for record in records_of(answer))
    return records & associations({record.combination for record in records}, chain, spki)
