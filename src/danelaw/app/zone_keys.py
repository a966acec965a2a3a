"""Making the keys of a zone, with an eye on those that it has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dns.name import Name

from danelaw.core.dnssec.bind_keys import KeyTimes
from danelaw.core.dnssec.key_choice import KeyRole, algorithm_for_new_keys, default_algorithm, rsa_bits
from danelaw.core.dnssec.keys import ZoneKey
from danelaw.core.model import Instant
from danelaw.ports import KeyFiles


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A key that was made: ``file`` is its public file. ``notes``: what its owner should know, a sentence each."""

    key: ZoneKey
    role: KeyRole
    file: Path
    created: Instant
    notes: tuple[str, ...]


def keygen(
    files: KeyFiles, zone: Name, role: KeyRole, algorithm: str | None, bits: int | None, now: Instant
) -> MadeKey:
    """Makes one key, published and active from ``now``. Without ``algorithm`` it is that of the zone's other keys.

    Raises ``DanelawError``: ``ALGORITHM_UNSUPPORTED``, ``KEY_SIZE``, and those of ``KeyFiles``.
    """
    chosen = algorithm_for_new_keys(algorithm) if algorithm is not None else None
    others = [(key, times) for key, times in files.keys(zone) if times.published(now)]
    chosen = chosen or default_algorithm(key.dnskey for key, _ in others)
    key, file = files.make(zone, role.flags, now, chosen, rsa_bits(chosen, bits))
    return MadeKey(key, role, file, now, tuple(_notes(key, role, others, now)))


def _notes(key: ZoneKey, role: KeyRole, others: list[tuple[ZoneKey, KeyTimes]], now: Instant) -> Iterable[str]:
    signing = [other for other, times in others if times.signs(now)]
    seps = [other for other in signing if other.dnskey.is_sep]
    zsks = [other for other in signing if not other.dnskey.is_sep]
    strange = [other for other in signing if other.dnskey.algorithm != key.dnskey.algorithm]
    if strange:
        yield (
            f"{_tags(strange)} {_are(strange)} of another algorithm: every algorithm of a zone must sign all of it, so"
            f" each needs a key with the SEP flag"
        )
    if role is KeyRole.ZSK:
        if not seps:
            yield "a zone also needs a KSK, which the DS at the parent points to: danelaw zone keygen --ksk"
        elif not zsks:
            yield f"from the next signing on {_tags(seps)} sign{_s(seps)} the keys only, and this key the rest"
        else:
            yield f"{_tags(zsks)} sign{_s(zsks)} the zone already; from the next signing on {_all(zsks)} do"
        return
    if seps:
        yield (
            f"{_tags(seps)} sign{_s(seps)} the zone already; from the next signing on {_all(seps)} do. Leave the DS as"
            " it is until the new key has been served for the TTL of the DNSKEY records"
        )
    if role is KeyRole.CSK and zsks:
        yield f"with {_tags(zsks)} there, this key signs the keys only"
    if role is KeyRole.KSK and not zsks:
        yield "until there is a ZSK (danelaw zone keygen --zsk) this key signs the whole zone"


def _tags(keys: Iterable[ZoneKey]) -> str:
    named = [f"{'KSK' if key.dnskey.is_sep else 'ZSK'} {key.tag}" for key in keys]
    return " and ".join(filter(None, (", ".join(named[:-1]), named[-1])))


def _s(keys: list[ZoneKey]) -> str:
    return "s" if len(keys) == 1 else ""


def _all(others: list[ZoneKey]) -> str:
    """These and one more."""
    return "both" if len(others) == 1 else "all"


def _are(keys: list[ZoneKey]) -> str:
    return "is" if len(keys) == 1 else "are"
