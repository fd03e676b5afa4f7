"""Training from scratch: batches, augmentation, the loop, checkpoints and previews."""

import recaster.networks  # noqa: F401 - TensorFlow's environment is set before anything here imports TensorFlow
