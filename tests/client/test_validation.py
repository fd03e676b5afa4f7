"""Whatever an engine answers is looked at before it is used: by every call, and by every command."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import math
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf import descriptor_pool, message_factory
from hostile import EVIL, ID, PACKAGE, PNG, SERVICES, Liar

from recaster.api.v1 import blob_pb2, clip_pb2, identity_pb2, job_pb2, model_pb2, swap_pb2
from recaster.cli import main as cli
from recaster.client import Address, AnswerError, Client
from recaster.client.aio import AsyncClient
from recaster.client.errors import JobFailedError
from recaster.client.portrait_size import picture_size
from recaster.client.validation import MAX_LINES, MAX_TEXT_LETTERS, validate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

METHODS = [
    method
    for service in SERVICES
    for method in descriptor_pool.Default().FindServiceByName(f"{PACKAGE}.{service}").methods
]
SHAPES = [one for one in EVIL if one not in ("", "con")]
"""What no id, digest, suffix or role is."""
MAX_LINE_LETTERS = 5 * MAX_TEXT_LETTERS


@pytest.fixture
def lying() -> Iterator[Callable[..., tuple[Liar, Client]]]:
    made: list[tuple[Liar, Client]] = []

    def start(*given: Any, **named: Any) -> tuple[Liar, Client]:
        liar = Liar(*given, **named)
        made.append((liar, Client(Address(liar.address, "secret"), patience_s=1)))
        return made[-1]

    yield start
    for liar, client in made:
        client.close()
        liar.stop()


def texts_in(message: Any) -> Iterator[tuple[str, str]]:
    for field, value in message.ListFields():
        if field.message_type is not None and not field.message_type.GetOptions().map_entry:
            for one in value if field.is_repeated else [value]:
                yield from texts_in(one)
        elif field.message_type is not None:
            yield from ((field.full_name, name + said) for name, said in value.items())
        elif field.cpp_type == field.CPPTYPE_STRING and field.type == field.TYPE_STRING:
            yield from ((field.full_name, one) for one in (value if field.is_repeated else [value]))


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.full_name.removeprefix(f"{PACKAGE}."))
def test_every_answer_of_every_method_is_looked_at(
    lying: Callable[..., tuple[Liar, Client]], method: Any
) -> None:
    if method.client_streaming or method.server_streaming:
        return  # as below
    liar, client = lying("words")
    liar.has_all = False
    name = method.full_name.replace(f".{method.name}", f"/{method.name}")
    answer_class = message_factory.GetMessageClass(method.output_type)
    call = client.connection.channel.unary_unary(
        f"/{name}", lambda asked: asked.SerializeToString(), answer_class.FromString
    )
    asked = message_factory.GetMessageClass(method.input_type)()
    client.connection.call(call, asked)
    shaped = any(
        said == ID or said == liar_digest(liar) for _, said in texts_in(liar.answer(method.output_type))
    )
    for evil in SHAPES:
        liar.shape = evil
        if shaped:
            with pytest.raises(AnswerError, match="what no Recaster answers"):
                client.connection.call(call, asked)
    liar.shape = None
    liar.text = "x" * 10_000
    long = client.connection.call(call, asked)
    assert all(len(said) <= MAX_TEXT_LETTERS for _, said in texts_in(long))
    liar.picture = b"\x7fELF"
    if any(field.type == field.TYPE_BYTES for field in method.output_type.fields):
        with pytest.raises(AnswerError, match="what no Recaster answers"):
            client.connection.call(call, asked)


def liar_digest(liar: Liar) -> str:
    return hashlib.sha256(liar.data).hexdigest()


def test_streams_are_looked_at_too(lying: Callable[..., tuple[Liar, Client]], tmp_path: Path) -> None:
    liar, client = lying("words", shape="../../x")
    with pytest.raises(AnswerError, match="what no Recaster answers"):
        next(client.jobs.watch(ID))

    async def watched() -> None:
        async with AsyncClient(Address(liar.address, "secret"), patience_s=1) as engine:
            async for _ in engine.watch(ID):
                pass

    with pytest.raises(AnswerError, match="what no Recaster answers"):
        asyncio.run(watched())
    out = tmp_path / "out.mp4"
    with pytest.raises(AnswerError, match="more than it said"):
        client.transfer.download(liar_digest(liar), out, size=3)
    with pytest.raises(AnswerError, match="damaged"):
        client.transfer.download("0" * 64, out)
    with pytest.raises(AnswerError, match="damaged"):
        client.transfer.read("0" * 64)
    assert client.transfer.read(liar_digest(liar)) == liar.data
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("committed", [-1, 7, 1 << 62])
def test_uploads_end(lying: Callable[..., tuple[Liar, Client]], tmp_path: Path, committed: int) -> None:
    liar, client = lying("words")
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"a clip")

    def edit(made: Any) -> None:
        if isinstance(made, blob_pb2.FindMissingBlobsResponse):
            made.missing.append("0" * 64)
        elif isinstance(made, blob_pb2.Upload):
            made.complete = False
            made.committed = committed

    liar.edits = edit
    with pytest.raises(AnswerError, match="says that it has"):
        client.transfer.upload(path, local=False)
    liar.edits = lambda made: edit(made) or (hasattr(made, "committed") and setattr(made, "committed", 0))
    with pytest.raises(AnswerError, match="keeps nothing"):
        client.transfer.upload(path, local=False)


def test_lists_end(lying: Callable[..., tuple[Liar, Client]], monkeypatch: pytest.MonkeyPatch) -> None:
    from recaster.client import connection

    monkeypatch.setattr(connection, "MAX_PAGES", 5)
    liar, client = lying("words")
    liar.edits = lambda made: hasattr(made, "next_page_token") and setattr(made, "next_page_token", "more")
    for listing in (client.jobs.listed(), client.every_identity()):
        with pytest.raises(AnswerError, match="has no end"):
            list(listing)
    assert len(liar.answered) == 10


def test_numbers_times_and_pictures() -> None:
    with pytest.raises(AnswerError, match=r"Progress\.done"):
        validate(job_pb2.Progress(done=math.nan))
    with pytest.raises(AnswerError, match=r"Model\.seconds"):
        validate(model_pb2.Model(seconds=math.inf))
    late = identity_pb2.Identity()
    late.attestation.valid_until.seconds = 1 << 62
    with pytest.raises(AnswerError, match="a time"):
        validate(late)
    assert picture_size(PNG) == (2, 1)
    huge = PNG[:16] + (100_000).to_bytes(4, "big") * 2 + PNG[24:]
    for wrong in (huge, b"GIF89a", b"\xff\xd8\xff\xe0" + bytes(40), PNG[:10], b"\xff\xd8\xff"):
        with pytest.raises(AnswerError, match="pixels"):
            validate(swap_pb2.PreviewFrameResponse(png=wrong))
    assert validate(clip_pb2.FindPeopleResponse(people=[clip_pb2.Person()])).people
    many = validate(job_pb2.JobResult(summary=["x" * 5000] * 3000))
    assert (len(many.summary), {len(one) for one in many.summary}) == (MAX_LINES, {MAX_TEXT_LETTERS})
    kept = validate(job_pb2.Job(labels={"a": "x" * 5000, "b": "c"}))
    assert dict(kept.labels) == {"b": "c"}


def test_pictures_of_cameras_have_a_size(tmp_path: Path) -> None:
    import PIL.Image

    for name, options in (("a.jpg", {}), ("b.jpg", {"progressive": True}), ("c.png", {})):
        exif = PIL.Image.Exif()
        exif[0x112] = 6
        PIL.Image.new("RGB", (70, 30)).save(tmp_path / name, exif=exif, **options)
        assert picture_size((tmp_path / name).read_bytes()) == (70, 30)


@pytest.mark.parametrize(("named", "code"), [(0, 1), (256, 1), (-1, 1), (512, 1), (4, 4), (130, 1)])
def test_a_failure_is_one_for_the_shell(named: int, code: int) -> None:
    job = job_pb2.Job(error=job_pb2.JobError(message="no", exit_code=named))
    assert JobFailedError(job).exit_code == code


def commands(clip: Path, faces: Path, tmp_path: Path) -> list[tuple[list[object], set[str]]]:
    """Every command that an engine can do, and the files that it may leave."""
    swap = ["swap", clip, "--source", faces, "-o", tmp_path / "out.mp4"]
    return [
        ([*swap, "--matte", tmp_path / "matte.mp4"], {"out.mp4", "out.c2pa", "matte.mp4"}),
        (["swap", clip, "--source", faces, "--preview", "3", "-o", tmp_path / "3.png"], {"3.png"}),
        (["extract", clip, "-o", tmp_path / "new"], set()),
        (["train", "--source", faces, "-o", tmp_path / "model"], set()),
        (["evaluate", clip, clip, "--source", faces, "-o", tmp_path / "judged"], {"judged"}),
        (["evaluate", clip, clip, "--source", faces, "--json"], set()),
        *([["jobs", *words], set()] for words in (
            ["list"], ["show", ID], ["watch", ID], ["logs", ID], ["pause", ID], ["resume", ID],
            ["cancel", ID], ["delete", ID],
        )),
        *([["identity", *words], set()] for words in (
            ["show"], ["add", "Anna", "--basis", "self"], ["attest", ID, "--basis", "self"], ["revoke", ID],
        )),
    ]  # fmt: skip


@pytest.mark.parametrize("evil", EVIL, ids=lambda one: ascii(one)[1:12])
def test_commands_of_a_lying_engine(
    evil: str,
    packed_faces: Path,
    actors: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Its words are printed as text of bounded length; its names are no files, no commands, no exit codes."""
    monkeypatch.chdir(tmp_path)
    evaluation = json.dumps({"figures": evil[:1000]}).encode()  # which is for programs
    for shape, data in ((None, evaluation), (None, b"\x00no json"), (evil or "?", evaluation)):
        liar = Liar(evil, shape, data)
        monkeypatch.setenv("RECASTER_ENGINE", liar.address)
        monkeypatch.setenv("RECASTER_TOKEN", "secret")
        for arguments, allowed in commands(actors / "neighbour.mp4", packed_faces, tmp_path):
            code = cli.main([str(one) for one in arguments])
            out, error = capsys.readouterr()
            assert code in (0, 2, 3, 4, 8, 9), (arguments, error)
            for line in (out + error).splitlines():
                assert line.isprintable(), (arguments, line)
                assert len(line) <= MAX_LINE_LETTERS, (arguments, len(line))
            if shape is None and arguments[0] in ("swap", "jobs"):  # it comes through, and as a file of ours
                assert code == 0, (arguments, error)
            left = {one.name for one in tmp_path.iterdir()}
            assert left <= allowed, (arguments, left)
            for one in tmp_path.rglob("*"):
                if one.is_file():
                    assert one.suffix not in (".exe", ".py", ".blend")
                    one.unlink()
            for one in tmp_path.iterdir():
                one.rmdir()
        asked = {
            "JobService/CreateJob",
            *(() if shape else ("SwapService/PreviewFrame", "BlobService/ReadBlob")),
        }
        assert asked <= set(liar.answered)
        liar.stop()


def test_what_a_lying_engine_packed_is_not_unpacked(
    packed_faces: Path,
    actors: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RECASTER_TOKEN", "secret")
    clip = str(actors / "neighbour.mp4")
    for evil in ("../../x", "/recaster-planted", "C:\\x", "con", "x.py", "\x1b[2J", "x" * 10_000):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr(evil, b"planted")
        liar = Liar("words", None, packed.getvalue())
        monkeypatch.setenv("RECASTER_ENGINE", liar.address)
        for command in (["extract", clip], ["train", "--source", str(packed_faces)]):
            assert cli.main([*command, "-o", str(tmp_path / "new")]) in (3, 4), evil
            out, error = capsys.readouterr()
            assert all(line.isprintable() for line in (out + error).splitlines())
            assert list(tmp_path.iterdir()) == []
        assert liar.answered.count("BlobService/ReadBlob") == 2
        liar.stop()
