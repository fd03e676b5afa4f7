"""``recaster bench swap | detect | train | picture``: speed and quality, measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recaster.cli import bench_train
from recaster.cli.display import reporter, say, say_json, say_note
from recaster.cli.flags import add_option, add_options, number
from recaster.cli.parsers import Commands, Options, add_out, add_path, add_source, add_switch
from recaster.errors import UsageError
from recaster.settings.choices import Bounds
from recaster.settings.detection import DETECTORS, AnalysisSettings
from recaster.settings.devices import DeviceSettings
from recaster.settings.swap import SwapSettings

if TYPE_CHECKING:
    from recaster.benchmarks.detection import DetectorResult

SWAP = """Measure a whole swap of CLIP against the pipeline that Recaster grew out of (dlib's CNN on every
frame, one predict per face, moviepy), and against decoding and encoding alone. Each runs in a process of its
own; the clip is analysed anew."""
DETECT = """Compare face detectors on pictures whose faces were counted by hand: faces found, boxes too
many, CPU time. COUNTS is JSON: the file's name and how many faces are on it."""
PICTURE = """Swap every row of MATRIX, a TOML file that says who is put on whom, under each of its
conditions (dark, blue, out of focus, rolled, ...), judge the swaps, and write index.html with a table and
pictures of every shot, matrix.md and matrix.json. scripts/actors/matrix.toml is the matrix of the rendered
actors, whose true swaps are known under every condition. Run the same command again to go on after a stop;
shots that are done stay as they are, so give another OUT after a change of the engine."""


def add_bench(commands: Commands) -> None:
    """Adds this command's parsers."""
    kinds = commands.add_group("bench", "KIND", help="measure speed and quality", description="Measure.")
    _add_swap(kinds)
    _add_detect(kinds)
    bench_train.add(kinds)
    _add_picture(kinds)


def _add_swap(kinds: Commands) -> None:
    parser = kinds.add("swap", _run_swap, "a swap's speed against faceswap-GAN's pipeline", SWAP)
    add_path(parser, "clip", "CLIP")
    add_source(parser, "swap without training")
    add_options(parser, SwapSettings, "frames")
    frames = number(Bounds(0, 100_000))
    text = "frames for the baseline, 0 for none (default: 3)"
    parser.add_argument("--baseline-frames", type=frames, default=3, metavar="N", help=text)
    add_path(parser, "--baseline-model", "MODEL", "a trained classic-64 (default: untrained)")
    add_options(parser, DeviceSettings, "device", defaults=True)
    add_out(parser, "FILE", "also write the figures here, as JSON, and a chart beside it", required=False)
    add_switch(parser, "--json", "print JSON instead of a table")


def _add_detect(kinds: Commands) -> None:
    parser = kinds.add("detect", _run_detect, "detectors on pictures with known counts", DETECT)
    add_path(parser, "folder", "FOLDER", "the pictures")
    add_path(parser, "--counts", "FILE", "JSON of counts (default: FOLDER/face_counts.json)")
    text = "detectors as swap knows them (default: yunet and dlib-hog; dlib-cnn-original takes seconds)"
    parser.add_argument("--detectors", nargs="+", choices=DETECTORS, metavar="NAME", help=text)
    text = "smallest face to look for (default: %(default)s)"
    add_option(parser, AnalysisSettings, "min_face", default=AnalysisSettings.min_face, help=text)
    add_switch(parser, "--json", "print JSON instead of a table")


def _add_picture(kinds: Commands) -> None:
    parser = kinds.add("picture", _run_picture, "how swaps hold on many people and shots", PICTURE)
    add_path(parser, "matrix", "MATRIX", "the TOML file")
    add_path(parser, "--footage", "FOLDER", "what the paths in it are relative to (default: its own folder)")
    parser.add_argument("--only", nargs="+", metavar="ROW", help="only these rows (default: all)")
    add_path(parser, "--before", "OUT", "the folder of an earlier run, to show its figures beside")
    add_out(parser, "OUT", "folder for all of it")


