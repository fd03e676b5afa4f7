"""Training from scratch: batches, augmentation, the loop, checkpoints and previews."""
