"""Lists of pictures: written as sha256sum does, and read with care, whoever wrote them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from recaster.errors import ManifestError
from recaster.files import sha256
from recaster.provenance.picture_list import check_pictures, read_list, write_list

if TYPE_CHECKING:
    from pathlib import Path

DIGEST = "0" * 64


def test_a_list_is_read_as_it_was_written(tmp_path: Path) -> None:
    names = ["a b.0001.png", "ü.0002.png", "x\u2028y.0003.png"]
    for name in names:
        (tmp_path / name).write_text(name)
    write_list(tmp_path / "a.sha256", {name: tmp_path / name for name in names})
    assert read_list(tmp_path / "a.sha256") == {name: sha256(tmp_path / name) for name in names}
    assert check_pictures(tmp_path / "a.sha256") == 3
    assert check_pictures(tmp_path / "a.sha256", names[1:2]) == 1
    with pytest.raises(ManifestError, match=r"other\.png: isn't in a\.sha256"):
        check_pictures(tmp_path / "a.sha256", ["other.png"])


@pytest.mark.parametrize(
    "text",
    [
        "", "\n", "a.png\n", f"{DIGEST} a.png\n", f"{DIGEST[:-1]}  a.png\n", f"{DIGEST}  ../a.png\n",
        f"{DIGEST}  ..\n", f"{DIGEST}  .\n", f"{DIGEST}  a\\b.png\n", f"{DIGEST}  a\0b.png\n",
        f"{DIGEST}  a.png\n{DIGEST}  a.png\n",
        f"{DIGEST}  a.png\n\n", f"{DIGEST.replace('0', 'G')}  a.png\n",
    ],
)  # fmt: skip
def test_what_is_no_list_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.sha256").write_text(text)
    with pytest.raises(ManifestError, match="is no list of pictures"):
        read_list(tmp_path / "a.sha256")


def test_a_folder_or_other_bytes_are_no_list(tmp_path: Path) -> None:
    (tmp_path / "a.sha256").write_bytes(b"\xff\xfe")
    for path in (tmp_path / "a.sha256", tmp_path, tmp_path / "gone.sha256"):
        with pytest.raises(ManifestError, match="cannot be read"):
            read_list(path)
    (tmp_path / "a.sha256").write_text(f"{DIGEST}  folder.png\n")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(ManifestError, match=r"folder\.png: cannot be read"):
        check_pictures(tmp_path / "a.sha256")
