import json
import logging
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uvicorn
from starlette.testclient import TestClient

from helpers import browser
from helpers.browser import Browser
from helpers.reading import LESION
from napari_recon_robust.data.window import Window
from napari_recon_robust.reader_studies.answers import Answers
from napari_recon_robust.reader_studies.bundle import Shown
from napari_recon_robust.reader_studies.room.app import COOKIE, make_app

ORIGIN = "http://testserver"
JSON = {"Origin": ORIGIN, "Content-Type": "application/json"}


class Client:
    """A reader's browser, as far as a server sees it."""

    def __init__(self, answers: Answers, reader: str = "", consent: bool = True) -> None:
        self.http = TestClient(make_app(answers, ORIGIN), base_url=ORIGIN)
        if reader:
            assert self.post("/enter", token=answers.access.invite(reader)).status_code == 200
        if reader and consent:
            assert self.post("/consent").status_code == 200

    def get(self, path: str, **headers: str) -> Any:
        return self.http.get(path, headers=headers)

    def post(self, path: str, **body: Any) -> Any:
        return self.http.post(path, content=json.dumps(body), headers=JSON)

    @property
    def next(self) -> dict[str, Any]:
        found: dict[str, Any] = self.get("/state").json()["next"]
        return found

    def answer(self, level: int = 2, **changes: Any) -> Any:
        shown = self.next
        values = {"presentation": shown["id"], "revision": 0, "answers": {"sharpness": {"level": level}}}
        return self.post("/answer", **{**values, **changes})


def test_a_reader_reads_to_the_end(study: Callable[..., Answers]) -> None:
    answers = study()
    reader = Client(answers, "R1")
    for done in range(12):
        state = reader.get("/state").json()
        assert (state["done"], state["total"]) == (done, 12)
        assert reader.answer().status_code == 200
    assert reader.get("/state").json()["next"] is None
    assert len(answers.rows()) == 24


def test_the_image_is_the_exact_float32(study: Callable[..., Answers]) -> None:
    answers = study()
    reader = Client(answers, "R1")
    shown = answers.place("R1").shown
    assert shown is not None
    content = reader.get(f"/image/{shown.id}/0").content
    found = np.frombuffer(content, "<f4", shown.rows * shown.columns).reshape(shown.rows, shown.columns)
    np.testing.assert_array_equal(found, answers.bundle.image(shown.images[0], shown))


def test_nothing_is_served_without_an_invitation(study: Callable[..., Answers]) -> None:
    answers = study()
    stranger, id = Client(answers), answers.bundle.shown[0].id
    for path in ("/state", f"/presentation/{id}", f"/image/{id}/0"):
        assert stranger.get(path).status_code == 403
    for path in ("/consent", "/display", "/answer", "/forget"):
        assert stranger.post(path).status_code == 403
    assert stranger.get("/").status_code == 200


def test_a_reader_gets_nothing_of_another_one_and_nothing_that_comes_later(study: Callable[..., Answers]) -> None:
    answers = study(viewing={"reference": True})
    reader = Client(answers, "R1")
    own, other = answers.bundle.of_reader("R1"), answers.bundle.of_reader("R2")
    for id in (other[0].id, own[1].id, own[5].id, "guess", own[0].images[0]):
        assert reader.get(f"/presentation/{id}").status_code == 403
        for slot in ("0", "reference"):
            assert reader.get(f"/image/{id}/{slot}").status_code == 403
        assert reader.answer(presentation=id).status_code == 403
    assert reader.get(f"/image/{own[0].id}/reference").status_code == 200
    for slot in ("1", "-1", "..%2f..%2fkey", "reference.f32"):
        assert reader.get(f"/image/{own[0].id}/{slot}").status_code in (403, 404)


def test_images_wait_for_consent(study: Callable[..., Answers]) -> None:
    answers = study()
    reader = Client(answers, "R1", consent=False)
    assert reader.get(f"/image/{answers.bundle.of_reader('R1')[0].id}/0").status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Content-Type": "text/plain"},
    ],
)
def test_a_forged_request_is_refused(study: Callable[..., Answers], headers: dict[str, str]) -> None:
    answers = study()
    reader = Client(answers, "R1")
    body = {"presentation": reader.next["id"], "revision": 0, "answers": {"sharpness": {"level": 1}}}
    found = reader.http.post("/answer", content=json.dumps(body), headers={**JSON, **headers})
    assert found.status_code == 403
    assert not answers.rows()


