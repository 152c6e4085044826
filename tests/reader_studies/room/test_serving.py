import os
import random
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from helpers.reading import free_port, opened_study
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.reader_studies.bundle import key_of
from napari_recon_robust.reader_studies.room.serving import (
    Serving,
    answers_of,
    check_address,
    check_page,
    open_answers,
    origin_of,
)

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


@pytest.mark.parametrize("address", ["https://a.org", "HTTPS://a.org:8443/", "http://[::1]:8000", "http://127.0.0.1"])
def test_a_page_is_named_by_its_host(address: str) -> None:
    check_page(address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "a.org",
        "ftp://a.org",
        "https://",
        "https://a.org/study",
        "https://a.org//",
        "https://a.org/#x",
        "https://a b",
    ],
)
def test_a_page_in_a_folder_is_none(address: str) -> None:
    """Each of its requests was refused, since browsers name the host alone."""
    with pytest.raises(InputError, match="is no address of the page"):
        check_page(address)


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        (("http", "127.0.0.1", 8000), "http://127.0.0.1:8000"),
        (("http", "localhost", 80), "http://localhost"),
        (("http", "localhost", 443), "http://localhost:443"),
        (("https", "Reading.example.org", 443), "https://reading.example.org"),
        (("https", "reading.example.org", 8443), "https://reading.example.org:8443"),
        (("http", "::1", 8000), "http://[::1]:8000"),
        (("http", "::1", 80), "http://[::1]"),
        (("http", "127.0.0.1", 8000, "https://reading.example.org/"), "https://reading.example.org"),
        (("http", "127.0.0.1", 80, "https://reading.example.org:443"), "https://reading.example.org"),
    ],
)
def test_the_page_is_named_as_browsers_name_it(address: tuple[Any, ...], origin: str) -> None:
    assert origin_of(*address) == origin


@pytest.mark.slow
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_the_page_is_at_its_address(tmp_path: Path, host: str) -> None:
    try:
        socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError:
        pytest.skip(f"this machine has no {host}")
    with opened_study(tmp_path) as answers:
        serving = Serving(answers, host, free_port())
        thread = threading.Thread(target=serving.run)
        thread.start()
        try:
            assert httpx.get(serving.origin, timeout=60).status_code == 200
        finally:
            serving._server.should_exit = True
            thread.join(60)


def test_answers_lie_beside_the_study() -> None:
    assert answers_of("studies/one.two") == Path("studies/one.two.answers.sqlite")


def test_a_study_is_found_by_who_stands_in_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one" / "inner").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "one")
    assert (answers_of("."), key_of(".")) == (tmp_path / "one.answers.sqlite", tmp_path / "one.key.json")
    monkeypatch.chdir("inner")
    assert answers_of("..") == tmp_path / "one.answers.sqlite"


