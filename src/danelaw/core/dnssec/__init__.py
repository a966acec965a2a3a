"""DNSSEC as pure functions over values (RFC 4033, 4034, 4035 with RFC 6840).

``algorithms`` holds the registries and what we support of them; ``canonical`` the form that is signed; ``keys`` DNSKEY
and DS records and the keys that zones are signed with, ``bind_keys`` their text in BIND's key files; ``rrsig``
signatures; ``nsec`` the chain of names; ``sign`` a whole zone; ``crypto`` is the only module that knows the library.
"""