def test_another_host_name_is_refused(study: Callable[..., Answers]) -> None:
    """A page elsewhere may let its own name point to this machine."""
    reader = Client(study(), "R1")
    assert reader.get("/state", Host="evil.example").status_code == 400
    assert reader.get("/", Host="evil.example").status_code == 400


def test_what_is_served_is_cached_and_embedded_nowhere(study: Callable[..., Answers]) -> None:
    answers = study()
    reader = Client(answers, "R1")
    for path in ("/", "/state", f"/image/{reader.next['id']}/0", "/nothing-there"):
        found = reader.get(path)
        if path != "/nothing-there":
            assert found.headers["cache-control"] == "no-store"
            assert "frame-ancestors 'none'" in found.headers["content-security-policy"]
        assert "access-control-allow-origin" not in found.headers


def test_the_session_is_a_cookie_that_scripts_and_other_sites_do_not_get(study: Callable[..., Answers]) -> None:
    answers = study()
    for origin, secure in ((ORIGIN, False), ("https://reading.example", True)):
        client = TestClient(make_app(answers, origin), base_url=origin)
        body = json.dumps({"token": answers.access.invite("R1")})
        cookie = client.post("/enter", content=body, headers={**JSON, "Origin": origin}).headers["set-cookie"]
        assert cookie.startswith(f"{COOKIE}=")
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert ("Secure" in cookie) is secure


def test_guesses_are_slowed_down(study: Callable[..., Answers]) -> None:
    stranger = Client(study())
    found = [stranger.post("/enter", token=f"guess {number}").status_code for number in range(25)]
    assert found == [403] * 20 + [429] * 5
    stranger.http.cookies.set(COOKIE, "guess")
    assert stranger.get("/state").status_code == 429


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"x" * 70_000, "more than an answer may hold"),
        (b"{", "not in the form"),
        (b"[" * 20_000, "not in the form"),
        (b"[]", "not in the form"),
        (b'{"presentation": 1, "revision": 0, "answers": {}}', "not in the form"),
        (b'{"presentation": "x", "revision": true, "answers": {}}', "not in the form"),
        (b'{"presentation": "x", "revision": 0, "answers": []}', "not in the form"),
    ],
)
def test_a_body_that_is_no_answer_gets_one_sentence(study: Callable[..., Answers], body: bytes, words: str) -> None:
    found = Client(study(), "R1").http.post("/answer", content=body, headers=JSON)
    assert found.status_code == 400
    assert words in found.json()["error"]


def test_an_answer_in_another_window_is_a_conflict(study: Callable[..., Answers]) -> None:
    reader = Client(study(), "R1")
    shown = reader.next
    assert reader.answer(level=1).status_code == 200
    assert reader.answer(level=1, presentation=shown["id"]).status_code == 200
    found = reader.answer(level=3, presentation=shown["id"])
    assert found.status_code == 409
    assert "another window" in found.json()["error"]


def test_going_back_and_revising(study: Callable[..., Answers]) -> None:
    answers = study()
    reader = Client(answers, "R1")
    first = reader.next["id"]
    reader.answer(level=1, comment="<b>dark</b>")
    assert reader.next["before"] == first
    again = reader.get(f"/presentation/{first}").json()
    assert again["revision"] == 1
    assert again["given"]["comment"] == {"text": "<b>dark</b>"}
    assert reader.answer(level=3, presentation=first, revision=1).status_code == 200
    assert answers.given("R1", first)[1]["sharpness"] == {"level": 3}


def test_the_truth_is_told_of_training_only_and_after_the_answer(study: Callable[..., Answers]) -> None:
    cases = [
        {"id": f"c{at}", "saved": f"c{at}", "patient": f"p{at}", "lesion": True, "training": at == 0} for at in range(3)
    ]
    reader = Client(study(cases=cases), "R1")
    shown = reader.next
    assert shown["training"]
    assert "truth" not in shown
    assert reader.answer().json()["truth"] == {"lesion": True, "place": None}
    assert not reader.next["training"]
    assert reader.answer().json()["truth"] is None


