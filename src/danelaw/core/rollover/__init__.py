"""Rolling safely: facts, what clients may hold, what servers may present, the gate, the planner."""
