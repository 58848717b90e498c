"""All monitors of a fitted model: what its joint embedding keeps, and its predictions use, of either modality.

None of them is ever optimised, nor is anything chosen by one. What has to be fitted is fitted on the model's training
documents; all else is computed on documents that it has not seen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hilbert.features.bags import Bags
from hilbert.metrics import within_fold_auc
from hilbert.monitors.ablation import PERMUTATIONS, coalitions, shapley
from hilbert.monitors.network import batch_gradients, embedding_shares
from hilbert.monitors.recovery import dominance, recovery
from hilbert.monitors.shares import joint_of
from hilbert.monitors.structure import retention
from hilbert.nn.pooled import PooledBlocks, pool
from hilbert.splits import Labels
from hilbert.training.data import make_dataset
from hilbert.training.fit import Fit

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
Predict = Callable[[Ints, Ints], Mapping[str, Floats]]
Flow = dict[str, float]

COMPONENTS = 16  # of each modality's pooled inputs, to be given back by the joint embedding


class Side(NamedTuple):
    """Documents: z_joint and either modality's pooled inputs, (docs, any width), and who has which, (docs,)."""

    joint: Floats
    audio: Floats
    text: Floats
    has_audio: Mask
    has_text: Mask


def used(
    y: Labels,
    proba: Mapping[str, Floats],
    predict: Predict,
    classes: Labels,
    rng: np.random.Generator,
    permutations: int = PERMUTATIONS,
) -> dict[str, Flow]:
    """Of each prediction by name: macro AUC in the fold, what it loses without a modality, and Shapley values.

    ``proba``: probabilities (docs, classes) of the documents with labels ``y``. ``predict(audio, text)``: those when
    each has the audio and the text of others of them; names that only ``proba`` has are left out. NaN where all
    documents are of one class.
    """
    labels = np.asarray(y)
    several = len(np.unique(labels)) > 1

    def aucs(found: Mapping[str, Floats]) -> dict[str, float]:
        return {name: within_fold_auc(labels, p, classes=classes) if several else math.nan for name, p in found.items()}

    def score(audio: Ints, text: Ints) -> dict[str, float]:
        return aucs(predict(audio, text))

    found = {}
    for name, values in coalitions(score, aucs(proba), len(labels), rng, permutations).items():
        audio, text = shapley(values)
        drops = {"auc": values.both, "drop_audio": values.drop_audio, "drop_text": values.drop_text}
        found[name] = drops | {"shapley_audio": audio, "shapley_text": text}
    return found


def kept(train: Side, test: Side, rng: np.random.Generator) -> Flow:
    """Retention, on test documents that have both modalities; recovery, on those that have the one; dominance."""
    both = test.has_audio & test.has_text
    of = retention(test.audio[both], test.text[both], test.joint[both])
    sides = (
        (train.audio, train.has_audio, test.audio, test.has_audio),
        (train.text, train.has_text, test.text, test.has_text),
    )
    audio, text = (
        recovery(train.joint[a], x[a, :COMPONENTS], test.joint[b], y[b, :COMPONENTS], rng) for x, a, y, b in sides
    )
    return {
        "retention_audio": of.audio,
        "retention_text": of.text,
        "retention_least": of.least,
        "ceiling": of.ceiling,
        "recovery_audio": audio,
        "recovery_text": text,
        "dominance": dominance(audio, text),
    }


def embedded(fitted: Any, train: Bags, test: Bags, seeds: np.random.SeedSequence) -> Flow:
    """What a joint embedding keeps of the inputs and, of HILBERT, what its network does with them.

    Of every model whose ``embeddings`` name a "joint"; nothing of others. Gradients are those on ``data_``, on which
    the model was fitted: without it they are left out.
    """
    rngs = [np.random.default_rng(seed) for seed in seeds.spawn(3)]
    fit, flow = getattr(fitted, "fit_", None), {}
    if isinstance(fit, Fit):
        known = getattr(fitted, "data_", None)
        train_data = known if known is not None else make_dataset(fitted.inputs_(train).network)
        test_data = make_dataset(fitted.inputs_(test).network)
        joint = [joint_of(fit, train_data), joint_of(fit, test_data)]
        flow = embedding_shares(fit, test_data, rngs[1]) | _sizes(train)
        if known is not None:
            flow |= batch_gradients(fit, fitted.config_, known, rngs[2])
    elif hasattr(fitted, "embeddings") and "joint" in (named := fitted.embeddings(test)):
        joint = [np.asarray(z, dtype=np.float64) for z in (fitted.embeddings(train)["joint"], named["joint"])]
    else:
        return flow
    train_side, test_side = (
        Side(z, audio, text, bags.audio.lengths > 0, bags.text.lengths > 0)
        for z, (audio, text), bags in zip(joint, _inputs(train, test), (train, test), strict=True)
    )
    return flow | kept(train_side, test_side, rngs[0])


def _inputs(train: Bags, test: Bags) -> tuple[list[Floats], list[Floats]]:
    """Pooled, block-scaled audio and text of the training and of the test documents, fitted on the former."""
    pooled = [pool(train.audio), pool(train.text)]
    blocks = PooledBlocks.fit_pooled(pooled)
    return blocks.transform_pooled(pooled), blocks(test)


def _sizes(bags: Bags) -> Flow:
    """The audio's share of both modalities' widths, and of their segments: what the other shares are held against."""
    segments = int(bags.audio.lengths.sum()), int(bags.text.lengths.sum())
    return {
        "width_audio": bags.audio.dim / (bags.audio.dim + bags.text.dim),
        "segments_audio": segments[0] / sum(segments) if sum(segments) else math.nan,
    }
