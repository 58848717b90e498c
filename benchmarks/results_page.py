"""Make the tables of docs/results.md again, from the stored predictions.

    python benchmarks/results_page.py [--results results/benchmark] [--page docs/results.md] [--no-scripts] [--check]

A table stands between ``<!-- KIND SETTING -->`` and ``<!-- end -->``, where KIND is

    models      HILBERT, and the row that stands for each baseline, by macro AUC
    parts       HILBERT's own rows
    backbones   concat-lr, seq-lr, clip, gmc and HILBERT with the other backbones of a task
    ensembles   what benchmarks/ensembles.py prints
    calibrated  what benchmarks/calibrated.py prints

Everything else on the page is written by hand. ``--check`` changes nothing, and fails where a table would change.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from hilbert.benchmark import cells
from hilbert.benchmark.collecting import MODEL, Numbers, collect, is_baseline
from hilbert.benchmark.outputs import model_of
from hilbert.benchmark.place import Place
from hilbert.benchmark.plan import make_plan
from hilbert.benchmark.tables import grid, read_comparators
from hilbert.evaluation.verdict import number, span

BLOCK = re.compile(r"(<!-- (\w+) (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)
SCRIPTS = ("ensembles", "calibrated")
OF_CLASSES = ("macro_f1", "balanced_accuracy", "auprc", "recall", "slope", "ece")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=Path("results/benchmark"))
    parser.add_argument("--page", type=Path, default=Path("docs/results.md"))
    parser.add_argument("--no-scripts", action="store_true", help="leave other scripts' tables, which take minutes")
    parser.add_argument("--check", action="store_true")
    chosen = parser.parse_args()
    place = Place(chosen.results, Path("features-benchmark"))
    known: dict[str, Numbers | None] = {}

    def numbers(setting: str) -> Numbers:
        if setting not in known:
            known[setting] = collected(setting, place)
        found = known[setting]
        if found is None:
            parser.error(f"{place.out / setting}: no finished models there")
        return found

    makers: dict[str, Callable[[str], str]] = {
        "models": lambda setting: models(numbers(setting)),
        "parts": lambda setting: parts(numbers(setting)),
        "backbones": lambda task: backbones(task, place),
        **{name: lambda setting, name=name: printed(name, setting, place.out) for name in SCRIPTS},
    }

    def made(block: re.Match[str]) -> str:
        head, kind, setting, end = block.groups()
        if kind in SCRIPTS and chosen.no_scripts:
            return block.group()
        return f"{head}\n{makers[kind](setting)}\n\n{end}"

    before = chosen.page.read_text(encoding="utf-8")
    after = BLOCK.sub(made, before)
    if chosen.check and after != before:
        raise SystemExit(f"{chosen.page}: its tables are not those of {place.out}; run this without --check")
    if after != before:
        chosen.page.write_text(after, encoding="utf-8")
    print(f"{chosen.page}: {len(BLOCK.findall(before))} tables, {'changed' if after != before else 'as they were'}")


def collected(setting: str, place: Place) -> Numbers | None:
    """The numbers of a setting's tables."""
    against = read_comparators(place.out)
    for comparison in make_plan("full", comparators=against):
        if comparison.id == setting:
            return collect(comparison, place, against[comparison.setting.task.name])
    raise SystemExit(f"{setting}: no setting of the benchmark")


def models(found: Numbers) -> str:
    """HILBERT first, then a row a baseline."""
    rare, auc = cells.rarest(found), found.metrics["models"]
    rows = {row["model"]: row for row in cells.model_rows(found)}
    gains = {row[0]: row for row in cells.gain_rows(found)}
    order = sorted((row for row in found.standing.values() if row in gains), key=lambda r: -auc[r]["auc"]["value"])
    own = rows[MODEL]
    made = [[f"**{MODEL}**", own["auc"], "", "", "", "", "", *(own[name] for name in OF_CLASSES), own["seconds"]]]
    for name in order:
        gain, row = gains[name], rows[name]
        mark = " †" if name == found.comparator else ""
        made.append([
            name + mark, row["auc"], gain[2], gain[3], gain[4], gain[6], f"{gain[7]} {gain[8]}" if gain[7] else "",
            *(row[measure] for measure in OF_CLASSES), rows[model_of(name)]["seconds"],
        ])  # fmt: skip
    heads = ["model", "macro AUC [95 %]", "hilbert − it [95 %]", "p, corrected t", "Holm of it", "p, bootstrap, Holm"]
    heads.append("its highest row, seen afterwards")
    return grid([*heads, *_heads(rare), "s / fit"], made)


def parts(found: Numbers) -> str:
    """Rows that are HILBERT's, whole or in part."""
    rare = cells.rarest(found)
    heads = ["row", "macro AUC [95 %]", f"Δ {found.comparator} [95 %]", *_heads(rare), "s / fit"]
    measures = ("auc", "difference", *OF_CLASSES, "seconds")
    own = [row for row in cells.model_rows(found) if not is_baseline(row["model"])]
    rows = [[row["model"], *(row[measure] for measure in measures)] for row in own]
    return grid(heads, rows)


def _heads(rare: str) -> list[str]:
    return ["macro F1", "balanced accuracy", f"AUPRC {rare}", f"recall {rare}", "slope", "ECE"]


def backbones(task: str, place: Place) -> str:
    """Settings of a task on which not all models were run."""
    against, rows = read_comparators(place.out), []
    for comparison in make_plan("full", comparators=against):
        setting = comparison.setting
        if setting.task.name != task or comparison.suffix:
            continue
        if (found := collect(comparison, place, against[task])) is None:
            continue
        auc = {name: row["auc"] for name, row in found.metrics["models"].items()}
        if "abmil" in auc or MODEL not in auc:
            continue
        contrastive = [name for name in auc if model_of(name) in ("clip", "gmc")]
        best = max(contrastive, key=lambda name: auc[name]["value"], default="")
        gain = {row[0]: row for row in cells.gain_rows(found)}["concat-lr"]
        wanted = ("concat-lr", "seq-lr", best, "hilbert-gmc")
        plain = [number(auc[name]["value"]) if name in auc else "" for name in wanted]
        plain[2] += f" ({best})" if best else ""
        hilbert = f"{number(auc[MODEL]['value'])} {span(auc[MODEL])}"
        rows.append([f"{setting.audio} × {setting.text}", *plain, hilbert, gain[2], gain[3], gain[4], gain[6]])
    heads = ["speech × text", "concat-lr", "seq-lr", "clip or gmc, best row", "hilbert-gmc", "hilbert [95 %]"]
    return grid([*heads, "hilbert − concat-lr [95 %]", "p, corrected t", "Holm of it", "p, bootstrap, Holm"], rows)


def printed(name: str, setting: str, results: Path) -> str:
    """As another script prints it; its first line says what takes part."""
    script = Path(__file__).with_name(f"{name}.py")
    command = [sys.executable, str(script), setting, "--results", str(results)]
    first, _, table = subprocess.run(command, capture_output=True, text=True, check=True).stdout.partition("\n")
    return f"{first.strip()}:\n\n{table.strip()}"


if __name__ == "__main__":
    main()
