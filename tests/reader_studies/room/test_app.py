import json
import logging
import os
import random
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uvicorn
from scipy.stats import mannwhitneyu
from starlette.testclient import TestClient

from helpers import browser, firefox
from helpers.browser import Browser
from helpers.firefox import Firefox
from helpers.full_disk import room_for
from helpers.reading import LESION, PAIRS, QUALITY, VOLUMES, case_of, draw_the_same, plan
from helpers.reported import TURNS
from napari_recon_robust.cases.record import save_case
from napari_recon_robust.data.orientation import FIRST_ROW_BELOW, Directions, Plane, Turn
from napari_recon_robust.data.window import Window
from napari_recon_robust.reader_studies import audit
from napari_recon_robust.reader_studies.answers import Answers
from napari_recon_robust.reader_studies.bundle import Bundle, Shown
from napari_recon_robust.reader_studies.export import displays
from napari_recon_robust.reader_studies.freezing import freeze
from napari_recon_robust.reader_studies.room.app import make_app

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


@pytest.mark.slow
def test_a_reader_reads_to_the_end(study: Callable[..., Answers]) -> None:
    answers = study()
    reader = Client(answers, "R1")
    for done in range(12):
        state = reader.get("/state").json()
        assert (state["done"], state["total"]) == (done, 12)
        assert reader.answer().status_code == 200
    assert reader.get("/state").json()["next"] is None
    assert len(answers.rows()) == 24


@pytest.mark.slow
def test_the_image_is_the_exact_float32(study: Callable[..., Answers]) -> None:
    answers = study()
    reader = Client(answers, "R1")
    shown = answers.place("R1").shown
    assert shown is not None
    content = reader.get(f"/image/{shown.id}/0").content
    found = np.frombuffer(content, "<f4", shown.rows * shown.columns).reshape(1, shown.rows, shown.columns)
    np.testing.assert_array_equal(found, answers.bundle.image(shown.images[0], shown))


@pytest.mark.slow
def test_nothing_is_served_without_an_invitation(study: Callable[..., Answers]) -> None:
    answers = study()
    stranger, id = Client(answers), answers.bundle.shown[0].id
    for path in ("/state", f"/presentation/{id}", f"/image/{id}/0"):
        assert stranger.get(path).status_code == 403
    for path in ("/consent", "/display", "/answer", "/forget"):
        assert stranger.post(path).status_code == 403
    assert stranger.get("/").status_code == 200


@pytest.mark.slow
def test_a_reader_gets_nothing_of_another_one_and_nothing_that_comes_later(study: Callable[..., Answers]) -> None:
    answers = study(viewing={"reference": True})
    reader = Client(answers, "R1")
    own, other = answers.bundle.of_reader("R1"), answers.bundle.of_reader("R2")
    assert reader.get(f"/presentation/{own[1].id}").status_code == 403  # whose images are loaded ahead
    assert reader.answer(presentation=own[1].id).status_code == 403
    for id in (other[0].id, own[2].id, own[5].id, "guess", own[0].images[0]):
        assert reader.get(f"/presentation/{id}").status_code == 403
        for slot in ("0", "reference"):
            assert reader.get(f"/image/{id}/{slot}").status_code == 403
        assert reader.answer(presentation=id).status_code == 403
    assert reader.get(f"/image/{own[0].id}/reference").status_code == 200
    for slot in ("1", "-1", "..%2f..%2fkey", "reference.f32"):
        assert reader.get(f"/image/{own[0].id}/{slot}").status_code in (403, 404)


@pytest.mark.slow
def test_all_slices_of_a_case_are_one_payload(study: Callable[..., Answers]) -> None:
    answers = study(cases=[*VOLUMES, {"id": "c0", "saved": "c0", "patient": "p0"}])
    reader, sizes = Client(answers, "R1"), []
    assert reader.get("/state").json()["study"]["slices"] == 3
    while (told := reader.next) is not None:
        shown = answers.bundle.by_id[told["id"]]
        content = reader.get(f"/image/{shown.id}/0").content
        assert told["slices"] == shown.slices
        found = np.frombuffer(content, "<f4", shown.slices * shown.rows * shown.columns)
        np.testing.assert_array_equal(found, answers.bundle.image(shown.images[0], shown).ravel())
        sizes.append((shown.slices, len(content)))
        reader.answer()
    assert set(sizes) == {(1, 4 * 18 * 22), (3, 4 * 3 * 18 * 22)}


@pytest.mark.slow
def test_only_the_images_of_the_next_case_are_loaded_ahead(study: Callable[..., Answers]) -> None:
    """Without the reference, which its second step shows, and none of another sitting."""
    design = {"readers": 1, "sittings": "separate"}
    answers = study(questions=STEPS, design=design)
    reader, own = Client(answers, "R1"), answers.bundle.of_reader("R1")
    for at in range(5):
        following = own[at + 1]
        ahead = reader.get("/state").json()["ahead"]
        assert (ahead["id"], ahead["images"], ahead["reference"]) == (following.id, ["image"], False)
        content = reader.get(f"/image/{following.id}/0").content
        np.testing.assert_array_equal(
            np.frombuffer(content, "<f4"), answers.bundle.image(following.images[0], following).ravel()
        )
        assert reader.get(f"/image/{following.id}/reference").status_code == 403
        reader.answer()
        reader.answer(answers=NOTHING)
    assert own[6].sitting == 1
    assert reader.get("/state").json()["ahead"] is None
    assert reader.get(f"/image/{own[6].id}/0").status_code == 403


@pytest.mark.slow
def test_an_image_of_the_slice_that_is_judged_is_not_loaded_ahead(study: Callable[..., Answers]) -> None:
    """Of one case in two arms, the other arm would be compared."""
    answers = study(cases=[{"id": "c0", "saved": "c0", "patient": "p0"}])
    reader, own = Client(answers, "R1"), answers.bundle.of_reader("R1")
    assert reader.get("/state").json()["ahead"] is None
    assert reader.get(f"/image/{own[1].id}/0").status_code == 403
    reader.answer()
    assert reader.get(f"/image/{own[1].id}/0").status_code == 200


@pytest.mark.slow
def test_images_wait_for_consent(study: Callable[..., Answers]) -> None:
    answers = study()
    reader = Client(answers, "R1", consent=False)
    assert reader.get("/state").json()["ahead"] is None
    for shown in answers.bundle.of_reader("R1")[:2]:
        assert reader.get(f"/image/{shown.id}/0").status_code == 403


@pytest.mark.slow
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


@pytest.mark.slow
def test_another_host_name_is_refused(study: Callable[..., Answers]) -> None:
    """A page elsewhere may let its own name point to this machine."""
    reader = Client(study(), "R1")
    for path in ("/state", "/state/", "/nothing-there", "/answer"):
        found = reader.http.get(path, headers={"Host": "evil.example"}, follow_redirects=False)
        assert found.status_code == 400
    page = reader.get("/", Host="evil.example")
    assert (page.status_code, page.headers["content-type"].partition(";")[0]) == (400, "text/plain")


@pytest.mark.slow
def test_what_is_served_is_cached_and_embedded_nowhere(study: Callable[..., Answers]) -> None:
    answers = study()
    reader = Client(answers, "R1")
    for path in ("/", "/state", f"/image/{reader.next['id']}/0", "/nothing-there", "/answer", "/state/"):
        found = reader.get(path)
        assert found.headers["cache-control"] == "no-store"
        assert "frame-ancestors 'none'" in found.headers["content-security-policy"]
        assert "access-control-allow-origin" not in found.headers
    assert reader.get("/nothing-there").status_code == 404
    assert (reader.get("/answer").status_code, reader.get("/answer").headers["allow"]) == (405, "POST")


@pytest.mark.slow
def test_the_session_is_a_cookie_that_scripts_and_other_sites_do_not_get(study: Callable[..., Answers]) -> None:
    answers = study()
    for origin, secure in ((ORIGIN, False), ("https://reading.example", True)):
        client = TestClient(make_app(answers, origin), base_url=origin)
        body = json.dumps({"token": answers.access.invite("R1")})
        cookie = client.post("/enter", content=body, headers={**JSON, "Origin": origin}).headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert ("Secure" in cookie) is secure


@pytest.mark.slow
def test_two_studies_on_one_host_keep_their_sessions(study: Callable[..., Answers]) -> None:
    """Cookies know no port, so that both get those of either."""
    first, second = study("one"), study("two")
    reader, other = Client(first, "R1"), Client(second)
    other.http.cookies.update(reader.http.cookies)
    assert other.post("/enter", token=second.access.invite("R1")).status_code == 200
    reader.http.cookies.update(other.http.cookies)
    assert reader.get("/state").status_code == 200


@pytest.mark.slow
def test_guesses_are_slowed_down(study: Callable[..., Answers]) -> None:
    answers = study()
    stranger = Client(answers)
    found = [stranger.post("/enter", token=f"guess {number}").status_code for number in range(25)]
    assert found == [403] * 20 + [429] * 5
    stranger.http.cookies.set(f"reading-{answers.bundle.id[:16]}", "guess")
    assert stranger.get("/state").status_code == 429


@pytest.mark.slow
def test_past_the_limit_not_even_the_right_token_is_tried(study: Callable[..., Answers]) -> None:
    answers = study()
    stranger = Client(answers)
    for number in range(20):
        stranger.post("/enter", token=f"guess {number}")
    assert stranger.post("/enter", token=answers.access.invite("R1")).status_code == 429


@pytest.mark.slow
def test_the_check_of_the_display_is_kept_after_consent_and_not_without_end(study: Callable[..., Answers]) -> None:
    reader = Client(study(), "R1", consent=False)
    refused = reader.post("/display", size="24")
    assert (refused.status_code, "before you have agreed" in refused.text) == (403, True)
    reader.post("/consent")
    found = [reader.post("/display", size="24").status_code for _ in range(250)]
    assert found[0] == 200
    assert found[-1] == 429


@pytest.mark.slow
def test_a_consent_and_a_deletion_are_limited_and_a_consent_is_logged_once(study: Callable[..., Answers]) -> None:
    answers = study()
    reader = Client(answers, "R1")
    before = answers.head
    found = [reader.post("/consent").status_code for _ in range(250)]
    assert (found[0], found[-1]) == (200, 429)
    assert answers.head == before
    assert reader.post("/forget").status_code == 429
    assert answers.consented("R1")


@pytest.mark.slow
def test_half_a_letter_is_refused_in_one_sentence(study: Callable[..., Answers]) -> None:
    """As of a comment that is cut within an emoji."""
    reader = Client(study(), "R1")
    for path, body in (("/enter", {"token": "\ud800"}), ("/answer", {"comment": "\ud83d"})):
        found = reader.post(path, **body)
        assert (found.status_code, "not in the form" in found.text) == (400, True)


@pytest.mark.slow
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


@pytest.mark.slow
def test_an_answer_in_another_window_is_a_conflict(study: Callable[..., Answers]) -> None:
    reader = Client(study(), "R1")
    shown = reader.next
    assert reader.answer(level=1).status_code == 200
    assert reader.answer(level=1, presentation=shown["id"]).status_code == 200
    found = reader.answer(level=3, presentation=shown["id"])
    assert found.status_code == 409
    assert "another window" in found.json()["error"]


@pytest.mark.slow
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


@pytest.mark.slow
def test_the_truth_is_told_of_training_only_and_after_the_answer(study: Callable[..., Answers]) -> None:
    cases = [
        {"id": f"c{at}", "saved": f"c{at}", "patient": f"p{at}", "lesion": True, "training": at == 0} for at in range(3)
    ]
    reader = Client(study(cases=cases), "R1")
    shown = reader.next
    assert shown["training"]
    assert "truth" not in shown
    assert reader.answer().json()["truth"] == {"lesion": True, "places": []}
    again = reader.get(f"/presentation/{shown['id']}").json()  # as of a page that is loaded anew
    assert (again["truth"], again["given"]["sharpness"]) == ({"lesion": True, "places": []}, {"level": 2})
    following = reader.next
    assert not following["training"]
    assert following["before"] is None
    assert "truth" not in reader.get(f"/presentation/{following['id']}").json()
    assert reader.answer().json()["truth"] is None
    assert reader.get(f"/presentation/{shown['id']}").status_code == 403
    assert "truth" not in reader.get(f"/presentation/{following['id']}").json()


