"""From transformed documents to a trained network: batches, the loop, checkpoints."""
