"""Programs that others wrote: a validator that shares no code with c2pa-python, and a timestamp authority."""

from __future__ import annotations

import dataclasses
import http.server
import json
import os
import shutil
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import PIL.Image
import pytest

from recaster.provenance.inspection import inspect_file
from recaster.provenance.manifest import sign_render, sign_swap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recaster.provenance.provenance_mark import ProvenanceMark
    from recaster.provenance.register import Register
    from recaster.provenance.vetting import VettingRules

ROOT = Path(__file__).resolve().parents[2]
NODE = Path(os.environ.get("RECASTER_NODE_MODULES", ROOT / ".npm" / "node_modules"))
FACTS = {"engine": "0", "frames": 10}
AUTHORITY = """
[tsa]
default_tsa = here
[here]
serial = {0}/serial
signer_cert = {0}/tsa.pem
certs = {0}/ca.pem
signer_key = {0}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
"""


def validated(path: Path, tmp_path: Path) -> dict:
    if shutil.which("node") is None or not (NODE / "@trustnxt").is_dir():
        pytest.skip(f"node or @trustnxt/c2pa-ts is not here ({NODE}; set RECASTER_NODE_MODULES)")
    script = shutil.copy(Path(__file__).with_name("validate.mjs"), tmp_path)
    if not (tmp_path / "node_modules").exists():
        (tmp_path / "node_modules").symlink_to(NODE)
    done = subprocess.run(["node", script, path], capture_output=True, text=True, check=True, timeout=120)
    return json.loads(done.stdout)


def test_another_implementation_finds_the_same(
    actors: Path, mark: ProvenanceMark, vetting: VettingRules, tmp_path: Path
) -> None:
    clip = actors / "performer.mp4"
    out = tmp_path / "out.mp4"
    edit = tmp_path / "edit.mp4"
    picture = tmp_path / "frame.png"
    noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)
    PIL.Image.fromarray(noise).save(picture)
    sign_swap(clip, out, clip, FACTS, mark)
    sign_swap(picture, picture, clip, FACTS, mark)
    sign_render(actors / "neighbour.mp4", edit, [out], mark.signer, vetting)
    for path, what in ((out, "bmff"), (picture, "data"), (edit, "bmff")):
        assert validated(path, tmp_path) == {"valid": True, "wrong": []}
        data = bytearray(path.read_bytes())
        data[len(data) * 9 // 10] ^= 1
        path.write_bytes(data)
        assert validated(path, tmp_path) == {"valid": False, "wrong": [f"assertion.{what}Hash.mismatch"]}


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[str]:
    """A timestamp authority (RFC 3161) by openssl; gives its address."""
    home = tmp_path / "tsa"
    home.mkdir()
    (home / "cnf").write_text(AUTHORITY.format(home))
    (home / "serial").write_text("01")
    (home / "ext").write_text(
        "basicConstraints=critical,CA:false\nkeyUsage=critical,digitalSignature\n"
        "extendedKeyUsage=critical,timeStamping\n"
    )
    for command in (
        "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 30 -subj /O=Time/CN=Time-CA",
        "req -newkey rsa:2048 -nodes -keyout tsa.key -out tsa.csr -subj /O=Time/CN=Time",
        "x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 20 -out tsa.pem -extfile ext",
    ):
        subprocess.run(["openssl", *command.split()], cwd=home, check=True, capture_output=True)

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            (home / "query").write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
            command = "ts -reply -config cnf -section here -queryfile query -out reply"
            subprocess.run(["openssl", *command.split()], cwd=home, check=True, capture_output=True)
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.end_headers()
            self.wfile.write((home / "reply").read_bytes())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def test_a_timestamp_says_when(
    register: Register, actors: Path, mark: ProvenanceMark, authority: str, tmp_path: Path
) -> None:
    clip = actors / "performer.mp4"
    out = tmp_path / "out.mp4"
    stamped = dataclasses.replace(mark, signer=dataclasses.replace(mark.signer, timestamp=authority))
    sign_swap(clip, out, clip, FACTS, stamped)
    assert "since it was signed at 2" in inspect_file(out, register.folder.path).line
    sign_swap(clip, out, clip, FACTS, mark)
    assert "since it was signed by" in inspect_file(out, register.folder.path).line
