"""The ports that look, and change nothing."""

from __future__ import annotations

from dataclasses import dataclass

from danelaw.ports import Authorities, Clock, Prober, Resolver


@dataclass(frozen=True, slots=True)
class Eyes:
    clock: Clock
    resolver: Resolver
    authorities: Authorities
    prober: Prober
