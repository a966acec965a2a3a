"""How TLS begins in protocols that start in cleartext: one dialogue per protocol, sans I/O.

Octets in, octets out, until a ``Step`` says that the TLS handshake starts with the next octet, or why there will be
none. A dialogue never hangs and never grows: whoever drives it bounds the time, the dialogue bounds what it reads.
"""
