# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on's state while Blender runs: one object of Blender's main thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .engine.local import LocalEngine

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.settings.corrections import Corrections

    from .engine.connection import BackgroundWork, EngineConnection
    from .engine.installation import InstallView
    from .engine.jobs import Speed
    from .engine.session import ConnectionTest
    from .mend.tracks import MendView
    from .swap.mask_steps import MaskRendering
    from .swap.previews import StripView
    from .swap.tasks import SwapTask
    from .train.faces_pages import FacesPage
    from .train.training import TrainingView


class ManifestReport:
    """The result of reading or writing a file's manifest.

    Attributes:
        line: what the manifest says, in one line; of a stated right, the face.
        is_valid: whether the file has a manifest that fits it.
        trouble: why that isn't known.
        work: what finds it out now.
    """

    def __init__(self, line: str = "", *, is_valid: bool = False) -> None:
        self.line = line
        self.is_valid = is_valid
        self.trouble = ""
        self.work: BackgroundWork | None = None


class Extraction:
    """Extraction of faces from strips or files.

    Attributes:
        work: what is being done.
        trouble: what went wrong, and what to do.
        notes: what was found out about the faces.
        faceset: that these are of.
    """

    def __init__(self) -> None:
        self.work: BackgroundWork | None = None
        self.trouble: str = ""
        self.notes: tuple[str, ...] = ()
        self.faceset: str = ""


class MonitorState:
    """State of previews and comparisons over the monitor, and of what strips on the timeline show.

    Attributes:
        shows: the swap, the original ("before"), or both beside a line ("wipe").
        line: where that is, as a share of the picture's width.
        held: results that are held back for that, as they were asked for.
        textures: what the monitor shows, by the names of previews: pictures and their textures.
        previews: those whose pictures are kept, the newest last.
        rest: what a preview that is kept up to date would be of.
        progress: what strips on the timeline show of their swaps, by request.
        ghosts: channels on which results will be, by request, and what they depend on.
        changed: scenes and names of results whose strips have other settings since.
        next_looked: the place among results of the one that is compared next.
        status: the line in the status bar.
        busy: requests of the swaps that were on their way when last looked at.
    """

    def __init__(self) -> None:
        self.shows: str = "swap"
        self.line: float = 0.5
        self.held: tuple[Any, ...] = ()
        self.textures: dict[str, tuple[Any, Any]] = {}
        self.previews: list[StripView] = []
        self.rest: Any = None
        self.progress: dict[str, Any] = {}
        self.ghosts: dict[str, tuple[Any, list[int]]] = {}
        self.changed: set[tuple[str, str]] = set()
        self.next_looked: int = 0
        self.status: str = ""
        self.busy: frozenset[str] = frozenset()


class RenderBegun:
    """A render that goes on.

    Attributes:
        stamp: time and size of the file that was there before; None for no file.
        frames: those that were written.
    """

    def __init__(self, stamp: tuple[int, int] | None = None, frames: set[int] | None = None) -> None:
        self.stamp = stamp
        self.frames: set[int] = set() if frames is None else frames


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
        install: what is known of installing an engine here; None before anybody asked.
        stops_at_exit: whether the engine ends with Blender, as the preferences had it last.
        shown: what panels have been told to show.
        first_tab_area: address of the area whose sidebar was opened to show the tab; 0 for none.
        last_operator: the number of operators that Blender remembers, and the last one's address.
        connection_test: the call that was made last to see whether the engine answers.
        job_speeds: how fast jobs go on, by id.
        job_troubles: what went wrong when something was asked of a job, by its id.
        hidden_jobs: jobs that nobody wants to see any more; None until they are read.
        thumbnails: clips of the engine whose pictures were asked for.
        mask_renderings: of swaps that wait for their masks, the one that is rendered now first.
        tasks: all swaps of this file, by request, in the order they were asked for.
        strip_views: what was found out about strips, by name and files.
        corrections: digests of movies' corrections as they were last seen, by the movie's path.
        corrections_states: states of movies' corrections, by path and by the digest that strips remember.
        mend_views: faces and trouble that were found in strips, by name and file.
        are_face_pictures_wanted: whether a panel wished for portraits of the engine's faces.
        face_pictures: files of those portraits, by faceset and digest; None where there is none.
        face_pictures_work: what fetches them now.
        source_lengths: frames of movies that aren't stretched; Blender opens the file to tell.
        source_rates: frames per second of movies, likewise.
        uploaded_clips: clips that engines have, by address, path, size and time; threads that send use it.
        extractions: of the source's faces and the target's, and of a source's pictures.
        faces_pages: the faces that are shown, by faceset.
        training_views: how trainings go, by model.
        training_troubles: what went wrong when something was asked for, by what it was.
        files_opened: how often a file was opened.
        manifests: what is known of files, by path.
        unsigned_renders: by the name of a scene that shows swaps: its last render.
        render_to_sign: the name of the scene whose render is signed when it ends; "" for none.
        renders: the renders of scenes that go on, by name.
        signing: the render that was signed last.
        stating: the right that was stated last.
        monitor: what is drawn over the monitor and on strips.
    """

    def __init__(self) -> None:
        self.connection: EngineConnection | None = None
        self.connection_trouble: str = ""
        self.is_engine_wanted: bool = False
        self.own_error: str = ""
        self.is_saving: bool = False
        self.is_file_fresh: bool = True
        self.local: LocalEngine = LocalEngine()
        self.install: InstallView | None = None
        self.stops_at_exit: bool = True
        self.shown: tuple[Any, ...] = ()
        self.first_tab_area: int = 0
        self.last_operator: tuple[int, int] = (0, 0)
        self.connection_test: ConnectionTest | None = None
        self.job_speeds: dict[str, Speed] = {}
        self.job_troubles: dict[str, str] = {}
        self.hidden_jobs: set[str] | None = None
        self.thumbnails: set[str] = set()
        self.mask_renderings: list[MaskRendering] = []
        self.tasks: dict[str, SwapTask] = {}
        self.strip_views: dict[tuple[str, ...], StripView] = {}
        self.corrections: dict[str, str] = {}
        self.corrections_states: dict[str, dict[str, Corrections]] = {}
        self.mend_views: dict[tuple[str, str], MendView] = {}
        self.are_face_pictures_wanted: bool = False
        self.face_pictures: dict[str, Path | None] = {}
        self.face_pictures_work: BackgroundWork | None = None
        self.source_lengths: dict[tuple[str, int, int], int] = {}
        self.source_rates: dict[tuple[str, int, int], float] = {}
        self.uploaded_clips: dict[tuple[str, str, int, int], str] = {}
        self.extractions: dict[str, Extraction] = {
            name: Extraction() for name in ("source", "target", "pictures")
        }
        self.faces_pages: dict[str, FacesPage] = {}
        self.training_views: dict[str, TrainingView] = {}
        self.training_troubles: dict[str, str] = {}
        self.files_opened: int = 0
        self.manifests: dict[str, ManifestReport] = {}
        self.unsigned_renders: dict[str, Path] = {}
        self.render_to_sign: str = ""
        self.renders: dict[str, RenderBegun] = {}
        self.signing: ManifestReport = ManifestReport()
        self.stating: ManifestReport = ManifestReport()
        self.monitor: MonitorState = MonitorState()


addon_state = AddonState()
