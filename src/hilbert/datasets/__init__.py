"""Data that come with the package, for first steps and tests on real speech without encoders."""

from hilbert.datasets.packed import Dataset, load_speechocean762

__all__ = ["Dataset", "load_speechocean762"]
