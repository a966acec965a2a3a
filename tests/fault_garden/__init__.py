"""A garden of faults: signed trees of zones, each damaged in one way, and what a validator must say of it.

``keys`` and ``beds`` make signed zones, ``garden`` plants the tree, ``damages`` are the tools; every other module holds
a table of ``Entry``s. ``entries.GARDEN`` has them all. Nothing here does I/O: whoever serves it gives the instant.
"""
