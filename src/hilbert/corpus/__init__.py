"""Corpora: documents, the manifest that lists them, transcripts, recordings, and what is wrong with them."""

from hilbert.corpus.check import CheckReport, Spread, check_corpus
from hilbert.corpus.document import Cue, Document
from hilbert.corpus.manifest import Corpus, read_manifest
from hilbert.corpus.recording import Recording, probe
from hilbert.corpus.transcripts import read_transcript, split_sentences

__all__ = [
    "CheckReport",
    "Corpus",
    "Cue",
    "Document",
    "Recording",
    "Spread",
    "check_corpus",
    "probe",
    "read_manifest",
    "read_transcript",
    "split_sentences",
]
