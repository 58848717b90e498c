"""Colours and the one way figures become part of the page. matplotlib is imported when a figure is drawn."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe & Ito 2008: told apart with any of the common colour vision deficiencies.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F", "#B8A800")
DASHES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
INK, FAINT, GRID = "#22262e", "#667080", "#dfe3e8"


def figure(width: float, height: float, columns: int = 1, rows: int = 1) -> tuple[Figure, list[Axes]]:
    """A figure of ``width`` × ``height`` inches on white, and its axes row by row; no global state."""
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    axes = [drawn.add_subplot(rows, columns, i + 1) for i in range(rows * columns)]
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
        ax.spines[["left", "bottom"]].set_color(FAINT)
        ax.tick_params(colors=FAINT, labelcolor=INK, labelsize=9)
        ax.grid(color=GRID, linewidth=0.7)
        ax.set_axisbelow(True)
    return drawn, axes


def data_uri(drawn: Figure) -> str:
    """The figure as an SVG data URI; the same figure gives the same text."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg(drawn)).decode("ascii")


def svg(drawn: Figure) -> bytes:
    """The figure as SVG; the same figure gives the same bytes."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    target = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "hilbert", "svg.fonttype": "path", "font.family": "DejaVu Sans"}):
        canvas: Any = FigureCanvasSVG(drawn)  # matplotlib leaves print_svg without types
        canvas.print_svg(target, metadata={"Date": None, "Creator": None})
    return target.getvalue()


def png(drawn: Figure) -> bytes:
    """The figure as PNG."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    target = io.BytesIO()
    with matplotlib.rc_context({"font.family": "DejaVu Sans"}):
        canvas: Any = FigureCanvasAgg(drawn)
        canvas.print_png(target, metadata={"Software": None})
    return target.getvalue()
