# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties that .blend files keep: on each strip how it is swapped, on each scene what is trained."""

import bpy
from bpy.props import (
    BoolProperty,
    EnumProperty,
    FloatProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from . import compat

MASKS = (
    ("learned", "Face Only", "The face, behind hands and whatever else is in front of it"),
    ("hull", "Outline", "The whole outline of the face"),
    ("box", "Box", "The rectangle that the model paints"),
)
COLOURS = (
    ("mean", "Match", "Take on the mean and spread of the target's colors"),
    ("hist", "Histogram", "Take on the target's distribution of colors"),
    ("none", "Keep", "Keep the colors that the model paints"),
    ("light", "Light", "Take on the light that falls on the target, and its grain"),
)
SMOOTHINGS = (
    ("zero-phase", "Both Ways", "Looks forward and back in time: smooth, without lag"),
    ("kalman", "Kalman", "Follows motion, looking back only"),
    ("ema", "Moving Average", "The simplest; lags a little behind fast motion"),
    ("none", "None", "Landmarks as they were found"),
)
CODECS = (
    ("h264", "H.264", "Plays everywhere (.mp4)"),
    ("hevc", "HEVC", "Smaller, 10 bits where the clip has them (.mp4)"),
    ("prores", "ProRes", "For grading and compositing (.mov, large)"),
)
LABELS = (
    ("none", "None", "Nothing is written into the picture"),
    ("text", "Text", "A sentence in the corner says that the face was replaced"),
    ("icon", "Icon", "A badge in the corner"),
)
LANGUAGES = (
    ("en", "English", ""),
    ("de", "German", ""),
    ("es", "Spanish", ""),
    ("fr", "French", ""),
    ("it", "Italian", ""),
    ("nl", "Dutch", ""),
    ("pt", "Portuguese", ""),
)
SUFFIXES = {"h264": ".mp4", "hevc": ".mp4", "prores": ".mov"}
MAX_HANDLES = 250


class StripSettings(bpy.types.PropertyGroup):
    """Settings of a strip's swap, and the state of it."""

    face: StringProperty(name="Face", description="Whose face is put on")
    face_name: StringProperty(name="Face")
    person: StringProperty(
        name="Person", description="Picture of the performer to swap", subtype="FILE_PATH", **compat.PATHS
    )
    portrait: StringProperty(description="That picture itself, for machines where the file isn't")
    everyone: BoolProperty(name="Everyone", description="Swap every face of the strip")
    mask: EnumProperty(name="Mask", description="Where the face is laid over the picture", items=MASKS)
    feather: FloatProperty(
        name="Feather",
        description="Width of the soft edge, as a share of the face's size",
        default=0.06,
        min=0,
        max=0.5,
        precision=2,
    )
    erode: FloatProperty(
        name="Erode",
        description="How far the edge moves inwards, as a share of the face's size",
        min=0,
        max=0.5,
        precision=2,
    )
    colour: EnumProperty(
        name="Color",
        description="How the target's colors are taken on",
        items=COLOURS,
        default="light",
    )
    smoothing: EnumProperty(
        name="Smoothing", description="Of the target's motion over time", items=SMOOTHINGS
    )
    handles: IntProperty(
        name="Handles",
        description="Frames swapped beyond either end of the strip, to trim with later",
        min=0,
        max=MAX_HANDLES,
    )
    codec: EnumProperty(name="Codec", description="How the result is encoded", items=CODECS)
    label: EnumProperty(name="Label", description="A label in the picture, for the public", items=LABELS)
    label_language: EnumProperty(name="Language", description="The label's language", items=LANGUAGES)
    mute: BoolProperty(name="Mute Original", description="Mute the original strip when its swap is there")

    uid: StringProperty(description="What the strip is called among swaps")
    request: StringProperty(description="The swap that was last asked for")
    job: StringProperty(description="Its job at the engine")
    pending: BoolProperty(description="Whether its result is still to come")
    result_of: StringProperty(description="The strip that this one is a swap of")
    made_for: StringProperty(description="Whose face in the picture was swapped in this result")
    told: StringProperty(description="Which frames of this result weren't swapped, and why")


LOOK = ("mask", "feather", "erode", "colour", "smoothing")
CHOICES = (
    "face",
    "face_name",
    *LOOK,
    "handles",
    "codec",
    "label",
    "label_language",
    "mute",
)
"""What can be copied from strip to strip: all but whose face in the picture is swapped."""


class TrainingSettings(bpy.types.PropertyGroup):
    """Settings of a scene's training."""

    source: StringProperty(name="Source", description="Faces whose face is put on")
    target: StringProperty(name="Target", description="Faces of the performer; for models of two people only")
    model: StringProperty(name="Model", description="The model that is shown here")
    preset: StringProperty(name="Preset", default="guided-128")
    minutes: FloatProperty(
        name="Minutes",
        description="Minutes of training in all; more can be added later",
        default=10,
        min=0.1,
        soft_max=600,
        precision=1,
    )
    name: StringProperty(name="Name", description="What the new model is called; empty for the source's name")
    page: IntProperty(name="Page", description="Which faces are shown", min=1, default=1)
    shown: EnumProperty(
        name="Faces",
        description="Whose faces are shown",
        items=(("source", "Source", ""), ("target", "Target", "")),
    )


CLASSES = (StripSettings, TrainingSettings)


def register() -> None:
    """Makes them known."""
    for one in CLASSES:
        bpy.utils.register_class(one)
    compat.STRIP.recaster = PointerProperty(type=StripSettings)
    bpy.types.Scene.recaster = PointerProperty(type=TrainingSettings)


def unregister() -> None:
    """Forgets them; what files hold stays there."""
    del bpy.types.Scene.recaster
    del compat.STRIP.recaster
    for one in reversed(CLASSES):
        bpy.utils.unregister_class(one)
