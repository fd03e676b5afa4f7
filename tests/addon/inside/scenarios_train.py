"""Faces are gathered and looked at, models trained and used, from Blender."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import bpy
import kit
import numpy as np
from scenarios_rights import drawn


def found_and_previewed(engine: str, token: str, face: str, clip: str) -> dict[str, Any]:
    """People of a strip, and the frame under the playhead, swapped."""
    kit.enable(engine, token)
    faces = kit.part("swap.previews")
    pictures = kit.part("images")
    scene = kit.fresh()
    strip = kit.movie(scene, clip, start=101)
    kit.trim(strip, 111, 141)
    strip.recaster.face = face
    assert bpy.ops.sequencer.recaster_find_people() == {"FINISHED"}
    about = faces.view_of(strip)
    [person] = kit.until(lambda: about.people)
    kit.until(lambda: str(person) in pictures._pictures)
    bpy.ops.sequencer.recaster_choose_person(person=str(person))
    scene.frame_set(120)
    assert bpy.ops.sequencer.recaster_preview() == {"FINISHED"}
    kit.until(lambda: about.preview or about.trouble)
    assert not about.trouble
    bpy.ops.sequencer.recaster_show_preview()
    [image] = [one for one in bpy.data.images if one.name == pictures.PREVIEW]
    assert tuple(image.size) == (320, 320)
    first = about.preview
    [result] = kit.swap(scene, strip)
    kit.select(scene, result)  # what is asked of a result is asked of its strip
    scene.frame_set(500)
    said = []
    try:
        bpy.ops.sequencer.recaster_preview()
    except RuntimeError as error:
        said.append(str(error))
    return {"preview": str(first), "result": bpy.path.abspath(result.filepath), "said": said}


def extracted(scene: Any, source: str, folder: str) -> None:
    """From strips and a folder to two facesets; one face is dropped."""
    pictures = kit.part("images")
    one = kit.movie(scene, source, channel=1, start=1, name="her")
    kit.trim(one, 1, 26)
    two = kit.movie(scene, source, channel=2, start=1, name="her again")
    kit.trim(two, 51, 76)
    chosen = scene.recaster
    assert not bpy.ops.recaster.train.poll()
    kit.select(scene, one, two)
    assert bpy.ops.recaster.add_strips(role="source") == {"FINISHED"}
    kit.until(lambda: chosen.source or kit.addon_state().extractions["source"].trouble)
    assert not kit.addon_state().extractions["source"].trouble
    # The list of facesets may come a moment after the name of the new one.
    find_faceset = kit.part("engine.catalog").find_faceset
    kit.until(lambda: getattr(find_faceset(chosen.source), "faces", 0) == 50)
    assert bpy.ops.recaster.show_faces(role="source", page=3) == {"FINISHED"}
    faces_page = kit.addon_state().faces_pages[chosen.source]
    kit.until(lambda: faces_page.files)
    assert len(faces_page.faces) == 2
    kit.until(lambda: all(str(path) in pictures._pictures for path in faces_page.files))
    bpy.ops.recaster.drop_face(faceset=chosen.source, face=faces_page.faces[0].face_id)
    kit.until(lambda: kit.part("engine.catalog").find_faceset(chosen.source).dropped == 1)
    assert faces_page.faces[0].dropped
    assert bpy.ops.recaster.add_folder(role="target", directory=folder) == {"FINISHED"}
    kit.until(lambda: chosen.target or kit.addon_state().extractions["target"].trouble)
    assert not kit.addon_state().extractions["target"].trouble


def trained(engine: str, token: str, source: str, clip: str, folder: str) -> dict[str, Any]:
    """From strips and folders to a model, that swaps while it trains."""
    kit.enable(engine, token)
    session = kit.part("engine.session")
    trainings = kit.part("train.training")
    pictures = kit.part("images")
    scene = kit.fresh()
    extracted(scene, source, folder)
    chosen = scene.recaster
    chosen.minutes = 60
    chosen.name = "Anna"
    assert bpy.ops.recaster.train() == {"FINISHED"}
    kit.until(lambda: chosen.model)
    job = kit.until(lambda: trainings.training_of(session.engine_state(), chosen.model))
    kit.until(lambda: session.engine_state().job(job.job_id).progress.stage == "training")
    bpy.ops.recaster.job(job=job.job_id, what="pause")
    model = kit.until(lambda: kit.part("engine.catalog").find_model(chosen.model))
    assert (model.display_name, model.usable) == ("Anna", True)
    bpy.ops.recaster.job(job=job.job_id, what="resume")
    kit.until(lambda: kit.part("engine.jobs").eta_s(session.engine_state().job(job.job_id)))

    strip = kit.movie(scene, clip, channel=5, start=1, name="him")
    kit.trim(strip, 1, 11)
    bpy.ops.sequencer.recaster_choose_face(face=f"model:{model.model_id}")
    assert strip.recaster.face_name == "Anna"
    kit.swap(scene, strip)
    assert not session.engine_state().job(job.job_id).HasField("end_time")
    view = kit.until(
        lambda: (found := kit.addon_state().training_views.get(chosen.model)) and found.preview and found
    )
    assert view.preview_icon in pictures._pictures
    assert view.loss > 0
    assert view.curve_icon in pictures._pictures
    bpy.ops.recaster.job(job=job.job_id, what="cancel")
    kit.until(lambda: session.engine_state().job(job.job_id).HasField("end_time"))
    return {"model": model.model_id}


def drawn_curve() -> dict[str, Any]:
    """A curve falls from the upper left to the lower right."""
    kit.enable()
    pictures = kit.part("images")
    picture = pictures.curve([10, 20, 30], [1.0, 0.1, 0.01])
    ink = (picture == np.float32(pictures.INK)).all(2)
    rows = [float(ink[:, column].nonzero()[0].mean()) for column in (12, 256, 500)]
    assert rows[0] > rows[1] > rows[2]
    assert picture.shape == (384, 512, 4)
    assert not (pictures.curve([], []) == np.float32(pictures.INK)).all(2).any()
    return {"shape": list(picture.shape)}


def outdated(engine: str, token: str, model: str) -> dict[str, Any]:
    """A model that another Recaster trained: what the grid of faces and the training's panel show of it."""
    kit.enable(engine, token)
    kit.part("drawing").WRAP_FIRST = 200
    scene = kit.fresh()
    session = kit.part("engine.session")
    session.engine_state()
    kit.until_online()
    scene.recaster.model = model
    panel = kit.part("train.panels").RECASTER_PT_course
    grid = kit.part("swap.face_grid").RECASTER_PT_face_grid
    return {
        one.__name__: sorted(
            drawn(lambda paper, one=one: one.draw(SimpleNamespace(layout=paper), bpy.context))
        )
        for one in (panel, grid)
    }


def face_search() -> dict[str, Any]:
    """The grid of faces has the newest and the chosen one; a search finds the others by their names."""
    kit.enable()
    from recaster.api.v1 import faceset_pb2, model_pb2

    sets = [faceset_pb2.Faceset(faceset_id=f"s{at}", display_name=f"Set {at}") for at in range(40)]
    models = [model_pb2.Model(model_id="m", display_name="Ada's Set 3", usable=True)]
    found = kit.part("engine.connection").EngineState(models=tuple(models), facesets=tuple(sets))
    listed = kit.part("swap.face_grid").list_faces
    cell = kit.part("swap.face_grid")._draw_cell
    several = kit.part("engine.connection").EngineState(
        facesets=(faceset_pb2.Faceset(faceset_id="s", display_name="Set", faces=250),)
    )
    return {
        "all": listed(found, "", ""),
        "chosen": listed(found, "faceset:s38", ""),
        "search": listed(found, "faceset:s1", " SET 3"),
        "none": listed(found, "faceset:s1", "Bea"),
        "cell": sorted(drawn(lambda paper: cell(paper, several, "faceset:s", is_chosen=False))),
    }
