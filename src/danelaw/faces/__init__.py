"""Who Danelaw talks to."""
