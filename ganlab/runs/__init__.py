"""A result on disk: the run's folder and its page."""
