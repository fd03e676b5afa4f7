# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on's state while Blender runs: one object of Blender's main thread."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .engine.local import LocalEngine

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.settings.corrections import Corrections

    from .engine.connection import BackgroundWork, EngineConnection
    from .engine.jobs import Speed
    from .engine.session import ConnectionTest
    from .mend.tracks import MendView
    from .swap.previews import StripView
    from .swap.tasks import SwapTask
    from .train.faces_pages import FacesPage
    from .train.training import TrainingView


@dataclass
class ManifestReport:
    """The result of reading or writing a file's manifest.

    Attributes:
        line: what the manifest says, in one line; of a stated right, the face.
        is_valid: whether the file has a manifest that fits it.
        trouble: why that isn't known.
        work: what finds it out now.
    """

    line: str = ""
    is_valid: bool = False
    trouble: str = ""
    work: BackgroundWork | None = None


@dataclass
class Extraction:
    """Extraction of faces from strips or files.

    Attributes:
        work: what is being done.
        trouble: what went wrong, and what to do.
    """

    work: BackgroundWork | None = None
    trouble: str = ""


@dataclass
class AddonState:
    """All that the add-on knows beside what .blend files, preferences and the engine keep.

    Attributes:
        connection: the way to the engine; None where the preferences give none.
        connection_trouble: why there is none.
        is_engine_wanted: whether anything of the engine was asked for: grpc is loaded only then.
        own_error: what went wrong in the add-on itself.
        is_saving: whether Blender saves a file.
        is_file_fresh: whether the file that is open was not looked at yet.
        local: the engine that was started from here.
        stops_at_exit: whether the engine ends with Blender, as the preferences had it last.
        shown: what panels have been told to show.
        connection_test: the call that was made last to see whether the engine answers.
        job_speeds: how fast jobs go on, by id.
        job_troubles: what went wrong when something was asked of a job, by its id.
        hidden_jobs: jobs that nobody wants to see any more; None until they are read.
        tasks: all swaps of this file, by request, in the order they were asked for.
        strip_views: what was found out about strips, by name and files.
        corrections: digests of movies' corrections as they were last seen, by the movie's path.
        corrections_states: states of movies' corrections, by path and by the digest that strips remember.
        mend_views: faces and trouble that were found in strips, by name and file.
        source_lengths: frames of movies that aren't stretched; Blender opens the file to tell.
        uploaded_clips: clips that engines have, by address, path, size and time; threads that send use it.
        extractions: of the source's faces and the target's.
        faces_pages: the faces that are shown, by faceset.
        training_views: how trainings go, by model.
        training_troubles: what went wrong when something was asked for, by what it was.
        files_opened: how often a file was opened.
        manifests: what is known of files, by path.
        unsigned_renders: by the name of a scene that shows swaps: its last render.
        signing: the render that was signed last.
        stating: the right that was stated last.
    """

    connection: EngineConnection | None = None
    connection_trouble: str = ""
    is_engine_wanted: bool = False
    own_error: str = ""
    is_saving: bool = False
    is_file_fresh: bool = True
    local: LocalEngine = field(default_factory=LocalEngine)
    stops_at_exit: bool = True
    shown: tuple[Any, ...] = ()
    connection_test: ConnectionTest | None = None
    job_speeds: dict[str, Speed] = field(default_factory=dict)
    job_troubles: dict[str, str] = field(default_factory=dict)
    hidden_jobs: set[str] | None = None
    tasks: dict[str, SwapTask] = field(default_factory=dict)
    strip_views: dict[tuple[str, ...], StripView] = field(default_factory=dict)
    corrections: dict[str, str] = field(default_factory=dict)
    corrections_states: dict[str, dict[str, Corrections]] = field(default_factory=dict)
    mend_views: dict[tuple[str, str], MendView] = field(default_factory=dict)
    source_lengths: dict[tuple[str, int, int, float], int] = field(default_factory=dict)
    uploaded_clips: dict[tuple[str, str, int, int], str] = field(default_factory=dict)
    extractions: dict[str, Extraction] = field(
        default_factory=lambda: {"source": Extraction(), "target": Extraction()}
    )
    faces_pages: dict[str, FacesPage] = field(default_factory=dict)
    training_views: dict[str, TrainingView] = field(default_factory=dict)
    training_troubles: dict[str, str] = field(default_factory=dict)
    files_opened: int = 0
    manifests: dict[str, ManifestReport] = field(default_factory=dict)
    unsigned_renders: dict[str, Path] = field(default_factory=dict)
    signing: ManifestReport = field(default_factory=ManifestReport)
    stating: ManifestReport = field(default_factory=ManifestReport)


addon_state = AddonState()
