import os
import random
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from helpers.reading import opened_study
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.reader_studies.room.serving import answers_of, check_address, open_answers

PEM = Path("file.pem")


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.3", "::", "example.org", "127.0.0.1.example.org"])
def test_other_machines_are_served_through_tls_only(host: str) -> None:
    with pytest.raises(InputError, match="can be reached from other machines"):
        check_address(host, None, None, "")
    assert check_address(host, PEM, PEM, "") == "https"
    assert check_address(host, None, None, "https://reading.example.org") == "http"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_this_machine_needs_none(host: str) -> None:
    assert check_address(host, None, None, "") == "http"


def test_half_of_a_certificate_and_a_proxy_without_tls_are_refused() -> None:
    with pytest.raises(InputError, match="belong together"):
        check_address("127.0.0.1", PEM, None, "")
    with pytest.raises(InputError, match="begins with https"):
        check_address("127.0.0.1", None, None, "http://reading.example.org")


def test_answers_lie_beside_the_study() -> None:
    assert answers_of("studies/one.two") == Path("studies/one.two.answers.sqlite")


def served(study: Path, port: int) -> subprocess.Popen[bytes]:
    """The server as a process of its own, once it answers."""
    command = [sys.executable, "-m", "napari_recon_robust.cli", "review", "serve", str(study), "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 120
    while True:
        try:
            httpx.get(f"http://127.0.0.1:{port}/")
        except httpx.TransportError:
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.05)
        else:
            return process


@pytest.mark.slow
def test_no_confirmed_answer_is_lost_when_the_server_is_killed(tmp_path: Path) -> None:
    """KILLS=20 in the environment kills it so many times."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    kills = int(os.environ.get("KILLS", "2"))
    with opened_study(tmp_path, design={"readers": 2 + kills // 4, "repeats": 3}) as answers:
        tokens = [answers.access.invite(reader) for reader in answers.bundle.readers]
        study = answers.bundle.folder
    (tmp_path / "answers.sqlite").rename(answers_of(study))
    draw, origin = random.Random(0), f"http://127.0.0.1:{port}"
    headers, confirmed, number = {"Origin": origin}, [], 0
    clients = [httpx.Client(base_url=origin, headers=headers, timeout=30) for _ in tokens]
    process = served(study, port)
    for client, token in zip(clients, tokens, strict=True):
        assert client.post("/enter", json={"token": token}).status_code == 200
        assert client.post("/consent", json={}).status_code == 200
    while clients:
        client = clients[number % len(clients)]
        number += 1
        try:
            if kills and draw.random() < 0.15:  # while the answer is under way
                kills -= 1
                threading.Timer(draw.uniform(0, 0.03), process.kill).start()
            case = client.get("/state").json()["next"]
            if case is None:
                clients.remove(client)
                continue
            body = {"presentation": case["id"], "revision": 0, "answers": {"sharpness": {"level": 1 + number % 3}}}
            if client.post("/answer", json=body).status_code == 200:
                confirmed.append((case["id"], 1 + number % 3))
        except httpx.TransportError:
            process.wait()
            process = served(study, port)
    process.kill()
    process.wait()
    with open_answers(study) as answers:
        stored = {
            row["presentation"]: row["value"]["level"] for row in answers.rows() if row["question"] == "sharpness"
        }
        assert len(stored) == len(answers.bundle.shown)
        assert all(stored[id] == level for id, level in confirmed)
        assert {row["revision"] for row in answers.rows()} == {0}
        answers.verify()
