"""`gmc`: geometric multimodal contrast of each modality with the joint embedding (GMC, arXiv 2202.03390)."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from hilbert.baselines.method import Method, ProjectionHead, Shape, same_group
from hilbert.baselines.neural import NeuralBaseline
from hilbert.config import HilbertConfig
from hilbert.features.bags import Packed
from hilbert.nn.build import Network, make_network, start_network
from hilbert.losses.contrastive import nt_xent, unit
from hilbert.training.batches import Batch


def backbone(shape: Shape, options: dict[str, Any]) -> Network:
    """HILBERT's network of either kind, at this method's width and dropout."""
    chosen = {name: options[name] for name in ("backbone", "width", "dropout")} | {"pooling_hidden": options["width"]}
    config = HilbertConfig.load("robust", {f"model.{name}": value for name, value in chosen.items()})
    return make_network(config.model, shape.audio, shape.text, shape.cross)


class GmcMethod(Method):
    """Σ_m NT-Xent(g(z_m), g(z_joint)) with one head g for all three embeddings and a fixed temperature.

    Bases and joint base are HILBERT's own network (either backbone), without its labels, its terms for structure
    and balance and its core; trained as all baselines are, with their epochs and batches. Adaptations: the sum over
    candidates holds the positive, as SimCLR's does; the paper puts the mean of what there is in place of a modality
    that lacks, here the joint base sees a null token for it.
    """

    def __init__(self, shape: Shape, options: dict[str, Any]) -> None:
        super().__init__(shape, options)
        self.network = backbone(shape, options)
        self.head = ProjectionHead(options["width"], options["projection"])

    def start(self, audio: Packed, text: Packed) -> None:
        """Start as HILBERT does."""
        start_network(self.network, audio, text)

    def losses(self, batch: Batch, progress: float) -> dict[str, Tensor]:
        """Each modality's term over the documents that have it; documents of one group are no negatives."""
        z = self.network(batch.audio, batch.text)
        joint, excluded, scale = unit(self.head(z.joint)), same_group(batch), 1.0 / self.options["temperature"]
        audio, text = (
            nt_xent(unit(self.head(own)[has]), joint[has], scale, excluded[has][:, has])
            for own, has in ((z.audio, z.has_audio), (z.text, z.has_text))
        )
        return {"total": audio + text, "audio": audio, "text": text}

    def embed(self, batch: Batch) -> dict[str, Tensor]:
        """z_audio, z_text and z_joint, before the projection head."""
        z = self.network(batch.audio, batch.text)
        return {"audio": z.audio, "text": z.text, "joint": z.joint}

    def pair(self, batch: Batch) -> dict[str, Tensor]:
        """All three after the head that they share, where the loss compares them."""
        return {name: self.head(z) for name, z in self.embed(batch).items()}


class Gmc(NeuralBaseline):
    """GMC on frozen segment features; the heads see [z_audio; z_text; z_joint]."""

    method = GmcMethod
    defaults = {"projection": 64, "temperature": 0.3}  # noqa: RUF012
    space = NeuralBaseline.space | {"temperature": [0.1, 0.2, 0.3]}  # type: ignore[operator]


class GmcOnVectors(Gmc):
    """GMC's loss on HILBERT's document vectors, stability included: what HILBERT's own terms and labels add to it.

    An ablation of HILBERT rather than a baseline, since most of what it does is HILBERT's.
    """

    defaults = Gmc.defaults | {"backbone": "prototypes"}
