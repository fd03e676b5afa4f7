# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators that look for faces and trouble in a strip, and put right what was found."""

from typing import Any

import bpy
from bpy.props import BoolProperty, IntProperty, StringProperty

from .. import compat, selection
from ..engine import access, session
from ..swap.source_range import StripError
from ..translations import translate
from . import overlay, tracks, trouble_markers

MAX_NAME_LETTERS = 64


class _MendOperator(bpy.types.Operator):
    """Something that is done to what was found in the strip whose settings are shown."""

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Tells if there is such a strip, and an engine that is at rest."""
        strip = selection.chosen_strip(context)
        if strip is None or strip.type != "MOVIE":
            cls.poll_message_set(translate("Select a movie strip in the sequencer"))
            return False
        if tracks.view_of(strip).work is not None:
            cls.poll_message_set(translate("Wait until the last correction is there"))
            return False
        return access.poll_can_edit(cls)

    def execute(self, context: Any) -> set[str]:
        """Does it; what is wrong with the strip is said."""
        scene = compat.scene_of(context)
        strip = selection.chosen_strip(context)
        try:
            self.do(scene, strip)
        except StripError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}

    def do(self, scene: Any, strip: Any) -> None:
        """Does it (StripError)."""
        raise AssertionError


class RECASTER_OT_find_tracks(_MendOperator):
    """Look for the faces of the strip, to see over the preview what is swapped, and to correct it"""

    bl_idname = "sequencer.recaster_find_tracks"
    bl_label = "Find Faces"
    bl_options = {"REGISTER", "UNDO"}

    def do(self, scene: Any, strip: Any) -> None:
        """Begins to look."""
        strip.recaster.show_faces = True
        tracks.find_tracks(strip, scene, points_from=overlay.shown_frame(strip, scene) or 0)


class RECASTER_OT_find_trouble(_MendOperator):
    """Look for lost and wrong faces, jumps, and what is hardly a face; mark them on the timeline"""

    bl_idname = "sequencer.recaster_find_trouble"
    bl_label = "Find Trouble"
    bl_options = {"REGISTER", "UNDO"}

    def do(self, scene: Any, strip: Any) -> None:
        """Begins to look."""
        view = tracks.view_of(strip)
        uid = (strip.name, scene.name)

        def done() -> None:
            into = bpy.data.scenes.get(uid[1])
            found = [one for one in compat.all_strips(into) if one.name == uid[0]] if into else []
            if found:
                trouble_markers.put_markers(found[0], into)
                session.push_undo_step(translate("Recaster: Find Trouble"))

        view.sought = True
        view.chosen = -1
        tracks.find_tracks(strip, scene, done)


class RECASTER_OT_show_trouble(bpy.types.Operator):
    """Move the playhead there"""

    bl_idname = "sequencer.recaster_show_trouble"
    bl_label = "Show"
    bl_options = {"REGISTER"}

    at: IntProperty(default=-1)
    step: IntProperty(default=0)

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Tells if some was found."""
        strip = selection.chosen_strip(context)
        found = tracks.view_of(strip).found if strip is not None else None
        if found is None or not found.trouble:
            cls.poll_message_set(translate("Look for trouble first"))
            return False
        return True

    def execute(self, context: Any) -> set[str]:
        """Moves it to one of the list, or to the one that lies some steps on."""
        scene = compat.scene_of(context)
        strip = selection.chosen_strip(context)
        found = tracks.view_of(strip).found if strip is not None else None
        shown = [
            (at, frames)
            for at, trouble in enumerate(found.trouble if found else ())
            if (frames := trouble_markers.frames_of(strip, scene, trouble)) is not None
        ]
        if not shown:
            return {"CANCELLED"}
        view = tracks.view_of(strip)
        numbers = [at for at, _ in shown]
        if self.step:
            last = numbers.index(view.chosen) if view.chosen in numbers else (-1 if self.step > 0 else 0)
            place = (last + self.step) % len(shown)
        else:
            place = numbers.index(self.at) if self.at in numbers else 0
        view.chosen, (first, _) = shown[place]
        scene.frame_set(first)
        return {"FINISHED"}


class _TrackOperator(_MendOperator):
    """A correction of one track at the playhead."""

    bl_options = {"REGISTER"}  # the correction is the step to undo, when it is there

    track: IntProperty()

    def correct(self, scene: Any, strip: Any, said: str, action: Any) -> None:
        """Asks for it."""
        tracks.correct(strip, scene, said, action, points_from=overlay.shown_frame(strip, scene) or 0)

    def frame(self, scene: Any, strip: Any) -> int:
        """The frame of the file at the playhead (StripError)."""
        frame = overlay.shown_frame(strip, scene)
        if frame is None:
            raise StripError(
                translate(
                    "Move the playhead over it: {strip} isn't shown there, or is retimed", strip=strip.name
                )
            )
        return frame


