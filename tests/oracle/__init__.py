"""The invariant a second time: naive, slow, and sharing no code with what it watches.

Written from the model and the RFCs alone, it imports nothing of Danelaw. It is told the whole truth: what every
authority served and what every server presented, at every moment, seen or unseen. The gate has only what was observed.
What the gate allows must harm nobody here: ``property/test_gate_agrees_with_oracle.py``.
"""
