"""One certificate as certbot has it, and which of them are for one service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from danelaw import wiring
from danelaw.app.adopt import ClientFiles
from danelaw.app.adopt_certbot import Renewal, read_renewal
from danelaw.core.model import Chain, DanelawError, KeyAlgorithm
from danelaw.core.tlsa.credential import leaf_algorithm
from danelaw.core.tlsa.x509 import parse


@dataclass(frozen=True, slots=True)
class Held:
    """``names``: what it is for, in the order of the certificate."""

    name: str
    files: ClientFiles
    renewal: Renewal
    key: bytes
    chain: Chain
    names: tuple[str, ...]
    algorithm: KeyAlgorithm


def held(directory: Path, name: str) -> Held:
    """Raises ``DanelawError``: ``CERTBOT_UNKNOWN``, ``CERTBOT_BROKEN``, ``CERTBOT_MIXED``, ``CERTBOT_SHARED_KEY``,
    ``CERTBOT_PATH_TAKEN``, ``WATCHED_UNREADABLE``, ``BAD_CHAIN``."""
    files = wiring.certbot_files(directory, name)
    renewal = read_renewal(files.renewal())
    if not files.away and not files.suspended:
        files.require_whole(renewal.fullchain)
    credential = wiring.certbot_credential(directory, name)
    if credential is None:
        raise DanelawError("CERTBOT_MIXED", f"key and certificate of {name} in {files.live} do not belong together")
    if not files.away and (others := files.read_by_others()) is not None:
        raise DanelawError(
            "CERTBOT_SHARED_KEY",
            f"servers that do not start as root may read the key of {name}, and Danelaw's store is root's alone",
            evidence=others,
            hint="enroll it, with owner, group and mode under deploy: docs/how-to/adopt-certbot.md",
        )
    key, chain = credential
    leaf, algorithm = parse(chain.ders[0]), leaf_algorithm(chain)
    if leaf is None or algorithm is None:
        raise DanelawError("BAD_CHAIN", f"the certificate of {name} cannot be read")
    return Held(name, files, renewal, key, chain, tuple(leaf.names), algorithm)


def of_one_service(every: Sequence[Held]) -> Sequence[Sequence[Held]]:
    """Those of the same names and of different kinds of keys belong together; the ECDSA one is the first.

    Raises ``DanelawError("CERTBOT_SAME_NAMES")`` where there are two of the same kind.
    """
    together: dict[frozenset[str], list[Held]] = {}
    for one in every:
        others = together.setdefault(frozenset(one.names), [])
        if same := next((other for other in others if other.algorithm is one.algorithm), None):
            raise DanelawError(
                "CERTBOT_SAME_NAMES",
                f"{same.name} and {one.name} are for the same names, and both have {one.algorithm.name} keys",
                evidence=", ".join(one.names),
                hint="certbot delete --cert-name NAME of the one that no server reads, or take over just one with "
                "--cert-name; if they serve at different ports, one after the other with --endpoint",
            )
        others.append(one)
    return [sorted(group, key=lambda one: one.algorithm is not KeyAlgorithm.ECDSA) for group in together.values()]
