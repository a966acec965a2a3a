"""RSA keys that are derived from numbers, so that a simulation can be repeated: no smaller than clients want them."""

from __future__ import annotations

import random
from functools import lru_cache
from typing import Final

from cryptography.hazmat.primitives.asymmetric import rsa

BITS: Final = 2048
_EXPONENT: Final = 65537
_SMALL: Final = tuple(n for n in range(3, 1000, 2) if all(n % d for d in range(3, int(n**0.5) + 1, 2)))


@lru_cache(maxsize=256)
def rsa_key(number: int) -> rsa.RSAPrivateKey:
    rng = random.Random(f"rsa/{number}")  # noqa: S311  # a simulation wants to be repeated
    p, q = _prime(rng), _prime(rng)
    p, q = max(p, q), min(p, q)
    d = pow(_EXPONENT, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(_EXPONENT, p * q)
    numbers = rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), public)
    return numbers.private_key()


def _prime(rng: random.Random) -> int:
    half = BITS // 2
    while True:
        candidate = rng.getrandbits(half) | (3 << (half - 2)) | 1
        if candidate % _EXPONENT != 1 and all(candidate % small for small in _SMALL) and _probably_prime(candidate):
            return candidate


def _probably_prime(n: int) -> bool:
    """Miller and Rabin's test, to the first primes as bases."""
    odd, twos = n - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    return all(_witness(n, base, odd, twos) for base in _SMALL[:12])


def _witness(n: int, base: int, odd: int, twos: int) -> bool:
    x = pow(base, odd, n)
    if x in (1, n - 1):
        return True
    for _ in range(twos - 1):
        x = x * x % n
        if x == n - 1:
            return True
    return False
