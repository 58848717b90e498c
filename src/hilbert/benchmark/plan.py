"""What is run: which settings with which models, folds and repeats, in the order of the work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hilbert.baselines import MODELS
from hilbert.benchmark.tasks import TASKS, Setting, setting
from hilbert.errors import UsageError

TIERS = ("quick", "standard", "full")
MAIN = ("concat-lr", "seq-lr", "gmc", "clip", "hilbert", "hilbert-gmc")
MANY_FOLDS = ("concat-lr", "gmc", "hilbert")
QUICK_DOCUMENTS = 80
QUICK_SAYS = (
    "The quick tier proves plumbing only: a few documents, few folds, models made small. Its numbers say nothing "
    "about any model."
)
WHOLE = (
    ("maec-a", "praat", "wordllama"),
    ("maec-b", "praat", "wordllama"),
    ("speechocean762", "whisper-tiny.en", "minilm-l6"),
    ("speechocean762", "whisper-base", "wordllama"),
)
# Pairs of very different widths: 256 and 768, 48 and 384, 256 and 256, 48 and 768.
PAIRS = (
    ("speechocean762", "resemblyzer", "mpnet-base"),
    ("speechocean762", "prosody", "minilm-l6"),
    ("speechocean762", "resemblyzer", "wordllama"),
    ("speechocean762", "prosody", "mpnet-base"),
    ("maec-a", "praat", "minilm-l6"),
    ("maec-b", "praat", "minilm-l6"),
)
QUICK = (("maec-a", "praat", "wordllama"), ("maec-b", "praat", "wordllama"), ("speechocean762", "prosody", "wordllama"))


@dataclass(frozen=True)
class Comparison:
    """Models that are fitted and tested on the same splits of one setting.

    ``suffix`` tells protocols of one setting apart; ``documents`` limits their number (quick tier).
    """

    setting: Setting
    models: tuple[str, ...]
    folds: int = 5
    repeats: int = 5
    suffix: str = ""
    documents: int | None = None

    @property
    def id(self) -> str:
        """Its name in tables and folders."""
        return self.setting.id + self.suffix

    @property
    def small(self) -> bool:
        """Whether the models are made small, too."""
        return self.documents is not None


def make_plan(
    tier: str,
    models: Sequence[str] | None = None,
    tasks: Sequence[str] | None = None,
    comparators: Mapping[str, str] | None = None,
) -> list[Comparison]:
    """The comparisons of a tier, setting by setting.

    ``models`` (default: all that are registered) and ``tasks`` (names of tasks or settings) choose among
    them. The comparator of a task runs in each of its settings. Raises UsageError for an unknown tier or task.
    """
    if tier not in TIERS:
        raise UsageError(f"tier: expected one of {', '.join(TIERS)}, found {tier!r}")
    everyone = list(MODELS)
    wanted = everyone if models is None else list(models)

    def among(names: Sequence[str], task: str) -> tuple[str, ...]:
        held_against = (comparators or {}).get(task, "").partition(" (")[0]
        return tuple(name for name in everyone if name in wanted and (name in names or name == held_against))

    if tier == "quick":
        found = [Comparison(setting(*s), among(everyone, s[0]), 2, 1, documents=QUICK_DOCUMENTS) for s in QUICK]
    else:
        found = [Comparison(setting(*s), among(everyone, s[0])) for s in WHOLE]
        found += [Comparison(setting(*s), among(MAIN, s[0])) for s in PAIRS]
    if tier == "full":
        many = Comparison(setting(*WHOLE[0]), among(MANY_FOLDS, WHOLE[0][0]), 25, 1, "-25-folds")
        named = {c.setting.id for c in found}
        rest = [setting(task.name, a, t) for task in TASKS.values() for a in task.audio for t in task.text]
        found += [many, *(Comparison(s, among(MAIN, s.task.name)) for s in rest if s.id not in named)]
    known = {c.id for c in found} | set(TASKS)
    unknown = [name for name in tasks or () if name not in known]
    if unknown:
        raise UsageError(f"tasks: expected some of {', '.join(sorted(known))}, found {unknown[0]!r}")
    chosen = [c for c in found if tasks is None or c.setting.task.name in tasks or c.id in tasks]
    return [c for c in chosen if c.models]
