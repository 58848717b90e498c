"""Configuration of the model: every choice and every weight has a name, a range and a preset value."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hilbert.errors import ConfigError
from hilbert.presets import merge, read_preset, read_yaml

Fraction = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A frozen part of the configuration that refuses unknown names."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class InputConfig(Section):
    """Segment features on their way into the network."""

    components: Count | None = Field(description="principal components kept per modality; none: no PCA")


class PrototypeConfig(Section):
    """Document vectors by attention to prototypes (backbone: prototypes)."""

    heads: Count = Field(description="independent sets of prototypes")
    count: Count = Field(description="prototypes in a set; fewer where there are under 16 segments for each")
    components: Count = Field(description="principal components in which segments are clustered")
    sharpness: Annotated[float, Field(gt=0)] = Field(description="of the assignment, 1 / temperature")
    cross_count: Count = Field(description="prototypes of a set that attend to the other modality")
    cross_components: Count = Field(description="principal components of what is attended to")
    cross_sharpness: Annotated[float, Field(gt=0)]
    block_components: Count = Field(description="principal components kept of each block of a document vector")
    audio_weight: Weight = Field(description="weight of what audio prototypes attend to; that of text is 1")
    stability: Annotated[tuple[float, ...], Field(min_length=1)] = Field(
        description="strengths among which inner folds choose: above 0 shrinks what changes within a document, below "
        "0 stretches it, 0 does neither; without labels the first"
    )


class ModelConfig(Section):
    """The network from segment features to three document embeddings."""

    backbone: Literal["segments", "prototypes"] = Field(
        description="segments: attention learnt by gradient; prototypes: attention to cluster centres"
    )
    hidden: Count = Field(description="hidden units of the residual maps (backbone: prototypes)")
    width: Count = Field(description="width d of each of the three embeddings")
    layers: Count = Field(description="cross-modal attention layers")
    heads: Count = Field(description="attention heads; must divide width")
    dropout: Fraction
    pooling: Literal["attention", "statistics"] = Field(
        description="attention: attended mean; statistics: attended mean and spread"
    )
    pooling_hidden: Count
    zero_scores: bool = Field(description="pooling scores start at zero, which is mean pooling")
    zero_cross: bool = Field(description="cross-attention layers start as the identity")
    unimodal_source: Literal["pre", "post"] = Field(
        description="z_audio and z_text are pooled before or after cross-attention"
    )
    joint: Literal["concat", "gated", "sequence", "sequence_plain"] = Field(
        description="sequence: one pooling over both, in which both modalities start with half of the attention; "
        "sequence_plain: with as much as they have segments"
    )
    time_encoding: bool = Field(description="add a sinusoidal encoding of relative time")
    projection: Count = Field(description="width of the space in which embeddings are contrasted")


class ContrastConfig(Section):
    """Reciprocal dual contrast, audio ↔ joint and text ↔ joint."""

    weight: Weight
    audio_text: Weight = Field(description="weight of a direct audio ↔ text term beside the two")
    label_aware: bool = Field(description="documents of one label are positives of each other")
    views: Literal["whole", "disjoint", "crossed"] = Field(
        default="whole",
        description="disjoint: the joint embedding that is contrasted is of other segments (backbone: segments); "
        "crossed: of the other modality alone",
    )
    temperature: Annotated[float, Field(gt=0)]
    learn_temperature: bool
    max_scale: Annotated[float, Field(gt=1)] = Field(description="upper clamp of 1 / temperature")


class CkaConfig(Section):
    """Structure preservation by debiased centred kernel alignment with the joint embedding."""

    weight: Weight
    target: Literal["embedding", "input"] = Field(description="align with z_audio, z_text or with frozen inputs")
    kernel: Literal["linear", "rbf"]
    hinge: Fraction | None = Field(description="share of the attainable ceiling that is asked for; none: of 1")


class BalanceConfig(Section):
    """Balance of the information that the joint embedding holds about either modality."""

    weight: Weight
    estimator: Literal["infonce", "gaussian"]
    form: Literal["squared", "level_up"]
    components: Count = Field(description="dimensions of the Gaussian estimate")
    warmup: Fraction = Field(description="share of the epochs over which the weight rises from 0")


class HeadConfig(Section):
    """The classifier on [z_audio; z_text; z_joint]."""

    kind: Literal["experts", "mlp", "linear"]
    experts: Count
    hidden: Count
    top_k: Count | None = Field(description="experts used per document; none: all of them")
    dropout: Fraction
    readout: bool = Field(
        description="predict by logistic regression on the trained embeddings; the head then shapes them in training"
    )
    calibrate: bool = Field(
        False,
        description="give the logits a scale and an offset a class, by held-out documents: finds more of rare classes",
    )
    zero_output: bool
    load_balance: Weight = Field(description="weight of the load-balance loss (top_k only)")
    router_z: Weight = Field(description="weight of the router z-loss")
    imbalance: Literal["none", "class_weight", "logit_adjustment"]
    adjustment: Weight = Field(description="strength τ of logit adjustment")


class TrainingConfig(Section):
    """Optimisation: AdamW, linear warm-up, cosine decay, clipped gradients, early stopping."""

    regime: Literal["two_stage", "joint"]
    epochs: Count
    head_epochs: Count
    batch_size: Annotated[int, Field(ge=2)]
    learning_rate: Annotated[float, Field(gt=0)]
    head_learning_rate: Annotated[float, Field(gt=0)]
    weight_decay: Weight
    warmup: Fraction
    clip: Annotated[float, Field(gt=0)]
    patience: Count = Field(description="epochs without improvement on the inner split before stopping")
    max_segments: Count | None = Field(description="segments drawn per document and step in training only")
    modality_dropout: Fraction = Field(description="share of documents that lose one modality in a step")


class CoreConfig(Section):
    """The linear path (`concat-lr`) beside the network."""

    enabled: bool
    alpha: Fraction = Field(description="share α of the network beside the core, unless one alone is clearly better")
    evidence: Weight = Field(description="by how many standard errors of the inner AUC it must be better, to be alone")


class SegmentsConfig(Section):
    """A second network, which learns its attention on segments by gradient, beside the first.

    Objectives, head and readout are those of the first; what is named here is its own.
    """

    enabled: bool
    share: Fraction = Field(description="share β in the logits, unless another is clearly better")
    shares: Annotated[tuple[Fraction, ...], Field(min_length=1)] = Field(
        description="the others that inner folds may choose"
    )
    evidence: Weight = Field(description="by how many standard errors of the inner AUC another must be better")
    components: Count = Field(description="principal components kept per modality")
    width: Count = Field(description="width of each of its three embeddings; a multiple of model.heads")
    learning_rate: Annotated[float, Field(gt=0)]
    batch_size: Annotated[int, Field(ge=2)]
    epochs: Count
    patience: Count


class SelectionConfig(Section):
    """Inner grouped folds on which epochs, C, α and the second network's share are chosen."""

    folds: Annotated[int, Field(ge=2)]
    trained: Count = Field(description="how many of the inner folds are trained; all where shares are chosen")


