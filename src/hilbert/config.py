"""Configuration of the model: every choice and every weight has a name, a range and a preset value."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from hilbert.errors import ConfigError
from hilbert.presets import merge, read_preset, read_yaml

Fraction = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
MAX_SCALE = 100.0  # upper clamp of 1 / temperature in the contrast (CLIP, arXiv 2103.00020)


class Section(BaseModel):
    """A frozen part of the configuration that refuses unknown names."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


Member = Literal["voice", "words", "both", "steady", "changing", "network", "experts"]


class StackConfig(Section):
    """The models whose logits are mixed and calibrated together."""

    members: tuple[Member, ...] = Field(
        min_length=1,
        description="voice, words, both: logistic regression on the mean and spread of one modality's segments, or of "
        "both; steady, changing: on document vectors, by what stays the same through a recording and by what changes "
        "within it; network: on the embeddings of the trained network; experts: the network's own classifier",
    )
    few: tuple[Member, ...] = Field(
        (), description="which of them take part with fewer labelled documents than ``least``; none of them: all"
    )
    least: Count = Field(1, description="labelled documents from which on all members take part")
    folds: Annotated[int, Field(ge=2)] = Field(
        description="inner grouped folds: C, epochs, weights and calibration are chosen on them"
    )

    def chosen(self, labelled: int) -> tuple[Member, ...]:
        """The members of a model with so many labelled documents."""
        few = tuple(member for member in self.members if member in self.few)
        return few if few and labelled < self.least else self.members


class VectorConfig(Section):
    """Document vectors: fixed summaries of the segments, fitted without labels and without gradient."""

    heads: Count = Field(description="independent sets of prototypes")
    prototypes: Count = Field(description="prototypes in a set; fewer where there are under 16 segments for each")
    components: Count = Field(description="principal components kept of each block of a document vector")


class VectorNetwork(Section):
    """A network on document vectors: each embedding starts as principal components and learns a residual."""

    kind: Literal["vectors"] = "vectors"
    width: Count = Field(64, description="width d of each of the three embeddings")
    dropout: Fraction = 0.1
    projection: Count = Field(64, description="width of the space in which embeddings are contrasted")


class SegmentNetwork(Section):
    """A network on segments: projection, cross-modal attention, self-attentive pooling."""

    kind: Literal["segments"] = "segments"
    width: Count = Field(64, description="width d of each of the three embeddings")
    dropout: Fraction = 0.2
    projection: Count = Field(64, description="width of the space in which embeddings are contrasted")
    components: Count | None = Field(None, description="principal components kept of segments; none: no PCA")
    layers: Count = Field(1, description="cross-modal attention layers")
    heads: Count = Field(4, description="attention heads; must divide width")
    unimodal_source: Literal["pre", "post"] = Field(
        "post", description="z_audio and z_text are pooled before or after cross-attention"
    )
    joint: Literal["concat", "gated", "sequence", "sequence_plain"] = Field(
        "concat",
        description="sequence: one pooling over both, in which both modalities start with half of the attention; "
        "sequence_plain: with as much as they have segments",
    )
    max_segments: Count | None = Field(16, description="segments drawn per document and step in training; none: all")

    @model_validator(mode="after")
    def _heads_divide(self) -> Self:
        if self.width % self.heads:
            raise ValueError(f"width must be a multiple of heads, found {self.width} and {self.heads}")
        return self


class ContrastConfig(Section):
    """Reciprocal dual contrast, audio ↔ joint and text ↔ joint."""

    weight: Weight
    audio_text: Weight = Field(0.0, description="weight of a direct audio ↔ text term beside the two")
    label_aware: bool = Field(description="documents of one label are positives of each other")
    temperature: Annotated[float, Field(ge=1 / MAX_SCALE, le=1)]
    learn_temperature: bool


class CkaConfig(Section):
    """Structure preservation by centred kernel alignment with the joint embedding."""

    weight: Weight
    target: Literal["embedding", "input"] = Field(
        "input", description="align with z_audio, z_text or with frozen inputs"
    )
    debiased: bool = Field(True, description="biased alignment of independent data grows with width / documents")
    hinge: Fraction | None = Field(0.9, description="share of the attainable ceiling that is asked for; none: of 1")


class BalanceConfig(Section):
    """Balance of the information that the joint embedding holds about either modality."""

    weight: Weight
    estimator: Literal["infonce", "gaussian"] = "gaussian"
    form: Literal["squared", "level_up"] = "level_up"


class HeadConfig(Section):
    """The classifier on [z_audio; z_text; z_joint] that is trained with the network."""

    kind: Literal["experts", "mlp", "linear"]
    experts: Count
    hidden: Count
    dropout: Fraction
    top_k: Count | None = Field(None, description="experts used per document; none: all of them")
    load_balance: Weight = Field(0.0, description="weight of the load-balance loss (acts with top_k)")
    router_z: Weight = Field(0.0, description="weight of the router z-loss")
    class_weights: bool = Field(description="every class weighs the same in the loss, however rare")


class TrainingConfig(Section):
    """Optimisation: AdamW, linear warm-up, cosine decay, clipped gradients, early stopping on inner folds."""

    regime: Literal["two_stage", "joint"] = Field(description="two_stage: embeddings without labels, then the head")
    epochs: Count
    head_epochs: Count = Field(60, description="of the head, by itself on finished embeddings (two_stage)")
    batch_size: Annotated[int, Field(ge=2)]
    learning_rate: Annotated[float, Field(gt=0)]
    patience: Count = Field(description="epochs without improvement on held-out documents before stopping")
    modality_dropout: Fraction = Field(0.0, description="share of documents that lose one modality in a step")


