"""The chain of trust drawn: as a tree for a terminal, as an SVG picture, and as JSON. Pure: a picture in, text out.

Each is a function of a ``Picture``: the same picture gives the same bytes.
"""
