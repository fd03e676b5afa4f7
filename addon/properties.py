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

from recaster.settings import choices, formats

from . import compat
from .option_properties import enum_items, number_limits
from .people_properties import CastEntry, UnknownSettings
from .translations import in_context, use_context


def suggest_log_spaces(_settings: Any, _context: Any, text: str) -> list[str]:
    """Names of cameras' log spaces that hold what was typed"""
    return [name for name in choices.LOG_SPACES if text.lower() in name.lower()]


def suggest_mask_strips(settings: Any, _context: Any, text: str) -> list[str]:
    """Names of the scene's mask strips that hold what was typed"""
    strips = [one for one in compat.all_strips(settings.id_data) if one.type == "MASK"]
    return sorted(one.name for one in strips if text.lower() in one.name.lower())


MASK_SOURCES = (
    ("mask", "Mask", "A mask of this file, in frames of the strip's file", "MOD_MASK", 0),
    (
        "strip",
        "Mask Strip",
        "A mask strip, as it lies over this strip in time and in the picture",
        "SEQUENCE",
        1,
    ),
)


PROFILES = {codec: f"{codec}_profile" for codec in formats.PROFILES if codec in formats.FFMPEG_ENCODERS}
"""Properties of a strip that hold the profile of each codec that has some."""
AUTOMATIC = "auto"
MAX_HANDLES = 250


class JobRow(bpy.types.PropertyGroup):
    """A row of the list of jobs; its name is the key by which the job is known."""


class ResultVersion(bpy.types.PropertyGroup):
    """One swap of a strip whose files are kept; its name is the request's."""

    made: StringProperty(description="When, as ISO 8601")
    settings: StringProperty(description="How it was swapped, as JSON")
    face_name: StringProperty(name="Face")
    person: StringProperty(description="Whose face in the picture was swapped")
    files: StringProperty(description="Its files by the parts of the result, as JSON")
    offset: IntProperty(description="Frames from the beginning of the strip's content to the result's")
    facts: StringProperty(description="How the strip played its file then")
    told: StringProperty(description="Which frames weren't swapped, and why")


