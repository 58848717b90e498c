"""Forest plots: differences to the comparator in one setting, and HILBERT's over all settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hilbert.benchmark.collecting import MODEL, Numbers, is_baseline
from hilbert.evaluation.measures import TRIVIAL
from hilbert.files import replace_file
from hilbert.report.style import FAINT, INK, PALETTE, figure, png, svg

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Row = tuple[str, Mapping[str, Any]]


def differences(numbers: Numbers) -> Figure | None:
    """Paired differences to the comparator: all of HILBERT's rows, then every baseline's that stands for it."""
    rows = [
        (name, row)
        for name, row in numbers.against.items()
        if name not in TRIVIAL
        and row["low"] is not None
        and (name in numbers.standing.values() or not is_baseline(name))
    ]
    rows.sort(key=lambda item: (is_baseline(item[0]), -float(item[1]["value"])))
    if not rows:
        return None
    return forest(rows, f"{numbers.comparison.id}:\ndifference of macro AUC to {numbers.comparator}, 95 % interval")


def overview(found: Sequence[Numbers]) -> Figure | None:
    """HILBERT's difference to the comparator in every setting."""
    rows = [
        (f"{n.comparison.id} − {n.comparator}", n.against[MODEL])
        for n in found
        if MODEL in n.against and n.against[MODEL]["low"] is not None
    ]
    if not rows:
        return None
    return forest(rows, "macro AUC of hilbert − comparator, 95 % interval\n(HuBERT, T5 and RoBERTa were not run)")


def forest(rows: Sequence[Row], label: str) -> Figure:
    """A line an interval; filled where it leaves out 0, blue above and orange below."""
    drawn, (ax,) = figure(8.2, 1.1 + 0.3 * len(rows))
    for place, (name, row) in enumerate(rows):
        low, high, value = float(row["low"]), float(row["high"]), float(row["value"])
        colour = PALETTE[0] if low > 0 else PALETTE[1] if high < 0 else FAINT
        face = "white" if colour == FAINT else colour
        heavy = 2.8 if not is_baseline(name) else 1.8
        ax.plot([low, high], [place, place], color=colour, linewidth=heavy, solid_capstyle="butt")
        ax.plot([value], [place], marker="o", markersize=6, color=colour, markerfacecolor=face, markeredgewidth=1.5)
    ax.axvline(0, color=INK, linewidth=1)
    ax.set_yticks(range(len(rows)), [name for name, _ in rows])
    for text, (name, _) in zip(ax.get_yticklabels(), rows, strict=True):
        text.set_fontweight("normal" if is_baseline(name) else "bold")
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.grid(visible=False, axis="y")
    ax.set_xlabel(label, fontsize=9, color=INK)
    return drawn


def write_figure(drawn: Figure, path: Path) -> None:
    """Write ``path`` with the suffixes .svg and .png."""
    for suffix, content in ((".svg", svg(drawn)), (".png", png(drawn))):
        with replace_file(path.with_name(path.name + suffix)) as temporary:
            temporary.write_bytes(content)
