"""What liars tell a validator, and what else the network and files may hold: for the fuzzer and the properties.

``grounds`` are signed trees with the truth about them, ``lies`` what may be done to replies; ``harnesses`` feed what
came of it to the code, and ``python -m fuzz`` runs them for a while (``make fuzz``). A number makes an input.
"""
