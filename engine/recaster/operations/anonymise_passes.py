"""Passes over a clip in which people are to be unknown: render, cover what is left, judge, and again."""

from __future__ import annotations

import contextlib
import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from recaster.errors import OutputError
from recaster.evaluation.anonymity import (
    Anonymity,
    Watch,
    mark_troubles,
    read_sightings,
    record_frames,
    write_sightings,
)
from recaster.faces.cuts import find_sure_cuts
from recaster.faces.people import group_people
from recaster.files import parse_json, sha256, write_error, write_json
from recaster.locks import try_lock_folder
from recaster.media.encoders import choose_segment_suffix
from recaster.progress import Report, Update
from recaster.swapping.cover_plan import CoverBook, CoverPlan, make_courses
from recaster.swapping.parallel import render_missing
from recaster.swapping.performer_appearance import add_appearance
from recaster.swapping.render_cache import CLIP, RenderCache, parts_folder
from recaster.swapping.render_spec import RenderSpec
from recaster.swapping.segment_digests import digest_value
from recaster.swapping.stage_timer import StageTimer
from recaster.swapping.swap_plan import SwapPlan

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from recaster.evaluation.anonymity import Sightings
    from recaster.evaluation.anonymity_judge import AnonymityJudge, Gallery
    from recaster.faces.types import Analysis, FaceTrack, Floats
    from recaster.media.clip import Clip
    from recaster.media.types import Image
    from recaster.settings.anonymise import AnonymiseSettings
    from recaster.swapping.coverage import Faces
    from recaster.swapping.request import SwapRequest

MAX_PASSES: Final = 8
"""How often a clip is judged before it is given up; every time more is covered."""
FORMAT: Final = 3
"""Version of what comes of a description: parts of another one aren't used."""


@contextlib.contextmanager
def hold_parts(out: Path) -> Iterator[None]:
    """Holds an output's folder of parts alone while the block lasts (OutputError where another process does).

    What is judged there must not be rendered anew by another process.
    """
    folder = parts_folder(out)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(folder, error) from error
    with try_lock_folder(folder) as is_alone:
        if not is_alone or not folder.is_dir():
            raise OutputError(f"{out}: is being made by another process; wait for it, or choose another file")
        try:
            yield
        finally:
            with contextlib.suppress(OSError):  # a folder with parts in it stays
                folder.rmdir()


@dataclass(frozen=True, eq=False)
class Subjects:
    """The people who are to be unknown, and all others in the clip.

    Attributes:
        people: tracks of each.
        others: tracks of those who stay as they are.
        gallery: how the former look.
    """

    analysis: Analysis
    people: tuple[tuple[FaceTrack, ...], ...]
    others: tuple[FaceTrack, ...]
    gallery: Gallery
    everyone: bool

    @classmethod
    def of(
        cls,
        analysis: Analysis,
        chosen: Sequence[FaceTrack],
        clip: Clip,
        judge: AnonymityJudge,
        pictures: Sequence[tuple[Image, Floats]] = (),
        *,
        everyone: bool,
    ) -> Subjects:
        """Groups the chosen tracks of an analysis by person, and looks at each in the clip (ClipError).

        Args:
            pictures: of the person, if it is one, each with the points of the face.
        """
        numbers = {track.track: track for track in chosen}
        people: tuple[tuple[FaceTrack, ...], ...] = (tuple(chosen),)
        if everyone:
            groups = group_people(analysis)
            people = tuple(tuple(numbers[n] for n in group) for group in groups)
        others = tuple(track for track in analysis.tracks if track.track not in numbers)
        return cls(analysis, people, others, judge.make_gallery(clip, people, pictures), everyone)

    @property
    def tracks(self) -> tuple[FaceTrack, ...]:
        """All tracks of those who are to be unknown."""
        return tuple(track for tracks in self.people for track in tracks)

    def digest(self) -> str:
        """Computes a digest, hex, of everybody's tracks as they are found and corrected, by person.

        Marks of a clip that was corrected since are of other tracks, though these have the same numbers.
        """
        each = [
            [(track.track, track.frames, track.landmarks) for track in tracks]
            for tracks in (*self.people, self.others)
        ]
        return digest_value([each, self.analysis.cuts, self.everyone])


