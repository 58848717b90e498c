"""Frozen speech and text encoders behind one protocol each."""

from hilbert.encoders.load import EncoderRow, list_encoders, load_speech, load_text
from hilbert.encoders.packs import cache_dir, install, installed, verify
from hilbert.encoders.protocol import SpeechEncoder, TextEncoder, TextEncoding
from hilbert.encoders.spans import SpanCounts, encode_spans
from hilbert.encoders.spec import EncoderSpec

__all__ = [
    "EncoderRow",
    "EncoderSpec",
    "SpanCounts",
    "SpeechEncoder",
    "TextEncoder",
    "TextEncoding",
    "cache_dir",
    "encode_spans",
    "install",
    "installed",
    "list_encoders",
    "load_speech",
    "load_text",
    "verify",
]
