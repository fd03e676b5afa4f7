"""Commands of ``recaster swap`` over empty files, and the names of what they would write."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from recaster.cli import swap
from recaster.cli.parsers import Commands
from recaster.cli.swap_tasks import split_tasks

if TYPE_CHECKING:
    from pathlib import Path


def files(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def options(*arguments: str) -> argparse.Namespace:
    root = argparse.ArgumentParser()
    swap.add_swap(Commands(root, "COMMAND"))
    return root.parse_args(["swap", *arguments, "-m", "model"])


def outs(*arguments: str) -> list[str]:
    return [task.out.as_posix() for task in split_tasks(options(*arguments))]
