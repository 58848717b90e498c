"""What a fitted classifier says: the logits of its parts, joined, and what each part says by itself."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from hilbert.estimators.base import BaseHilbert
from hilbert.features.bags import Bags
from hilbert.model.build import VectorInputs
from hilbert.model.documents import DocumentVectors
from hilbert.model.linear import LinearCore, softmax
from hilbert.training.calibration import Calibration
from hilbert.training.member import Member
from hilbert.training.saving import check_features
from hilbert.training.selection import blend
from hilbert.training.stability import VectorReadout

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class JudgingParts(BaseHilbert):
    """The reading side of a classifier: linear core, network and second network, and how they are joined."""

    core_: LinearCore | None
    network_: Member
    second_: Member | None
    untrained_: VectorReadout | None
    calibration_: Calibration
    alpha_: float
    beta_: float

    @property
    def n_parameters_(self) -> int:
        """Numbers that the networks have learnt, heads included."""
        fits = [member.fit for member in (self.network_, self.second_) if member is not None and member.fit is not None]
        modules = [module for fit in fits for module in (fit.representation.network, fit.head) if module is not None]
        return sum(p.numel() for module in modules for p in module.parameters())

    def decision_function(self, X: Bags) -> Floats:
        """Logits (docs, classes) in float64."""
        check_is_fitted(self, "fit_")
        X = check_features(self.features_, X)
        core = None if self.core_ is None else self.core_.logits(X)
        network = self.network_.judge(X) if core is None or self.alpha_ else core
        return self._final(self._joined(core, network, None if self.second_ is None else self.second_.judge(X)))

    def _final(self, joined: Floats) -> Floats:
        return self.calibration_(joined) if self.config_.head.calibrate else joined

    def _joined(self, core: Floats | None, network: Floats, second: Floats | None) -> Floats:
        logits = network if core is None else blend(core, network, self.alpha_)
        return logits if second is None else blend(logits, second, self.beta_)

    def distances(self, X: Bags) -> dict[str, Floats]:
        """How far documents lie from the training ones: modality → (docs,), near 1 where they are alike, else larger.

        Root mean square of their pooled features in standard deviations, NaN for a missing modality. Nothing without a
        linear core, which knows these deviations.
        """
        check_is_fitted(self, "fit_")
        return {} if self.core_ is None else self.core_.distances(check_features(self.features_, X))

    def variants(self, X: Bags) -> dict[str, Floats]:
        """Probabilities of the parts, which every result table shows beside the whole.

        "no core": the network without its linear core; "one network": with the core, without the second network;
        "experts": the head that a readout stands in for; "no training": logistic regression on the document vectors
        that the network starts from; "calibrated": the whole as ``head.calibrate`` makes it, where that is not set.
        """
        check_is_fitted(self, "fit_")
        X = check_features(self.features_, X)
        z = self.fit_.representation.embed(X).astype(np.float64)
        inputs = self.fit_.representation.inputs
        core = None if self.core_ is None else self.core_.logits(X)
        found = self._variants(z, core, None if self.second_ is None else self.second_.judge(X))
        return found | self._untrained(inputs.documents(X) if isinstance(inputs, VectorInputs) else None)

    def _variants(self, z: Floats, core: Floats | None, second: Floats | None) -> dict[str, Floats]:
        network = self.network_.logits(z)
        found = {}
        if not self.config_.head.calibrate:
            found["calibrated"] = softmax(self.calibration_(self._joined(core, network, second)))
        if core is not None:
            found["no core"] = softmax(network)
        if self.config_.segments.enabled:
            found["one network"] = softmax(self._joined(core, network, None))
        if self.network_.readout is not None:
            found["experts"] = softmax(self.fit_.head_logits(z))
        return found

    def _untrained(self, vectors: DocumentVectors | None) -> dict[str, Floats]:
        inputs = self.fit_.representation.inputs
        if self.untrained_ is None or vectors is None or not isinstance(inputs, VectorInputs):
            return {}
        return {"no training": softmax(self.untrained_.logits(inputs, vectors))}

    def recombined(self, X: Bags) -> Callable[[Ints, Ints], dict[str, Floats]]:
        """Predict documents made of the audio of some and the text of others; ``X`` itself is transformed once.

        The function that is returned takes rows of X for the audio and for the text, (docs,) each. It gives the
        probabilities of ``predict_proba`` as "", and those of ``variants``.
        """
        check_is_fitted(self, "fit_")
        X = check_features(self.features_, X)
        core = self.core_
        members = [member for member in (self.network_, self.second_) if member is not None]
        inputs = [member.finished.representation.inputs.recombiner(X) for member in members]
        pooled = [] if core is None else core.inputs(X)

        def predict(audio: Ints, text: Ints) -> dict[str, Floats]:
            made = [transform(audio, text) for transform in inputs]
            embedded = [member.embed(found.packed) for member, found in zip(members, made, strict=True)]
            linear = None
            if core is not None:
                linear = core.map(np.hstack([part[rows] for part, rows in zip(pooled, (audio, text), strict=True)]))
            second = None if self.second_ is None else self.second_.logits(embedded[1])
            whole = self._final(self._joined(linear, self.network_.logits(embedded[0]), second))
            parts = self._variants(embedded[0], linear, second)
            return {"": softmax(whole), **parts, **self._untrained(made[0].vectors)}

        return predict