@dataclass(frozen=True, eq=False)
class Passes:
    """All that the passes share.

    Attributes:
        plan: of the swap, without covers.
        covers: courses of the heads that may be covered.
        judged: SHA-256 of each segment's file, as it was last looked at.
    """

    swap: SwapRequest
    settings: AnonymiseSettings
    plan: SwapPlan
    covers: CoverPlan
    watch: Watch
    cache: RenderCache
    judged: dict[Path, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        swap: SwapRequest,
        settings: AnonymiseSettings,
        subjects: Subjects,
        judge: AnonymityJudge,
        report: Report,
    ) -> Passes:
        """Plans the swap and the covers; parts of an earlier run with the same wishes are kept."""
        frames = swap.frames
        rate = float(swap.clip.info.rate)
        # A head that is shown on both sides of what only looks like a cut must not come out bare there.
        cuts = find_sure_cuts(swap.clip, subjects.analysis.cuts)
        kind = settings.fallback
        plan = SwapPlan.of(
            subjects.tracks, swap.swapper, swap.settings, subjects.analysis, swap.factory, swap.processes
        )
        margin = round(settings.margin * rate)
        size = (swap.clip.info.width, swap.clip.info.height)
        courses = make_courses(subjects.people, cuts, frames, margin, kind, size)
        others = make_courses([(track,) for track in subjects.others], cuts, frames, 0, kind, size)
        products = {CLIP: choose_segment_suffix(swap.settings.writer.codec)}
        cache = RenderCache.of(swap.out, frames, swap.settings.chunk, products)
        cache.open(_describe(swap, settings, subjects))
        plan = add_appearance(plan, swap.clip, frames, [frames], report, cache.folder, swap.processes)
        everyone = subjects.everyone
        watch = Watch(
            judge, subjects.gallery, subjects.tracks, CoverPlan(others, frames, rate, cuts), everyone=everyone
        )
        covers = CoverPlan(courses, frames, rate, cuts, margin)
        return cls(swap, settings, plan, covers, watch, cache)

    def keep_promise(self, report: Report) -> Anonymity:
        """Renders and judges until nobody is known, or ``MAX_PASSES`` are over; returns how it was kept.

        The segments are in the cache then.
        """
        book = self._read_book() or self._open_book(report)
        troubled: frozenset[int] = frozenset()
        for passes in range(1, MAX_PASSES + 1):
            book, faces = self._render(book, report)
            seen = self._judge(book, report)
            drawn = self.covers.list_covers(book)
            kind = self.settings.fallback
            more = mark_troubles(book, self.covers.frames, seen, self.watch, self.covers, drawn, kind)
            if more.count() == book.count():
                troubled = frozenset()
                break
            troubled = more.changed_frames(book)
            if passes < MAX_PASSES:
                book = more
                self._write_book(book)
        times = self._list_times()
        records = record_frames(self.covers, book, faces, seen, times, troubled, self.watch.others)
        return Anonymity(records, self._terms(), passes)

    def _open_book(self, report: Report) -> CoverBook:
        """Marks what is known before anything is rendered."""
        done = 0

        def tick() -> None:
            nonlocal done
            done += 1
            report(Update("judging", done, len(self.covers.frames), "frames of the original"))

        book = self.covers.open_book(self.plan)
        book = self.watch.find_untold(self.swap.clip, book, self.covers.frames, tick)
        self._write_book(book)
        return book

    def _cover(self, book: CoverBook) -> SwapPlan:
        return dataclasses.replace(self.plan, covers=self.covers.list_covers(book))

    def _spec(self, book: CoverBook) -> RenderSpec:
        swap = self.swap
        return RenderSpec.of(swap.clip, swap.frames, self._cover(book), swap.settings, self.cache)

    def _render(self, book: CoverBook, report: Report) -> tuple[CoverBook, list[Faces]]:
        """Renders what is missing; where too little of a face was swapped it is rendered again, covered."""
        while True:
            spec = self._spec(book)
            self.cache.discard_stale(spec.digests)
            render_missing(spec, self.swap, StageTimer(), report)
            faces = self.cache.read_coverage()
            more = self.covers.mark_uncovered(book, faces, self.settings.coverage)
            if more.count() == book.count():
                return book, faces
            book = more
            self._write_book(book)

    def _judge(self, book: CoverBook, report: Report) -> list[Sightings]:
        """Looks at all segments that weren't looked at as they are now."""
        digests = self._spec(book).digests
        drawn = self.covers.list_covers(book)
        done = 0
        gallery = digest_value(self.watch.gallery)
        self.judged.clear()

        def tick() -> None:
            nonlocal done
            done += 1
            report(Update("judging", done, len(self.covers.frames)))

        seen: list[Sightings] = []
        for segment in self.cache.segments:
            path = self._sightings_path(segment)
            picture = self.cache.segment_path(CLIP, segment)
            self.judged[picture] = sha256(picture)
            of = f"{digests[segment]} {self.judged[picture]} {gallery}"
            found = read_sightings(path, of)
            if found is None:
                found = self.watch.look(picture, segment, drawn, tick)
                write_sightings(path, found, of)
            else:
                done += len(segment)
            seen += found
        return seen

    def refuse_changes(self) -> None:
        """Refuses segments whose files aren't those that were judged (OutputError)."""
        for path, digest in self.judged.items():
            if not path.is_file() or sha256(path) != digest:
                raise OutputError(
                    f"{path}: was changed after it was judged; nothing was written: run the command again"
                )

    def _sightings_path(self, segment: range) -> Path:
        return self.cache.folder / f"{segment.start:08}.seen.json"

    @property
    def _book_path(self) -> Path:
        return self.cache.folder / "plan.covers.json"

    def _write_book(self, book: CoverBook) -> None:
        write_json(self._book_path, book.to_json())

    def _read_book(self) -> CoverBook | None:
        """Reads the marks of an earlier run; None where there are none."""
        try:
            return CoverBook.from_json(parse_json(self._book_path.read_bytes()))
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None

    def _list_times(self) -> list[float]:
        """Times of all frames, in seconds after the first of the result."""
        from recaster.media.join import read_frame_times

        times, _, _ = read_frame_times(self.swap.clip.info, self.swap.frames)
        return [float((pts - times.pts[0]) * times.time_base) for pts in times.pts.tolist()]

    def _terms(self) -> dict[str, Any]:
        """Terms of the promise, as plain values."""
        settings = self.settings
        return {
            "people": "everybody" if self.watch.everyone else "one person",
            "least_coverage": settings.coverage,
            "fallback": settings.fallback,
            "margin_s": settings.margin,
            "min_face_px": settings.min_face,
        }


def _describe(swap: SwapRequest, settings: AnonymiseSettings, subjects: Subjects) -> dict[str, Any]:
    """Describes all that decides how a rendered segment looks and what is marked, as plain values."""
    wishes = {name: value for name, value in vars(settings).items() if name != "person"}
    person = None if settings.person is None else sha256(settings.person)
    told = {"format": FORMAT, **wishes, "person": person, "subjects": subjects.digest()}
    return swap.describe() | {"anonymise": told}
