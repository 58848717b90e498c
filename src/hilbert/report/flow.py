"""The report's section on information flow: two tables and a figure."""

from __future__ import annotations

import math
from typing import Any

from hilbert.evaluation.flow import MODALITIES, PAIRS, Mean, means
from hilbert.evaluation.result import Result
from hilbert.evaluation.verdict import number
from hilbert.report.figures import Drawing
from hilbert.report.style import INK, MARKERS, PALETTE, data_uri, figure

Cell = tuple[str, str]  # mean, spread


def flow_rows(result: Result) -> list[dict[str, Any]]:
    """The table of what is kept and used: for each model its cells, ("", "") where it has no such number."""
    rows = []
    for model, found in _means(result).items():
        pairs = {name: [_cell(found.get(f"{name}_{m}")) for m in MODALITIES] for name in (*PAIRS, "perceptual")}
        rows.append(
            {
                "model": model,
                **pairs,
                "least": _cell(found.get("retention_least")),
                "dominance": _cell(found.get("dominance"), True),
            }
        )
    return rows


def inside_rows(result: Result) -> list[dict[str, Any]]:
    """The table of HILBERT's own networks: shares of the embedding, of gate or attention, of the gradient."""
    rows = []
    for model, found in _means(result).items():
        if "share_audio" not in found:
            continue
        parts = {
            name: [_cell(found.get(f"{name}_{m}")) for m in (*MODALITIES, "cross")] for name in ("share", "gradient")
        }
        mass, *sizes = (_cell(found.get(f"{name}_audio")) for name in ("mass", "width", "segments"))
        # what the features are is the same in every fold, and how many segments there are nearly so
        rows.append({"model": model, **parts, "mass": mass, "sizes": [(value, "") for value, _ in sizes]})
    return rows


def contributions(result: Result) -> Drawing:
    """Shapley values of either modality, a row a model; nothing is drawn where one is undefined."""
    rows = list(_means(result).items())
    drawn, (ax,) = figure(7.6, 1.1 + 0.42 * len(rows))
    for i, (_, found) in enumerate(rows):
        for k, modality in enumerate(MODALITIES):
            value, spread, y = *found[f"shapley_{modality}"][:2], i + 0.22 * (k - 0.5)
            ax.plot([value - spread, value + spread], [y, y], color=PALETTE[k], linewidth=1.8, zorder=2)
            label = modality if i == 0 else None
            ax.plot(
                [value], [y], linestyle="", marker=MARKERS[k], markersize=6, color=PALETTE[k], label=label, zorder=3
            )
    ax.axvline(0, color=INK, linewidth=1)
    ax.set_yticks(range(len(rows)), [model for model, _ in rows])
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.grid(visible=False, axis="y")
    ax.set_xlabel("what a modality adds to the macro AUC (Shapley value)", fontsize=9, color=INK)
    drawn.legend(loc="outside lower center", ncols=2, fontsize=9, frameon=False)
    said = "; ".join(
        f"{model} audio {' ± '.join(filter(None, _cell(found['shapley_audio'])))}, "
        f"text {' ± '.join(filter(None, _cell(found['shapley_text'])))}"
        for model, found in rows
    )
    return Drawing(data_uri(drawn), f"Shapley value of audio and text for the macro AUC: {said}")


def _means(result: Result) -> dict[str, dict[str, Mean]]:
    return {model: means(rows) for model, rows in result.flow.items()}


def _cell(mean: Mean | None, signed: bool = False) -> Cell:
    if mean is None:
        return "", ""
    value, spread = (None if math.isnan(x) else x for x in mean[:2])
    return number(value, signed, 2), "" if spread is None else number(spread, digits=2)
