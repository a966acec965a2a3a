"""Results that are kept for another time, in bounded memory whatever a server sends."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Final, ParamSpec, TypeVar

from danelaw.core.model import Chain

_P = ParamSpec("_P")
_R = TypeVar("_R")

LARGE: Final = 16384
"""Octets of certificates. Of what is asked about more of them only the last ``FEW`` results are kept: enough for one
chain, whatever number of records it is held against."""
FEW: Final = 8
LARGEST: Final = 1 << 18
"""Octets of certificates, again: beyond what TLS libraries let through. What is asked about more is found anew."""


def kept(entries: int) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """``functools.lru_cache``, in memory that is bounded in octets too.

    The first argument is weighed: certificates in DER, one, many, or a chain. Arguments are given by position.
    """

    def keeping(function: Callable[_P, _R]) -> Callable[_P, _R]:
        of_small, of_large = lru_cache(maxsize=entries)(function), lru_cache(maxsize=FEW)(function)

        @wraps(function)
        def asked(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            octets = _octets(args[0])
            if octets > LARGEST:
                return function(*args, **kwargs)
            remembered = of_small if octets <= LARGE else of_large
            return remembered(*args, **kwargs)  # type: ignore[arg-type]  # lru_cache wants hashables, unseen by _P

        return asked

    return keeping


def _octets(weighed: object) -> int:
    match weighed:
        case bytes():
            return len(weighed)
        case Chain():
            return sum(map(len, weighed.ders))
        case tuple():
            return sum(len(der) for der in weighed)
        case _:
            raise TypeError(f"{type(weighed).__name__} has no weight")