STEPS = [QUALITY, {"id": "structures", "kind": "structures", "text": "Changed?", "reference": True}]
NOTHING = {"structures": {"changes": [], "certainty": 50}}


@pytest.mark.slow
def test_the_reference_comes_after_what_is_asked_without_it(study: Callable[..., Answers]) -> None:
    answers = study(questions=STEPS)
    reader = Client(answers, "R1")
    first = reader.next
    assert (first["step"], first["questions"], first["reference"]) == (0, ["sharpness"], False)
    assert reader.get(f"/image/{first['id']}/reference").status_code == 403
    assert reader.answer(answers=NOTHING).status_code == 403
    assert reader.answer(answers={"sharpness": {"level": 2}} | NOTHING).status_code == 400
    assert reader.answer(level=2).status_code == 200
    state = reader.get("/state").json()
    second = state["next"]
    assert (second["id"], second["step"], second["questions"], state["done"]) == (first["id"], 1, ["structures"], 0)
    assert second["reference"]
    assert reader.get(f"/image/{first['id']}/reference").status_code == 200
    assert reader.answer(level=2, revision=0).status_code == 200  # sent once more
    assert reader.answer(level=3, revision=0).status_code == 409
    assert "before the reference was shown" in reader.answer(level=3, revision=1).json()["error"]
    assert reader.answer(answers=NOTHING, comment="flat").status_code == 200
    assert reader.get("/state").json()["done"] == 1
    assert reader.answer(answers=NOTHING, presentation=first["id"], revision=1).status_code == 200
    assert len(answers.rows()) == 3
    answers.verify()


@pytest.mark.slow
def test_the_truth_is_told_after_the_last_step(study: Callable[..., Answers]) -> None:
    first = {"id": "c0", "saved": "c0", "patient": "p", "lesion": False, "training": True}
    cases = [first, {"id": "c1", "saved": "c1", "patient": "q"}]
    reader = Client(study(questions=STEPS, cases=cases), "R1")
    assert reader.answer().json()["truth"] is None
    assert reader.answer(answers=NOTHING).json()["truth"] == {"lesion": False, "places": []}


@pytest.mark.slow
@pytest.mark.parametrize(("questions", "told"), [([QUALITY], None), (LESION, {"lesion": None, "places": []})])
def test_a_truth_that_is_not_known_is_spoken_of_only_where_it_is_asked_about(
    study: Callable[..., Answers], questions: list[dict[str, Any]], told: dict[str, Any] | None
) -> None:
    cases = [{"id": "c0", "saved": "c0", "patient": "p", "training": True}, {"id": "c1", "saved": "c1", "patient": "q"}]
    reader = Client(study(questions=questions, cases=cases), "R1")
    answer = {"sharpness": {"level": 2}} if told is None else {"lesion": {"seen": "no", "confidence": 50}}
    assert reader.answer(answers=answer).json()["truth"] == told


