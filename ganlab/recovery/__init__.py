"""Work out a network from its weights."""
