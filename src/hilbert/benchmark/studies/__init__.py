"""Studies beside the main benchmark: one question each, on the same documents, folds and models."""
