"""What Danelaw does: observe, plan, ask the gate, act, record."""
