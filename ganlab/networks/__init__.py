"""A network opened up: its layers, what they compute, what is cut out of it, and where it runs."""
