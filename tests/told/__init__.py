"""Stories of servers, validators and time, told as scenario files: tests/replay/scenarios.

``zones`` are small signed zones and what an authority says of them, ``script`` writes, ``of_…`` have one function for
each file. Keys and dates are fixed, so that the same story gives the same bytes.
"""
