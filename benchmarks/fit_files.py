"""How many files of the package one fit of HILBERT runs through, and how many options there are.

    python benchmarks/fit_files.py [--preset robust] [--list]

A file counts when at least one of its functions is called during ``fit``; importing it is not enough.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import hilbert
from hilbert.config import count_options
from hilbert.synthetic.corpus import generate
from hilbert.synthetic.design import Design

PACKAGE = Path(hilbert.__file__).parent


def files_of_a_fit(preset: str) -> dict[str, int]:
    """File of the package → its lines, for every file whose functions are called by a fit on synthetic documents."""
    drawn = generate(Design(documents=240))
    labels = drawn.y.astype(object)
    model = hilbert.HilbertClassifier(preset)
    seen: set[str] = set()

    def watch(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call" and frame.f_code.co_name != "<module>":
            seen.add(frame.f_code.co_filename)

    sys.setprofile(watch)
    try:
        model.fit(drawn.bags, labels, drawn.groups)
    finally:
        sys.setprofile(None)
    paths = sorted(Path(name) for name in seen if Path(name).is_relative_to(PACKAGE))
    return {str(path.relative_to(PACKAGE)): len(path.read_text(encoding="utf-8").splitlines()) for path in paths}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="robust")
    parser.add_argument("--list", action="store_true", help="name the files")
    chosen = parser.parse_args()
    found = files_of_a_fit(chosen.preset)
    if chosen.list:
        print(*(f"{lines:5d} {path}" for path, lines in found.items()), sep="\n")
    print(f"{chosen.preset}: {len(found)} files, {sum(found.values())} lines; {count_options()} options")


if __name__ == "__main__":
    main()
