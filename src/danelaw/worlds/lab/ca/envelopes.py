"""Signed objects within signed requests: external account bindings and key changes (RFC 8555 §7.3.4, §7.3.5)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from danelaw.worlds.lab.ca.jws import AccountKey, Signed, b64decode, parse_object
from danelaw.worlds.lab.ca.problem import Problem


def require_binding(binding: object, outer: Signed, customers: Mapping[str, bytes]) -> None:
    """The account key, under the MAC key of a customer (key identifier → MAC key). Raises ``Problem``."""
    if binding is None:
        raise Problem("externalAccountRequired", "accounts are for customers")
    if not isinstance(binding, dict):
        raise Problem("malformed", "externalAccountBinding is an object")
    header = parse_object(b64decode(binding.get("protected")))
    kid = header.get("kid")
    if header.get("alg") != "HS256" or "nonce" in header:
        raise Problem("malformed", "a binding has alg HS256 and no nonce")
    if header.get("url") != outer.url:
        raise Problem("malformed", "a binding has the url of the request around it")
    if not isinstance(kid, str) or kid not in customers:
        raise Problem("unauthorized", f"no customer {kid!r}")
    signed = f"{binding.get('protected')}.{binding.get('payload')}".encode()
    mac = hmac.new(customers[kid], signed, hashlib.sha256).digest()
    if not hmac.compare_digest(mac, b64decode(binding.get("signature"))):
        raise Problem("unauthorized", f"the binding is not made with the key of {kid!r}")
    if parse_object(b64decode(binding.get("payload"))) != outer.jwk:
        raise Problem("malformed", "the binding is for another key")


def new_key(outer: Signed, account: str, old: AccountKey) -> AccountKey:
    """The key that a key-change request moves the account to: signed by the old key around, and by the new one within.

    Raises ``Problem``.
    """
    inner = Signed.from_body(outer.payload, nonce=False)
    if inner.jwk is None:
        raise Problem("malformed", "the inner object has its key in jwk")
    key = AccountKey.from_jwk(inner.jwk)
    inner.verify(key)
    if inner.url != outer.url:
        raise Problem("malformed", "the inner object has the url of the outer one")
    wish = inner.fields()
    if wish.get("account") != account:
        raise Problem("malformed", "the inner object is for another account")
    if AccountKey.from_jwk(wish.get("oldKey")).thumbprint != old.thumbprint:
        raise Problem("malformed", "oldKey is not the key of the account")
    return key
