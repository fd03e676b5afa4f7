"""Handlers of jobs, one module a kind: message to request, operation, result to message.

Every one can be stopped, and goes on when it is run again.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from recaster.jobs.job_context import JobContext, JobOutput


def run(context: JobContext) -> JobOutput:
    """Does what the job's spec says (RecasterError; KeyboardInterrupt where it was asked to stop)."""
    kind = context.task.spec.WhichOneof("work")
    # Heavy packages are imported only for the kind of work that needs them.
    output: JobOutput = importlib.import_module(f"{__name__}.{kind}").handle(context)
    return output
