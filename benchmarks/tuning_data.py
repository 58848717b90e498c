"""The data on which defaults are chosen and which no table scores: MAEC's tuning companies, MIT interviews, synthetic.

Used by floors.py. It needs nothing but what every version of the package has, so that versions can be compared.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hilbert.benchmark.preparing import prepare
from hilbert.benchmark.tasks import setting
from hilbert.benchmark.tuning import tuning_part
from hilbert.encoders.load import load_text
from hilbert.encoders.packs import install, installed
from hilbert.features.bags import Bags, Packed
from hilbert.synthetic.corpus import generate
from hilbert.synthetic.design import Design, Modality, Target

Objects = NDArray[np.object_]
SYNTHETIC = {  # documents, shares of the classes
    "synthetic 1:3": (200, (0.75, 0.25)),
    "synthetic 1:10": (300, (0.9, 0.1)),
    "synthetic 1:30": (500, (30 / 31, 1 / 31)),
    "synthetic, 4 classes": (300, (0.70, 0.18, 0.08, 0.04)),
}
TASKS = ("maec-a", "maec-b", "MIT Overall", "MIT Excited", *SYNTHETIC)


class Material(NamedTuple):
    """Documents with labels and groups (docs,)."""

    bags: Bags
    y: Objects
    groups: Objects


def load(task: str, seed: int, data: Path, features: Path) -> Material:
    """A task's documents; those of a synthetic one are drawn anew for every seed."""
    if task in SYNTHETIC:
        return synthetic(task, seed)
    if task.startswith("MIT"):
        return interviews(task.split()[1], data)
    part = tuning_part(prepare(setting(task, "praat", "wordllama"), data, features))
    return Material(part.bags, part.y, part.groups)


def interviews(label: str, data: Path) -> Material:
    """MIT interviews (Naim et al. 2015): the lowest quartile of a score against the rest, grouped by person.

    Audio: 35 prosodic features of each of five answers; text: the interviewee's turns, as static sentence vectors.
    """
    folder = data / "mit_interviews"
    prosody: dict[str, list[list[float]]] = defaultdict(list)
    with (folder / "prosodic_features.csv").open(newline="", encoding="utf-8") as file:
        for row in list(csv.reader(file))[1:]:
            prosody[row[0].lower().split("q")[0]].append([_number(value) for value in row[1:]])
    with (folder / "scores.csv").open(newline="", encoding="utf-8") as file:
        scores = {row["Participant"].lower(): float(row[label]) for row in csv.DictReader(file)}
    if installed("wordllama") is None:
        install("wordllama")
    encoder, turns = load_text("wordllama"), {}
    for line in (folder / "transcripts.csv").read_text(encoding="utf-8", errors="replace").splitlines():
        name, _, rest = line.partition(",")
        spoken = [turn.partition(":") for turn in rest.strip('"').split("|")]
        mine = [words.strip() for who, _, words in spoken if who.strip().lower().startswith("interviewee")]
        own = [words for words in mine if words] or [rest]  # two transcripts name nobody
        if name.lower() in scores and name.lower() in prosody and own:
            turns[name.lower()] = encoder.encode(own).values
    ids = list(turns)
    value = np.array([scores[name] for name in ids])
    y = np.where(value <= np.quantile(value, 0.25), "low", "rest").astype(object)
    audio = Packed.from_documents([np.array(prosody[name], np.float32) for name in ids])
    bags = Bags(np.array(ids), audio, Packed.from_documents(list(turns.values())), np.full(len(ids), np.nan))
    return Material(bags, y, np.array([name.lstrip("p") for name in ids], dtype=object))


def synthetic(task: str, seed: int) -> Material:
    """Documents of which six segments in ten show a label that both modalities, and each by itself, know of."""
    documents, priors = SYNTHETIC[task]
    design = Design(
        documents=documents,
        audio=Modality(dim=128, segments=20, salience=0.6),
        text=Modality(dim=64, segments=15, salience=0.6),
        target=Target(shared=1, audio=0.7, text=0.7, priors=priors, noise=0.2),
    )
    drawn = generate(design, seed=1000 + seed)
    return Material(drawn.bags, np.array([f"c{label}" for label in drawn.y], dtype=object), drawn.groups.astype(object))


def _number(text: str) -> float:
    """Praat writes --undefined-- where there is nothing to measure."""
    try:
        return float(text)
    except ValueError:
        return float("nan")
