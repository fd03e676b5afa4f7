"""Swap a face through an engine: python swap.py CLIP FACES.zip OUT.mp4

RECASTER_ENGINE and RECASTER_TOKEN say which engine; needs `pip install recaster` alone.
"""

import sys
from pathlib import Path

from recaster.api.v1 import job_pb2
from recaster.client import Address, Client, EngineError, JobFailedError


def main(clip: Path, faces: Path, out: Path) -> int:
    with Client(Address.from_environment()) as engine:
        try:
            face = engine.take_faceset(faces)
            engine.say_whose(faces.stem, "consent", faceset_id=face)  # by what right it is used; said once
            swap = job_pb2.SwapSpec(
                clip_id=engine.take_clip(clip),
                faceset_id=face,
                options=job_pb2.SwapOptions(colour="mean"),
            )
            job = engine.jobs.create(job_pb2.JobSpec(swap=swap), labels={"shot": clip.stem})
            job = engine.jobs.wait(job.job_id, lambda update: print(update.stage, f"{update.done:.0f}"))
        except JobFailedError as error:
            print(f"the job failed ({error.reason}): {error}", file=sys.stderr)
            return error.exit_code
        except EngineError as error:
            print(error, file=sys.stderr)
            return error.exit_code
        engine.transfer.download(job.result.artifacts[0].digest, out)
        print(*job.result.summary, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:4])))
