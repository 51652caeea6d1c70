"""What pictures show: marks that people put on them, and the networks that see it."""