def test_a_reader_can_delete_everything(study: Callable[..., Answers]) -> None:
    answers = study()
    reader = Client(answers, "R1")
    reader.answer()
    assert reader.post("/forget").status_code == 200
    assert not answers.rows()
    assert reader.get("/state").status_code == 403


def test_a_full_disk_is_said_and_the_answer_can_be_sent_again(
    study: Callable[..., Answers], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = study()
    reader = Client(answers, "R1")
    answers._store._database.execute("PRAGMA max_page_count = 1")
    context = {"mode": "side"}
    comments = [reader.answer(comment="x" * 4000, context=context) for _ in range(20)]
    failed = next(found for found in comments if found.status_code != 200)
    assert failed.status_code == 507
    assert "make room, and send the answer again" in failed.json()["error"]
    stored = len(answers.rows())
    answers._store._database.execute("PRAGMA max_page_count = 100000")
    assert reader.answer().status_code == 200
    assert len(answers.rows()) == stored + 2
    answers.verify()


# ---------------------------------------------------------------- blinding


def test_all_that_a_reader_gets_of_two_arms_differs_in_pixels_alone(study: Callable[..., Answers]) -> None:
    """Headers, sizes and words; names that are drawn anew for each study are replaced by their place."""
    told = []
    for image in ("clean", "perturbed"):
        answers = study(image, arms=[{"name": "one", "image": image}])
        reader, heard = Client(answers, "R1"), []
        while (shown := reader.next) is not None:
            picture = reader.get(f"/image/{shown['id']}/0")
            state = reader.get("/state")
            for found in (picture, state):
                heard.append((found.status_code, sorted(found.headers.items()), len(found.content)))
            heard.append(state.text.replace(shown["id"], "id").replace(str(shown["before"]), "before"))
            heard.append(reader.answer().text)
        told.append(heard)
    assert told[0] == told[1]
    assert len(told[0]) == 4 * 6


def test_no_secret_is_logged(study: Callable[..., Answers], caplog: pytest.LogCaptureFixture) -> None:
    answers = study()
    with caplog.at_level(logging.DEBUG, logger="uvicorn"), _served(answers) as origin:
        token = answers.access.invite("R1")
        http = TestClient(make_app(answers, origin), base_url=origin)
        http.post("/enter", content=json.dumps({"token": token}), headers={**JSON, "Origin": origin})
        assert http.get("/state").status_code == 200
    words = "\n".join(record.getMessage() for record in caplog.records)
    assert token not in words
    assert http.cookies[COOKIE] not in words


# ---------------------------------------------------------------- in a browser


class _served:
    """A server in a thread, at a port of its own; gives the page's address."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    def __enter__(self) -> str:
        listening = socket.create_server(("127.0.0.1", 0))
        origin = f"http://127.0.0.1:{listening.getsockname()[1]}"
        options = uvicorn.Config(make_app(self._answers, origin), log_level="error", access_log=False)
        self._server = uvicorn.Server(options)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listening]})
        self._thread.start()
        end = time.monotonic() + 60
        while not self._server.started:
            assert time.monotonic() < end
            time.sleep(0.02)
        return origin

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(60)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if browser.found() is None:
        pytest.skip("there is no Chromium on this machine")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, Browser(Path(folder)) as opened:
        yield opened


def _enter(page: Browser, answers: Answers, origin: str, reader: str = "R1") -> None:
    """Through invitation, consent and the check of the display to the first case."""
    page.complaints.clear()
    page.open_address(f"{origin}/#{answers.access.invite(reader)}", "document.querySelector('button') !== null")
    for heading in ("A study", "Sitting 1"):
        page.run("document.querySelector('button.first').click()")
        page.wait(f"document.querySelector('h1')?.textContent.startsWith('{heading}')")
    assert page.run("location.href") == f"{origin}/"
    page.run("document.querySelector('button.first').click()")
    page.wait("document.querySelector('canvas') !== null")


def _grey(page: Browser, shown: Shown) -> np.ndarray:
    """What the canvas shows at the middle of each pixel."""
    script = f"""(() => {{
      const canvas = document.querySelector('canvas');
      const {{ corner, scale }} = current.view;
      const context = canvas.getContext('2d');
      const found = [];
      for (let row = 0; row < {shown.rows}; row += 1) for (let column = 0; column < {shown.columns}; column += 1) {{
        const at = [corner.x + (column + 0.5) * scale, corner.y + (row + 0.5) * scale].map(Math.floor);
        found.push(context.getImageData(at[0], at[1], 1, 1).data[0]);
      }}
      return found;
    }})()"""
    return np.array(page.run(script)).reshape(shown.rows, shown.columns)


@pytest.mark.slow
def test_a_scripted_reader_reads_a_study_by_keys(study: Callable[..., Answers], chromium: Browser) -> None:
    answers = study()
    with _served(answers) as origin:
        _enter(chromium, answers, origin)
        for done, shown in enumerate(answers.bundle.of_reader("R1")):
            chromium.wait(f"current?.shown.id === '{shown.id}'")
            assert chromium.run("document.querySelector('button.first').disabled")
            image = answers.bundle.image(shown.images[0], shown)
            seen = np.flipud(image) if shown.upside_down else image
            wanted = Window(*shown.window).grey(seen).astype(int)
            if done < 2:
                assert np.abs(_grey(chromium, shown) - wanted).max() <= 1
            chromium.key(str(1 + done % 3))
            chromium.key("Enter")
        chromium.wait("document.querySelector('h1')?.textContent === 'A study'")
        levels = [row["value"]["level"] for row in answers.rows() if row["question"] == "sharpness"]
        assert levels == [1 + done % 3 for done in range(12)]
        assert all(row["context"]["answered"] >= row["context"]["shown"] for row in answers.rows())
        assert chromium.run("document.cookie") == ""
        assert not chromium.complaints


@pytest.mark.slow
def test_a_lesion_is_marked_by_a_click(study: Callable[..., Answers], chromium: Browser) -> None:
    answers = study(questions=[{**LESION[0], "place": True}])
    with _served(answers) as origin:
        _enter(chromium, answers, origin)
        chromium.key("1")
        chromium.key("+")
        assert chromium.run("document.querySelector('button.first').disabled")
        place = chromium.run("""(() => {
          const { corner, scale } = current.view;
          const box = document.querySelector('canvas').getBoundingClientRect();
          return [box.left + corner.x + 5.5 * scale, box.top + corner.y + 3.5 * scale];
        })()""")
        chromium.drag((place[0], place[1]), (place[0], place[1]))
        assert not chromium.run("document.querySelector('button.first').disabled")
        first = chromium.run("current.shown.id")
        chromium.key("Enter")
        chromium.wait(f"current.shown.id !== '{first}'")
        shown = answers.bundle.by_id[first]
        value = answers.given("R1", first)[1]["lesion"]
        row = shown.rows - 1 - 3 if shown.upside_down else 3
        assert (value["seen"], value["confidence"]) == ("yes", 55)
        assert (value["row"], value["column"]) == (pytest.approx(row, abs=0.6), pytest.approx(5, abs=0.6))
        assert not chromium.complaints


@pytest.mark.slow
def test_an_answer_stays_on_the_screen_until_it_is_confirmed(study: Callable[..., Answers], chromium: Browser) -> None:
    answers = study(cases=[{"id": "c0", "saved": "c0", "patient": "p"}])
    with _served(answers) as origin:
        _enter(chromium, answers, origin)
        chromium.key("2")
    chromium.key("Enter")  # nobody serves any more
    chromium.wait("document.getElementById('message').textContent.includes('Your answer is still here')")
    assert chromium.run("current.asked[0].value.level") == 2
    assert not answers.rows()


@pytest.mark.slow
def test_html_in_words_of_the_study_is_shown_as_text(study: Callable[..., Answers], chromium: Browser) -> None:
    answers = study(title="A study <img src=x onerror=document.title='broken'>")
    with _served(answers) as origin:
        _enter(chromium, answers, origin)
        assert chromium.run("document.querySelector('img')") is None
        assert chromium.run("document.title") == "Reading"
