"""How long readers wait: 20 of them at once at one server, each reading its cases without a pause.

    python benchmarks/reading_room.py [--readers 20]
    xvfb-run -a python benchmarks/reading_room.py --flicker

Goals: an answer is confirmed within 100 ms, and the next case is there within 300 ms (95th percentile). In napari each
image of the flicker is drawn at 4 Hz (eight images in a second, twice as many as the room shows), also while the slices
of the case are turned.
"""

import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
from itertools import pairwise
from pathlib import Path

import httpx
import numpy as np

from arguments import parser_of
from goals import Goal, report
from napari_recon_robust.cases.making import make_case
from napari_recon_robust.cases.record import save_case
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground import progress
from napari_recon_robust.perturbations import registry as perturbations
from napari_recon_robust.perturbations.outcome import evaluate
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.reader_studies.freezing import freeze
from napari_recon_robust.reader_studies.plan import Plan
from napari_recon_robust.reader_studies.room.serving import open_answers
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.simulation.sample import open_sample

CASES = 6
PERIOD, FLIPS = 125, 200  # milliseconds for each image, and so many images


def frozen(folder: Path, readers: int, questions: str = "quality", together: bool = False) -> Path:
    """Six slices of the packaged sample, with random noise, each a case or all of them one."""
    scan, method, entries = open_sample(), registry.get("zero-filled").at(), []
    for slice in range(CASES):
        measurement, roi = scan.measurement(slice, Sampling()), ROI.box(150, 150, 20, 20)
        perturbed = progress.run(perturbations.get("random").run(measurement, method, roi, (0.01,)))
        outcomes = progress.run(evaluate(measurement, method, roi, perturbed))
        save_case(make_case(measurement, method, roi, outcomes, perturbation="random"), folder / f"c{slice}")
        entries.append({"id": f"c{slice}", "saved": f"c{slice}", "patient": f"p{slice}"})
    if together:
        entries = [{"id": "all", "saved": [entry["saved"] for entry in entries], "patient": "p"}]
    plan = {
        "title": "Twenty readers",
        "arms": [{"name": "clean", "image": "clean"}, {"name": "noisy", "image": "perturbed"}],
        "cases": entries,
        "questions": questions,
        "design": {"readers": readers},
    }
    return freeze(Plan.model_validate(plan), folder / "study", folder)


def read(origin: str, token: str, answered: list[float], shown: list[float]) -> None:
    """Read all cases of one reader, noting each wait in seconds."""
    with httpx.Client(base_url=origin, headers={"Origin": origin}, timeout=60) as client:
        client.post("/enter", json={"token": token}).raise_for_status()
        client.post("/consent", json={}).raise_for_status()
        while (case := client.get("/state").json()["next"]) is not None:
            answers = {id: {"level": 3} for id in ("artifacts", "sharpness", "contrast-to-noise")}
            began = time.perf_counter()
            body = {"presentation": case["id"], "revision": case["revision"], "answers": answers}
            client.post("/answer", json=body).raise_for_status()
            confirmed = time.perf_counter()
            following = client.get("/state").json()["next"]
            if following is not None:
                client.get(f"/image/{following['id']}/0").raise_for_status()
                shown.append(time.perf_counter() - confirmed)
            answered.append(confirmed - began)


def main() -> None:
    """Print the waits."""
    options = parser_of(__doc__)
    options.add_argument("--readers", type=int, default=20)
    options.add_argument("--flicker", action="store_true")
    chosen = options.parse_args()
    if chosen.flicker:
        flicker()
        return
    with tempfile.TemporaryDirectory() as name:
        study = frozen(Path(name), chosen.readers)
        with open_answers(study) as answers:
            tokens = [answers.access.invite(reader) for reader in answers.bundle.readers]
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        command = [sys.executable, "-m", "napari_recon_robust.cli", "review", "serve", str(study), "--port", str(port)]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            origin = f"http://127.0.0.1:{port}"
            wait_for(origin)
            answered: list[float] = []
            shown: list[float] = []
            threads = [threading.Thread(target=read, args=(origin, token, answered, shown)) for token in tokens]
            began = time.perf_counter()
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            seconds = time.perf_counter() - began
        finally:
            server.terminate()
            server.wait()
    for words, waits in (("an answer is confirmed", answered), ("the next case is there", shown)):
        middle, high = 1000 * np.percentile(waits, [50, 95])
        print(f"{words}: {len(waits)} times, median {middle:.0f} ms, 95th percentile {high:.0f} ms")
    print(json.dumps({"readers": chosen.readers, "seconds": round(seconds, 2)}))


def flicker() -> None:
    """Print how many images of a flicker napari's reading room draws."""
    import napari
    from qtpy.QtTest import QTest

    from napari_recon_robust.window.reading.room import ReadingRoom
    from napari_recon_robust.workbench.reading import Reading

    with tempfile.TemporaryDirectory() as name, open_answers(frozen(Path(name), 1, "preference", True)) as answers:
        reading, viewer = Reading(answers, "R1"), napari.Viewer()
        viewer.window.resize(1280, 720)
        reading.consent()
        reading.check_display({})
        room = ReadingRoom(viewer, reading)
        while not (room.panels.panels and room.panels.settled):
            QTest.qWait(10)
        drawn: list[float] = []
        flipped: list[float] = []
        viewer.window._qt_viewer.canvas._scene_canvas.events.draw.connect(lambda _: drawn.append(time.perf_counter()))
        room.looking.set("flicker")
        room.looking._timer.setInterval(PERIOD)
        room.looking._timer.timeout.connect(lambda: flipped.append(time.perf_counter()))
        goals = []
        for words, turns in (("", False), (" while slices are turned", True)):
            QTest.qWait(1000)
            flipped.clear()
            drawn.clear()
            while len(flipped) <= FLIPS:
                QTest.qWait(PERIOD)
                if turns:
                    reading.slices.turn((reading.slices.at + 1) % CASES)
            shown = [any(begin <= at < end for at in drawn) for begin, end in pairwise(flipped[: FLIPS + 1])]
            goals.append(Goal(f"images drawn at 4 Hz{words}", FLIPS, sum(shown), unit=f"of {FLIPS}", least=True))
            longest = 1e3 * max(np.diff(flipped))
            goals.append(Goal(f"longest time of one image{words}", 2 * PERIOD, longest))
        report(goals)
        viewer.close()


def wait_for(origin: str) -> None:
    """Wait until the server answers."""
    end = time.monotonic() + 60
    while True:
        try:
            httpx.get(origin)
        except httpx.TransportError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
        else:
            return


if __name__ == "__main__":
    main()
