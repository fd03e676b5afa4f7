from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from recaster.benchmarks.training import bench, check
from recaster.benchmarks.training_settings import BenchSettings
from recaster.benchmarks.training_variants import AT_ONCE
from recaster.cli.bench_train import variant
from recaster.cli.main import main
from recaster.errors import InputError, UsageError
from recaster.facesets.extraction import extract
from recaster.media.sheet import load_image
from recaster.models.model_folder import ModelFolder
from recaster.settings.extract import ExtractSettings

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.facesets.faceset import Faceset

SMALL = "small: fast-96 --batch 2"


@pytest.fixture(scope="module")
def performer_faceset(actors: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("performer") / "faces"
    extract([actors / "rehearsal.mp4"], folder, ExtractSettings(every=4, frames="0-99"))
    return folder


@pytest.fixture
def settings(actors: Path, actor_faceset: Faceset, performer_faceset: Path) -> BenchSettings:
    return BenchSettings(
        original=actors / "performer.mp4",
        source=actor_faceset.folder,
        target=performer_faceset,
        marks=(1, 3),
        unit="steps",
        frames=range(4),
        threads=1,
    )


def test_variants_are_read_as_training_flags() -> None:
    one = variant("no-edges: classic-64 --adversarial 0 --batch 4")
    assert (one.name, one.base, one.flags) == ("no-edges", "classic-64", "--adversarial 0 --batch 4")
    assert one.preset is not None
    assert one.preset.batch == 4
    assert variant("fast-96").name == "fast-96"
    assert variant(AT_ONCE).preset is None


@pytest.mark.parametrize(
    "text",
    ["nothing-64", "fast-96 --batch 2", "x: fast-96 --no-such 1", "a/b: fast-96", "at-once --batch 2", ""],
)
def test_variants_that_mean_nothing_are_refused(text: str) -> None:
    with pytest.raises(
        UsageError,
        match=r"there is no preset|give what differs|unrecognized arg|a name is made of|names no preset",
    ):
        variant(text)


def test_benches_that_would_fail_an_hour_later_are_refused(settings: BenchSettings) -> None:
    with pytest.raises(UsageError, match="called small"):
        check([variant(SMALL), variant(SMALL)], settings)
    alone = BenchSettings(settings.original, settings.source, (1,))
    with pytest.raises(UsageError, match="--target"):
        check([variant("fast-96")], alone)
    with pytest.raises(UsageError, match="above 0"):
        BenchSettings(settings.original, settings.source, (0,))


def test_a_bench_trains_swaps_judges_and_goes_on(settings: BenchSettings, tmp_path: Path) -> None:
    variants = [variant(AT_ONCE), variant(SMALL)]
    rows = bench(variants, settings, tmp_path / "bench")
    assert [(row.variant, row.steps) for row in rows] == [(AT_ONCE, 0), ("small", 1), ("small", 3)]
    assert rows[2].cpu_seconds > rows[1].cpu_seconds
    assert rows[0].figures["cosine_source"] is not None
    assert rows[0].figures["cosine_source"] > (rows[2].figures["cosine_source"] or 0)
    assert ModelFolder(tmp_path / "bench" / "small" / "at-3").read().steps == 3
    told = json.loads((tmp_path / "bench" / "bench.json").read_text())
    assert [row["variant"] for row in told["rows"]] == [AT_ONCE, "small", "small"]
    assert "| small | " in (tmp_path / "bench" / "bench.md").read_text()
    assert load_image(tmp_path / "bench" / "bench.png").shape[1] > 800

    before = (tmp_path / "bench" / "small" / "at-3" / "swapped.mp4").stat().st_mtime_ns
    again = bench(variants, settings, tmp_path / "bench")
    assert again == rows
    assert (tmp_path / "bench" / "small" / "at-3" / "swapped.mp4").stat().st_mtime_ns == before

    other = variant("small: fast-96 --batch 3")
    with pytest.raises(InputError, match="another preset"):
        bench([other], settings, tmp_path / "bench")


def test_the_command_line_says_what_is_wrong(
    actors: Path, actor_faceset: Faceset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["bench", "train", str(actors / "performer.mp4"), "--source", str(actor_faceset.folder)]
    assert main([*command, "--minutes", "1", "-o", str(tmp_path / "out"), "fast-96"]) == 2
    assert "--target" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
