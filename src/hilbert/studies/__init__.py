"""Experiments on synthetic documents that show what each term of HILBERT does, and when it fails.

`experiments/` holds one file an experiment; `hilbert study` runs them. See docs/evidence.md for what they found.
"""