class StripSettings(bpy.types.PropertyGroup):
    """Settings of a strip's swap, and the state of it."""

    face: StringProperty(name="Face", description="Whose face is put on")
    face_name: StringProperty(name="Face")
    person: StringProperty(
        name="Person",
        description="Picture of the performer to swap, in files of earlier versions",
        subtype="FILE_PATH",
        **compat.PATHS,
    )
    portrait: StringProperty(description="That picture itself, for machines where the file isn't")
    everyone: BoolProperty(name="Everyone", description="Swap every face of the strip")
    cast: CollectionProperty(
        type=CastEntry,
        name="People",
        description="People of the strip: who is swapped, and whose face they get",
    )
    cast_index: IntProperty(  # none: rows are higher than Blender's mark of the chosen one
        name="Person",
        description="The person whose row is chosen",
        get=lambda _: -1,
        set=lambda _own, _at: None,
    )
    mask: EnumProperty(
        name="Mask",
        description="Where the face is laid over the picture",
        items=enum_items(choices.MASKS),
        default=choices.DEFAULT_MASK,
    )
    feather: FloatProperty(
        name="Feather",
        description="Width of the soft edge, as a share of the face's size",
        **number_limits(choices.FEATHER),
        precision=2,
    )
    erode: FloatProperty(
        name="Erode",
        description="How far the edge moves inwards, as a share of the face's size",
        **number_limits(choices.ERODE),
        precision=2,
    )
    colour: EnumProperty(
        name="Color",
        description="How the target's colors are taken on",
        items=enum_items(choices.COLOURS),
        default=choices.DEFAULT_COLOUR,
    )
    keep: EnumProperty(
        name="Keep",
        description="Parts of the performer's own face that stay",
        items=enum_items(choices.PARTS),
        options={"ANIMATABLE", "ENUM_FLAG"},
    )
    keep_feather: FloatProperty(
        name="Border of Parts",
        description="Width of the soft border of the parts that stay, as a share of the face's size",
        **number_limits(choices.KEEP_FEATHER),
        precision=2,
    )
    strength: FloatProperty(
        name="Likeness",
        description="From 0 (the performer) over somebody in between to 1 (the chosen face)",
        **number_limits(choices.STRENGTH),
        precision=2,
    )
    expression: FloatProperty(
        name="Expression",
        description="How strong the performer's expressions come out; 1 for as they are",
        **number_limits(choices.EXPRESSION),
        precision=2,
    )
    gaze: FloatProperty(
        name="Gaze",
        description="How far the eyes look aside; 1 for as the performer's do",
        **number_limits(choices.GAZE),
        precision=2,
    )
    smoothing: EnumProperty(
        name="Smoothing",
        description="Of the target's motion over time",
        items=enum_items(choices.SMOOTHINGS),
        default=choices.DEFAULT_SMOOTHING,
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
    keep_out_from: EnumProperty(name="Keep Out From", items=MASK_SOURCES)
    keep_out_strip: StringProperty(
        name="Keep Out",
        description="Mask strip in which the performer's own pixels stay; it may be muted",
        search=suggest_mask_strips,
    )
    keep_in_from: EnumProperty(name="Keep In From", items=MASK_SOURCES)
    keep_in_strip: StringProperty(
        name="Keep In",
        description="Mask strip in which the face shows, whatever seems to be in front of it",
        search=suggest_mask_strips,
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
        items=enum_items({name: formats.CODECS[name] for name in formats.FFMPEG_ENCODERS}),
        default=formats.DEFAULT_CODEC,
    )
    result: EnumProperty(
        name="Result",
        description="What is put on the timeline",
        items=enum_items(choices.RESULTS),
        default="frame",
    )
    matte: BoolProperty(
        name="Matte",
        description="Put the face's matte on the timeline, too, muted: choose it as the mask of a modifier",
    )
    overlay: BoolProperty(
        name="Overlay",
        description="Put the original on the timeline, too, muted, with what was found drawn over it: boxes, "
        "meshes, angles, confidence, tracks, people, and the mask's outline",
    )
    label: EnumProperty(
        name="Label",
        description="A label in the picture, for the public",
        items=enum_items(choices.LABELS),
        default=choices.DEFAULT_LABEL,
    )
    label_language: EnumProperty(
        name="Language",
        description="The label's language",
        items=enum_items(choices.LANGUAGES),
        default=choices.DEFAULT_LANGUAGE,
    )
    draft: BoolProperty(
        name="Draft",
        description="Swap every other frame only, and show it twice, to judge by, with less computing. A "
        "swap without this takes its place",
    )
    mute: BoolProperty(name="Mute Original", description="Mute the original strip when its swap is there")

    unknown: PointerProperty(type=UnknownSettings)
    errand: StringProperty(description="What was last asked for: anonymise, or empty for a swap")
    uid: StringProperty(description="What the strip is called among swaps")
    request: StringProperty(description="The swap that was last asked for")
    job: StringProperty(description="Its job at the engine")
    pending: BoolProperty(description="Whether its result is still to come")
    shared: StringProperty(description="The range that it was swapped in with other strips: request:number")
    before: IntProperty(
        description="Frames from the beginning of its content to that range's, when asked for"
    )
    facts: StringProperty(description="How it played its file then")
    asked: StringProperty(description="The settings with which its swap was asked for, as JSON")
    versions: CollectionProperty(type=ResultVersion, description="Its swaps whose files are kept")
    version: StringProperty(description="The version that this result shows")
    result_of: StringProperty(description="The strip that this one is a swap of")
    part: StringProperty(description="Part of the result that this strip shows: frame, face or matte")
    made_for: StringProperty(description="Whose face in the picture was swapped in this result")
    corrections: StringProperty(description="The state of the corrections of its file, as it was last seen")
    markers: StringProperty(description="Markers of trouble that are on the timeline for it, by name")
    show_faces: BoolProperty(name="Show Faces", description="Draw the faces that were found over the preview")
    show_points: BoolProperty(name="Points", description="Draw the points of the faces' meshes, too")
    held: StringProperty(description="What this result was like before it was held back for a comparison")
    told: StringProperty(description="Which frames of this result weren't swapped, and why")


for _codec, _name in PROFILES.items():
    # Numbers of a menu are kept in .blend files, so each codec has a menu of its own.
    StripSettings.__annotations__[_name] = EnumProperty(
        name="Profile",
        description="Profile of the codec",
        items=enum_items(
            {AUTOMATIC: choices.Choice("Automatic", "As the clip needs", 0), **formats.PROFILES[_codec]}
        ),
        default=AUTOMATIC,
    )

KEYED = ("mask", "feather", "erode", "colour", "keep", "keep_feather", "strength", "expression", "gaze")
"""Settings that may be animated: those that may change along a clip (``look_course.LOOK_OPTIONS``)."""
LOOK = (*KEYED, "smoothing", "input_colour_space")
MASKS = ("keep_out", "keep_in")
"""Masks are of a strip's own pictures, and so its own."""
RESULT = (
    "draft",
    "result",
    "matte",
    "overlay",
    "handles",
    "codec",
    *PROFILES.values(),
    "label",
    "label_language",
    "mute",
)
CHOICES = ("face", "face_name", *LOOK, *RESULT)
"""What can be copied from strip to strip: all but whose face in the picture is swapped."""
OWN_STORY = ("uid", "request", "job", "pending", "errand", "shared", "before", "facts", "asked")
"""What became of a strip's own swaps, together with its ``versions``: no copy of the strip has it."""


class TrainingSettings(bpy.types.PropertyGroup):
    """Settings of a scene: its training, and whether its renders are signed."""

    source: StringProperty(name="Source", description="Faces whose face is put on")
    target: StringProperty(name="Target", description="Faces of the performer; for models of two people only")
    model: StringProperty(name="Model", description="The model that is shown here")
    preset: StringProperty(name="Preset", default=choices.DEFAULT_PRESET)
    minutes: FloatProperty(
        name="Minutes",
        description="Minutes of training in all; more can be added later",
        default=choices.DEFAULT_MINUTES,
        min=0.1,
        soft_max=600,
        precision=1,
    )
    name: StringProperty(name="Name", description="What the new model is called; empty for the source's name")
    sign_renders: BoolProperty(
        name="Sign Every Render",
        description="Sign each render of this scene that shows swaps as it ends, those of render farms too",
    )
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


CLASSES = (CastEntry, UnknownSettings, JobRow, ResultVersion, StripSettings, TrainingSettings)


def register() -> None:
    """Makes them known."""
    for one in CLASSES:
        use_context(one)
        bpy.utils.register_class(one)
    compat.STRIP.recaster = PointerProperty(type=StripSettings)
    for name in KEYED:
        setattr(compat.STRIP, keyed_name(name), _keyed_property(name))
    bpy.types.Scene.recaster = PointerProperty(type=TrainingSettings)
    bpy.types.WindowManager.recaster_jobs = CollectionProperty(type=JobRow)
    job = IntProperty(description="The job that is chosen in the list")
    bpy.types.WindowManager.recaster_job = in_context(job)
    strip = IntProperty(description="The strip that is chosen in the list")
    bpy.types.WindowManager.recaster_strip = in_context(strip)
    search = StringProperty(
        name="Search",
        description="Show the faces whose names hold this",
        options={"TEXTEDIT_UPDATE"},
    )
    bpy.types.WindowManager.recaster_face_search = in_context(search)


def unregister() -> None:
    """Forgets them; what files hold stays there."""
    for name in ("recaster_face_search", "recaster_strip", "recaster_job", "recaster_jobs"):
        delattr(bpy.types.WindowManager, name)
    del bpy.types.Scene.recaster
    for name in KEYED:
        delattr(compat.STRIP, keyed_name(name))
    del compat.STRIP.recaster
    for one in reversed(CLASSES):
        bpy.utils.unregister_class(one)
