# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties that .blend files keep: on each strip how it is swapped, on each scene what is trained."""

from typing import Any

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from recaster.settings import encoding, look, swap
from recaster.settings.detection import SMOOTHINGS, Smoothing
from recaster.settings.look_course import LOOK_OPTIONS
from recaster.settings.options import Choice, option_of
from recaster.settings.reading import LOG_SPACES
from recaster.settings.train import DEFAULT_MINUTES, DEFAULT_PRESET

from . import compat


def enum_items(choices: dict[str, Choice]) -> tuple[tuple[str, str, str, int], ...]:
    """Choices of the engine as an enumeration; .blend files keep their numbers"""
    items = ((name, choice.title, choice.text, choice.number) for name, choice in choices.items())
    return tuple(sorted(items, key=lambda item: item[3]))


def number_limits(kind: type, name: str) -> dict[str, float]:
    """Default and range of a number among the engine's options"""
    option = option_of(kind, name)
    return {"default": option.default, "min": option.bounds.low, "max": option.bounds.high}


def suggest_log_spaces(_settings: Any, _context: Any, text: str) -> list[str]:
    """Names of cameras' log spaces that hold what was typed"""
    return [name for name in LOG_SPACES if text.lower() in name.lower()]


PROFILES = {codec: f"{codec}_profile" for codec in encoding.PROFILES if codec in encoding.FFMPEG_ENCODERS}
"""Properties of a strip that hold the profile of each codec that has some."""
AUTOMATIC = "auto"
MAX_HANDLES = 250


class CastEntry(bpy.types.PropertyGroup):
    """One of several people of a strip, and the face that is put on them."""

    person: StringProperty(description="Picture of the person", subtype="FILE_PATH", **compat.PATHS)
    portrait: StringProperty(description="That picture itself, for machines where the file isn't")
    face: StringProperty(description="The face that is put on them")
    face_name: StringProperty(name="Face")


class StripSettings(bpy.types.PropertyGroup):
    """Settings of a strip's swap, and the state of it."""

    face: StringProperty(name="Face", description="Whose face is put on")
    face_name: StringProperty(name="Face")
    person: StringProperty(
        name="Person", description="Picture of the performer to swap", subtype="FILE_PATH", **compat.PATHS
    )
    portrait: StringProperty(description="That picture itself, for machines where the file isn't")
    everyone: BoolProperty(name="Everyone", description="Swap every face of the strip")
    cast: CollectionProperty(
        type=CastEntry, name="Cast", description="Several people, each with a face of their own, in one swap"
    )
    mask: EnumProperty(
        name="Mask",
        description="Where the face is laid over the picture",
        items=enum_items(look.MASKS),
        default=look.MaskSettings.kind,
    )
    feather: FloatProperty(
        name="Feather",
        description="Width of the soft edge, as a share of the face's size",
        **number_limits(look.MaskSettings, "feather"),
        precision=2,
    )
    erode: FloatProperty(
        name="Erode",
        description="How far the edge moves inwards, as a share of the face's size",
        **number_limits(look.MaskSettings, "erode"),
        precision=2,
    )
    colour: EnumProperty(
        name="Color",
        description="How the target's colors are taken on",
        items=enum_items(look.COLOURS),
        default=look.LookSettings.colour,
    )
    keep: EnumProperty(
        name="Keep",
        description="Parts of the performer's own face that stay",
        items=enum_items(look.PARTS),
        options={"ANIMATABLE", "ENUM_FLAG"},
    )
    keep_feather: FloatProperty(
        name="Border of Parts",
        description="Width of the soft border of the parts that stay, as a share of the face's size",
        **number_limits(look.LookSettings, "keep_feather"),
        precision=2,
    )
    strength: FloatProperty(
        name="Likeness",
        description="From 0 (the performer) over somebody in between to 1 (the chosen face)",
        **number_limits(look.LookSettings, "strength"),
        precision=2,
    )
    expression: FloatProperty(
        name="Expression",
        description="How strong the performer's expressions come out; 1 for as they are",
        **number_limits(look.LookSettings, "expression"),
        precision=2,
    )
    gaze: FloatProperty(
        name="Gaze",
        description="How far the eyes look aside; 1 for as the performer's do",
        **number_limits(look.LookSettings, "gaze"),
        precision=2,
    )
    smoothing: EnumProperty(
        name="Smoothing",
        description="Of the target's motion over time",
        items=enum_items(SMOOTHINGS),
        default=Smoothing.name,
    )
    input_colour_space: StringProperty(
        name="Input Color Space",
        description="Color space of a clip whose tags don't say it: a camera's log space, as OpenColorIO "
        "names it. Empty for all others",
        search=suggest_log_spaces,
        search_options={"SUGGESTION"},
    )
    keep_out: PointerProperty(
        name="Keep Out",
        description="Mask in which the performer's own pixels stay. Its first frame is the first of the "
        "strip's file, as in the Clip Editor",
        type=bpy.types.Mask,
    )
    keep_in: PointerProperty(
        name="Keep In",
        description="Mask in which the face shows, whatever seems to be in front of it; Keep Out goes first",
        type=bpy.types.Mask,
    )
    handles: IntProperty(
        name="Handles",
        description="Frames swapped beyond either end of the strip, to trim with later",
        min=0,
        max=MAX_HANDLES,
    )
    codec: EnumProperty(
        name="Codec",
        description="How the result is encoded",
        items=enum_items({name: encoding.CODECS[name] for name in encoding.FFMPEG_ENCODERS}),
        default=encoding.WriterOptions.codec,
    )
    result: EnumProperty(
        name="Result",
        description="What is put on the timeline",
        items=enum_items(swap.RESULTS),
        default="frame",
    )
    matte: BoolProperty(
        name="Matte",
        description="Put the face's matte on the timeline, too, muted: choose it as the mask of a modifier",
    )
    label: EnumProperty(
        name="Label",
        description="A label in the picture, for the public",
        items=enum_items(swap.LABELS),
        default=swap.LabelSettings.kind,
    )
    label_language: EnumProperty(
        name="Language",
        description="The label's language",
        items=enum_items(swap.LANGUAGES),
        default=swap.LabelSettings.language,
    )
    mute: BoolProperty(name="Mute Original", description="Mute the original strip when its swap is there")

    uid: StringProperty(description="What the strip is called among swaps")
    request: StringProperty(description="The swap that was last asked for")
    job: StringProperty(description="Its job at the engine")
    pending: BoolProperty(description="Whether its result is still to come")
    shared: StringProperty(description="The range that it was swapped in with other strips: request:number")
    before: IntProperty(
        description="Frames from the beginning of its content to that range's, when asked for"
    )
    facts: StringProperty(description="How it played its file then")
    result_of: StringProperty(description="The strip that this one is a swap of")
    part: StringProperty(description="Part of the result that this strip shows: frame, face or matte")
    made_for: StringProperty(description="Whose face in the picture was swapped in this result")
    corrections: StringProperty(description="The state of the corrections of its file, as it was last seen")
    markers: StringProperty(description="Markers of trouble that are on the timeline for it, by name")
    show_faces: BoolProperty(name="Show Faces", description="Draw the faces that were found over the preview")
    show_points: BoolProperty(name="Points", description="Draw the points of the faces' meshes, too")
    told: StringProperty(description="Which frames of this result weren't swapped, and why")


