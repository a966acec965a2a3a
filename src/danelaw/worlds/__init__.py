"""Where Danelaw can be tried: private worlds that share no knowledge with what they examine."""
