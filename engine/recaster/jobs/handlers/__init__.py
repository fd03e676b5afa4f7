"""What each kind of job does, one file a kind; every one can be stopped and goes on when it is run again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from recaster.jobs.job_context import JobContext, JobOutput


def run(work: JobContext) -> JobOutput:
    """Do what the job's spec says.

    Raises:
        RecasterError: as the room that does it.
        KeyboardInterrupt: it was asked to stop; what was done is kept.
    """
    # Heavy packages are imported only for the kind of work that needs them.
    kind = work.task.spec.WhichOneof("work")
    if kind == "ingest":
        from recaster.jobs.handlers.ingest import ingest as do
    elif kind == "extract":
        from recaster.jobs.handlers.extract import extract_faces as do
    elif kind == "train":
        from recaster.jobs.handlers.train import train_model as do
    elif kind == "swap":
        from recaster.jobs.handlers.swap import swap as do
    elif kind == "evaluate":
        from recaster.jobs.handlers.evaluate import judge as do
    elif kind == "sign":
        from recaster.jobs.handlers.sign import sign as do
    else:
        from recaster.jobs.handlers.export import export as do
    return do(work)
