"""Losses: one file a term, and the total."""
