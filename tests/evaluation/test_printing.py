"""Tables lose nothing in a narrow terminal, and keep to the plainest layout that fits."""

import io
from collections import Counter

import pytest
from rich.console import Console

from hilbert.evaluation.printing import print_table

HEADINGS = ["model", "macro AUC\n[95 %]", "Δ concat-lr\n[95 %]", "balanced\naccuracy"]
ROWS = [
    ["prior", ".500 [.500, .500]", "−.460 [−.492, −.421]", ".312"],
    ["hilbert (no training)", ".992 [.976, 1.000]", "+.033 [+.008, +.067]", ".958"],
    ["[bold]", ".1", "", ".2"],
]


def printed(width, headings=HEADINGS, rows=ROWS, **options):
    target = io.StringIO()
    console = Console(file=target, width=width, no_color=True, highlight=False, force_terminal=False)
    print_table(console, "", headings, rows, **options)
    return [line.rstrip() for line in target.getvalue().splitlines()]


@pytest.mark.parametrize("width", [200, 80, 76, 70, 60, 40, 24, 12])
def test_no_character_is_lost_and_no_line_too_long(width):
    lines = printed(width)
    assert max(map(len, lines)) <= width
    shown = Counter("".join(lines)) - Counter({"─": 10**6, " ": 10**6})
    expected = Counter("".join([*HEADINGS, *(cell for row in ROWS for cell in row)]))
    assert shown == expected - Counter({"\n": 10**6, " ": 10**6})


def test_columns_move_together_before_cells_are_broken():
    wide = printed(200)
    natural = max(map(len, wide))
    assert printed(natural + 1) == wide
    closer = printed(natural - 1)
    assert len(closer) == len(wide)
    assert any("hilbert (no training)  .992 [.976, 1.000]  +.033 [+.008, +.067]" in line for line in closer)
    broken = printed(max(map(len, closer)) - 1)
    assert len(broken) > len(wide)
    assert any(line.split() == ["hilbert", ".992", "+.033", ".958"] for line in broken)
    assert any(line.split("  ")[-1] == "[+.008, +.067]" for line in broken)


def test_sums_stand_below_a_line():
    lines = printed(60, ["setting", "fits"], [["a", "1"], ["b", "2"], ["all", "3"]], sums=1)
    cells = [line.split() for line in lines]
    assert cells.index(["all", "3"]) > cells.index(["b", "2"]) + 1
    assert cells.index(["b", "2"]) == cells.index(["a", "1"]) + 1