def _run_swap(options: Options) -> None:
    from recaster.benchmarks.plots import draw_stages
    from recaster.benchmarks.speed import SpeedSettings, measure_speed
    from recaster.files import write_json
    from recaster.media.probe import probe
    from recaster.media.ranges import parse_range

    settings = SpeedSettings(
        model=options.model,
        source=options.source,
        frames=None if options.range is None else parse_range(options.range, probe(options.clip)),
        baseline_frames=options.baseline_frames,
        baseline_model=options.baseline_model,
        device=options.device,
    )
    figures = measure_speed(options.clip, settings, reporter(options))
    if options.out is not None:
        write_json(options.out, figures)
        draw_stages(options.out.with_suffix(".png"), figures)
    say_json(figures) if options.json else say(*speed_table(figures))


def speed_table(figures: dict[str, Any]) -> list[str]:
    """Writes the figures for people, as lines."""
    head = f"{'':<10}{'CPU ms a frame':>16}{'frames/s':>11}{'peak MiB':>10}{'frames':>8}"
    lines = [f"{head}  stages, ms a frame"]
    for name in ("floor", "baseline", "engine"):
        if name not in figures:
            continue
        row = figures[name]
        stages = ", ".join(f"{stage} {spent:.1f}" for stage, spent in row["stages"].items())
        lines.append(
            f"{name:<10}{row['cpu_ms_per_frame']:>16.1f}{row['frames_per_second']:>11.3f}"
            f"{row['peak_rss_mb']:>10.0f}{row['frames']:>8}  {stages}"
        )
    ratios = figures["ratios"]
    engine = figures["engine"]
    without = engine["cpu_ms_per_frame_without_start"]
    less = f"baseline / engine {ratios['baseline_to_engine_cpu']:.0f}, " if "baseline" in figures else ""
    lines.append(f"CPU a frame: {less}engine / floor {ratios['engine_to_floor_cpu']:.2f}")
    lines.append(
        f"the engine's start, {engine['start_cpu_s']:.1f} CPU-s, is counted; without it {without:.1f} ms"
    )
    lines.append("stages are wall time; the engine's run side by side")
    return lines


def _run_detect(options: Options) -> None:
    from recaster.benchmarks.detection import measure_detector, read_counts

    counts = read_counts(options.folder, options.counts)
    results = [
        measure_detector(options.folder, counts, name, options.min_face, reporter(options))
        for name in options.detectors or ("yunet", "dlib-hog")
    ]
    say_json([result.as_json() for result in results]) if options.json else say(*detect_table(results))


def detect_table(results: list[DetectorResult]) -> list[str]:
    """Writes the figures for people, as lines."""
    lines = [f"{'':<10}{'recall':>8}{'found':>8}{'of':>6}{'too many':>10}{'CPU ms a picture':>18}"]
    for result in results:
        lines.append(
            f"{result.detector:<10}{result.recall:>8.3f}{result.hits:>8}{result.faces:>6}"
            f"{result.extra:>10}{result.cpu_ms:>18.1f}"
        )
        lines += [f"  {name}: {boxes} boxes for {faces}" for name, faces, boxes in result.wrong]
    return lines


def _run_picture(options: Options) -> None:
    from recaster.benchmarks.picture_matrix.benchmark import measure_pictures, read_results
    from recaster.benchmarks.picture_matrix.results_page import format_table, write_page
    from recaster.benchmarks.picture_matrix.rows import read_rows

    rows = read_rows(options.matrix, options.footage)
    if options.only is not None:
        if unknown := set(options.only) - {row.name for row in rows}:
            raise UsageError(f"{options.matrix} has no row {min(unknown)!r}")
        rows = [row for row in rows if row.name in options.only]
    before = [] if options.before is None else read_results(options.before)
    try:
        results = measure_pictures(rows, options.out, reporter(options))
    except KeyboardInterrupt:
        say_note(options, f"{options.out}: run the same command again to go on")
        raise
    page = write_page(options.out, results, before)
    say(*format_table(results, before))
    say_note(options, f"{page}: the same with pictures of every shot")
