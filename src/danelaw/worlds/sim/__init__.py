"""A world in virtual time: simulated ports under the real engine, gate and planner, and clients of their own mind.

Hours pass in milliseconds, and a run is the same each time for the same seed. ``clients`` judges on its own: it imports
nothing of ours, so that the gate is not judged by itself.
"""
