"""The figures of the report; each takes a result and gives a drawing with its description in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hilbert.evaluation.measures import TRIVIAL
from hilbert.evaluation.result import Result
from hilbert.evaluation.verdict import number, span
from hilbert.report.rates import average_curve
from hilbert.report.style import DASHES, FAINT, INK, MARKERS, PALETTE, data_uri, figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
HELD_OUT = "held_out_"  # what the training history puts before terms of documents it did not train on


class Drawing(NamedTuple):
    """A figure as a data URI, and what it shows for those who do not see it."""

    uri: str
    alt: str


def intervals(result: Result) -> Drawing:
    """Macro AUC of every model with its interval, against chance."""
    models = result.metrics["models"]
    rows = [(name, row["auc"]) for name, row in models.items()]
    drawn = _forest(rows, 0.5, "macro AUC (within folds), 95 % interval")
    return Drawing(data_uri(drawn), "Macro AUC with its 95 % interval: " + _listed(rows))


def differences(result: Result) -> Drawing | None:
    """Paired differences to the reference; the trivial models, left out, would squeeze the scale."""
    reference = result.metrics["reference"]
    rows = [
        (row["model"], row)
        for row in result.metrics["differences"]
        if row["against"] == reference and row["model"] not in TRIVIAL
    ]
    if not rows:
        return None
    drawn = _forest(rows, 0.0, f"difference of macro AUC to {reference}, 95 % interval")
    return Drawing(data_uri(drawn), f"Paired difference to {reference}: " + _listed(rows, signed=True))


def curves_of_class(result: Result, models: list[str], kind: str) -> Drawing:
    """ROC ("roc") or precision–recall ("pr") curves, one class against the rest in each panel.

    A curve is drawn inside each test fold and averaged over folds at the same abscissa, weighted by the
    pairs (roc) or positives (pr) of the fold: scores of different folds are never ranked against each other.
    """
    predictions = result.predictions
    shown = [(c, name) for c, name in enumerate(predictions.classes) if (predictions.labels == name).any()]
    columns = 2 if len(shown) == 4 else min(len(shown), 3)
    rows = -(-len(shown) // columns)
    drawn, axes = figure(3.35 * columns, 3.3 * rows + 0.45, columns, rows)
    for ax in axes[len(shown) :]:
        ax.set_visible(False)
    for ax, (c, name) in zip(axes, shown, strict=False):
        for i, model in enumerate(models):
            x, y = average_curve(result, model, c, kind)
            style: dict[str, Any] = {"color": PALETTE[i % len(PALETTE)], "linestyle": DASHES[i % len(DASHES)]}
            ax.plot(x, y, linewidth=1.8, label=model, **style)
        count = result.metrics["class_counts"][name]
        ax.set_title(f"{name} ({count} of {len(predictions.labels)})", fontsize=10, color=INK, loc="left")
        ax.set_xlim(-0.01, 1.01)
        ax.set_ylim(-0.01, 1.02)
        if kind == "roc":
            ax.plot([0, 1], [0, 1], color=FAINT, linewidth=0.9, zorder=1)
            ax.set_aspect("equal")
        else:
            ax.axhline(result.metrics["prevalence"][name], color=FAINT, linewidth=0.9, zorder=1)
        ax.set_xlabel("false positive rate" if kind == "roc" else "recall", fontsize=9, color=INK)
        ax.set_ylabel("true positive rate" if kind == "roc" else "precision", fontsize=9, color=INK)
    handles, labels = axes[0].get_legend_handles_labels()
    drawn.legend(handles, labels, loc="outside lower center", ncols=min(len(models), 4), fontsize=9, frameon=False)
    key, what = ("auc_by_class", "ROC curves, AUC") if kind == "roc" else ("auprc_by_class", "Precision–recall, area")
    parts = []
    for model in models:
        found = result.metrics["models"][model][key]
        values = [(n, v["value"] if isinstance(v, dict) else v) for n, v in found.items()]
        parts.append(f"{model}: " + ", ".join(f"{n} {number(v)}" for n, v in values))
    return Drawing(data_uri(drawn), f"{what} of each class against the rest. " + "; ".join(parts))


def confusion(result: Result, model: str) -> Drawing:
    """Row-normalised confusion matrix with counts averaged over the repeats."""
    from hilbert import metrics

    predictions = result.predictions
    names = np.array(predictions.classes)
    tables = [
        metrics.confusion(predictions.labels, names[decided], predictions.classes)
        for decided in predictions.decisions(model)
    ]
    counts: Floats = np.mean(tables, axis=0)
    total = counts.sum(1, keepdims=True)
    shares = np.divide(counts, total, out=np.zeros_like(counts), where=total > 0)
    size = 1.9 + 0.72 * len(names)
    drawn, (ax,) = figure(size + 0.5, size)
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    ax.grid(visible=False)
    for i in range(len(names)):
        for j in range(len(names)):
            colour = "white" if shares[i, j] > 0.55 else INK
            text = f"{100 * shares[i, j]:.0f} %\n{counts[i, j]:.1f}"
            ax.text(j, i, text, ha="center", va="center", fontsize=9, color=colour)
    ax.set_xticks(range(len(names)), names, rotation=30, ha="right")
    ax.set_yticks(range(len(names)), names)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    ax.set_xlabel("predicted", fontsize=9, color=INK)
    ax.set_ylabel("label", fontsize=9, color=INK)
    recall = ", ".join(f"{name} {100 * shares[i, i]:.0f} %" for i, name in enumerate(names))
    return Drawing(data_uri(drawn), f"Confusion matrix of {model}; share of each class found: {recall}")


def embedding_map(result: Result, model: str) -> Drawing | None:
    """The first two principal components of the joint embedding (its last third), of training and test.

    The axes are fitted on the training documents of one fold; the test documents are projected onto them.
    """
    found = result.embeddings.get(model)
    if found is None or len(found["vectors"]) < 3:
        return None
    vectors = found["vectors"].astype(np.float64)
    joint = vectors[:, -(vectors.shape[1] // 3) :] if vectors.shape[1] % 3 == 0 else vectors
    test = found["test"]
    if (~test).sum() < 3:
        return None
    centred = joint - joint[~test].mean(0)
    _, scale, axes_ = np.linalg.svd(centred[~test], full_matrices=False)
    if len(axes_) < 2:
        return None
    axes_ = axes_ * np.sign(axes_[np.arange(len(axes_)), np.abs(axes_).argmax(1)])[:, None]
    place, share = centred @ axes_[:2].T, scale**2 / max(float((scale**2).sum()), 1e-300)
    drawn, (ax,) = figure(6.6, 4.9)
    for i, name in enumerate(result.predictions.classes):
        colour, marker = PALETTE[i % len(PALETTE)], MARKERS[i % len(MARKERS)]
        own = found["label"] == name
        rest, tested = own & ~test, own & test
        ax.scatter(
            place[rest, 0],
            place[rest, 1],
            s=20,
            marker=marker,
            facecolors="none",
            edgecolors=colour,
            linewidths=0.9,
            alpha=0.7,
        )
        ax.scatter(
            place[tested, 0],
            place[tested, 1],
            s=46,
            marker=marker,
            color=colour,
            edgecolors=INK,
            linewidths=0.8,
            label=name,
        )
    ax.set_xlabel(f"component 1 ({100 * share[0]:.0f} % of variance)", fontsize=9, color=INK)
    ax.set_ylabel(f"component 2 ({100 * share[1]:.0f} %)", fontsize=9, color=INK)
    drawn.legend(loc="outside right upper", fontsize=9, frameon=False, title="test documents\n(outline: training)")
    kept = 100 * float(share[:2].sum())
    return Drawing(
        data_uri(drawn),
        f"Two principal components of the joint embedding of {model}, {int(test.sum())} test documents among "
        f"{int((~test).sum())} training documents; they keep {kept:.0f} % of the variance",
    )


def training_curves(result: Result, model: str) -> Drawing | None:
    """Every term of the loss over the epochs, one panel a term; ``held_out_`` terms dashed beside their own."""
    rows = result.curves.get(model, [])
    values = dict.fromkeys(k for row in rows for k, v in row.items() if k not in ("stage", "epoch") and _is_number(v))
    # what is watched for early stopping is one of the terms, and a term of weight 0 may be 0 throughout
    used = [name for name in values if name != f"{HELD_OUT}monitor" and any(row.get(name) for row in rows)]
    terms = list(dict.fromkeys(name.removeprefix(HELD_OUT) for name in used))
    if not terms:
        return None
    stages = list(dict.fromkeys(str(row.get("stage", "")) for row in rows))
    columns = min(len(terms), 3)
    height = -(-len(terms) // columns)
    drawn, axes = figure(3.35 * columns, 2.2 * height + 0.4, columns, height)
    for ax in axes[len(terms) :]:
        ax.set_visible(False)
    said, seen = [], {}
    for ax, term in zip(axes, terms, strict=False):
        for i, stage in enumerate(stages):
            for name, side, dash in ((term, "training", "-"), (HELD_OUT + term, "held out", "--")):
                own = [row for row in rows if str(row.get("stage", "")) == stage and _is_number(row.get(name))]
                if not own:
                    continue
                x = [row.get("epoch", n) for n, row in enumerate(own)]
                y = [float(row[name]) for row in own]
                label = f"{stage}, {side}".removeprefix(", ")
                seen[label] = ax.plot(x, y, linewidth=1.6, color=PALETTE[i % len(PALETTE)], linestyle=dash)[0]
                said.append(f"{term} ({label}) from {y[0]:.3g} to {y[-1]:.3g}")
        low, high = ax.get_ylim()
        least = 0.02 * max(1.0, abs(low + high) / 2)  # rounding of a constant term is no curve
        if high - low < least:
            ax.set_ylim((low + high - least) / 2, (low + high + least) / 2)
        ax.ticklabel_format(axis="y", useOffset=False)
        ax.set_title(term, fontsize=10, color=INK, loc="left")
        ax.set_xlabel("epoch", fontsize=9, color=INK)
    drawn.legend(list(seen.values()), list(seen), loc="outside lower center", ncols=4, fontsize=9, frameon=False)
    return Drawing(data_uri(drawn), f"Training curves of {model}: " + ", ".join(said))


def _forest(rows: list[tuple[str, dict[str, float | None]]], zero: float, label: str) -> Figure:
    drawn, (ax,) = figure(7.6, 0.9 + 0.34 * len(rows))
    for i, (_, row) in enumerate(rows):
        value, low, high = row["value"], row["low"], row["high"]
        if value is None or low is None or high is None:
            continue
        apart = low > zero or high < zero
        colour = PALETTE[0] if low > zero else PALETTE[1] if high < zero else FAINT
        ax.plot([low, high], [i, i], color=colour, linewidth=2.2, solid_capstyle="butt")
        face = colour if apart else "white"
        ax.plot([value], [i], marker="o", markersize=6.5, color=colour, markerfacecolor=face, markeredgewidth=1.6)
    ax.axvline(zero, color=INK, linewidth=1)
    ax.set_yticks(range(len(rows)), [name for name, _ in rows])
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.grid(visible=False, axis="y")
    ax.set_xlabel(label, fontsize=9, color=INK)
    return drawn


def _listed(rows: list[tuple[str, dict[str, float | None]]], signed: bool = False) -> str:
    return "; ".join(f"{name} {number(row['value'], signed)} {span(row, signed)}" for name, row in rows)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and bool(np.isfinite(value))
