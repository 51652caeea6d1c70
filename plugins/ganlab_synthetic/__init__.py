"""Synthetic bedrooms with exact object masks: a dataset whose ground truth is known by construction."""
