"""What is said and how in each document of the demo corpus: the plan that the voice then speaks.

Every document has a content (troubled or settled) and a delivery (slow, even or fast), and the two decide the
label together: trouble told fast is ``tense``, trouble told slowly is ``low``, and all else is ``calm`` (good news,
told fast or slowly, and trouble told evenly). Words alone cannot part tense from low, and delivery alone cannot
part either from good news. Both are blurred: many sentences carry no colour and some the wrong one, the delivery
drifts over the document, and each speaker has a pace and pitch of their own. A speech encoder hears some of the
words too, so audio embeddings know more of the label than pace, pauses and pitch do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hilbert.demo.sentences import sentences

STATES = ("calm", "tense", "low")
BLOCK = 20  # documents in which the classes come in exact shares: 11 calm, 6 tense, 3 low
CIRCLE = 12  # documents shared out among SPEAKERS_PER_CIRCLE speakers in turn
SPEAKERS_PER_CIRCLE = 4

_CELLS = (  # (state, content, delivery) and how many of them in a block
    ("tense", "troubled", "fast", 6),
    ("low", "troubled", "slow", 3),
    ("calm", "troubled", "even", 2),
    ("calm", "settled", "fast", 5),
    ("calm", "settled", "slow", 4),
)
_DELIVERY = {  # log tempo, log pause, pitch spread in semitones, pitch shift in semitones, loudness in dB
    "slow": (-0.14, 0.38, 0.45, -0.4, -1.2),
    "even": (0.00, 0.00, 0.80, 0.0, 0.0),
    "fast": (0.14, -0.38, 1.30, 0.4, 1.2),
}
_SPEAKER_STREAM, _DOCUMENT_STREAM, _BLOCK_STREAM = 1, 2, 3


@dataclass(frozen=True)
class Speaker:
    """A simulated speaker: ``pitch`` in semitones from the voice's own, ``tempo`` and ``pause`` as natural logs
    of factors, ``loudness`` in dB, ``noise`` as the RMS of the room behind the voice."""

    name: str
    pitch: float
    tempo: float
    pause: float
    loudness: float
    noise: float


@dataclass(frozen=True)
class Sentence:
    """One sentence as it is to be spoken: ``tempo`` and ``pitch`` are factors (1 = the voice's own), ``gain`` is
    an amplitude factor, ``pause`` the silence after it in seconds, ``seed`` the voice's own randomness."""

    text: str
    tempo: float
    pitch: float
    gain: float
    pause: float
    seed: int


@dataclass(frozen=True)
class Plan:
    """One document before it is spoken."""

    id: str
    index: int
    speaker: Speaker
    state: str
    content: str
    delivery: str
    topic: str
    sentences: tuple[Sentence, ...]


def plan_document(index: int, seed: int) -> Plan:
    """Plan document ``index`` (from 0); it depends on ``index`` and ``seed`` alone, not on how many are made."""
    rng = np.random.default_rng([seed, _DOCUMENT_STREAM, index])
    state, content, delivery = _cell(index, seed)
    speaker = plan_speaker(index // CIRCLE * SPEAKERS_PER_CIRCLE + index % CIRCLE % SPEAKERS_PER_CIRCLE, seed)
    pools = sentences()
    topic = list(pools)[rng.integers(len(pools))]
    texts = _texts(rng, content, topic)
    return Plan(
        id=f"demo-{index + 1:04d}",
        index=index,
        speaker=speaker,
        state=state,
        content=content,
        delivery=delivery,
        topic=topic,
        sentences=_tell(rng, texts, delivery, speaker),
    )


def plan_speaker(number: int, seed: int) -> Speaker:
    """Draw speaker ``number`` (from 0): a pitch, pace, loudness and room of their own."""
    rng = np.random.default_rng([seed, _SPEAKER_STREAM, number])
    return Speaker(
        name=f"speaker-{number + 1:03d}",
        pitch=float(rng.uniform(-4.5, 2.0)),
        tempo=float(rng.normal(0.0, 0.07)),
        pause=float(rng.normal(0.0, 0.20)),
        loudness=float(rng.normal(0.0, 2.0)),
        noise=float(10 ** rng.uniform(-3.7, -3.0)),
    )


def _cell(index: int, seed: int) -> tuple[str, str, str]:
    """State, content and delivery of a document: exact shares in every block, in an order drawn from the seed.

    The first six of a block hold two of each state, so that a handful of documents already has all three.
    """
    rng = np.random.default_rng([seed, _BLOCK_STREAM, index // BLOCK])
    cells = [cell[:3] for cell in _CELLS for _ in range(cell[3])]
    cells = [cells[i] for i in rng.permutation(len(cells))]
    head = [[cell for cell in cells if cell[0] == state][:2] for state in STATES]
    ordered = [pair[turn] for turn in range(2) for pair in head]
    for cell in ordered:
        cells.remove(cell)
    return (ordered + cells)[index % BLOCK]


def _texts(rng: np.random.Generator, content: str, topic: str) -> list[str]:
    """Draw 8 to 16 different sentences of a topic; a random part has a colour, and some of that the wrong one."""
    pools = sentences()[topic]
    count = int(rng.integers(8, 17))
    coloured = min(round(count * rng.uniform(0.5, 0.8)), 10)
    wrong = int(rng.binomial(coloured, 0.15))
    other = "settled" if content == "troubled" else "troubled"
    texts = [
        *rng.choice(pools[content], coloured - wrong, replace=False),
        *rng.choice(pools[other], wrong, replace=False),
        *rng.choice(pools["plain"], count - coloured, replace=False),
    ]
    return [str(texts[i]) for i in rng.permutation(count)]


def _tell(rng: np.random.Generator, texts: list[str], delivery: str, speaker: Speaker) -> tuple[Sentence, ...]:
    """Give every sentence its pace, pitch, loudness and pause; the delivery drifts from one strength to another."""
    tempo, pause, spread, shift, loudness = _DELIVERY[delivery]
    strength = np.linspace(rng.uniform(0.1, 1.0), rng.uniform(0.6, 1.5), len(texts))
    even = _DELIVERY["even"][2]
    told = []
    for text, much in zip(texts, strength.tolist(), strict=True):
        semitones = speaker.pitch + much * shift + rng.normal(0.0, even + min(much, 1.0) * (spread - even))
        level = speaker.loudness + much * loudness + rng.normal(0.0, 1.0)
        told.append(
            Sentence(
                text=text,
                tempo=float(np.clip(np.exp(speaker.tempo + much * tempo + rng.normal(0.0, 0.05)), 0.65, 1.6)),
                pitch=float(np.clip(2 ** (semitones / 12), 0.65, 1.35)),
                gain=float(10 ** (level / 20)),
                pause=float(np.clip(0.75 * np.exp(speaker.pause + much * pause + rng.normal(0.0, 0.3)), 0.12, 3.0)),
                seed=int(rng.integers(2**31)),
            )
        )
    return tuple(told)