@pytest.mark.slow
def test_a_reader_can_delete_everything(study: Callable[..., Answers]) -> None:
    answers = study()
    reader = Client(answers, "R1")
    reader.answer()
    assert reader.post("/forget").status_code == 200
    assert not answers.rows()
    assert reader.get("/state").status_code == 403


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{}, {"cases": VOLUMES, "design": {"readers": 2, "repeats": 2}}])
def test_all_that_a_reader_gets_of_two_arms_differs_in_pixels_alone(
    study: Callable[..., Answers], monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    """Headers, sizes and words, with the same secret, opaque names and clock in both studies."""
    told, now = [], audit.now()
    monkeypatch.setattr(audit, "now", lambda: now)
    for image in ("clean", "perturbed"):
        draw_the_same(monkeypatch)
        answers = study(image, arms=[{"name": "one", "image": image}], **changes)
        reader, heard = Client(answers, "R1"), []
        while (shown := reader.next) is not None:
            picture = reader.get(f"/image/{shown['id']}/0")
            state = reader.get("/state")
            for found in (picture, state):
                heard.append((found.status_code, sorted(found.headers.items()), len(found.content)))
            heard.append(state.text)
            heard.append(reader.answer().text)
        told.append(heard)
    assert told[0] == told[1]
    assert len(told[0]) == 4 * (4 if changes else 6)


def _processor(readers: dict[str, Client], times: int) -> dict[str, list[float]]:
    """Processor time of each request of an image, in a random order that is the same mixture for all readers."""
    draw, found = random.Random(0), {name: list[float]() for name in readers}
    paths = {name: f"/image/{reader.next['id']}/0" for name, reader in readers.items()}
    for _ in range(times):
        for name in draw.sample(list(readers), len(readers)):
            began = time.process_time()
            readers[name].get(paths[name])
            found[name].append(time.process_time() - began)
    return found


@pytest.mark.thorough
def test_serving_takes_as_long_whatever_the_arm(study: Callable[..., Answers], monkeypatch: pytest.MonkeyPatch) -> None:
    """Processor times of mixed requests differ no more than by chance, and a millisecond of work would be seen."""
    names = ("clean", "perturbed")
    studies = {image: study(image, arms=[{"name": "one", "image": image}]) for image in names}
    readers = {name: Client(answers, "R1") for name, answers in studies.items()}
    _processor(readers, 20)
    assert mannwhitneyu(*_processor(readers, 150).values()).pvalue > 1e-4
    payload = studies["perturbed"].bundle.payload
    monkeypatch.setattr(studies["perturbed"].bundle, "payload", lambda name: (sum(range(200_000)), payload(name))[1])
    assert mannwhitneyu(*_processor(readers, 100).values()).pvalue < 1e-4


@pytest.mark.slow
def test_no_secret_is_logged(study: Callable[..., Answers], caplog: pytest.LogCaptureFixture) -> None:
    answers = study()
    with caplog.at_level(logging.DEBUG, logger="uvicorn"), _served(answers) as origin:
        token = answers.access.invite("R1")
        http = TestClient(make_app(answers, origin), base_url=origin)
        http.post("/enter", content=json.dumps({"token": token}), headers={**JSON, "Origin": origin})
        assert http.get("/state").status_code == 200
    words = "\n".join(record.getMessage() for record in caplog.records)
    assert token not in words
    (secret,) = http.cookies.values()
    assert secret not in words


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


def _enter(page: Browser | Firefox, answers: Answers, origin: str, reader: str = "R1") -> None:
    """Through invitation, consent and the check of the display to the first case."""
    page.open_address("about:blank", "location.href === 'about:blank'")  # so that the page is loaded anew
    page.complaints.clear()  # of the page before, whose server may have ended while it loaded a case ahead
    page.open_address(f"{origin}/#{answers.access.invite(reader)}", "document.querySelector('button') !== null")
    for heading in ("A study", "Check the display", "How to read"):
        page.run("document.querySelector('button.first').click()")
        page.wait(f"document.querySelector('h1')?.textContent.startsWith('{heading}')")
    assert page.run("location.href") == f"{origin}/"
    page.run("document.querySelector('button.first').click()")
    page.wait("document.querySelector('canvas') !== null")


def _enter_elsewhere(page: Browser, answers: Answers, reader: str) -> None:
    """Use an invitation as in another tab, with which the page shares its cookie."""
    body = json.dumps(json.dumps({"token": answers.access.invite(reader)}))
    headers = "{ 'Content-Type': 'application/json' }"
    page.run(f"fetch('/enter', {{ method: 'POST', headers: {headers}, body: {body} }}).then(() => null)")


def _grey(page: Browser | Firefox, shown: Shown) -> np.ndarray:
    """What the canvas shows at the middle of each pixel."""
    rows, columns = shown.turn.size((shown.rows, shown.columns))
    script = f"""(() => {{
      const canvas = document.querySelector('canvas');
      const {{ corner, scale }} = current.view;
      const context = canvas.getContext('2d');
      const found = [];
      for (let row = 0; row < {rows}; row += 1) for (let column = 0; column < {columns}; column += 1) {{
        const at = [corner.x + (column + 0.5) * scale, corner.y + (row + 0.5) * scale].map(Math.floor);
        found.push(context.getImageData(at[0], at[1], 1, 1).data[0]);
      }}
      return found;
    }})()"""
    return np.array(page.run(script)).reshape(rows, columns)


@pytest.mark.slow
def test_a_scripted_reader_reads_a_study_by_keys(study: Callable[..., Answers], chromium: Browser) -> None:
    answers = study()
    with _served(answers) as origin:
        _enter(chromium, answers, origin)
        for done, shown in enumerate(answers.bundle.of_reader("R1")):
            chromium.wait(f"current?.shown.id === '{shown.id}'")
            assert chromium.run("document.querySelector('button.first').disabled")
            image = answers.bundle.image(shown.images[0], shown)[0]
            seen = shown.turn.shown(image)
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


def _shrunk(page: Browser | Firefox) -> np.ndarray:
    """Where the first canvas, with its image at 0.6 screen pixels a pixel, shows no nearest pixel."""
    return np.array(
        page.run("""(() => {
          const { view, images: [{ id }], contents: [{ canvas }], state } = current;
          [view.kind, view.scale] = ["free", 0.6];
          current.draw();
          const { rows, columns } = current.description;
          const [picture, onto] = [current.pictures.grey(id, state.window), view.onScreen.inverse()];
          const grey = picture.getContext("2d").getImageData(0, 0, columns, rows).data;
          const { x: left, y: top } = view.onScreen.transformPoint({ x: 0, y: 0 });
          const { x: right, y: bottom } = view.onScreen.transformPoint({ x: columns, y: rows });
          const [x0, y0] = [Math.ceil(Math.min(left, right)), Math.ceil(Math.min(top, bottom))];
          const [x1, y1] = [Math.floor(Math.max(left, right)), Math.floor(Math.max(top, bottom))];
          const shown = canvas.getContext("2d");
          const wrong = [];
          for (let y = y0; y < y1; y += 1) for (let x = x0; x < x1; x += 1) {
            const at = onto.transformPoint({ x: x + 0.5, y: y + 0.5 });
            const wanted = grey[4 * (Math.floor(at.y) * columns + Math.floor(at.x))];
            if (shown.getImageData(x, y, 1, 1).data[0] !== wanted) wrong.push([x, y]);
          }
          return x1 - x0 > 5 ? wrong : [[-1, -1]];
        })()""")
    )


def _on_screen(page: Browser | Firefox, column: float, row: float) -> tuple[float, float]:
    """Where the middle of a pixel is on the page, counted from the top left as it is seen."""
    x, y = page.run(f"""(() => {{
      const {{ corner, scale }} = current.view;
      const box = document.querySelector('canvas').getBoundingClientRect();
      return [box.left + corner.x + ({column} + 0.5) * scale, box.top + corner.y + ({row} + 0.5) * scale];
    }})()""")
    return x, y


@pytest.mark.slow
def test_firefox_shows_the_same_greys_and_takes_the_same_keys(
    study: Callable[..., Answers], chromium: Browser, tmp_path: Path
) -> None:
    if firefox.found() is None:
        pytest.skip("there is no Firefox on this machine")
    answers = study(questions=[QUALITY, {"id": "marks", "kind": "free-response", "text": "Mark."}])
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, _served(answers) as origin:
        with Firefox(Path(folder)) as page:
            _enter(page, answers, origin)
            first = answers.bundle.of_reader("R1")[0]
            greys = _grey(page, first)
            chromium.open_address(
                f"{origin}/#{answers.access.invite('R1')}", "document.querySelector('button') !== null"
            )
            chromium.run("document.querySelector('button.first').click()")
            chromium.wait("document.querySelector('canvas') !== null")
            assert np.abs(greys.astype(int) - _grey(chromium, first)).max() <= 1
            assert np.ptp(greys) > 50
            assert not _shrunk(chromium).size
            assert not _shrunk(page).size
            page.run("current.view.set('fit') ?? null")
            assert page.run("getComputedStyle(document.querySelector('progress')).appearance") == "none"  # else white
            page.key("2")
            page.click(*_on_screen(page, 5, 3))
            page.key("+")
            page.wait("!document.querySelector('.end button.first').disabled")
            page.key("Enter")
            page.wait(f"current.shown.id !== '{first.id}'")
            assert page.run("document.cookie") == ""
            assert not [said for said in page.complaints if "favicon.ico" not in said]  # which the browser asks for
        given = answers.given("R1", first.id)[1]
        row = first.rows - 1 - 3 if first.turn == FIRST_ROW_BELOW else 3
        assert given["sharpness"] == {"level": 2}
        assert given["marks"]["marks"] == [
            {"row": pytest.approx(row, abs=0.6), "column": pytest.approx(5, abs=0.6), "rating": 55}
        ]


@pytest.mark.slow
def test_arrows_after_a_click_on_an_answer_change_no_answer(study: Callable[..., Answers], chromium: Browser) -> None:
    answers = study(questions=[{"id": "marks", "kind": "free-response", "text": "Mark."}, QUALITY])
    with _served(answers) as origin:
        _enter(chromium, answers, origin)
        at = chromium.run("""(() => {
          const box = document.querySelectorAll('fieldset')[1].querySelectorAll('label')[1].getBoundingClientRect();
          return [box.left + box.width / 2, box.top + box.height / 2];
        })()""")
        chromium.drag(at, at)
        assert chromium.run("current.asked[1].answer") == {"level": 2}
        chromium.key("m")
        column = chromium.run("current.asked[0].places[0].column")
        chromium.key("ArrowRight")
        assert chromium.run("current.asked[1].answer") == {"level": 2}
        assert chromium.run("current.asked[0].places[0].column") == column + 1


@pytest.mark.slow
def test_a_browser_that_hides_the_screens_pixels_is_told_of(study: Callable[..., Answers], chromium: Browser) -> None:
    """As Firefox with privacy.resistFingerprinting, which a page finds by what it reads of a canvas."""
    answers = study()
    with _served(answers) as origin:
        chromium.open_address("about:blank", "location.href === 'about:blank'")
        chromium.open_address(f"{origin}/#{answers.access.invite('R1')}", "document.querySelector('button') !== null")
        chromium.run("""(OffscreenCanvasRenderingContext2D.prototype.getImageData = () =>
          ({ data: new Uint8ClampedArray(1024).fill(255) })) && null""")
        for heading in ("A study", "Check the display"):
            chromium.run("document.querySelector('button.first').click()")
            chromium.wait(f"document.querySelector('h1')?.textContent.startsWith('{heading}')")
        assert "privacy.resistFingerprinting" in chromium.run("document.querySelector('.note').textContent")
        chromium.run("document.querySelector('button.first').click()")
        chromium.wait("document.querySelector('h1')?.textContent === 'How to read'")
        assert "browser hides the pixels of the screen" in displays(answers)[0]


@pytest.mark.slow
def test_a_lesion_is_marked_by_a_click(study: Callable[..., Answers], chromium: Browser) -> None:
    answers = study(questions=[{**LESION[0], "place": True}])
    with _served(answers) as origin:
        _enter(chromium, answers, origin)
        chromium.key("1")
        chromium.key("+")
        assert chromium.run("document.querySelector('button.first').disabled")
        place = _on_screen(chromium, 5, 3)
        chromium.drag(place, place)
        assert not chromium.run("document.querySelector('button.first').disabled")
        first = chromium.run("current.shown.id")
        chromium.key("Enter")
        chromium.wait(f"current.shown.id !== '{first}'")
        shown = answers.bundle.by_id[first]
        value = answers.given("R1", first)[1]["lesion"]
        row = shown.rows - 1 - 3 if shown.turn == FIRST_ROW_BELOW else 3
        assert (value["seen"], value["confidence"]) == ("yes", 55)
        assert (value["row"], value["column"]) == (pytest.approx(row, abs=0.6), pytest.approx(5, abs=0.6))
        assert not chromium.complaints


@pytest.mark.slow
def test_an_image_that_is_dragged_away_and_back_is_not_marked(study: Callable[..., Answers], chromium: Browser) -> None:
    with _served(answers := study(questions=[MARKS])) as origin:
        _enter(chromium, answers, origin)
        x, y = _on_screen(chromium, 8, 8)
        chromium.drag((x, y), (x + 60, y + 40), (x + 1, y))
        assert chromium.run("current.asked[0].places.length") == 0
        chromium.drag((x, y), (x + 2, y))  # a hand that trembles
        assert chromium.run("current.asked[0].places.length") == 1


MARKS = {"id": "marks", "kind": "free-response", "text": "Mark each lesion."}


@pytest.mark.slow
@pytest.mark.parametrize("turn", TURNS[2:], ids=lambda turn: turn.words)
def test_an_image_that_is_seen_turned_is_marked_where_it_is_stored(
    tmp_path: Path, chromium: Browser, turn: Turn
) -> None:
    case = case_of(0)
    axial = Directions(row=(1, 0, 0), column=(0, 1, 0))  # the readout leads to the patient's left
    plane = Plane(directions=axial).model_dump(mode="json")
    source = {**case.recipe.source, "upright": turn.model_dump(), "plane": plane}
    save_case(replace(case, recipe=case.recipe.model_copy(update={"source": source})), tmp_path / "c0")
    given = plan(questions=[MARKS], cases=[{"id": "c0", "saved": "c0", "patient": "p0", "lesion": True}])
    answers = Answers(tmp_path / "answers.sqlite", Bundle(freeze(given, tmp_path / "study", tmp_path)))
    with _served(answers) as origin:
        _enter(chromium, answers, origin)
        shown = answers.bundle.by_id[chromium.run("current.shown.id")]
        assert chromium.run("current.description.sides") == turn.letters(axial)
        chromium.run("current.description.sides = {}; current.draw()")  # they lie over some pixels
        assert np.abs(_grey(chromium, shown) - _slice(shown, answers, 0, 0)).max() <= 1
        click = _on_screen(chromium, 5, 3)
        chromium.drag(click, click)
        seen = np.zeros(turn.size((shown.rows, shown.columns)))
        seen[3, 5] = 1
        place = chromium.run("current.asked[0].places[0]")
        ((row, column),) = np.argwhere(turn.inverse.shown(seen))
        assert (place["row"], place["column"]) == (pytest.approx(row, abs=0.6), pytest.approx(column, abs=0.6))
        chromium.key("ArrowDown")
        moved = chromium.run("current.asked[0].places[0]")
        by = moved["row"] - place["row"], moved["column"] - place["column"]
        assert turn.matrix @ by == pytest.approx([1, 0])
        assert not chromium.complaints


@pytest.mark.slow
def test_fingers_zoom_move_turn_the_window_and_mark(study: Callable[..., Answers], chromium: Browser) -> None:
    answers = study(questions=[MARKS])
    with _served(answers) as origin:
        _enter(chromium, answers, origin)
        x, y = _on_screen(chromium, 8, 8)
        fitting = chromium.run("current.view.scale")
        chromium.touch("touchStart", (x - 20, y), (x + 20, y))
        chromium.touch("touchMove", (x - 60, y), (x + 60, y))
        chromium.touch("touchEnd")
        assert chromium.run("current.view.scale") == pytest.approx(3 * fitting, rel=0.2)
        before = chromium.run("current.view.centre.x")
        chromium.touch("touchStart", (x, y))
        chromium.touch("touchMove", (x - 40, y))
        chromium.touch("touchEnd")
        assert chromium.run("current.view.centre.x") > before
        assert chromium.run("current.asked[0].places.length") == 0
        window = chromium.run("current.state.window")
        chromium.touch("touchStart", (x, y))
        chromium.wait("document.querySelector('canvas').classList.contains('windowing')")
        chromium.touch("touchMove", (x + 40, y))
        chromium.touch("touchEnd")
        wider = chromium.run("current.state.window")
        assert wider["high"] - wider["low"] > window["high"] - window["low"]
        assert chromium.run("current.asked[0].places.length") == 0
        chromium.touch("touchStart", (x, y))
        chromium.touch("touchEnd")
        chromium.wait("current.asked[0].places.length === 1")
        assert not chromium.complaints


@pytest.mark.thorough
def test_marks_and_ranks_are_given_by_keys_and_the_mouse(study: Callable[..., Answers], chromium: Browser) -> None:
    arms = [{"name": name, "image": image} for name, image in zip("xyz", ("clean", "perturbed", "random"), strict=True)]
    ranks = study("ranks", arms=arms, questions=[{"id": "rank", "kind": "ranking", "text": "Rank."}])
    with _served(ranks) as origin:
        _enter(chromium, ranks, origin)
        first = chromium.run("current.shown.id")
        titles = "[...document.querySelectorAll('figcaption')].map((one) => one.textContent)"
        assert chromium.run(titles) == ["A", "B", "C"]
        assert chromium.run("current.modes") == ["side", "flicker"]
        chromium.run("document.querySelectorAll('button.rank')[2].click()")
        chromium.key("1")
        chromium.key("l")
        chromium.wait("current.phase === 2")
        chromium.key("Enter")
        chromium.wait(f"current.shown.id !== '{first}'")
        assert ranks.given("R1", first)[1]["rank"] == {"order": [2, 0, 1]}
    marks = study("marks", questions=[MARKS])
    with _served(marks) as origin:
        _enter(chromium, marks, origin)
        shown = marks.bundle.by_id[chromium.run("current.shown.id")]
        for key in ("m", "+", "+", "ArrowLeft", "ArrowDown"):
            chromium.key(key)
        chromium.drag(_on_screen(chromium, 1, 1), _on_screen(chromium, 1, 1))
        assert chromium.run("document.querySelector('.end button.first').disabled")
        chromium.key("x")
        assert not chromium.run("document.querySelector('.end button.first').disabled")
        chromium.key("Enter")
        chromium.wait(f"current.shown.id !== '{shown.id}'")
        down = -1 if shown.turn == FIRST_ROW_BELOW else 1
        place = {"row": (shown.rows - 1) / 2 + down, "column": (shown.columns - 1) / 2 - 1}
        assert marks.given("R1", shown.id)[1]["marks"] == {"marks": [{**place, "rating": 60}]}
        assert not chromium.complaints


@pytest.mark.slow
def test_the_reference_is_shown_at_the_second_step_and_the_view_stays(
    study: Callable[..., Answers], chromium: Browser
) -> None:
    answers = study(questions=STEPS)
    with _served(answers) as origin:
        _enter(chromium, answers, origin)
        first = chromium.run("current.shown.id")
        chromium.run("current.setWindow(0.1, 0.6)")
        chromium.key("2")
        chromium.key("Enter")
        chromium.wait("current.shown.step === 1")
        assert chromium.run("current.shown.id") == first
        assert chromium.run("[...document.querySelectorAll('figcaption b')].map((one) => one.textContent)") == [
            "Reference",
            "Image",
        ]
        assert chromium.run("current.state.window.low") == pytest.approx(0.1)
        for key in ("4", "+"):
            chromium.key(key)
        chromium.key("Enter")
        chromium.wait(f"current.shown.id !== '{first}'")
        assert len(answers.rows()) == 3


@pytest.mark.thorough
def test_going_back_leads_past_the_case_that_is_judged_anew(study: Callable[..., Answers], chromium: Browser) -> None:
    """Its reference was shown in another arm; the time of the case that waits goes on."""
    answers = study(questions=STEPS)
    order = [one for one in answers.bundle.of_reader("R1") if not one.training]
    at = next(number for number, one in enumerate(order) if any(one.same == other.same for other in order[:number]))
    with _served(answers) as origin:
        _enter(chromium, answers, origin)
        for shown in order[:at]:
            for keys, step in (("2", 0), ("4+", 1)):
                chromium.wait(f"current.shown.id === '{shown.id}' && current.shown.step === {step}")
                for key in (*keys, "Enter"):
                    chromium.key(key)
        chromium.wait(f"current.shown.id === '{order[at].id}'")
        passed, began = [], chromium.run("current.times.shown")
        while chromium.run("current.shown.before") is not None:
            before = chromium.run("current.shown.before")
            chromium.key("Backspace")
            chromium.wait(f"current.shown.id === '{before}'")
            passed.append(before)
            assert chromium.run("current.shown.reference")
        assert passed == [one.id for one in reversed(order[:at]) if one.same != order[at].same]
        chromium.key("Backspace")
        assert "no case before" in chromium.run("document.getElementById('message').textContent")
        assert "Back" not in chromium.run("[...document.querySelectorAll('.end button')].map((one) => one.textContent)")
        rival = next(one.id for one in order[:at] if one.same == order[at].same)
        for path in (f"/presentation/{rival}", f"/image/{rival}/reference", f"/image/{rival}/0"):
            assert chromium.run(f"fetch('{path}').then((answer) => answer.status)") == 403
        chromium.key("Enter")  # the earliest one is stored once more
        chromium.wait(f"current.shown.id === '{order[at].id}'")
        assert chromium.run("current.times.shown") == began
        assert chromium.run("current.times.hidden") > 0
        assert not chromium.run("current.shown.reference")
        assert not [said for said in chromium.complaints if "403" not in said]


@pytest.mark.slow
def test_a_scale_shows_the_keys_that_it_has(study: Callable[..., Answers], chromium: Browser) -> None:
    answers = study(questions=[{**QUALITY, "words": [f"level {at}" for at in range(11)]}])
    with _served(answers) as origin:
        _enter(chromium, answers, origin)
        keys = chromium.run("[...document.querySelectorAll('.form label kbd')].map((one) => one.textContent)")
        assert keys == [*"123456789", "", "", "0"]
        chromium.key("9")
        assert chromium.run("current.asked[0].answer") == {"level": 9}


@pytest.mark.thorough
def test_marks_that_a_key_takes_away_come_back(study: Callable[..., Answers], chromium: Browser) -> None:
    answers = study(questions=[MARKS])
    places = "current.asked[0].places.map(({ row, column, rating }) => [row, column, rating])"
    with _served(answers) as origin:
        _enter(chromium, answers, origin)
        for column in (3, 12):
            chromium.drag(_on_screen(chromium, column, 3), _on_screen(chromium, column, 3))
            chromium.key("+")
        marked = chromium.run(places)
        assert [rating for *_, rating in marked] == [55, 55]
        for key in "10":
            chromium.key(key)
            assert chromium.run(places) == []
            assert "Bring back 2 marks (Z)" in chromium.run("document.querySelector('.form').innerText")
            chromium.key("z")
            assert chromium.run(places) == marked
        for key, count in (("x", 1), ("x", 0), ("z", 1), ("z", 2), ("z", 2)):
            chromium.key(key)
            assert len(chromium.run(places)) == count
        assert sorted(chromium.run(places)) == sorted(marked)
        assert not chromium.complaints


@pytest.mark.slow
def test_it_says_when_no_further_mark_can_be_set(study: Callable[..., Answers], chromium: Browser) -> None:
    answers = study(questions=[MARKS])
    mark, words = "current.asked[0].mark", "document.querySelector('.form').innerText"
    with _served(answers) as origin:
        _enter(chromium, answers, origin)
        assert "Click on each lesion" in chromium.run(words)
        for number in range(21):  # beyond NEAR of each other, or the mark that is there would be chosen
            chromium.run(f"{mark}({3 + 10 * (number // 5)}, {3 + 10 * (number % 5)}); 0")
        assert chromium.run("current.asked[0].places.length") == 20
        assert "20 marks are the most that a case can have. Take one away to set another." in chromium.run(words)
        chromium.key("x")
        assert "Click on each lesion" in chromium.run(words)
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
def test_a_reader_is_told_of_a_full_disk_and_sends_the_answer_again(
    study: Callable[..., Answers], chromium: Browser
) -> None:
    answers = study()
    first = answers.bundle.of_reader("R1")[0]
    with _served(answers) as origin:
        _enter(chromium, answers, origin)
        chromium.key("3")
        with room_for(0):
            chromium.key("Enter")
            chromium.wait("document.getElementById('message').textContent.includes('make room, and send')")
        assert chromium.run("[current.shown.id, current.asked[0].value.level]") == [first.id, 3]
        assert not answers.rows()
        chromium.key("Enter")
        chromium.wait(f"current.shown.id !== '{first.id}'")
        assert answers.given("R1", first.id)[1]["sharpness"] == {"level": 3}


@pytest.mark.slow
def test_a_revision_asks_for_what_was_not_given_before(study: Callable[..., Answers], chromium: Browser) -> None:
    answers = study(questions=[*LESION, STEPS[1]], viewing={"reference": True})
    first = answers.bundle.of_reader("R1")[0].id
    with _served(answers) as origin:
        _enter(chromium, answers, origin)
        for key in ("3", "4", "+", "Enter"):  # unsure, and nothing was changed
            chromium.key(key)
        chromium.wait(f"current.shown.id !== '{first}'")
        chromium.key("Backspace")
        chromium.wait(f"current.shown.id === '{first}'")
        assert not chromium.run("current.next.disabled")
        chromium.run("current.asked[0].set({ seen: 'yes' }); current.asked[1].toggle('added', true)")
        assert chromium.run("current.asked.map((one) => one.value)") == [None, None]


@pytest.mark.slow
def test_enter_says_which_question_waits_until_it_is_answered(study: Callable[..., Answers], chromium: Browser) -> None:
    answers = study(questions=[*LESION, STEPS[1]], viewing={"reference": True})
    first = answers.bundle.of_reader("R1")[0].id
    with _served(answers) as origin:
        _enter(chromium, answers, origin)
        asked = chromium.run("current.asked.map((one) => one.question.text)")
        names = chromium.run("current.asked[1].choices.map((one) => one.name)")
        assert names == [*["changes"] * 3, "nothing", "cannot_judge", *["consequence"] * 3]
        said = []
        for key in ("Enter", "3", "Enter", "4", "+"):  # unsure, and nothing was changed
            chromium.key(key)
            said.append(chromium.run("document.getElementById('message').textContent"))
        first_waits, second_waits = (f"“{one}” is not answered in full yet." for one in asked)
        assert said[0].startswith(first_waits)
        assert said[2].startswith(second_waits)
        assert (said[1], said[3], said[4]) == ("", "", "")
        chromium.key("Enter")
        chromium.wait(f"current.shown.id !== '{first}'")


@pytest.mark.slow
def test_a_second_reader_opens_an_invitation_where_the_page_is_open(
    study: Callable[..., Answers], chromium: Browser
) -> None:
    """Its address differs in what stands behind the # alone, so that the browser loads nothing."""
    answers = study()
    with _served(answers) as origin:
        _enter(chromium, answers, origin, "R1")
        assert chromium.run("current.place.reader") == "R1"
        chromium.open_address(
            f"{origin}/#{answers.access.invite('R2')}", "document.querySelector('h1')?.textContent === 'Reader study'"
        )
        assert chromium.run("location.href") == f"{origin}/"
        chromium.run("document.querySelector('button.first').click()")
        chromium.wait("document.body.innerText.includes('under the pseudonym R2')")
        assert not chromium.complaints


@pytest.mark.slow
def test_a_link_that_was_used_leads_back_to_the_own_reading(study: Callable[..., Answers], chromium: Browser) -> None:
    answers = study()
    token = answers.access.invite("R1")
    with _served(answers) as origin:
        _enter(chromium, answers, origin)
        chromium.open_address(f"{origin}/#{token}", "document.querySelector('h1')?.textContent === 'Reader study'")
        chromium.run("document.querySelector('button.first').click()")
        chromium.wait("document.body.innerText.includes('This link is not valid')")
        assert chromium.run("document.querySelector('button.first').textContent") == "Continue as R1"
        chromium.run("document.querySelector('button.first').click()")
        chromium.wait("document.querySelector('canvas') !== null")


@pytest.mark.slow
def test_the_second_of_two_windows_is_led_to_the_next_case(study: Callable[..., Answers], chromium: Browser) -> None:
    answers = study()
    with _served(answers) as origin:
        _enter(chromium, answers, origin)
        first = chromium.run("current.shown.id")
        answers.record("R1", first, 0, {"sharpness": {"level": 1}})  # as in another window
        chromium.key("3")
        chromium.key("Enter")
        chromium.wait("document.getElementById('message').textContent.includes('another window')")
        chromium.run("document.querySelector('#message button').click()")
        chromium.wait(f"current.shown.id !== '{first}'")
        assert chromium.run("[current.asked[0].value, document.getElementById('message').textContent]") == [None, ""]
        assert answers.given("R1", first)[1]["sharpness"] == {"level": 1}


@pytest.mark.slow
def test_what_was_not_sent_yet_is_there_after_loading_the_page_anew(
    study: Callable[..., Answers], chromium: Browser
) -> None:
    answers = study(cases=VOLUMES, questions=[QUALITY, MARKS])
    with _served(answers) as origin:
        _enter(chromium, answers, origin)
        first, began = chromium.run("current.shown.id"), chromium.run("performance.now() - current.times.shown")
        for key in ("3", "k", "m", "+"):
            chromium.key(key)
        chromium.run("current.comment.value = 'dark'; current.comment.dispatchEvent(new Event('input'))")
        given = chromium.run("current.asked.map((one) => one.value)")
        chromium.run("window.earlier = true; location.reload()")
        chromium.wait("!window.earlier && document.querySelector('canvas') !== null && current !== null")
        assert chromium.run("current.asked.map((one) => one.value)") == given
        assert chromium.run("current.comment.value") == "dark"
        assert chromium.run("performance.now() - current.times.shown") > began
        assert chromium.run("current.state.slice") == 1
        assert chromium.run("current.times.seen.map((time) => time > 0)") == [True, True, False]
        chromium.key("Enter")
        chromium.wait(f"current.shown.id !== '{first}'")
        assert chromium.run("current.asked.map((one) => one.value)") == [None, None]
        assert answers.given("R1", first)[1]["comment"] == {"text": "dark"}
        assert not chromium.complaints


@pytest.mark.slow
@pytest.mark.parametrize("keys", ["", "2"])
@pytest.mark.parametrize("away", [False, True])
def test_the_time_before_a_page_is_loaded_anew_counts_unless_it_was_hidden(
    study: Callable[..., Answers], chromium: Browser, keys: str, away: bool
) -> None:
    """Also where nothing was answered yet, or long after the last answer."""
    with _served(answers := study()) as origin:
        _enter(chromium, answers, origin)
        for key in keys:
            chromium.key(key)
        if away:
            chromium.key("p")
        time.sleep(1)
        began = chromium.run("performance.timeOrigin + current.times.shown")
        chromium.run("window.earlier = true; location.reload()")
        chromium.wait("!window.earlier && document.querySelector('canvas') !== null && current !== null")
        assert chromium.run("performance.timeOrigin + current.times.shown") == pytest.approx(began, abs=1)
        seen, hidden = chromium.run("[performance.now() - current.times.shown, current.times.hidden]")
        assert (hidden if away else seen - hidden) >= 1000


@pytest.mark.slow
@pytest.mark.parametrize("days", [-0.1, -21_000, 21_000])
def test_a_clock_that_is_set_while_the_page_is_away_makes_no_wrong_times(
    study: Callable[..., Answers], chromium: Browser, days: float
) -> None:
    """By minutes back, or by decades where a machine begins in 1970: no answer could be sent from that tab any more."""
    with _served(answers := study()) as origin:
        _enter(chromium, answers, origin)
        chromium.key("2")
        began = chromium.run("performance.now() - current.times.shown")
        draft = "Object.keys(sessionStorage).find((key) => key.startsWith('draft'))"
        kept = json.loads(chromium.run(f"sessionStorage.getItem({draft})"))
        kept["origin"] -= days * 24 * 3600e3
        name = chromium.run(draft)
        chromium.open_address(f"{origin}/assets/room.css", "!window.current && document.readyState === 'complete'")
        chromium.run(f"sessionStorage.setItem({json.dumps(name)}, {json.dumps(json.dumps(kept))})")
        chromium.open_address(origin, "document.querySelector('canvas') !== null && current !== null")
        chromium.key("Enter")
        chromium.wait("current.place.done === 1")
    times = answers.rows()[0]["context"]
    assert times["hidden"] > -1e-6  # but for rounding
    assert began <= times["answered"] - times["shown"] - times["hidden"] < began + 60_000


@pytest.mark.slow
def test_who_takes_the_place_of_another_reader_sees_nothing_of_theirs(
    study: Callable[..., Answers], chromium: Browser
) -> None:
    """In the same tab, and in one that was open when the newcomer agreed elsewhere."""
    answers, agreed = study(questions=[MARKS]), "document.querySelector('canvas') !== null && current !== null"
    given = "[current.asked[0].places.length, current.comment.value]"
    with _served(answers) as origin:
        for elsewhere in (False, True):
            _enter(chromium, answers, origin)
            assert chromium.run(given) == [0, ""]
            chromium.key("m")
            chromium.run("current.comment.value = 'dark'; current.comment.dispatchEvent(new Event('input'))")
            answers.forget("R1")
            if not elsewhere:
                continue
            answers.consent("R1")
            answers.check_display("R1", 0, {})
            _enter_elsewhere(chromium, answers, "R1")
            chromium.run("window.earlier = true; location.reload()")
            chromium.wait(f"!window.earlier && {agreed}")
            assert chromium.run(given) == [0, ""]


@pytest.mark.thorough
def test_going_back_keeps_what_was_not_sent_yet(study: Callable[..., Answers], chromium: Browser) -> None:
    """Also where the page is loaded anew while the case before is revised; the time in between is hidden."""
    answers = study(questions=[QUALITY, {**QUALITY, "id": "noise"}])
    first, second = (one.id for one in answers.bundle.of_reader("R1")[:2])
    given = "current.asked.map((one) => one.value?.level ?? 0)"
    with _served(answers) as origin:
        _enter(chromium, answers, origin)
        for key in ("1", "2", "Enter"):
            chromium.key(key)
        chromium.wait(f"current.shown.id === '{second}'")
        chromium.key("3")
        chromium.run("current.comment.value = 'dark'; current.comment.dispatchEvent(new Event('input'))")
        began, acted = chromium.run("[current.times.shown, current.times.first]")
        for anew in (False, True):
            chromium.key("Backspace")
            chromium.wait(f"current.shown.id === '{first}'")
            assert chromium.run(given) == [1, 2]
            if anew:
                chromium.run("window.earlier = true; location.reload()")
                chromium.wait("!window.earlier && document.querySelector('canvas') !== null && current !== null")
            else:
                chromium.key("Enter")
            chromium.wait(f"current.shown.id === '{second}'")
            assert chromium.run(given) == [3, 0]
            assert chromium.run("current.comment.value") == "dark"
            assert chromium.run("current.times.first - current.times.shown") == pytest.approx(acted - began, abs=0.01)
            assert 0 < chromium.run("current.times.hidden") < chromium.run("performance.now() - current.times.shown")
        for key in ("2", "Enter"):
            chromium.key(key)
        chromium.wait(f"current.shown.id !== '{second}'")
        assert chromium.run(given) == [0, 0]
        assert not [kept for kept in chromium.run("Object.keys(sessionStorage)") if second in kept]
        assert answers.given("R1", second)[1]["comment"] == {"text": "dark"}
        assert not chromium.complaints


@pytest.mark.slow
def test_keys_turn_the_window_zoom_and_move(study: Callable[..., Answers], chromium: Browser) -> None:
    answers = study(questions=[MARKS])

    def window() -> tuple[float, float]:
        low, high = chromium.run("[current.state.window.low, current.state.window.high]")
        return (low + high) / 2, high - low

    with _served(answers) as origin:
        _enter(chromium, answers, origin)
        middle, width = window()
        chromium.key("b")
        assert window() == pytest.approx((middle - 0.05 * width, width))
        chromium.key("d")
        chromium.key("c")
        assert window() == pytest.approx((middle, 0.9 * width))
        chromium.key("n")
        assert window() == pytest.approx((middle, width))
        fitting, centre = chromium.run("current.view.scale"), chromium.run("current.view.centre")
        for key in ("PageUp", "PageUp", "PageUp", "ArrowRight", "ArrowUp"):
            chromium.key(key)
        assert chromium.run("current.view.scale") == pytest.approx(fitting * 1.25**3)
        moved = chromium.run("current.view.centre")
        assert moved["x"] > centre["x"]
        assert moved["y"] < centre["y"]
        chromium.key("m")
        for _ in range(20):
            chromium.key("ArrowRight")
        place, seen = chromium.run("current.asked[0].chosen"), chromium.run("current.view.screen")
        x = chromium.run(f"current.view.corner.x + ({place['column']} + 0.5) * current.view.scale")
        assert 0 < x < seen["x"]
        for _ in range(4):
            chromium.key("PageDown")
        assert chromium.run("current.view.scale") == pytest.approx(fitting)
        assert not chromium.complaints


def test_a_page_that_is_longer_than_the_window_begins_with_its_first_words(
    study: Callable[..., Answers], chromium: Browser
) -> None:
    answers = study()
    with _served(answers) as origin:
        chromium.resize(420, 400)
        chromium.open_address(f"{origin}/#{answers.access.invite('R1')}", "document.querySelector('h1') !== null")
        for words in ("You take part under the pseudonym", "Check the display"):
            chromium.run("document.querySelector('button.first').click()")
            chromium.wait(f"main.innerText.includes('{words}')")
        assert chromium.run("document.documentElement.scrollHeight") > 400
        assert chromium.run("scrollY") == 0
        assert chromium.run("document.activeElement.textContent") == "Continue", "and Enter goes on all the same"


@pytest.mark.slow
def test_a_choice_is_between_letters_wherever_the_images_stand(
    study: Callable[..., Answers], chromium: Browser
) -> None:
    """Beside the reference the second of two images may stand further left than the first, or below it."""
    answers = study(questions=PAIRS, viewing={"reference": True})
    with _served(answers) as origin:
        _enter(chromium, answers, origin)
        figures = "[...document.querySelectorAll('figure')]"
        for width, height, stands in ((1280, 800, "<"), (420, 1400, "===")):
            chromium.resize(width, height)
            chromium.wait(f"(([, a, b]) => b {stands} a)({figures}.map((one) => one.getBoundingClientRect().x))")
            assert chromium.run(f"{figures}.map((one) => one.innerText.trim())") == ["Reference", "A", "B"]
        words = chromium.run("[...document.querySelectorAll('.form label')].map((one) => one.innerText)")
        assert [word.split()[-1] for word in words[:2]] == ["A", "B"]


@pytest.mark.slow
def test_what_is_under_way_is_said_and_stays_as_it_was_answered(
    study: Callable[..., Answers], chromium: Browser
) -> None:
    """However long it takes until the next case is there, neither keys nor clicks change what looks like the answer."""
    answers = study()
    with _served(answers) as origin:
        _enter(chromium, answers, origin)
        shown = answers.bundle.of_reader("R1")[0]
        held = "new Promise((go) => { window.let = () => go(real(...asked)); })"
        chromium.run(f"window.real = fetch; window.fetch = (...asked) => {held}")
        for key in ("2", "Enter"):
            chromium.key(key)
        assert chromium.run("document.querySelector('.end .first').textContent") == "Loading…"
        for key in ("3", "Backspace"):
            chromium.key(key)
        box = chromium.run("document.querySelector('.form label').getBoundingClientRect().toJSON()")
        place = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        chromium.drag(place, place)
        assert chromium.run("current.asked[0].value") == {"level": 2}
        chromium.run("window.fetch = real; window.let()")
        chromium.wait(f"current.shown.id !== '{shown.id}'")
        assert chromium.run("document.querySelector('.end .first').textContent") == "Next (Enter)"
        assert answers.given("R1", shown.id)[1]["sharpness"] == {"level": 2}


LESIONS = [
    {"id": f"c{at}", "saved": f"c{at}", "patient": f"p{at}", "lesion": True, "training": at < 2}
    | {"place": {"shapes": [{"kind": "box", "row": 4, "column": 5, "height": 3, "width": 3}]}}
    for at in range(3)
]
TITLE, SAID = "document.querySelector('.end .first').textContent", "document.getElementById('message').textContent"


@pytest.mark.thorough
@pytest.mark.parametrize("back", [True, False])
def test_the_truth_of_training_stays_until_the_reader_goes_on(
    study: Callable[..., Answers], chromium: Browser, back: bool
) -> None:
    """Keys and clicks change the view and not the answer that was sent, also of a page that is loaded anew."""
    answers = study(cases=LESIONS, questions=[QUALITY, MARKS], design={"readers": 1, "back": back})
    first, second = (one.id for one in answers.bundle.of_reader("R1")[:2])
    with _served(answers) as origin:
        _enter(chromium, answers, origin)
        for key in ("2", "m", "+", "Enter"):
            chromium.key(key)
        for anew in (False, True):
            if anew:
                chromium.run("window.earlier = true; location.reload()")
            chromium.wait(f"!(window.earlier && {anew:d}) && current?.truth && {TITLE} === 'Continue (Enter)'")
            assert chromium.run("current.shown.id") == first
            assert "it is marked in blue" in chromium.run(SAID)
            given = chromium.run("current.asked.map((one) => one.value)")
            scale = chromium.run("current.view.scale")
            for key in ("1", "0", "x", "z", "m", "+", "ArrowLeft", "Backspace", "PageUp"):
                chromium.key(key)
            for click in (_on_screen(chromium, 8, 8), (1150, 200)):
                chromium.drag(click, click)
            assert chromium.run("current.asked.map((one) => one.value)") == given
            assert chromium.run("current.view.scale") > scale
            assert chromium.run(TITLE) == "Continue (Enter)"
        chromium.key("Enter")
        chromium.wait(f"current.shown.id === '{second}'")
        assert chromium.run("[current.told, current.truth ?? null, sessionStorage.told ?? '']") == [False, None, ""]
        assert answers.given("R1", first)[1]["sharpness"] == {"level": 2}
        assert not chromium.complaints


@pytest.mark.slow
def test_a_truth_that_was_left_in_another_window_is_over(study: Callable[..., Answers], chromium: Browser) -> None:
    answers = study(cases=LESIONS, design={"readers": 1})
    order = [one.id for one in answers.bundle.of_reader("R1")]
    with _served(answers) as origin:
        _enter(chromium, answers, origin)
        for key in ("2", "Enter"):
            chromium.key(key)
        chromium.wait(f"{TITLE} === 'Continue (Enter)'")
        answers.record("R1", order[1], 0, {"sharpness": {"level": 1}})
        chromium.run("window.earlier = true; location.reload()")
        chromium.wait(f"!window.earlier && current?.shown.id === '{order[2]}'")
        assert chromium.run("sessionStorage.told ?? ''") == ""


@pytest.mark.slow
def test_no_mark_is_set_outside_of_the_square(study: Callable[..., Answers], chromium: Browser) -> None:
    answers = study(questions=[MARKS], viewing={"region": True})
    shown = answers.bundle.of_reader("R1")[0]
    object.__setattr__(shown, "region", (4, 6, 8, 9))  # as of an image that is wider than the square
    place = "current.asked[0].places[0]"
    with _served(answers) as origin:
        _enter(chromium, answers, origin)
        for column, row in ((3, 8), (8, 1), (18, 8), (8, 16)):
            click = _on_screen(chromium, column, row)
            chromium.drag(click, click)
            assert chromium.run("current.asked[0].places.length") == 0
            assert "do not count" in chromium.run(SAID)
        click = _on_screen(chromium, 8, 8)
        chromium.drag(click, click)
        assert chromium.run("current.asked[0].places.length") == 1
        assert chromium.run(SAID) == ""
        down = "ArrowUp" if shown.turn == FIRST_ROW_BELOW else "ArrowDown"
        for _ in range(20):
            chromium.key("ArrowRight")
            chromium.key(down)
        assert (chromium.run(f"{place}.row"), chromium.run(f"{place}.column")) == (11, 14)
        assert shown.counts({"row": 11, "column": 14})
        assert not chromium.complaints


@pytest.mark.slow
def test_a_study_without_a_way_back_offers_none(study: Callable[..., Answers], chromium: Browser) -> None:
    answers = study(design={"readers": 2, "back": False})
    with _served(answers) as origin:
        _enter(chromium, answers, origin)
        first = chromium.run("current.shown.id")
        for key in ("2", "Enter"):
            chromium.key(key)
        chromium.wait(f"current.shown.id !== '{first}'")
        second = chromium.run("current.shown.id")
        chromium.key("Backspace")
        assert "cannot be changed" in chromium.run(SAID)
        assert chromium.run("current.shown.id") == second
        assert "Back" not in chromium.run("[...document.querySelectorAll('.end button')].map((one) => one.textContent)")
        assert "Backspace" not in chromium.run("howToRead(current.study).map((one) => one.textContent).join()")
        for path in (f"/presentation/{first}", f"/image/{first}/0"):
            assert chromium.run(f"fetch('{path}').then((answer) => answer.status)") == 403


COUNTED = """
    [window.asked, window.real] = [[], fetch];
    window.fetch = (path, ...more) => {
      if (path.startsWith('/image/')) asked.push(path.slice(7));
      return real(path, ...more);
    };
"""


@pytest.mark.slow
def test_the_second_step_loads_only_what_it_adds(study: Callable[..., Answers], chromium: Browser) -> None:
    answers = study(questions=STEPS)
    with _served(answers) as origin:
        _enter(chromium, answers, origin)
        first = chromium.run("current.shown.id")
        chromium.run(COUNTED)
        for key in ("2", "Enter"):
            chromium.key(key)
        chromium.wait("current.shown.step === 1")
        assert chromium.run(f"asked.filter((path) => path.startsWith('{first}'))") == [f"{first}/reference"]
        shown = answers.bundle.by_id[first]
        for name, image in (("0", shown.images[0]), ("reference", shown.reference)):
            held = np.array(chromium.run(f"[...current.pictures.values['{name}/0']]"), np.float32)
            np.testing.assert_array_equal(held, answers.bundle.image(image, shown)[0].ravel())


@pytest.mark.thorough
def test_the_next_case_is_loaded_while_one_is_judged(study: Callable[..., Answers], chromium: Browser) -> None:
    """Each image once; no more than two cases are held, also while an earlier one is revised."""
    answers = study(questions=PAIRS)
    shown = [one.id for one in answers.bundle.of_reader("R1")]
    with _served(answers) as origin:
        _enter(chromium, answers, origin)
        chromium.wait(f"Object.keys(loaded['{shown[1]}']?.bytes ?? {{}}).length === 2")
        chromium.run(COUNTED)
        for at in (1, 2):
            for key in ("1", "Enter"):
                chromium.key(key)
            chromium.wait(f"current.shown.id === '{shown[at]}'")
            chromium.wait(f"loaded['{shown[at + 1]}']?.share(['0', '1']) === 1")
            assert set(chromium.run("Object.keys(loaded)")) == {shown[at], shown[at + 1]}
        assert chromium.run("asked") == [f"{id}/{slot}" for id in shown[2:4] for slot in "01"]
        chromium.run("asked.length = 0")
        chromium.key("Backspace")
        chromium.wait(f"current.shown.id === '{shown[1]}'")
        assert set(chromium.run("Object.keys(loaded)")) == {shown[1], shown[2]}
        assert sorted(chromium.run("asked")) == [f"{shown[1]}/0", f"{shown[1]}/1"]  # what is judged next is still there


@pytest.mark.slow
def test_a_broken_connection_is_said_and_only_what_is_missing_is_loaded_again(
    study: Callable[..., Answers], chromium: Browser
) -> None:
    answers = study(questions=PAIRS)
    shown = [one.id for one in answers.bundle.of_reader("R1")]
    with _served(answers) as origin:
        _enter(chromium, answers, origin)
        chromium.run(COUNTED)
        chromium.run(f"""
            window.counting = fetch;
            window.fetch = async (path, ...more) => {{
              const response = await counting(path, ...more);
              if (path !== '/image/{shown[2]}/1') return response;
              const start = new Uint8Array(await response.arrayBuffer(), 0, 8);
              const pull = (stream) => stream.error(new TypeError('network error'));
              const body = {{ start: (stream) => stream.enqueue(start), pull }};
              return new Response(new ReadableStream(body, {{ highWaterMark: 0 }}));
            }};
        """)
        for before in shown[:2]:
            chromium.wait(f"current.shown.id === '{before}'")
            for key in ("1", "Enter"):
                if before == shown[1]:
                    chromium.wait(f"asked.includes('{shown[2]}/1') && !('1' in loaded['{shown[2]}'].asked)")
                chromium.key(key)
        chromium.wait("document.querySelector('main button')?.textContent === 'Try again'")
        assert "The connection broke" in chromium.run("document.querySelector('main p').textContent")
        of_third = f"asked.filter((path) => path.startsWith('{shown[2]}')).map((path) => path.slice(-1))"
        assert sorted(chromium.run(of_third)) == ["0", "1", "1"]  # once ahead, and once when it was needed
        chromium.run("window.fetch = counting; asked.length = 0; document.querySelector('main button').click()")
        chromium.wait(f"current?.shown.id === '{shown[2]}'")
        assert chromium.run(of_third) == ["1"]
        assert answers.place("R1").done == 2


@pytest.mark.thorough
def test_a_slow_connection_is_told_how_much_has_arrived(study: Callable[..., Answers], chromium: Browser) -> None:
    answers = study()
    shown = [one.id for one in answers.bundle.of_reader("R1")]
    with _served(answers) as origin:
        _enter(chromium, answers, origin)
        chromium.run(f"""
            window.real = fetch;
            window.fetch = async (path, ...more) => {{
              const response = await real(path, ...more);
              if (path !== '/image/{shown[2]}/0') return response;
              const bytes = new Uint8Array(await response.arrayBuffer());
              const most = 3 * bytes.length / 4;
              const start = (stream) => {{
                stream.enqueue(bytes.slice(0, most));
                window.let = () => {{ stream.enqueue(bytes.slice(most)); stream.close(); }};
              }};
              return new Response(new ReadableStream({{ start }}), {{ headers: response.headers }});
            }};
        """)
        for before in shown[:2]:
            chromium.wait(f"current.shown.id === '{before}'")
            for key in ("2", "Enter"):
                chromium.key(key)
        chromium.wait("document.getElementById('message').textContent === 'The images are loading: 75%.'")
        chromium.run("window.let()")
        chromium.wait(f"current.shown.id === '{shown[2]}'")
        assert chromium.run("document.getElementById('message').textContent") == ""


@pytest.mark.slow
def test_a_button_does_one_thing_at_a_time(study: Callable[..., Answers], chromium: Browser) -> None:
    """The second click of two does not use the invitation up before the first one is answered."""
    answers = study()
    with _served(answers) as origin:
        chromium.open_address("about:blank", "location.href === 'about:blank'")
        chromium.open_address(f"{origin}/#{answers.access.invite('R1')}", "document.querySelector('button') !== null")
        chromium.run("[window.asked, window.real] = [[], fetch]")
        chromium.run("window.fetch = (path, ...more) => (asked.push(path), real(path, ...more))")
        chromium.run("((button) => { button.click(); button.click(); })(document.querySelector('button.first'))")
        chromium.wait("document.querySelector('h1').textContent === 'A study'")
        assert chromium.run("asked") == ["/enter", "/state"]


@pytest.mark.thorough
def test_a_page_says_whose_it_is_and_when_it_becomes_somebody_elses(
    study: Callable[..., Answers], chromium: Browser
) -> None:
    """Two readers at one machine share its cookie: the first one's window must not go on for the second."""
    answers = study()
    with _served(answers) as origin:
        _enter(chromium, answers, origin, "R2")  # who has consented, and checked the display
        _enter(chromium, answers, origin, "R1")
        assert chromium.run("document.querySelector('h1').textContent") == "R1 · Case 1 of 12"
        _enter_elsewhere(chromium, answers, "R2")
        chromium.key("2")
        chromium.key("Enter")
        chromium.wait("document.querySelector('#message button') !== null")
        chromium.run("document.querySelector('#message button').click()")
        chromium.wait("document.querySelector('h1').textContent === 'You are reader R2 now'")
        assert "If you are R1, do not go on here" in chromium.run("document.body.innerText")
        chromium.run("document.querySelector('button.first').click()")
        chromium.wait("document.querySelector('h1').textContent === 'R2 · Case 1 of 12'")
    assert not answers.rows()


@pytest.mark.slow
def test_a_page_deletes_nothing_of_who_came_to_its_browser_since(
    study: Callable[..., Answers], chromium: Browser
) -> None:
    """R1 pauses, R2 reads in another tab, and R1 returns to the first one."""
    answers = study()
    answers.consent("R2")
    answers.record("R2", answers.bundle.of_reader("R2")[0].id, 0, {"sharpness": {"level": 1}})
    with _served(answers) as origin:
        _enter(chromium, answers, origin, "R1")
        chromium.key("p")
        _enter_elsewhere(chromium, answers, "R2")
        chromium.run("window.confirm = () => true; window.alert = (words) => { window.told = words; }")
        chromium.run("document.querySelector('.row button:not(.first)').click()")
        chromium.wait("document.querySelector('h1').textContent === 'You are reader R2 now'")
        assert "another reader takes part in this browser" in chromium.run("told.toLowerCase()")
    assert {row["reader"] for row in answers.rows()} == {"R2"}
    assert answers.consented("R1")


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/consent", "/display", "/answer", "/forget"])
def test_what_another_readers_page_sends_changes_nothing(study: Callable[..., Answers], path: str) -> None:
    reader = Client(answers := study(), "R1", consent=path != "/consent")
    before = answers.head
    own = {"presentation": reader.next["id"], "revision": 0, "answers": {"sharpness": {"level": 2}}}
    refused = reader.post(path, reader="R2", **own)
    assert (refused.status_code, "another reader takes part" in refused.text) == (403, True)
    assert answers.head == before
    assert reader.post(path, reader="R1", **own).status_code == 200
    assert answers.head != before


@pytest.mark.slow
@pytest.mark.parametrize("region", [True, False])
def test_a_reader_is_told_what_the_square_is_for(
    study: Callable[..., Answers], chromium: Browser, region: bool
) -> None:
    with _served(answers := study(viewing={"region": region})) as origin:
        _enter(chromium, answers, origin)
        chromium.key("h")
        assert ("only what is in it counts" in chromium.run("document.body.innerText")) is region


@pytest.mark.slow
def test_after_a_sitting_a_reader_is_told_which_one_is_done(study: Callable[..., Answers], chromium: Browser) -> None:
    answers = study(design={"readers": 1, "sittings": "separate"})
    answers.consent("R1")
    for shown in answers.bundle.of_reader("R1"):
        if not shown.sitting:
            answers.record("R1", shown.id, 0, {"sharpness": {"level": 1}})
    with _served(answers) as origin:
        chromium.open_address("about:blank", "location.href === 'about:blank'")
        chromium.open_address(f"{origin}/#{answers.access.invite('R1')}", "document.querySelector('button') !== null")
        chromium.run("document.querySelector('button.first').click()")
        chromium.wait("document.body.innerText.includes('You can begin the next sitting')")
        assert "You have finished sitting 1 of 2." in chromium.run("document.body.innerText")


@pytest.mark.parametrize(
    ("width", "height", "least"), [(420, 800, 300), (680, 1000, 400), (420, 400, 120), (820, 1180, 550)]
)
def test_the_image_has_room_in_a_narrow_window(
    study: Callable[..., Answers], chromium: Browser, width: int, height: int, least: int
) -> None:
    answers = study()
    with _served(answers) as origin:
        _enter(chromium, answers, origin)
        chromium.resize(width, height)
        boxes = "[...document.querySelectorAll('canvas, .form')].map((one) => one.getBoundingClientRect().toJSON())"
        settled = "(([image, form]) => image.left >= 0 && image.bottom <= form.top && image.width >= {least})({boxes})"
        chromium.wait(settled.format(least=least, boxes=boxes))
        image, form = chromium.run(boxes)
        assert image["right"] <= width
        assert 0 <= image["top"] <= image["bottom"] <= form["top"], "the questions are below, and cover nothing"
        assert form["bottom"] <= height
        assert chromium.run("document.documentElement.scrollWidth") <= width


@pytest.mark.slow
def test_an_image_that_is_seen_whole_stays_whole_in_a_panel_of_another_size(
    study: Callable[..., Answers], chromium: Browser
) -> None:
    """Also once it was clicked by a hand that is not quite still: it was cut off, or smaller than its panel."""
    answers, whole = study(questions=PAIRS), "current.view.scale / current.view.fitting"
    with _served(answers) as origin:
        _enter(chromium, answers, origin)
        x, y = _on_screen(chromium, 5, 5)
        for act in ("click", "zoom in and out"):
            if act == "click":
                chromium.drag((x, y), (x + 2, y + 1))
            else:
                for key in ("PageUp", "PageUp", "PageDown", "PageDown", "PageDown"):
                    chromium.key(key)
            for key in ("l", "s"):
                chromium.key(key)
                chromium.wait(f"current.state.mode === '{'flicker' if key == 'l' else 'side'}'")
                assert chromium.run(whole) == 1
        chromium.key("PageUp")
        chromium.key("PageUp")
        assert chromium.run(whole) == pytest.approx(1.25**2)
        chromium.key("l")
        assert chromium.run(whole) >= 1


@pytest.mark.slow
def test_several_images_are_scrolled_in_a_low_window(study: Callable[..., Answers], chromium: Browser) -> None:
    """As of a page that is magnified twofold: they lay over the buttons and the questions."""
    arms = [{"name": name, "image": image} for name, image in zip("xyz", ("clean", "perturbed", "random"), strict=True)]
    answers = study("low", arms=arms, questions=[{"id": "rank", "kind": "ranking", "text": "Rank."}])
    with _served(answers) as origin:
        _enter(chromium, answers, origin)
        chromium.resize(512, 384)
        boxes = "[...document.querySelectorAll('canvas')].map((one) => one.getBoundingClientRect().toJSON())"
        form = "document.querySelector('.form').getBoundingClientRect().left"
        chromium.wait(f"{boxes}.every((one) => one.left >= 0 && one.right <= {form} && one.width >= 120)")
        assert chromium.run(f"{boxes}[0].top") >= chromium.run(
            "document.querySelector('.bar').getBoundingClientRect().bottom"
        )
        chromium.run("current.panels.scrollTo(0, 1000)")
        assert chromium.run(f"{boxes}[2].bottom") <= 384


@pytest.mark.slow
def test_a_box_to_tick_stands_beside_its_words_on_a_phone(study: Callable[..., Answers], chromium: Browser) -> None:
    answers = study()
    with _served(answers) as origin:
        chromium.resize(360, 640)
        chromium.open_address(f"{origin}/#{answers.access.invite('R1')}", "document.querySelector('h1') !== null")
        for words in ("You take part under the pseudonym", "Check the display"):
            chromium.run("document.querySelector('button.first').click()")
            chromium.wait(f"main.innerText.includes('{words}')")
        apart = """[...document.querySelectorAll('[type=checkbox]')].map((box) => {
          const words = document.createRange();
          words.selectNode(box.nextSibling);
          return words.getBoundingClientRect().left - box.getBoundingClientRect().right;
        })"""
        assert [0 < one < 20 for one in chromium.run(apart)] == [True] * 4


@pytest.mark.slow
def test_a_plan_that_fixes_the_view_holds_for_keys_too(study: Callable[..., Answers], chromium: Browser) -> None:
    answers = study(viewing={"window": False, "zoom": False})
    view = "[current.state.window, current.view.scale, current.view.centre]"
    with _served(answers) as origin:
        _enter(chromium, answers, origin)
        before = chromium.run(view)
        for key in ("b", "d", "c", "n", "PageUp", "ArrowRight", "r"):
            chromium.key(key)
        assert chromium.run(view) == before


@pytest.mark.slow
def test_a_reader_who_stops_deletes_everything_in_a_pause(study: Callable[..., Answers], chromium: Browser) -> None:
    answers = study()
    with _served(answers) as origin:
        _enter(chromium, answers, origin)
        first = chromium.run("current.shown.id")
        for key in ("2", "Enter"):
            chromium.key(key)
        chromium.wait(f"current.shown.id !== '{first}'")
        assert answers.rows()
        chromium.key("p")
        chromium.run("window.confirm = () => true; document.querySelector('.row button:not(.first)').click()")
        chromium.wait("document.querySelector('h1')?.textContent === 'Deleted'")
        assert not answers.rows()
        assert chromium.run("sessionStorage.length") == 0


@pytest.mark.thorough
def test_no_answer_is_lost_or_doubled_when_the_page_is_killed(
    study: Callable[..., Answers], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """KILLS=20 in the environment kills its browser so many times, while an answer is under way. A cookie that is not
    on the disk yet is lost with it, so that the reader gets another invitation."""
    if browser.found() is None:
        pytest.skip("there is no Chromium on this machine")
    draw, kills, folder = random.Random(0), int(os.environ.get("KILLS", "1")), tmp_path_factory.mktemp("browser")
    answers = study(design={"readers": 1 + kills // 10, "repeats": min(kills, 6)})
    sent: dict[str, int] = {}
    with _served(answers) as origin, ExitStack() as stack:
        page = stack.enter_context(Browser(folder))
        for reader in answers.bundle.readers:
            _enter(page, answers, origin, reader)
            while (place := answers.place(reader)).shown is not None:
                id = place.shown.id
                page.wait(f"current?.shown.id === '{id}' && current.shown.step === 0")
                level = sent[id] = 1 + len(sent) % 3
                page.key(str(level))
                page.key("Enter")
                if not kills:
                    page.wait(f"current?.shown.id !== '{id}'")
                    continue
                kills -= 1
                time.sleep(draw.uniform(0, 0.04))
                page.kill()
                page = stack.enter_context(Browser(folder))
                page.open_address(
                    f"{origin}/#{answers.access.invite(reader)}", "document.querySelector('button.first') !== null"
                )
                page.run("document.querySelector('button.first').click()")
                assert answers.place(reader).done - place.done in (0, 1)
    assert kills == 0
    rows = [row for row in answers.rows() if row["question"] == "sharpness"]
    assert {row["presentation"]: row["value"]["level"] for row in rows} == sent
    assert [row["presentation"] for row in rows] == [one.id for one in answers.bundle.shown]
    assert {row["revision"] for row in rows} == {0}
    answers.verify()


@pytest.mark.slow
def test_what_is_said_of_a_case_waits_while_reading_is_paused(study: Callable[..., Answers], chromium: Browser) -> None:
    cases = [
        {"id": f"c{at}", "saved": f"c{at}", "patient": f"p{at}", "training": at == 0, "lesion": False}
        for at in range(2)
    ]
    answers = study(cases=cases)
    with _served(answers) as origin:
        _enter(chromium, answers, origin)
        for key in ("2", "Enter"):
            chromium.key(key)
        chromium.wait("document.getElementById('message').textContent !== ''")
        seen = "document.getElementById('message').offsetHeight > 0"
        assert chromium.run(seen)
        edge = "document.querySelector('{}').getBoundingClientRect().{}"
        chromium.wait(f"{edge.format('canvas', 'bottom')} <= {edge.format('#message', 'top')}")  # it hides no image
        chromium.key("p")
        chromium.wait("document.querySelector('h1')?.textContent === 'Paused'")
        assert not chromium.run(seen)
        assert "are kept" in chromium.run("document.body.innerText")
        chromium.run("document.querySelector('main.words button').click()")
        assert chromium.run(seen)


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_that_is_said_hides_an_image(study: Callable[..., Answers], chromium: Browser, width: int) -> None:
    """However many lines it has."""
    edge = "document.querySelector('{}').getBoundingClientRect().{}"
    with _served(answers := study(questions=PAIRS)) as origin:
        _enter(chromium, answers, origin)
        chromium.resize(width, 1000)
        chromium.wait(f"innerWidth === {width}")
        before = chromium.run("document.querySelector('.stage').clientHeight")
        for times in (1, 4):
            chromium.run(f"say('The server cannot be reached. Your answer is still here. '.repeat({times}))")
            chromium.wait(f"{edge.format('.panels', 'bottom')} <= {edge.format('#message', 'top')}")
        chromium.run("say('')")
        chromium.wait("getComputedStyle(document.querySelector('.stage')).paddingBottom === '8px'")
        assert chromium.run("document.querySelector('.stage').clientHeight") == before


@pytest.mark.slow
def test_questions_with_a_slider_are_no_wider_than_their_room(study: Callable[..., Answers], chromium: Browser) -> None:
    with _served(answers := study(questions=[MARKS])) as origin:
        _enter(chromium, answers, origin)
        chromium.key("m")
        for width in (390, 1024, 1280):
            chromium.resize(width, 800)
            chromium.wait(f"innerWidth === {width}")
            assert chromium.run("current.questions.scrollWidth <= current.questions.clientWidth")


@pytest.mark.thorough
def test_how_to_read_names_the_keys_that_do_something(study: Callable[..., Answers], chromium: Browser) -> None:
    free = {"id": "lesions", "kind": "free-response", "text": "Where?"}
    for question, removed in (({**LESION[0], "place": True}, False), (free, True)):
        with _served(answers := study(question["id"], questions=[question])) as origin:
            _enter(chromium, answers, origin)
            chromium.key("h")
            chromium.wait("document.querySelector('h1')?.textContent === 'How to read'")
            words = chromium.run("document.querySelector('main.words').innerText")
            assert "M sets a mark" in words
            assert ("X removes the chosen mark" in words) == removed


@pytest.mark.slow
@pytest.mark.parametrize("key", ["p", "h"])
def test_a_pause_lasts_until_the_reader_goes_on(study: Callable[..., Answers], chromium: Browser, key: str) -> None:
    """Whatever other tab was looked at meanwhile."""
    with _served(answers := study()) as origin:
        _enter(chromium, answers, origin)
        chromium.key(key)
        began = chromium.run("performance.now()")
        for hidden in ("true", "false"):
            chromium.run(f"Object.defineProperty(document, 'hidden', {{ value: {hidden}, configurable: true }})")
            chromium.run("document.dispatchEvent(new Event('visibilitychange'))")
        time.sleep(0.2)
        ended = chromium.run("performance.now()")
        chromium.run("document.querySelector('main.words button').click()")
        hidden = chromium.run("current.times.hidden")
        assert hidden >= ended - began
        chromium.run("document.dispatchEvent(new Event('visibilitychange'))")
        assert chromium.run("current.times.hidden") == hidden  # the clock goes on


@pytest.mark.slow
@pytest.mark.parametrize("key", ["p", "h"])
def test_the_key_that_covered_a_case_shows_it_again(study: Callable[..., Answers], chromium: Browser, key: str) -> None:
    with _served(answers := study()) as origin:
        _enter(chromium, answers, origin)
        for _ in range(2):
            chromium.key(key)
            chromium.wait("document.querySelector('main.words') !== null")
            chromium.key("h" if key == "p" else "p")  # another key does nothing
            assert chromium.run("document.querySelectorAll('main.words').length") == 1
            chromium.key(key)
            chromium.wait("document.querySelector('main.words') === null")
            assert chromium.run("current.times.hidden") > 0
            assert chromium.run("document.querySelector('canvas').offsetHeight > 0")
        chromium.key(key)
        chromium.run("document.activeElement.blur()")  # as by a click beside the button
        chromium.key("Enter")
        assert chromium.run("document.querySelector('main.words') === null")


@pytest.mark.thorough
def test_the_slider_of_a_new_mark_is_in_sight(study: Callable[..., Answers], chromium: Browser) -> None:
    """Where a list of marks was longer than its room, who had no keys had to look for it after each click."""
    inside = """(() => {
      const box = (part) => document.querySelector(part).getBoundingClientRect();
      const [line, room] = [box(".mark.chosen"), box(".questions")];
      return line.top >= room.top && line.bottom <= room.bottom + 1;
    })()"""
    with _served(answers := study(questions="free-response")) as origin:
        chromium.resize(390, 844)
        _enter(chromium, answers, origin)
        for number in range(5):
            chromium.run(f"current.marking.mark({3 * number}, {6 * (number % 2)})")
            assert chromium.run(inside)
        chromium.run("current.marking.mark(0, 0)")  # chooses the first again
        assert chromium.run(inside)
        chromium.resize(1280, 720)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("key", "code", "pauses"), [("з", "KeyP", True), ("Π", "KeyP", True), ("p", "KeyR", True), ("o", "KeyP", False)]
)
def test_letters_are_those_of_the_same_keys_where_a_keyboard_has_no_latin_ones(
    study: Callable[..., Answers], chromium: Browser, key: str, code: str, pauses: bool
) -> None:
    """A Russian, a Greek and two Latin layouts, which are taken by their letters."""
    pressed = {"key": key, "code": code, "bubbles": True}
    with _served(answers := study()) as origin:
        _enter(chromium, answers, origin)
        chromium.run(f"document.body.dispatchEvent(new KeyboardEvent('keydown', {json.dumps(pressed)}))")
        assert chromium.run("main.hidden") is pauses


@pytest.mark.slow
@pytest.mark.parametrize(
    ("key", "code", "level"), [("٢", "Digit2", 2), ("é", "Digit2", 2), ("3", "Digit2", 3), ("+", "Digit1", 0)]
)
def test_digits_are_those_of_the_same_keys_where_a_keyboard_has_others(
    study: Callable[..., Answers], chromium: Browser, key: str, code: str, level: int
) -> None:
    """Of an Arabic, a French, a programmer's and a Czech layout, whose + moves a slider."""
    pressed = {"key": key, "code": code, "bubbles": True}
    with _served(answers := study(questions=[QUALITY])) as origin:
        _enter(chromium, answers, origin)
        chromium.run(f"document.body.dispatchEvent(new KeyboardEvent('keydown', {json.dumps(pressed)}))")
        assert chromium.run("current.asked.map(({ value }) => value?.level ?? 0)") == [level]


@pytest.mark.slow
def test_a_key_that_is_held_answers_one_question(study: Callable[..., Answers], chromium: Browser) -> None:
    questions = [{**QUALITY, "id": id} for id in ("sharpness", "contrast")]
    training = [{"id": "t", "saved": "c1", "patient": "t", "lesion": True, "training": True}]
    answers = study(questions=questions, cases=[*training, {"id": "c0", "saved": "c0", "patient": "p0"}])
    with _served(answers) as origin:
        _enter(chromium, answers, origin)
        chromium.key("2", up=False)
        chromium.hold("2")
        assert chromium.run("current.asked.map(({ value }) => value?.level ?? 0)") == [2, 0]
        chromium.key("2")
        chromium.key("Enter", up=False)
        chromium.wait("current.told")
        chromium.hold("Enter")  # the truth of training stays
        chromium.run("new Promise((done) => setTimeout(done, 100))")
        assert chromium.run("current.told")
        chromium.key("p", up=False)
        chromium.hold("p", 3)  # the last of which would show the case again
        assert chromium.run("document.querySelector('h1').textContent") == "Paused"


@pytest.mark.slow
def test_keys_that_are_held_go_on_moving_and_deleting_letters(study: Callable[..., Answers], chromium: Browser) -> None:
    with _served(answers := study(questions=[{**LESION[0], "place": True}])) as origin:
        _enter(chromium, answers, origin)
        chromium.key("1")
        chromium.key("m")
        before = chromium.run("current.asked[0].answer.row")
        chromium.hold("ArrowDown")
        assert chromium.run("current.asked[0].answer.row") == before + 4
        chromium.hold("+")
        assert chromium.run("current.asked[0].answer.confidence") == 70
        chromium.run("current.comment.focus()")
        chromium.hold("0")
        assert chromium.run("current.comment.value") == "0000"


@pytest.mark.slow
def test_html_in_words_of_the_study_is_shown_as_text(study: Callable[..., Answers], chromium: Browser) -> None:
    answers = study(title="A study <img src=x onerror=document.title='broken'>")
    with _served(answers) as origin:
        _enter(chromium, answers, origin)
        assert chromium.run("document.querySelector('img')") is None
        assert chromium.run("document.title") == "Reading"


def _slice(shown: Shown, answers: Answers, slot: int, slice: int) -> np.ndarray:
    """What the canvas should show of a slice."""
    image = answers.bundle.image(shown.images[slot], shown)[slice]
    seen = shown.turn.shown(image)
    return Window(*shown.window).grey(seen).astype(int)


_WHERE = "document.querySelector('.slices output').textContent"


@pytest.mark.thorough
def test_slices_are_turned_by_wheel_keys_and_slider_in_one_view(
    study: Callable[..., Answers], chromium: Browser
) -> None:
    answers = study(cases=VOLUMES, questions=PAIRS)
    with _served(answers) as origin:
        _enter(chromium, answers, origin)
        shown = answers.bundle.of_reader("R1")[0]
        assert chromium.run(_WHERE) == "Slice 1 of 3"
        assert np.abs(_grey(chromium, shown) - _slice(shown, answers, 0, 0)).max() <= 1
        x, y = _on_screen(chromium, 8, 8)
        fitting = chromium.run("current.view.scale")
        chromium.wheel(x, y, 120)
        chromium.wait(f"{_WHERE} === 'Slice 2 of 3'")
        assert chromium.run("current.view.scale") == fitting
        assert np.abs(_grey(chromium, shown) - _slice(shown, answers, 0, 1)).max() <= 1
        for key, at in (("k", 3), ("k", 3), ("j", 2), ("j", 1), ("j", 1)):
            chromium.key(key)
            assert chromium.run(_WHERE) == f"Slice {at} of 3"
        chromium.run("document.querySelector('.slices input').focus()")
        chromium.key("ArrowRight")
        said = chromium.run("(({ ariaLabel, ariaValueText }) => [ariaLabel, ariaValueText])(document.activeElement)")
        assert said == ["Slice", "2 of 3"]
        chromium.run("document.activeElement.blur()")
        chromium.key("b")
        chromium.key("PageUp")
        view = "[current.state.window, current.view.scale, current.view.centre]"
        before = chromium.run(view)
        chromium.key("k")
        assert chromium.run(view) == before
        chromium.key("f")
        chromium.key("w")
        chromium.key("l")  # flicker is between the two images of this slice
        for phase in (0, 1):
            chromium.wait(f"current.phase === {phase}")
            chromium.run("clearTimeout(current.timer)")
            assert np.abs(_grey(chromium, shown) - _slice(shown, answers, phase, 2)).max() <= 1
            chromium.run("current.timer = null; current.set({})")
        chromium.key("v")
        left, right = _slice(shown, answers, 0, 2), _slice(shown, answers, 1, 2)
        half = shown.columns // 2
        found = _grey(chromium, shown)
        assert np.abs(found[:, : half - 1] - left[:, : half - 1]).max() <= 1
        assert np.abs(found[:, half + 1 :] - right[:, half + 1 :]).max() <= 1
        chromium.key("2")
        chromium.key("Enter")
        chromium.wait(f"current.shown.id !== '{shown.id}'")
        assert chromium.run(_WHERE) == "Slice 1 of 3"
        context = answers.rows()[0]["context"]
        assert context["slice"] == 2
        assert min(context["seen"]) > 0
        assert sum(context["seen"]) == pytest.approx(context["answered"] - context["shown"] - context["hidden"])
        assert not chromium.complaints


@pytest.mark.slow
def test_marks_belong_to_the_slice_on_which_they_were_set(study: Callable[..., Answers], chromium: Browser) -> None:
    answers = study(cases=VOLUMES, questions=[MARKS])
    with _served(answers) as origin:
        _enter(chromium, answers, origin)
        shown = answers.bundle.of_reader("R1")[0]
        clean = _grey(chromium, shown)
        for key in ("k", "m", "+", "k"):
            chromium.key(key)
        place = _on_screen(chromium, 3, 3)
        chromium.drag(place, place)
        for key in ("+", "+", "j", "j"):
            chromium.key(key)
        np.testing.assert_array_equal(_grey(chromium, shown), clean)  # no ring on a slice without a mark
        assert "2 (slice 3). How sure?" in chromium.run("document.querySelector('.form').innerText")
        before = chromium.run("current.asked[0].places")
        for key in ("ArrowDown", "x"):  # act on marks that are seen
            chromium.key(key)
        assert chromium.run("current.asked[0].places") == before
        chromium.key("-")  # the last one, whose slice is shown
        assert chromium.run(_WHERE) == "Slice 3 of 3"
        chromium.key("Enter")
        chromium.wait(f"current.shown.id !== '{shown.id}'")
        marks = answers.given("R1", shown.id)[1]["marks"]["marks"]
        assert [(mark["slice"], mark["rating"]) for mark in marks] == [(1, 55), (2, 55)]
        assert not chromium.complaints


@pytest.mark.slow
def test_a_case_of_one_slice_has_nothing_about_slices(study: Callable[..., Answers], chromium: Browser) -> None:
    answers = study()
    with _served(answers) as origin:
        _enter(chromium, answers, origin)
        chromium.key("k")
        chromium.wheel(*_on_screen(chromium, 8, 8), -120)
        chromium.wait("current.view.scale > current.view.fitting")
        assert "lice" not in chromium.run("document.body.innerText")
        chromium.key("2")
        first = chromium.run("current.shown.id")
        chromium.key("Enter")
        chromium.wait(f"current.shown.id !== '{first}'")
        assert not {"slice", "seen"} & set(answers.rows()[0]["context"])


@pytest.mark.slow
def test_the_truth_of_a_case_for_training_is_shown_on_its_slice(
    study: Callable[..., Answers], chromium: Browser
) -> None:
    place = {"slice": 2, "shapes": [{"kind": "box", "row": 4, "column": 5, "height": 3, "width": 3}]}
    answers = study(cases=[{**VOLUMES[0], "place": place, "training": True}, VOLUMES[1]])
    with _served(answers) as origin:
        _enter(chromium, answers, origin)
        chromium.key("2")
        chromium.key("Enter")
        chromium.wait(f"{_WHERE} === 'Slice 3 of 3'")
        assert chromium.run("current.truth") == [{"row": 5, "column": 6, "slice": 2}]