class HilbertConfig(Section):
    """Everything that, with the data and the seed, determines a trained model.

    ``cka`` and ``balance`` are None where the loss has no such term. Raises pydantic's ValidationError, a ValueError,
    for a value outside its range or parts that do not fit one another; ``load`` and ``replace`` raise ConfigError.
    """

    preset: str
    stack: StackConfig
    vectors: VectorConfig | None = None
    network: Annotated[VectorNetwork | SegmentNetwork, Field(discriminator="kind")]
    contrast: ContrastConfig
    cka: CkaConfig | None = None
    balance: BalanceConfig | None = None
    head: HeadConfig
    training: TrainingConfig

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        members = self.stack.members
        if len(set(members)) < len(members):
            raise ValueError(f"stack.members: each may be there once, found {', '.join(members)}")
        if self.vectors is None and ({"steady", "changing"} & set(members) or self.network.kind == "vectors"):
            raise ValueError("vectors: needed for 'steady', 'changing' and a network of kind 'vectors', found none")
        if self.head.top_k is not None and not (self.head.kind == "experts" and self.head.top_k <= self.head.experts):
            raise ValueError(
                f"head.top_k: needs experts, and at most as many, found {self.head.top_k} with {self.head.experts} "
                f"of kind {self.head.kind}"
            )
        if self.head.load_balance and self.head.top_k is None:
            raise ValueError("head.load_balance: all experts see every document unless head.top_k is set")
        return self

    @classmethod
    def load(cls, preset: str = "robust", overrides: Mapping[str, Any] | None = None, file: Path | None = None) -> Self:
        """Read a preset, then a YAML file over it, then overrides with dotted names ("cka.weight": 0.3).

        A file that names a preset, as a resolved configuration does, goes over that one.

        Raises ConfigError for an unknown preset or name, or a value outside its range.
        """
        update = read_yaml(file) if file is not None else {}
        data = read_preset(str(update.get("preset", preset)))
        _put(data, update)
        return cls._checked(data, overrides)

    def replace(self, overrides: Mapping[str, Any]) -> Self:
        """The same with other values at dotted names. Raises ConfigError."""
        return self._checked(self.model_dump(), overrides)

    @classmethod
    def _checked(cls, data: dict[str, Any], overrides: Mapping[str, Any] | None) -> Self:
        # the kind of network first, since another kind starts from its own values
        for name, value in sorted((overrides or {}).items(), key=lambda item: item[0] != "network.kind"):
            if name == "preset":
                raise ConfigError(f"override 'preset': this is {data['preset']!r}; name another preset as such instead")
            nested: Any = value
            for part in reversed(name.split(".")):
                nested = {part: nested}
            _put(data, nested)
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise ConfigError("configuration: " + "; ".join(map(_said, error.errors()))) from None

    def to_yaml(self) -> str:
        """The resolved configuration; loading it gives the same hash."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False)

    @property
    def hash(self) -> str:
        """First 12 hexadecimal digits of the SHA-256 of the canonical JSON."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def _put(data: dict[str, Any], update: Mapping[str, Any]) -> None:
    """``merge``, but a network of another kind starts from its own values instead of those of the one before it."""
    old, new = data.get("network"), update.get("network")
    if isinstance(old, Mapping) and isinstance(new, Mapping) and new.get("kind", old.get("kind")) != old.get("kind"):
        data["network"] = {}
    merge(data, update)


def _said(error: Any) -> str:
    # after "network" comes the kind, which is no part of the name
    place = [str(part) for number, part in enumerate(error["loc"]) if number != 1 or error["loc"][0] != "network"]
    if error["type"] == "extra_forbidden":
        return f"{'.'.join(place)}: unknown name; known here: {', '.join(_known(error['loc']))}"
    if error["type"] == "value_error":
        return str(error["ctx"]["error"]) if not place else f"{'.'.join(place)}.{error['ctx']['error']}"
    return f"{'.'.join(place)}: {error['msg']} (found {error['input']!r})"


def _known(place: tuple[str | int, ...]) -> list[str]:
    """Names beside one at ``place``, which holds the kind of a network after "network"."""
    sections: list[type[BaseModel]] = [HilbertConfig]
    if len(place) > 1:
        sections = _sections(HilbertConfig.model_fields[str(place[0])].annotation)
    if place[0] == "network" and len(place) > 1:
        sections = [section for section in sections if section.model_fields["kind"].default == place[1]]
    return [name for section in sections for name in section.model_fields]


def count_options() -> int:
    """How many options there are in all: the fields of every section, by their dotted names."""

    def fields(section: type[BaseModel], prefix: str) -> set[str]:
        found: set[str] = set()
        for name, field in section.model_fields.items():
            parts = [part for part in _sections(field.annotation)]
            below = [fields(part, f"{prefix}{name}.") for part in parts]
            found |= set().union(*below) if below else {prefix + name}
        return found

    return len(fields(HilbertConfig, ""))


def _sections(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [part for inner in getattr(annotation, "__args__", ()) for part in _sections(inner)]
