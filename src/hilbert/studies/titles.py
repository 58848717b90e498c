"""How tables and figures name what is measured."""

from __future__ import annotations

NAMES = {
    "auc": "macro AUC",
    "reached": "share of oracle",
    "auprc": "AUPRC, rarest",
    "recall": "recall, rarest",
    "dominance": "D",
    "imbalance": "|D|",
    "least": "R² of the less kept",
    "least_all": "the same, from all three",
    "latent_shared": "R² shared",
    "latent_audio": "R² audio's own",
    "latent_text": "R² text's own",
    "retention_least": "least retention",
    "retention_audio": "retention, audio",
    "retention_text": "retention, text",
    "gradient_audio": "gradient, audio",
    "mass_audio": "mass, audio",
    "term_contrast": "contrast, nats",
    "term_cka": "structure lost",
    "gap": "information, audio − text",
    "auc_network": "macro AUC, network alone",
    "auc_untrained": "macro AUC, no training",
    "auc_core": "macro AUC, beside a linear core",
    "balanced": "balanced accuracy",
    "ece": "ECE",
    "slope": "slope of calibration",
    "padding": "change by padding",
}


def title(quantity: str) -> str:
    """A quantity as tables and figures name it."""
    return NAMES.get(quantity, quantity.removeprefix("found "))