class HilbertConfig(Section):
    """Everything that, with the data and the seed, determines a trained model."""

    preset: str
    input: InputConfig
    prototypes: PrototypeConfig
    model: ModelConfig
    contrast: ContrastConfig
    cka: CkaConfig
    balance: BalanceConfig
    head: HeadConfig
    training: TrainingConfig
    core: CoreConfig
    segments: SegmentsConfig
    selection: SelectionConfig

    @classmethod
    def load(cls, preset: str = "robust", overrides: Mapping[str, Any] | None = None, file: Path | None = None) -> Self:
        """Read a preset, then a YAML file over it, then overrides with dotted names ("cka.weight": 0.3).

        A file that names a preset, as a resolved configuration does, goes over that one.

        Raises ConfigError for an unknown preset or name, or a value outside its range.
        """
        update = read_yaml(file) if file is not None else {}
        data = read_preset(str(update.get("preset", preset)))
        merge(data, update, str(file))
        for name, value in (overrides or {}).items():
            if name == "preset":
                raise ConfigError(f"override 'preset': this is {data['preset']!r}; name another preset as such instead")
            nested: Any = value
            for part in reversed(name.split(".")):
                nested = {part: nested}
            merge(data, nested, f"override {name!r}")
        try:
            config = cls.model_validate(data)
        except ValidationError as error:
            lines = [f"{'.'.join(map(str, e['loc']))}: {e['msg']} (found {e['input']!r})" for e in error.errors()]
            raise ConfigError("configuration: " + "; ".join(lines)) from None
        for name, width, used in (
            ("model.width", config.model.width, True),
            ("segments.width", config.segments.width, config.segments.enabled),
        ):
            if used and width % config.model.heads:
                raise ConfigError(
                    f"configuration: {name} must be a multiple of model.heads, found {width} and {config.model.heads}"
                )
        contrast = config.contrast
        if not 1 / contrast.max_scale <= contrast.temperature <= 1:
            raise ConfigError(
                "configuration: contrast.temperature must lie between 1 / contrast.max_scale and 1, where it is "
                f"held, found {contrast.temperature} with max_scale {contrast.max_scale}"
            )
        if contrast.views == "disjoint" and config.model.backbone != "segments":
            raise ConfigError(
                "configuration: contrast.views: disjoint parts a document's segments; expected model.backbone: "
                f"segments, found {config.model.backbone}"
            )
        mixed = [name for name in ("core", "segments") if getattr(config, name).enabled]
        if mixed and config.selection.trained < config.selection.folds:
            raise ConfigError(
                f"configuration: with {mixed[0]}.enabled every inner fold is trained, since shares are chosen on all "
                f"documents; expected selection.trained = {config.selection.folds}, found {config.selection.trained}"
            )
        return config

    def second(self) -> Self:
        """The configuration of the second network, by itself."""
        own = self.segments
        kept = {name: getattr(own, name) for name in ("learning_rate", "batch_size", "epochs", "patience")}
        return self.model_copy(
            update={
                "input": self.input.model_copy(update={"components": own.components}),
                "model": self.model.model_copy(update={"backbone": "segments", "width": own.width}),
                "training": self.training.model_copy(update=kept),
            }
        )

    def to_yaml(self) -> str:
        """The resolved configuration; loading it gives the same hash."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False)

    @property
    def transforms(self) -> str:
        """The options on which the input transforms depend, as text."""
        return f"{self.model.backbone}, {self.input}, {self.prototypes}"

    @property
    def identity(self) -> dict[str, Any]:
        """All options without those added later that are off, so that stored results keep their keys."""
        return self.model_dump(mode="json", exclude_defaults=True)

    @property
    def hash(self) -> str:
        """First 12 hexadecimal digits of the SHA-256 of the canonical JSON."""
        text = json.dumps(self.identity, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]
