"""Cases of chain, TLSA RRset and time, what we say of each, and the drivers of those verifiers that are not ours.

``contract/test_dane_oracles.py`` asks; where they say otherwise than we do is in docs/divergences.md.
"""
