"""How the tables became what they are: one module for each revision, never changed once it was released."""
