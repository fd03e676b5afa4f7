"""What several commands offer to choose from, known without importing what is chosen."""

from typing import Final

DETECTORS: Final = ("yunet", "dlib-cnn", "dlib-hog", "dlib-cnn-original")
"""As ``recaster.faces.detectors`` has them."""
