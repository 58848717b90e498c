"""The experiments, in the order in which they run and stand in docs/evidence.md."""
