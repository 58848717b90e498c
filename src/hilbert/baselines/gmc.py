"""`gmc`: geometric multimodal contrast of each modality with the joint embedding (GMC, arXiv 2202.03390)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from hilbert.baselines.bases import make_base
from hilbert.baselines.method import Floats, Method, ProjectionHead, Shape, same_group
from hilbert.baselines.neural import NeuralBaseline
from hilbert.losses.contrastive import nt_xent, unit
from hilbert.nn.vector_network import VectorNetwork
from hilbert.training.data import Batch


class GmcMethod(Method):
    """Σ_m NT-Xent(g(z_m), g(z_joint)) with one head g for all three embeddings and a fixed temperature.

    Bases and joint base are ``SegmentBase``, or HILBERT's own network on document vectors, without its labels and its
    other members; trained as all baselines are, with their epochs and batches. Adaptations: the sum over
    candidates holds the positive, as SimCLR's does; the paper puts the mean of what there is in place of a modality
    that lacks, here the joint base sees a null token for it.
    """

    def __init__(self, shape: Shape, options: dict[str, Any]) -> None:
        super().__init__(shape, options)
        self.network = make_base(shape, options)
        self.head = ProjectionHead(options["width"], options["projection"])

    def start(self, parts: Mapping[str, Floats]) -> None:
        """Start as HILBERT does on document vectors."""
        if isinstance(self.network, VectorNetwork):
            self.network.start(**parts)

    def losses(self, batch: Batch, progress: float) -> dict[str, Tensor]:
        """Each modality's term over the documents that have it; documents of one group are no negatives."""
        z = self.network(batch.inputs)
        joint, excluded, scale = unit(self.head(z.joint)), same_group(batch), 1.0 / self.options["temperature"]
        audio, text = (
            nt_xent(unit(self.head(own)[has]), joint[has], scale, excluded[has][:, has])
            for own, has in ((z.audio, z.has_audio), (z.text, z.has_text))
        )
        return {"total": audio + text, "audio": audio, "text": text}

    def embed(self, batch: Batch) -> dict[str, Tensor]:
        """z_audio, z_text and z_joint, before the projection head."""
        z = self.network(batch.inputs)
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
    """`hilbert-gmc`: GMC's loss on HILBERT's network on document vectors, in place of its own contrast and labels.

    An ablation of HILBERT rather than a baseline, since most of what it does is HILBERT's.
    """

    version = 2
    defaults = Gmc.defaults | {"backbone": "vectors"}
