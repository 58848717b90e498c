"""From bags to a fitted model: batches, the loop, checkpoints, saving, selection."""
