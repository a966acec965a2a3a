"""The DNS, asked: validated answers through forwarders, and each authority by itself."""

from danelaw.adapters.resolve.authorities import AuthorityAsker
from danelaw.adapters.resolve.forwarding import ForwardingResolver
from danelaw.adapters.resolve.transport import Patience, Transport

__all__ = ["AuthorityAsker", "ForwardingResolver", "Patience", "Transport"]
