"""Exhaustive search: every course that small worlds can take, under the real gate and planner, fault by fault.

A world is a truth (authorities, servers, caches) and what a runner knows of it (``Facts``). Time goes in ticks, one
pass each; ``now`` is always the same instant, and facts are moved back instead, so that states which differ in nothing
but their date are one. All caches are one map: each answer and how long it may still be held at the most. That is
exact, for a cache that holds an answer for less long can do nothing that this one cannot.
"""
