"""Everything HILBERT is compared with, by the names used in tables and on the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hilbert.baselines.abmil import Abmil, AbmilAudio, AbmilText
from hilbert.baselines.boosting import AudioGB, ConcatGB, TextGB
from hilbert.baselines.cacophony import Cacophony
from hilbert.baselines.clip import Clip, ClipOnVectors
from hilbert.baselines.cmmvae import ContrastiveMmvae
from hilbert.baselines.comm import Comm
from hilbert.baselines.crossclr import Crossclr
from hilbert.baselines.gmc import Gmc, GmcOnVectors
from hilbert.baselines.gmu import Gmu, GmuOnVectors
from hilbert.baselines.kernels import KernelRidge, KernelSVM, KernelSVMOnVectors
from hilbert.baselines.laion import ClapFusion
from hilbert.baselines.late import LateMean
from hilbert.baselines.length import Length
from hilbert.baselines.lmf import Lmf, LmfOnVectors
from hilbert.baselines.misa import Misa, MisaOnVectors
from hilbert.baselines.mmvae import Mmvae
from hilbert.baselines.mult import Mult
from hilbert.baselines.order import SeqLR
from hilbert.baselines.prior import Prior
from hilbert.baselines.simclr import Simclr
from hilbert.baselines.st_moe import StMoe
from hilbert.baselines.symile import Symile
from hilbert.baselines.tfn import Tfn
from hilbert.errors import UsageError
from hilbert.estimators import AudioLR, ConcatLR, HilbertClassifier, LateStack, TextLR

MODELS: Mapping[str, Callable[..., Any]] = {
    "prior": Prior,
    "length": Length,
    "audio-lr": AudioLR,
    "text-lr": TextLR,
    "concat-lr": ConcatLR,
    "seq-lr": SeqLR,
    "audio-gb": AudioGB,
    "text-gb": TextGB,
    "concat-gb": ConcatGB,
    "late-mean": LateMean,
    "late-stack": LateStack,
    "kernel-ridge": KernelRidge,
    "kernel-svm": KernelSVM,
    "abmil-audio": AbmilAudio,
    "abmil-text": AbmilText,
    "abmil": Abmil,
    "gmu": Gmu,
    "tfn": Tfn,
    "lmf": Lmf,
    "mult": Mult,
    "misa": Misa,
    "st-moe": StMoe,
    "simclr": Simclr,
    "clip": Clip,
    "clap-fusion": ClapFusion,
    "crossclr": Crossclr,
    "gmc": Gmc,
    "mmvae": Mmvae,
    "contrastive-mmvae": ContrastiveMmvae,
    "cacophony": Cacophony,
    "comm": Comm,
    "symile": Symile,
    "kernel-svm-vectors": KernelSVMOnVectors,
    "gmu-vectors": GmuOnVectors,
    "lmf-vectors": LmfOnVectors,
    "misa-vectors": MisaOnVectors,
    "clip-vectors": ClipOnVectors,
    "hilbert": HilbertClassifier,
    "hilbert-gmc": GmcOnVectors,
    "hilbert-paper": lambda **options: HilbertClassifier(preset="paper", **options),
}


def make_model(name: str, **options: Any) -> Any:
    """An unfitted model by its name. Raises UsageError naming the models there are."""
    if name not in MODELS:
        raise UsageError(f"model: expected one of {', '.join(MODELS)}, found {name!r}")
    return MODELS[name](**options)


__all__ = [
    "MODELS",
    "Abmil",
    "AbmilAudio",
    "AbmilText",
    "AudioGB",
    "AudioLR",
    "Cacophony",
    "ClapFusion",
    "Clip",
    "ClipOnVectors",
    "Comm",
    "ConcatGB",
    "ConcatLR",
    "ContrastiveMmvae",
    "Crossclr",
    "Gmc",
    "GmcOnVectors",
    "Gmu",
    "GmuOnVectors",
    "KernelRidge",
    "KernelSVM",
    "KernelSVMOnVectors",
    "LateMean",
    "LateStack",
    "Length",
    "Lmf",
    "LmfOnVectors",
    "Misa",
    "MisaOnVectors",
    "Mmvae",
    "Mult",
    "Prior",
    "SeqLR",
    "Simclr",
    "StMoe",
    "Symile",
    "TextGB",
    "TextLR",
    "Tfn",
    "make_model",
]
