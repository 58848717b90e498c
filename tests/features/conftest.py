"""Small recordings, transcripts and a text encoder with random weights."""

import json

import numpy as np
import pytest
import soundfile
import torch

from hilbert.corpus.manifest import Corpus

WORDS = ["the", "a", "man", "woman", "plays", "guitar", "market", "fell", "today", "it", "was", "good", "bad", "."]


@pytest.fixture(scope="session")
def text_folder(tmp_path_factory):
    """A BERT of 16 values a text, saved as on the hub."""
    from safetensors.torch import save_file
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("bert")
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = Tokenizer(models.WordPiece({t: i for i, t in enumerate(special + WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {f"{name.strip('[]').lower()}_token": name for name in special}
    settings |= {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 24}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
        model = BertModel(BertConfig(vocab_size=len(special + WORDS), max_position_embeddings=24, **sizes)).eval()
    state = {name: value.clone().contiguous() for name, value in model.state_dict().items()}
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(model.config.to_json_string(use_diff=False))
    return folder


def vtt(texts):
    cues = [f"00:00:0{i}.000 --> 00:00:0{i + 1}.000\n{text}\n" for i, text in enumerate(texts)]
    return "WEBVTT\n\n" + "\n".join(cues)


def recording(path, seconds, seed):
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * 16000)) / 16000
    wave = 0.3 * np.sin(2 * np.pi * (120 + 20 * seed) * time) + 0.01 * rng.normal(size=len(time))
    soundfile.write(path, wave, 16000, subtype="PCM_16")


class Folder:
    """A corpus on disk: d0 and d1 have both modalities, d2 a recording alone, d3 text alone."""

    def __init__(self, root):
        root.mkdir(parents=True, exist_ok=True)
        self.root, self.manifest = root, root / "manifest.csv"
        for number in range(3):
            recording(root / f"d{number}.wav", 2.0 + number / 2, number)
        for number, texts in enumerate((["the man plays", "guitar today"], ["the market fell", "it was bad"])):
            (root / f"d{number}.vtt").write_text(vtt(texts))
        self.write(["yes", "no", "yes", "no"])

    def write(self, labels, extra=()):
        audio, transcripts = ("d0.wav", "d1.wav", "d2.wav", ""), ("d0.vtt", "d1.vtt", "", "")
        rows = [f"d{n},{audio[n]},{transcripts[n]},{'a good man .' * (n == 3)},{labels[n]}" for n in range(4)]
        self.manifest.write_text("\n".join(["id,audio,transcript,text,label", *rows, *extra]) + "\n")
        return self.corpus

    @property
    def corpus(self):
        return Corpus.from_manifest(self.manifest)


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path / "corpus")


@pytest.fixture(scope="session")
def tree():
    """Every file under a folder and its bytes."""
    return lambda root: {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}
