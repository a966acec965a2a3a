"""Results that are kept for another time, in bounded memory whatever a server sends."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Final, ParamSpec, TypeVar

from danelaw.core.model import Chain

_P = ParamSpec("_P")
_R = TypeVar("_R")

LARGEST: Final = 16384
"""Octets of certificates. What is asked about more of them is found anew each time."""


def kept(entries: int) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """``functools.lru_cache``, for questions about no more than ``LARGEST`` octets.

    The first argument is weighed: certificates in DER, one, many, or a chain. Arguments are given by position.
    """

    def keeping(function: Callable[_P, _R]) -> Callable[_P, _R]:
        remembered = lru_cache(maxsize=entries)(function)

        @wraps(function)
        def asked(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            small = _octets(args[0]) <= LARGEST
            if small:
                return remembered(*args, **kwargs)  # type: ignore[arg-type]  # lru_cache wants hashables, unseen by _P
            return function(*args, **kwargs)

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
