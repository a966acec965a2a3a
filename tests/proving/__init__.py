"""Many rollovers by the real engine, against everything that the adversary knows: ``make prove``."""
