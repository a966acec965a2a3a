"""The DNS, asked: validated answers through forwarders, and each authority by itself."""

from danelaw.adapters.resolve.authorities import AuthorityAsker
from danelaw.adapters.resolve.forwarders import Forwarders
from danelaw.adapters.resolve.forwarding import ForwardingResolver
from danelaw.adapters.resolve.queries import Patience
from danelaw.adapters.resolve.system import system_forwarders
from danelaw.adapters.resolve.udp_tcp import UdpTcp

__all__ = ["AuthorityAsker", "Forwarders", "ForwardingResolver", "Patience", "UdpTcp", "system_forwarders"]
