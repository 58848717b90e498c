"""Does a modality of pure noise harm?"""

from __future__ import annotations

from dataclasses import replace

from hilbert.studies.arms import CONCAT, PRESETS, SHIPPED, acts, network, raised, without
from hilbert.studies.claims import Claim, above
from hilbert.studies.experiment import Experiment, Size, crossed
from hilbert.studies.experiments.base import corpus
from hilbert.studies.rows import Found
from hilbert.studies.trial import Arm, Trial
from hilbert.synthetic import Target

MARGIN = 0.01
AUDIO_ONLY = Arm("audio-lr", "audio-lr")


def trials(size: Size) -> list[Trial]:
    """Text without latents beside audio that holds all the label rests on."""
    silent = {"shared": 0.0, "unique": 0.0}
    case = {"text of noise": (0.0, corpus(size, text=silent, target=Target(shared=1.0, audio=1.0)))}
    arms = [AUDIO_ONLY, SHIPPED, *(raised(preset) for preset in PRESETS)]
    arms += [without(preset, "balance") for preset in PRESETS]
    if not size.small:
        own = [network(preset, "shipped") for preset in PRESETS]
        arms += [CONCAT, *own, *(on_audio(arm) for arm in (*own, SHIPPED))]
        arms += [without(preset, "CKA") for preset in PRESETS]
    return crossed(arms, case, size, ("prediction", "latents", "flow", "terms"))


def on_audio(arm: Arm) -> Arm:
    """A model that is given no text."""
    return replace(arm, name=f"{arm.name}, audio only", only="audio")


def claims(found: Found) -> list[Claim]:
    """Not more than .01 below audio alone; and whether the balance costs something."""
    made = []
    for arm in (SHIPPED.name, *(raised(preset).name for preset in PRESETS)):
        loss = found.change("auc", arm, AUDIO_ONLY.name)
        text = f"{arm}: noise in the text costs no more than {MARGIN:g} of macro AUC against audio-lr"
        made.append(Claim(text, [above("macro AUC − that of audio-lr", loss, -MARGIN)]))
    for whole in (SHIPPED, *(network(preset, "shipped") for preset in PRESETS)):
        loss = found.change("auc", whole.name, on_audio(whole).name)
        if loss:
            text = f"{whole.name}: noise in the text costs no more than {MARGIN:g} against the same on audio only"
            made.append(Claim(text, [above("macro AUC with the text − without", loss, -MARGIN)]))
    for preset in PRESETS:
        names = raised(preset).name, without(preset, "balance").name
        cost = found.change("auc", *names)
        parts = [above("macro AUC with − without", cost, -MARGIN)]
        made.append(Claim(f"{preset}: balance does no harm here", parts, acts(found, names[1])))
    return made


EXPERIMENT = Experiment(
    "noise",
    "What does a modality cost that is nothing but noise?",
    "The text holds no latent at all; the label rests on the shared latents, which only the audio shows now, and on "
    "the audio's own. A term that asks for as much information about the text can only do harm.",
    trials,
    claims,
    ("auc", "auprc", "latent_audio", "latent_shared", "retention_audio", "retention_text", "gap"),
    ("auc",),
    "",
)
