"""Conversations with name servers, replayed: what servers said, a clock that stands still, and what was to come of it.

``read_scenario`` reads a file, ``replay`` plays it. All that a replay has to supply is one function,
``answer(address, question)``, for forwarders and for authorities alike.
"""

from danelaw.worlds.replay.resolving import Answer, Resolver
from danelaw.worlds.replay.rpl import UnsupportedError, read_scenario
from danelaw.worlds.replay.run import Disagreement, replay
from danelaw.worlds.replay.scenario import Conversation, Scenario

__all__ = [
    "Answer",
    "Conversation",
    "Disagreement",
    "Resolver",
    "Scenario",
    "UnsupportedError",
    "read_scenario",
    "replay",
]
