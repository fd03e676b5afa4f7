"""Sign an edit's export: say in it which swaps went into it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from recaster.jobs.job_context import JobOutput

if TYPE_CHECKING:
    from recaster.jobs.job_context import JobContext

PNG: Final = b"\x89PNG"


def sign(work: JobContext) -> JobOutput:
    """Sign it.

    Raises:
        UsageError, ManifestError, OutputError, ConsentError: as ``provenance.manifest.sign_render``.
    """
    from recaster.provenance.manifest import SIDECAR_TYPES, sidecar_of, sign_render

    spec = work.task.spec.sign
    render = work.named(spec.digest, spec.display_name)
    swaps = []
    for digest in spec.swaps:  # a blob has no name: its first bytes say what it is
        with work.task.files[digest].open("rb") as file:
            suffix = ".png" if file.read(len(PNG)) == PNG else ".mp4"
        swaps.append(work.named(digest, f"swap{suffix}"))
    out = work.folder / f"signed{render.suffix.lower()}"
    assert work.task.signer is not None  # noqa: S101 - every task of this kind has one
    assert work.task.vetting is not None  # noqa: S101
    said = sign_render(render, out, swaps, work.task.signer, work.task.vetting)
    files = [("clip", out)]
    if out.suffix in SIDECAR_TYPES:
        files.append(("manifest", sidecar_of(out)))
    return JobOutput(files=tuple(files), summary=(said,))
