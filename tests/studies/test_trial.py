import json
from hashlib import sha256

from napari_recon_robust.ground.progress import run
from napari_recon_robust.studies.running import open_study
from napari_recon_robust.studies.trial import canonical


def test_the_id_is_the_hash_of_the_canonical_json_of_all_that_determines_the_result(write_plan) -> None:
    study = run(open_study(write_plan(methods=["zero-filled", "unrolled-hqs"]), digests=True))
    trials = [trial for group in study.groups() for trial in group.trials()]
    for trial in trials:
        assert canonical(json.loads(trial.text)) == trial.text
        assert trial.id == sha256(trial.text.encode()).hexdigest()
    assert len({trial.id for trial in trials}) == len(trials) == 10
    network = json.loads(trials[-1].text)
    assert network["acquired"]["file"] == study.inventory.scans[0].digest
    assert network["method"]["with"]["unrolled-hqs"]
    assert network["change"] == {
        "budget": 0.05,
        "control": True,
        "kind": "random",
        "knobs": {"seed": 0, "sensitivities": "estimated"},
        "seed": 0,
    }


def test_names_and_paths_do_not_change_an_id(write_plan, tmp_path) -> None:
    def ids(path) -> list[str]:
        study = run(open_study(path, digests=True))
        return [trial.id for group in study.groups() for trial in group.trials()]

    before = ids(write_plan())
    (tmp_path / "head.h5").rename(tmp_path / "tail.h5")
    (tmp_path / "head.csv").write_text((tmp_path / "head.csv").read_text().replace("head", "tail"))
    assert ids(write_plan(study="other", scans="tail.h5")) == before
