"""Seconds that one training takes: 1,000 documents of 64 segments, as long calls have them.

    python benchmarks/training_speed.py [--documents 1000] [--segments 64]

Prints, for each model, the seconds of what is done once a fold (input transforms, fitted without labels) and of one
training, with the steps it made. One thread, as in the folds of an evaluation. Features are random numbers: the time
does not depend on their meaning, but early stopping would, so every training runs its full number of epochs.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch

from hilbert.baselines import make_model
from hilbert.baselines.neural import NeuralBaseline
from hilbert.baselines.trained import prepare_method, train_method
from hilbert.config import HilbertConfig
from hilbert.estimators.inputs import InputMap
from hilbert.features.bags import Bags, Packed
from hilbert.training.data import Rows, make_dataset
from hilbert.training.fit import fit_network

CLASSES = 4


def random_bags(documents: int, segments: int, audio: int = 29, text: int = 256) -> Bags:
    rng = np.random.default_rng(0)

    def packed(dim: int) -> Packed:
        values = rng.normal(size=(documents * segments, dim)).astype(np.float32)
        return Packed.from_documents(np.split(values, documents), dim)

    ids = np.array([f"d{row}" for row in range(documents)])
    return Bags(ids, packed(audio), packed(text), np.full(documents, 5.0 * segments))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=1000)
    parser.add_argument("--segments", type=int, default=64)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    bags = random_bags(arguments.documents, arguments.segments)
    target = np.arange(len(bags)) % CLASSES
    groups = everyone = np.arange(len(bags))
    rows = Rows(everyone, everyone[:0])
    print(f"{len(bags)} documents × {arguments.segments} segments, torch {torch.__version__}, one thread")
    print(f"{'model':<22}{'once a fold / s':>16}{'training / s':>14}{'epochs':>8}")
    for name, preset in (("hilbert", "robust"), ("hilbert-paper", "paper")):
        config = HilbertConfig.load(preset)
        start = time.perf_counter()
        data = make_dataset(InputMap.fit(bags, config, 0, "cpu")[1].network, None, target, groups)
        middle = time.perf_counter()
        fit = fit_network(config, data, rows, classes=CLASSES)
        show(name, middle - start, time.perf_counter() - middle, sum(fit.epochs.values()))
    for name in ("clip", "gmc", "mult", "contrastive-mmvae"):
        model: NeuralBaseline = make_model(name)
        options = {**model.common, **model.defaults}
        start = time.perf_counter()
        ready = prepare_method(options, bags, target, groups, 0, "cpu")
        middle = time.perf_counter()
        trained = train_method(model.method, options, ready, rows, CLASSES, 0)
        show(name, middle - start, time.perf_counter() - middle, trained.epochs)


def show(name: str, once: float, training: float, epochs: int) -> None:
    print(f"{name:<22}{once:>16.1f}{training:>14.1f}{epochs:>8}", flush=True)


if __name__ == "__main__":
    main()