class RECASTER_OT_drop_track(_TrackOperator):
    """Leave this face out: a poster, a reflection, a stray"""

    bl_idname = "sequencer.recaster_drop_track"
    bl_label = "Leave Out"

    here: BoolProperty(name="This Frame Only")

    def do(self, scene: Any, strip: Any) -> None:
        """Leaves it out."""
        # Of plain values: whoever asks for it in a thread does so when this operator is gone.
        here = self.here
        number = self.track
        frame = self.frame(scene, strip) if here else 0

        def action(shift: int) -> dict[str, Any]:
            frames = f"{frame - shift}-{frame - shift}" if here else ""
            return {"drop": {"track": number, "range": frames}}

        self.correct(scene, strip, translate("Leave Face Out"), action)


class RECASTER_OT_split_track(_TrackOperator):
    """From the playhead on this is another person"""

    bl_idname = "sequencer.recaster_split_track"
    bl_label = "Split at Playhead"

    def do(self, scene: Any, strip: Any) -> None:
        """Parts it."""
        frame = self.frame(scene, strip)
        if getattr(strip, "use_reverse_frames", False):  # what is shown from here on lies before it
            frame += 1
        number = self.track
        self.correct(
            scene,
            strip,
            translate("Split Track"),
            lambda shift: {"split": {"track": number, "frame": frame - shift}},
        )


class RECASTER_OT_join_tracks(_TrackOperator):
    """These two are one face"""

    bl_idname = "sequencer.recaster_join_tracks"
    bl_label = "Join"

    other: IntProperty()

    def do(self, scene: Any, strip: Any) -> None:
        """Joins them."""
        pair = {"track": self.track, "other": self.other}
        self.correct(scene, strip, translate("Join Tracks"), lambda _shift: {"join": pair})


class RECASTER_OT_assign_track(_TrackOperator):
    """This track shows this person"""

    bl_idname = "sequencer.recaster_assign_track"
    bl_label = "This Is ..."

    person: StringProperty(name="Name", maxlen=MAX_NAME_LETTERS)

    def invoke(self, context: Any, event: Any) -> set[str]:
        """Asks for a name where none is given."""
        del event
        if self.person:
            return self.execute(context)
        done: set[str] = context.window_manager.invoke_props_dialog(self)
        return done

    def draw(self, _context: Any) -> None:
        """Draws the name."""
        self.layout.prop(self, "person")

    def do(self, scene: Any, strip: Any) -> None:
        """Assigns it."""
        if not self.person.strip():
            raise StripError(translate("Give the person a name"))
        wanted = {"track": self.track, "person": self.person.strip()}
        self.correct(scene, strip, translate("Assign Person"), lambda _shift: {"assign": wanted})


class RECASTER_OT_this_is(_TrackOperator):
    """Choose whom this track shows, or what else is wrong with it"""

    bl_idname = "sequencer.recaster_this_is"
    bl_label = "This Is ..."

    def execute(self, context: Any) -> set[str]:
        """Opens the menu."""
        strip = selection.chosen_strip(context)
        number = self.track

        def draw(menu: Any, _context: Any) -> None:
            draw_choices(menu.layout, strip, number)

        context.window_manager.popup_menu(draw, title=translate("This is ..."), icon="USER")
        return {"FINISHED"}


def draw_choices(layout: Any, strip: Any, number: int) -> None:
    """Draws the people whom a track may show, a new one, and the tracks that it may be one with."""
    found = tracks.view_of(strip).found
    every = found.tracks if found else ()
    own = next((track for track in every if track.track == number), None)
    if own is None:
        return
    known: dict[int, str] = {}
    for track in every:
        if track.track != number:
            known.setdefault(track.person, track.name)
    for person, name in sorted(known.items()):
        entry = layout.operator(
            RECASTER_OT_assign_track.bl_idname,
            text=name or translate("Person {number}", number=person),
            translate=False,
            icon="CHECKMARK" if person == own.person else "USER",
        )
        entry.track = number
        entry.person = name or str(person)
    layout.operator_context = "INVOKE_DEFAULT"
    entry = layout.operator(RECASTER_OT_assign_track.bl_idname, text="New Person...", icon="ADD")
    entry.track = number
    entry.person = ""
    layout.separator()
    for track in every:
        if track.last < own.first or track.first > own.last:
            text = translate("One Face with Track {number}", number=track.track)
            entry = layout.operator(
                RECASTER_OT_join_tracks.bl_idname, text=text, translate=False, icon="LINKED"
            )
            entry.track = number
            entry.other = track.track


class RECASTER_OT_undo_correction(_MendOperator):
    """Take the last correction of this movie back, whoever made it"""

    bl_idname = "sequencer.recaster_undo_correction"
    bl_label = "Take Last Back"
    bl_options = {"REGISTER", "UNDO"}

    def do(self, scene: Any, strip: Any) -> None:
        """Takes it back."""
        said = tracks.take_back(strip, scene)
        self.report({"INFO"}, translate("Took back {correction}", correction=said))
        tracks.find_tracks(strip, scene, points_from=overlay.shown_frame(strip, scene) or 0)


CLASSES = (
    RECASTER_OT_find_tracks,
    RECASTER_OT_find_trouble,
    RECASTER_OT_show_trouble,
    RECASTER_OT_drop_track,
    RECASTER_OT_split_track,
    RECASTER_OT_join_tracks,
    RECASTER_OT_assign_track,
    RECASTER_OT_this_is,
    RECASTER_OT_undo_correction,
)
