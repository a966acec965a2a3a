"""Ways to tell people and their programs: e-mail, a web hook, a command; and the book of what was told."""
