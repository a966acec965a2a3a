"""The real world: the servers that people run, in namespaces of their own.

BIND for the root, ``net.`` and the primary of the operator's zone, NSD as its late secondary, Unbound as resolvers,
Pebble as the CA, Apache twice as the web server. ``namespaces`` makes the room that they stand in: its own network,
its own ``/etc/resolv.conf`` and trust anchor; nothing of it is left once its first process has ended.
"""
