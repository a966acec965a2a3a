"""A private world on loopback in real time: a DNS tree, a CA, a web server, and a crowd of clients to watch it.

The world is the examiner: it serves, signs and resolves with dnspython, so that a fault of Danelaw's own DNSSEC code
does not hide itself.
"""
