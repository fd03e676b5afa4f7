"""Numbers of a real engine: of calls, refusals, room and certificates, and who may ask for them."""

from __future__ import annotations

import http.client
import http.server
import threading
from typing import TYPE_CHECKING

import pytest
from serving import free_port, scrape

from recaster.client import Address, Client
from recaster.client.errors import MissingError, TokenError
from recaster.provenance.certificates import CERTIFICATE_DAYS, make_certificates

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from serving import Served

SERVICES = "/recaster.v1."


@pytest.fixture(scope="module")
def port(serve: Callable[..., Served], tmp_path_factory: pytest.TempPathFactory) -> int:
    """Address of the metrics of an engine that was asked a few things, and refused some."""
    port = free_port()
    folder = tmp_path_factory.mktemp("certificates")
    make_certificates(folder, ["127.0.0.1"])
    tls = ("--tls-cert", f"{folder}/engine.pem", "--tls-key", f"{folder}/engine.key")
    served = serve("--metrics", str(port), "--quota-gib", "2", *tls)
    ask(served.address, served.token, folder)
    with pytest.raises(TokenError, match="token is missing or wrong"):
        ask(served.address, "wrong", folder)
    return port


def ask(address: str, token: str, folder: Path) -> None:
    with Client(Address(address, token, authority=folder / "ca.pem"), patience_s=5) as client:
        client.info()
        with pytest.raises(MissingError, match="there is no job"):
            client.jobs.get("0" * 12)


def test_calls_and_errors_by_method_and_code(port: int) -> None:
    numbers = scrape(port)
    info = f'method="{SERVICES}ServerService/GetServerInfo"'
    job = f'method="{SERVICES}JobService/GetJob"'
    assert numbers[f"recaster_calls_total{{{info}}}"] == 2
    assert numbers[f"recaster_unary_seconds_count{{{info}}}"] == 1  # the one that wasn't refused
    assert numbers[f'recaster_errors_total{{code="NOT_FOUND",{job}}}'] == 1
    assert numbers[f'recaster_errors_total{{code="UNAUTHENTICATED",{info}}}'] == 1
    assert f'recaster_errors_total{{code="NOT_FOUND",{info}}}' not in numbers


def test_refused_tokens_by_reason(port: int) -> None:
    assert scrape(port)['recaster_refused_total{reason="TOKEN_WRONG"}'] == 1


def test_room_that_is_used_and_allowed(port: int) -> None:
    numbers = scrape(port)
    assert numbers["recaster_quota_bytes"] == 2 << 30
    assert 0 < numbers["recaster_used_bytes"] < 2 << 30
    assert numbers["recaster_free_bytes"] > 0


def test_when_the_certificate_ends(port: int) -> None:
    days = scrape(port)['recaster_certificate_seconds{certificate="tls"}'] / 86400
    assert CERTIFICATE_DAYS - 1 < days <= CERTIFICATE_DAYS


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]", "127.8.8.8"])
def test_loopback_names_are_answered(port: int, host: str) -> None:
    assert status(port, f"{host}:{port}") == 200


@pytest.mark.parametrize(
    "host",
    ["example.org", "127.0.0.1.example.org", "localhost.example.org", "192.0.2.7", "[", "a@b", "", None],
)
def test_other_names_that_lead_here_are_refused(port: int, host: str | None) -> None:
    assert status(port, host) == 421


def status(port: int, host: str | None) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.putrequest("GET", "/metrics", skip_host=True)
    if host is not None:
        connection.putheader("Host", host)
    connection.endheaders()
    return connection.getresponse().status


def test_traces_go_where_the_variable_says(
    serve: Callable[..., Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    came: list[bytes] = []
    traced = threading.Event()

    class Collector(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came.append(self.rfile.read(int(self.headers["Content-Length"])))
            if b"GetServerInfo" in came[-1]:
                traced.set()
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Collector) as collector:
        threading.Thread(target=collector.serve_forever, daemon=True).start()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{collector.server_port}")
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        served = serve()
        with served.client(patience_s=5) as client:
            client.info()
        assert traced.wait(10)
        served.stop()
        collector.shutdown()
    assert not any(served.token.encode() in one for one in came)
