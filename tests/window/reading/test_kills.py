"""Reading in napari is killed -9 and goes on where it was."""

import json
import os
import random
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from helpers.reading import opened_study
from napari_recon_robust.reader_studies.room.serving import open_answers


@pytest.mark.thorough
def test_no_answer_is_lost_or_doubled_when_napari_is_killed(tmp_path: Path) -> None:
    """KILLS=20 in the environment kills it so many times."""
    kills, draw = int(os.environ.get("KILLS", "1")), random.Random(0)
    with opened_study(tmp_path, design={"readers": 1 + kills // 10, "repeats": 6}) as made:
        study, path, readers = made.bundle.folder, tmp_path / "answers.sqlite", made.bundle.readers
    script = Path(__file__).parents[2] / "helpers" / "napari_reader.py"
    with subprocess.Popen(
        [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for number, reader in enumerate(readers):
            notes = tmp_path / f"notes-{reader}"
            of_reader = kills // len(readers) + (number < kills % len(readers))
            for shown in [*sorted(draw.sample(range(16), of_reader)), None]:
                asked = {"study": str(study), "answers": str(path), "reader": reader, "notes": str(notes)}
                line = json.dumps({**asked, "kill": shown, "delay": draw.uniform(0, 0.1)})
                process.stdin.write(f"{line}\n")
                process.stdin.flush()
                wanted = 0 if shown is None else -signal.SIGKILL
                assert int(process.stdout.readline()) == wanted
        process.stdin.close()
    with open_answers(study, path) as answers:
        rows = [row for row in answers.rows() if row["question"] == "sharpness"]
        assert {row["revision"] for row in rows} == {0}
        for reader in readers:
            order = [one.id for one in answers.bundle.of_reader(reader)]
            found = [(row["presentation"], row["value"]["level"]) for row in rows if row["reader"] == reader]
            assert found == [(id, 1 + at % 3) for at, id in enumerate(order)]
            shown_at = [order.index(id) for id in (tmp_path / f"notes-{reader}").read_text().split()]
            assert set(shown_at) == set(range(18))
            assert {later - before for before, later in pairwise(shown_at)} <= {0, 1}  # it goes on where it was
        answers.verify()
