"""Does a test notice when a rule of the validator is gone? ``make prove`` takes out one after the other.

``rules.toml`` is the table of the rules; ``python -m mutation`` makes a copy of the sources for each, changes it there,
and runs the validator's tests against the copy. A mutant that no test kills is a rule that nobody checks.
"""