for _codec, _name in PROFILES.items():
    # Numbers of a menu are kept in .blend files, so each codec has a menu of its own.
    StripSettings.__annotations__[_name] = EnumProperty(
        name="Profile",
        description=f"Profile of {encoding.CODECS[_codec].title}",
        items=enum_items(
            {AUTOMATIC: Choice("Automatic", "As the clip needs", 0), **encoding.PROFILES[_codec]}
        ),
        default=AUTOMATIC,
    )

LOOK = (
    "mask", "feather", "erode", "colour", "keep", "keep_feather", "strength", "expression", "gaze",
    "smoothing", "input_colour_space",
)  # fmt: skip
KEYED = tuple(name for name in LOOK if name in LOOK_OPTIONS)
"""Settings that may be animated: those that may change along a clip."""
MASKS = ("keep_out", "keep_in")
"""Masks are of a strip's own pictures, and so its own."""
RESULT = ("result", "matte", "handles", "codec", *PROFILES.values(), "label", "label_language", "mute")
CHOICES = ("face", "face_name", *LOOK, *RESULT)
"""What can be copied from strip to strip: all but whose face in the picture is swapped."""


class TrainingSettings(bpy.types.PropertyGroup):
    """Settings of a scene's training."""

    source: StringProperty(name="Source", description="Faces whose face is put on")
    target: StringProperty(name="Target", description="Faces of the performer; for models of two people only")
    model: StringProperty(name="Model", description="The model that is shown here")
    preset: StringProperty(name="Preset", default=DEFAULT_PRESET)
    minutes: FloatProperty(
        name="Minutes",
        description="Minutes of training in all; more can be added later",
        default=DEFAULT_MINUTES,
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


def keyed_name(name: str) -> str:
    """The name of a strip's own property that stands for one of its settings.

    Blender animates properties of strips, but finds no way to those in a group on them.
    """
    return f"recaster_{name}"


def name_choice(name: str, number: int) -> str:
    """Names the choice of a setting that has a number; of several at once all, with commas between them."""
    kind = StripSettings.bl_rna.properties[name]
    if kind.is_enum_flag:
        return ",".join(each.identifier for each in kind.enum_items if each.value & number)
    return next((each.identifier for each in kind.enum_items if each.value == number), kind.default)


def _keyed_property(name: str) -> Any:
    """A property of strips that reads and writes a setting in their group."""
    made = StripSettings.__annotations__[name]
    if made.function is not EnumProperty:
        about = {
            "get": lambda strip: getattr(strip.recaster, name),
            "set": lambda strip, value: setattr(strip.recaster, name, value),
        }
        return made.function(**{**made.keywords, **about})

    def read(strip: Any) -> int:
        kind = StripSettings.bl_rna.properties[name]
        value = getattr(strip.recaster, name)
        return sum(kind.enum_items[each].value for each in (value if kind.is_enum_flag else (value,)))

    def write(strip: Any, number: int) -> None:
        chosen = name_choice(name, number)
        is_flag = StripSettings.bl_rna.properties[name].is_enum_flag
        setattr(strip.recaster, name, set(filter(None, chosen.split(","))) if is_flag else chosen)

    keywords = {key: value for key, value in made.keywords.items() if key != "default"}
    return EnumProperty(**{**keywords, "get": read, "set": write})


CLASSES = (CastEntry, StripSettings, TrainingSettings)


def register() -> None:
    """Makes them known."""
    for one in CLASSES:
        bpy.utils.register_class(one)
    compat.STRIP.recaster = PointerProperty(type=StripSettings)
    for name in KEYED:
        setattr(compat.STRIP, keyed_name(name), _keyed_property(name))
    bpy.types.Scene.recaster = PointerProperty(type=TrainingSettings)


def unregister() -> None:
    """Forgets them; what files hold stays there."""
    del bpy.types.Scene.recaster
    for name in KEYED:
        delattr(compat.STRIP, keyed_name(name))
    del compat.STRIP.recaster
    for one in reversed(CLASSES):
        bpy.utils.unregister_class(one)
