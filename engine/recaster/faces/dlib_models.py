"""The way to dlib's models, through the face_recognition package.

face_recognition_models 0.3.0 finds its files with pkg_resources, which new setuptools no longer have
(and old ones warn about). So a stand-in with the one function that it calls is there while it is
imported, and gone afterwards. face_recognition also tells Pillow, for the whole process, to take
truncated images for whole ones: that is taken back.
"""

from __future__ import annotations

import functools
import importlib
import sys
import types
from importlib import resources
from typing import Any

import PIL.ImageFile

_NAME = "pkg_resources"


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
        importlib.import_module("face_recognition_models")
        return importlib.import_module("face_recognition.api")
    finally:
        PIL.ImageFile.LOAD_TRUNCATED_IMAGES = lenient
        if standing is None:
            del sys.modules[_NAME]
        else:
            sys.modules[_NAME] = standing


def _resource_filename(package: str, name: str) -> str:
    return str(resources.files(package).joinpath(name))
