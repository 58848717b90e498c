"""Speed of every encoder on this machine, one thread: what the estimates of `hilbert check` rest on.

    hilbert demo
    OMP_NUM_THREADS=1 python benchmarks/encoder_speed.py hilbert-demo/corpus/manifest.csv

Prints seconds of audio a second (whole extraction of recordings, decoding included) and sentences a second, the
median of three runs after one that is not counted.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import torch

from hilbert.corpus import Corpus, probe
from hilbert.encoders import EncoderSpec, encode_spans, list_encoders, load_speech, load_text
from hilbert.segments import Segmentation, audio_spans, read_blocks


def rate(amount: float, work: Callable[[], object]) -> float:
    times = []
    for _ in range(4):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return amount / statistics.median(times[1:])


def main(manifest: str, documents: int) -> None:
    torch.set_num_threads(1)
    corpus = Corpus.from_manifest(manifest).documents[:documents]
    recordings = [(d.audio, d.cues(), probe(d.audio).duration) for d in corpus if d.audio is not None]
    seconds = sum(duration for *_, duration in recordings)
    sentences = [cue.text for d in corpus for cue in d.cues()]
    words = sum(len(text.split()) for text in sentences)
    print(f"{seconds:.0f} s of audio, {len(sentences)} sentences of {words / len(sentences):.1f} words")
    for row in list_encoders():
        if not row.installed:
            continue
        if row.kind == "text":
            encoder = load_text(row.name, offline=True)
            speed = rate(len(sentences), lambda e=encoder: e.encode(sentences))
            print(f"{row.name:<16} {speed:8.0f} sentences a second")
            continue
        spec = EncoderSpec(name=row.name)
        speech = load_speech(spec, offline=True)

        def work(encoder=speech, spec=spec) -> None:
            for path, cues, duration in recordings:
                spans = audio_spans(cues, duration, Segmentation())
                encode_spans(encoder, read_blocks(path, encoder.rate), spans, duration, spec)

        print(f"{row.name:<16} {rate(seconds, work):8.1f} seconds of audio a second")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 3)
