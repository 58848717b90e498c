"""Recordings as blocks of samples, and documents as segments."""

from hilbert.segments.audio import read_blocks
from hilbert.segments.segmentation import Segmentation, audio_spans, text_segments, timed

__all__ = ["Segmentation", "audio_spans", "read_blocks", "text_segments", "timed"]
