import json
from dataclasses import replace

import numpy as np
import pytest

from helpers.saved_cases import ROI_BOX, saved, slice_of
from napari_recon_robust.cases.record import load_case
from napari_recon_robust.cases.replay import make_case, recalled, replay
from napari_recon_robust.ground import progress
from napari_recon_robust.ground.errors import FileFormatError, InputError
from napari_recon_robust.reconstructors import registry as reconstructors
from napari_recon_robust.reconstructors.classical.zero_filled import ZeroFilled


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("worst-case", {"method": "zero-filled"}),
        ("worst-case", {"method": "cg-sense", "seed": 3}),
        ("worst-case", {"method": "cg-sense", "sensitivities": "kept"}),
        ("worst-case", {"full": False}),
        ("worst-case", {"algorithm": "advrec"}),
        ("random", {"seed": 2}),
        ("fnaf", {"row": 24.0, "column": 27.0}),
        ("rotation", {"method": "cg-sense", "shift": 1.0, "scale": 2.0, "step": 2.0}),
        ("rotation", {"full": False, "step": 2.0}),
        ("other-mask", {"method": "cg-sense", "other_centre": 0.3}),
        ("other-mask", {"other_pattern": "poisson-disc", "other_centre": 0.3}),
        ("motion", {"seed": 1}),
    ],
)
def test_a_saved_case_is_reproduced_from_its_samples_alone(tmp_path, kind, options):
    folder = saved(tmp_path, kind, **options)
    again = progress.run(replay(folder))
    assert again.reproduced, again.summary()
    assert again.difference <= 1e-6
    assert not again.changes
    stored = load_case(folder).results
    for new, old in zip(again.outcomes, stored, strict=True):
        computed = json.loads(json.dumps(new.to_json(), allow_nan=False))
        assert computed["budget"]["achieved"] == pytest.approx(old["budget"]["achieved"], rel=1e-6)
        assert computed["sentence"] == old["sentence"]
        assert computed.keys() <= old.keys()
    assert "reproduced" in again.summary()


def test_the_attack_hurts_after_everything_is_estimated_again(tmp_path):
    results = load_case(saved(tmp_path, method="cg-sense")).results
    for result in results:
        change = result["stability"]
        assert change["perturbed"]["change"] > 2 * change["random"]["change"]
        assert result["perturbed"]["roi"]["nmse"] > result["clean"]["roi"]["nmse"]
        assert not result["warnings"]
    assert results[0]["perturbed"]["roi"]["nmse"] > results[1]["perturbed"]["roi"]["nmse"]


def test_what_was_tampered_with_shows(tmp_path):
    case = load_case(saved(tmp_path))
    results = [
        {**result, "clean": {**result["clean"], "roi": {"ssim": 0.9, "psnr": 40.0, "nmse": 0.1}}}
        for result in case.results
    ]
    again = progress.run(replay(replace(case, results=results)))
    assert not again.reproduced
    assert "differ" in again.summary()
    samples = {**case.kspace, "clean": 2 * case.kspace["clean"]}
    with pytest.raises(InputError, match="not those that the recipe"):
        progress.run(replay(replace(case, kspace=samples)))
    with pytest.raises(FileFormatError, match="holds no case"):
        progress.run(replay(tmp_path))


def test_other_versions_are_named(tmp_path):
    case = load_case(saved(tmp_path, "random"))
    recipe = case.recipe.model_copy(update={"versions": {**case.recipe.versions, "torch": "1.0"}, "threads": 99})
    again = progress.run(replay(replace(case, recipe=recipe)))
    assert any(change.startswith("torch 1.0 is now") for change in again.changes)
    assert any(change.startswith("threads 99") for change in again.changes)


def test_nothing_to_save_is_said():
    with pytest.raises(InputError, match="run a perturbation first"):
        make_case(slice_of(), reconstructors.get("zero-filled"), ROI_BOX, [], perturbation="random")


class Elsewhere(ZeroFilled):
    """An own model that is stored in another place now."""

    id = "elsewhere.py:model"

    def fingerprint(self):
        return {"elsewhere.py": 64 * "a"}


def test_a_replay_takes_the_method_of_the_case_alone(tmp_path):
    case = load_case(saved(tmp_path))
    with pytest.raises(InputError, match="made with zero-filled, and elsewhere.py:model is another method; leave it"):
        progress.run(replay(case, Elsewhere()))
    own = replace(
        case, recipe=case.recipe.model_copy(update={"method": "mine.py:model", "weights": {"mine.py": 64 * "a"}})
    )
    with pytest.raises(InputError, match="'mine.py:model', which is none of the methods here; if it is an own model"):
        progress.run(replay(own))
    again = progress.run(replay(own, Elsewhere()))
    assert again.reproduced
    assert again.changes == ["the method was mine.py:model and is now elsewhere.py:model"]
    with pytest.raises(InputError, match="made with mine.py:model and its knob 'combine', which tv does not have"):
        progress.run(replay(own, reconstructors.get("tv")))
    strange = replace(case, recipe=case.recipe.model_copy(update={"perturbation": "plugin-noise"}))
    with pytest.raises(InputError, match="perturbation 'plugin-noise', which is not installed here"):
        progress.run(replay(strange))


def test_a_folder_without_a_name_is_named(tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(FileFormatError, match="^empty holds no case.json"):
        load_case(".")


def test_what_was_done_is_recalled_without_computing(tmp_path, monkeypatch):
    case = load_case(saved(tmp_path, "rotation", step=2.0))
    monkeypatch.setattr("napari_recon_robust.physics.coils.espirit", None)
    (turned,) = recalled(case)
    assert turned.curve is not None
    assert turned.restore is not None
    assert turned.budget.achieved == case.results[0]["budget"]["achieved"]
    assert np.array_equal(turned.measurement.kspace.numpy(), case.kspace["perturbed"][0])