def test_to_serve_needs_nothing_that_computes(tmp_path: Path) -> None:
    """It is there in a second, and small beside what else the machine does."""
    with opened_study(tmp_path) as answers:
        study = answers.bundle.folder
    (tmp_path / "answers.sqlite").rename(answers_of(study))
    code = (
        "import sys\n"
        "from napari_recon_robust.cli.commands.review import serve\n"
        f"with serve.open_answers({str(study)!r}) as answers:\n"
        f"    serve.Serving(answers, '127.0.0.1', {free_port()})\n"
        "print(sorted({'torch', 'scipy', 'h5py', 'polars', 'starlette'} & set(sys.modules)))"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "['starlette']"


def served(study: Path, port: int, *options: str) -> subprocess.Popen[bytes]:
    """The server as a process of its own, once it answers."""
    command = [sys.executable, "-m", "napari_recon_robust.cli", "review", "serve", str(study), "--port", str(port)]
    process = subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 120
    with httpx.Client(verify=False) as client:  # to read the machine's certificates takes longer than to ask
        while True:
            try:
                client.get(f"http://127.0.0.1:{port}/")
            except httpx.TransportError:
                assert process.poll() is None
                assert time.monotonic() < end
                time.sleep(0.05)
            else:
                return process


@pytest.mark.thorough
def test_of_two_servers_the_one_that_ended_invites_nobody(tmp_path: Path) -> None:
    with opened_study(tmp_path) as answers:
        study = answers.bundle.folder
    (tmp_path / "answers.sqlite").rename(answers_of(study))
    first, second = free_port(), free_port()
    processes = [served(study, port) for port in (first, second)]
    try:
        with open_answers(study) as answers:
            assert answers.access.address == f"http://127.0.0.1:{second}"
            processes[1].terminate()
            processes[1].wait()
            assert answers.access.address == f"http://127.0.0.1:{first}"
            answers.verify()
    finally:
        for process in processes:
            process.kill()
            process.wait()


@pytest.mark.thorough
def test_readers_elsewhere_come_through_the_proxy_of_the_docs(tmp_path: Path) -> None:
    if shutil.which("nginx") is None or shutil.which("openssl") is None:
        pytest.skip("there is no nginx on this machine")
    inside, outside = free_port(), free_port()
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    subprocess.run(
        [*made, "-keyout", "reading.key", "-out", "reading.pem"], cwd=tmp_path, check=True, capture_output=True
    )
    recipe = (Path(__file__).parents[3] / "docs" / "nginx.conf").read_text(encoding="utf-8")
    for old, new in (
        ("listen 443 ssl", f"listen 127.0.0.1:{outside} ssl"),
        ("reading.example.org", "localhost"),
        ("/etc/ssl/reading", f"{tmp_path}/reading"),
        ("http://127.0.0.1:8000", f"http://127.0.0.1:{inside}"),
        ("Host $host", f"Host $host:{outside}"),  # a port of its own is a part of the name
    ):
        assert old in recipe
        recipe = recipe.replace(old, new)
    temporary = "".join(
        f"{name}_temp_path {tmp_path}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (tmp_path / "nginx.conf").write_text(
        f"daemon off; pid {tmp_path}/pid; error_log {tmp_path}/errors; events {{}}\nhttp {{ {temporary}{recipe} }}\n"
    )
    with opened_study(tmp_path) as answers:
        token, study = answers.access.invite("R1"), answers.bundle.folder
        length = {path.stat().st_size for path in study.glob("*.f32")}.pop()
    (tmp_path / "answers.sqlite").rename(answers_of(study))
    origin = f"https://localhost:{outside}"
    server = served(study, inside, "--public", origin)
    proxy = subprocess.Popen(["nginx", "-c", str(tmp_path / "nginx.conf"), "-p", str(tmp_path)])
    try:
        trusted = ssl.create_default_context(cafile=str(tmp_path / "reading.pem"))
        with httpx.Client(base_url=origin, headers={"Origin": origin}, verify=trusted, timeout=30) as client:
            end = time.monotonic() + 60
            while not (tmp_path / "pid").exists():
                assert time.monotonic() < end
                time.sleep(0.05)
            entered = client.post("/enter", json={"token": token})
            assert entered.status_code == 200, entered.text
            assert "Secure" in entered.headers["set-cookie"]
            assert client.post("/consent", json={}).status_code == 200
            case = client.get("/state").json()["next"]
            image = client.get(f"/image/{case['id']}/0")
            assert len(image.content) == length
            assert image.headers["cache-control"] == "no-store"
            assert client.post("/consent", json={}, headers={"Origin": "https://evil.example"}).status_code == 403
    finally:
        for process in (proxy, server):
            process.terminate()
            process.wait()


@pytest.mark.slow
def test_no_confirmed_answer_is_lost_when_the_server_is_killed(tmp_path: Path) -> None:
    """KILLS=20 in the environment kills it so many times."""
    port = free_port()
    kills = int(os.environ.get("KILLS", "2"))
    with opened_study(tmp_path, design={"readers": 2 + kills // 4, "repeats": 3}) as answers:
        tokens = [answers.access.invite(reader) for reader in answers.bundle.readers]
        study = answers.bundle.folder
    (tmp_path / "answers.sqlite").rename(answers_of(study))
    draw, origin = random.Random(0), f"http://127.0.0.1:{port}"
    headers, confirmed, number = {"Origin": origin}, [], 0
    clients = [httpx.Client(base_url=origin, headers=headers, verify=False, timeout=30) for _ in tokens]
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
