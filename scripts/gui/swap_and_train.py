"""An editor's first hour: a preview, a swap, a training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy
from tools import FACTS, act, install, part, picture, show_panels, shown, wait, window

if TYPE_CHECKING:
    from collections.abc import Generator


def story() -> Generator[None, None, None]:
    """Steps of an editor's work: previews, a swap and a training; Blender draws in between."""
    yield from install()
    show_panels("engine", "swap", "jobs")
    session = part("engine.session")
    faces = part("swap.previews")
    scene = window().scene
    strip = scene.sequence_editor.active_strip
    act(bpy.ops.sequencer.recaster_choose_face, face=f"faceset:{FACTS['faceset']}")
    act(bpy.ops.sequencer.recaster_find_people)
    yield from wait(lambda: faces.view_of(strip).people)
    act(bpy.ops.sequencer.recaster_choose_person, person=str(faces.view_of(strip).people[0]))
    yield
    yield
    picture("1-before")
    act(bpy.ops.sequencer.recaster_preview)
    yield from wait(lambda: faces.view_of(strip).preview)
    yield
    yield
    picture("2-preview")
    act(bpy.ops.sequencer.recaster_swap)
    [task] = part("state").addon_state.tasks.values()

    def rendering() -> bool:
        job = session.engine_state().job(task.job)
        return task.has_ended or (
            job is not None and job.progress.stage == "swapping" and job.progress.done > 20
        )

    yield from wait(rendering)
    yield
    picture("3-progress")
    yield from wait(lambda: task.has_ended)
    if task.stage != "placed":
        raise RuntimeError(task.trouble)
    scene.frame_set(41)
    yield
    yield
    picture("4-result")
    yield from train(scene)


def train(scene: Any) -> Generator[None, None, None]:
    """Faces, a training, its curve and preview."""
    trainings = part("train.training")
    for strip in part("compat").all_strips(scene):
        strip.select = False
    scene.sequence_editor.active_strip = None
    yield
    show_panels("engine", "train", "faces", "course")
    scene.recaster.source = FACTS["faceset"]
    scene.recaster.minutes = 3
    scene.recaster.name = "Actor B"
    act(bpy.ops.recaster.show_faces, role="source", page=1)
    act(bpy.ops.recaster.train)
    yield from wait(lambda: scene.recaster.model)
    yield from wait(lambda: part("state").addon_state.faces_pages[FACTS["faceset"]].files)

    def learnt() -> bool:
        view = part("state").addon_state.training_views.get(scene.recaster.model)
        job = trainings.training_of(part("engine.session").engine_state(), scene.recaster.model)
        return view is not None and view.preview is not None and job is not None and job.progress.done > 90

    yield from shown("5-faces")
    yield from wait(learnt)
    show_panels("engine", "train", "course")
    yield from shown("6-training")
