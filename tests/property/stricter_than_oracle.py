"""Why the gate refuses what, as the oracle sees it, would harm nobody: every reason that there is."""

from __future__ import annotations

from typing import Final

STRICTER: Final = {
    "ADDRESSES_UNKNOWN": "the addresses of before the history began may be others than they were in truth",
    "ADDRESSES_UNSEEN": "no authority has answered yet",
    "ANSWER_HELD": "what was left behind is known to be so at the next sight only, and silence vouches for nothing",
    "CHAIN_UNMATCHED": "a first record has to match everywhere; and a chain is left when something else is seen",
    "FOREIGN_ASSOCIATION": "nothing is published that comes from no stored key, whomever it would serve",
    "HISTORY_UNKNOWN": "answers of before the history began, or of a silence, may be others than they were in truth",
    "KEY_IN_USE": "the key is on the serving path, or may be presented for what is known",
    "KEY_PUBLISHED": "clients hold a record of the key: there is no way back without it",
    "MANDATORY_CLIENTS": "as of CHAIN_UNMATCHED, where what is left names another combination",
    "NO_ADDRESS": "no authority has answered yet",
    "NO_FALLBACK": "as of CHAIN_UNMATCHED, where nothing is left",
    "NO_SHA256": "clients that know SHA-256 alone are not to be left out, also where they were before",
    "NO_TLS": "a first record is not published over a server that gives no handshake, though all refuse that already",
    "NOT_STORED": "the store has not been looked at yet",
    "UNPROBED": "nothing is known of what an address presents",
    "ZONE_NOT_SECURE": "the validator has not been asked for long",
}
