"""The outside: one package for each port. Adapters know nothing of each other, and only ``wiring`` imports them."""
