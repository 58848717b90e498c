"""How an encoder is named, and what of its output is kept."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hilbert.errors import ConfigError

Pooling = Literal["mean", "mean+std"]
Context = Literal["window", "segment"]


class EncoderSpec(BaseModel):
    """One encoder and how its frames become segment vectors.

    ``name``: a pack (`whisper-tiny.en`), `prosody`, a hub id or a local folder. ``revision``: branch, tag or
    commit of a hub id. ``layer``: which hidden layer; -1 is the model's final output, 0 what enters the first
    block, k what leaves block k. ``pooling``: over the frames of a segment. ``context``: what the encoder
    hears around a segment, "window" = the contiguous window the segment lies in, "segment" = the segment
    alone. ``device``: cpu, cuda, cuda:0, mps. Layer, pooling and context change the numbers, so they are
    part of an encoder's identity. Text encoders know only ``name``, ``revision``, ``layer`` and
    ``device``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    revision: str | None = None
    layer: int = -1
    pooling: Pooling = "mean"
    context: Context = "window"
    device: str = Field(default="cpu", pattern=r"^(cpu|mps|cuda(:\d+)?)$")

    @classmethod
    def parse(cls, text: str) -> EncoderSpec:
        """Read ``name`` or ``name:option=value,option=value``; raises ConfigError."""
        name, colon, tail = text.rpartition(":")
        if not colon or "=" not in tail:  # a colon may belong to a path (C:\models)
            name, tail = text, ""
        options: dict[str, str] = {}
        for part in filter(None, tail.split(",")):
            key, equals, value = (piece.strip() for piece in part.partition("="))
            if not equals or key == "name" or key in options:
                raise ConfigError(f"encoder {text!r}: expected option=value once each, found {part!r}")
            options[key] = value
        try:
            return cls.model_validate({"name": name.strip(), **options})
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            known = ", ".join(key for key in cls.model_fields if key != "name")
            message = f"encoder {text!r}: {where}: {first['msg']}; options are {known}"
            raise ConfigError(message) from error

    def __str__(self) -> str:
        changed = {
            key: value
            for key, field in type(self).model_fields.items()
            if key != "name" and (value := getattr(self, key)) != field.default
        }
        options = ",".join(f"{key}={value}" for key, value in changed.items())
        return f"{self.name}:{options}" if options else self.name
