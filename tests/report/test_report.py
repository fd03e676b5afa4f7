from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import numpy as np
import pytest

from recaster.errors import InputError
from recaster.evaluation.evaluation_result import EvaluationResult
from recaster.evaluation.measures import MEASURES
from recaster.evaluation.types import Figure, Scores
from recaster.media.reader import read_frames
from recaster.media.sheet import save_image
from recaster.models.model_folder import ModelCard, ModelFolder
from recaster.models.presets import preset
from recaster.report.charts import Line, chart
from recaster.report.page import write_report

if TYPE_CHECKING:
    from pathlib import Path

NASTY = "</script><script>alert(1)</script>&\"'.mp4"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def clip(path: str) -> dict[str, object]:
    return {"path": path, "digest": "0" * 64, "width": 320, "height": 320, "fps": 25.0, "frames": 40}


@pytest.fixture
def measured(actors: Path, tmp_path: Path) -> Path:
    """A folder with an evaluation, a training bench, a speed bench and a model."""
    folder = tmp_path / "measured"
    about = {
        "original": clip(NASTY),
        "swapped": clip("swapped.mp4"),
        "source": {"path": "faces", "digest": "1"},
        "settings": {"frames": [0, 40]},
        "versions": {"recaster": "0.1.0"},
        "notices": ["a notice"],
    }
    t = np.arange(40.0)
    frames = {"motion_deviation": 2 + np.sin(t), "cosine_source": np.where(t % 5 == 0, 0.6, np.nan)}
    figures = [Figure("motion_deviation", 2.0, {"frozen": 4.0}), Figure("seam", np.nan)]
    pictures = {"sheet": "sheet.jpg", "worst": "worst.jpg"}
    EvaluationResult(about, t.astype(np.int64), Scores(tuple(figures), frames), pictures).save(
        folder / "evaluation"
    )
    image = next(iter(read_frames(actors / "performer.mp4", 0, 1))).image
    for name in pictures.values():
        save_image(folder / "evaluation" / name, image)
    rows = [
        {"variant": name, "minutes": minutes, "steps": 10, "figures": {"seam": minutes / 10}}
        for name in ("one", NASTY)
        for minutes in (1, 5)
    ]
    (folder / "bench.json").write_text(json.dumps({"format": 1, "rows": rows}))
    part = {
        "cpu_ms_per_frame": 12.5,
        "frames_per_second": 80.0,
        "peak_rss_mb": 200.0,
        "stages": {"decode": 5.0},
    }
    speed = dict.fromkeys(("floor", "baseline", "engine"), part) | {"ratios": {"a": 2.0}}
    (folder / "speed.json").write_text(json.dumps(speed))
    ModelFolder(folder / "model").write(ModelCard(preset("guided-128"), "0" * 64, steps=7, seconds=60.0))
    return folder


class Page(HTMLParser):
    """Parser of a page's elements; fails on those that are not closed in order."""

    OPEN = ("meta", "img", "br", "path", "circle")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: list[str] = []
        self.links: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.links += [str(value) for name, value in attrs if name in ("src", "href")]
        if tag not in self.OPEN:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.OPEN:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_the_page_is_whole_and_needs_nothing_else(measured: Path, tmp_path: Path) -> None:
    write_report(measured, tmp_path / "report.html")
    page = Page()
    page.feed((tmp_path / "report.html").read_text())
    assert page.open in ([], ["html"])
    assert "script" not in page.names
    assert len([one for one in page.names if one == "img"]) == 2
    assert all(link.startswith("data:image/jpeg;base64,") for link in page.links)
    text = " ".join(page.text)
    assert NASTY in text
    assert "a notice" in text
    assert MEASURES["motion_deviation"].definition in text
    assert "frozen\xa04" in text
    assert "1 evaluation, 1 training benchmark, 1 speed benchmark, 1 model" in text
    assert page.names.count("svg") >= 3


def test_nothing_to_report_is_said(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(InputError, match="nothing to report"):
        write_report(tmp_path, tmp_path / "report.html")
    with pytest.raises(InputError, match="no such folder"):
        write_report(tmp_path / "none", tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


def test_a_damaged_evaluation_is_named(measured: Path, tmp_path: Path) -> None:
    (measured / "evaluation" / "evaluation.json").write_text("{")
    with pytest.raises(InputError, match="damaged"):
        write_report(measured, tmp_path / "report.html")


@pytest.mark.parametrize(
    "name", ["../../private.png", "/private.png", "..", "", "a/b.png", "a\\b.png", "C:p.png", "a\0", 7, None]
)
def test_a_picture_lies_beside_its_evaluation(measured: Path, tmp_path: Path, name: object) -> None:
    save_image(tmp_path / "private.png", np.zeros((8, 8, 3), np.uint8))
    path = measured / "evaluation" / "evaluation.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()) | {"pictures": {"sheet": name}}))
    with pytest.raises(InputError, match=r"evaluation\.json"):
        write_report(measured, tmp_path / "report.html")


@pytest.mark.parametrize("wrong", [None, 7, "text", [], [7], {}, {"a": []}, 1e999])
def test_values_of_the_wrong_kind_end_in_words(measured: Path, tmp_path: Path, wrong: object) -> None:
    """Each value of each file of figures, one after the other."""
    for path in sorted(measured.rglob("*.json")):
        whole = path.read_bytes()
        for name in json.loads(whole):
            path.write_text(json.dumps(json.loads(whole) | {name: wrong}))
            with contextlib.suppress(InputError):  # some values may be anything
                write_report(measured, tmp_path / "report.html")
        path.write_text("[" * 100_000)
        with contextlib.suppress(InputError):
            write_report(measured, tmp_path / "report.html")
        path.write_bytes(whole)


def test_a_long_curve_stays_small_and_gaps_are_no_points() -> None:
    x = np.arange(20_000.0)
    y = np.where(x > 10_000, np.nan, np.sin(x / 900))
    drawn = chart("long", [Line("y", x, y)], levels={"noise": 0.5, "unknown": np.nan})
    assert len(drawn) < 12_000
    assert "nan" not in drawn
    assert "noise 0.5" in drawn
    assert "nothing was measured" in chart("none", [Line("y", x[:0], x[:0])])


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium to look at the page with")
def test_a_browser_shows_the_page(measured: Path, tmp_path: Path) -> None:
    """Every picture decodes, nothing is wider than the window, and nothing is asked of a network."""
    report = tmp_path / "report.html"
    write_report(measured, report)
    probe = (
        "<script>addEventListener('load',()=>{document.title=JSON.stringify({"
        "broken:[...document.images].filter(i=>!i.naturalWidth).length,images:document.images.length,"
        "wide:document.documentElement.scrollWidth>innerWidth,asked:performance.getEntriesByType('resource')"
        ".filter(e=>!e.name.startsWith('data:')).length})})</script></body>"
    )
    report.write_text(report.read_text().replace("</body>", probe))
    command = [
        str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        f"--user-data-dir={tmp_path / 'profile'}", "--window-size=700,900", "--dump-dom", report.as_uri(),
    ]  # fmt: skip
    shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    title = re.search(r"<title>(\{.*?\})</title>", shown)
    assert title is not None
    assert json.loads(title.group(1)) == {"broken": 0, "images": 2, "wide": False, "asked": 0}
