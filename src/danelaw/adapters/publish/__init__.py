"""Publishers: each module changes RRsets of a zone in one kind of place."""
