# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties of people in a strip: those of a cast, and those who must not be known."""

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, StringProperty

from recaster.settings import choices

from . import compat
from .option_properties import enum_items, number_limits


class CastEntry(bpy.types.PropertyGroup):
    """One of the people of a strip, and the face that is put on them."""

    person: StringProperty(description="Picture of the person", subtype="FILE_PATH", **compat.PATHS)
    portrait: StringProperty(description="That picture itself, for machines where the file isn't")
    face: StringProperty(description="The face that is put on them; empty for the strip's own choice")
    face_name: StringProperty(name="Face")
    is_main: BoolProperty(description="Whether they were found to be the strip's main person")
    swapped: BoolProperty(
        name="Swapped", description="Swap this person; whoever isn't stays as they are", default=True
    )
    look: StringProperty(
        name="Look", description="Name of the look that this person has, where it isn't the strip's"
    )
    matte: BoolProperty(
        name="Matte",
        description="Put the matte of this person alone on the timeline, too, muted",
    )


class UnknownSettings(bpy.types.PropertyGroup):
    """Settings of making people in a strip unknown."""

    who: EnumProperty(
        name="Who",
        description="Who must not be known",
        items=(
            ("everyone", "Everyone", "Nobody in the strip may be known"),
            ("person", "Chosen Person", "The person who is chosen under Face Swap; others may be known"),
        ),
    )
    face: StringProperty(description="The face that is put on; empty for one that comes with Recaster")
    face_name: StringProperty(name="Face")
    coverage: FloatProperty(
        name="Coverage",
        description="Cover the head where less than this share of the face was swapped",
        **number_limits(choices.COVERAGE),
        precision=2,
    )
    fallback: EnumProperty(
        name="Cover With",
        description="What is laid over a head that a swap doesn't hide",
        items=enum_items(choices.FALLBACKS),
        default=choices.DEFAULT_FALLBACK,
    )
    margin: FloatProperty(
        name="Margin",
        description="Seconds before a face is found, and after it is lost, in which the head is covered",
        **number_limits(choices.MARGIN),
        precision=2,
    )
