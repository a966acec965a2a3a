"""Does a test notice when a rule of the validator, or of the rollover's safety, is gone?

``rules.toml`` is the table of the validator's rules, ``rollover.toml`` that of the gate, the planner and the facts;
``python -m mutation`` (``make prove``) makes a copy of the sources for each, changes it there, and runs the tests of
that room against the copy. A mutant that no test kills is a rule that nobody checks.
"""
