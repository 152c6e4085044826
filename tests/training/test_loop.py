import csv
import re
from collections import Counter
from itertools import pairwise

import pytest
import torch

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.progress import run
from napari_recon_robust.physics.sampling import PATTERNS, Sampling
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.reconstructors.learned.hqs_supervised import HQSSupervised
from napari_recon_robust.training import loop, schedule
from napari_recon_robust.training import run as stepping
from napari_recon_robust.training.example import MaskSpecification
from napari_recon_robust.weights import store


def longer(recipe: loop.Recipe, steps: int, **preset) -> loop.Recipe:
    changed = recipe.presets["cpu"].model_copy(update={"steps": steps, **preset})
    return recipe.model_copy(update={"presets": {"cpu": changed}})


def test_the_running_mean_forgets_the_first_weights_soon_and_takes_counts_as_they_are():
    network = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 1), torch.nn.BatchNorm2d(2))
    mean = torch.optim.swa_utils.AveragedModel(network, multi_avg_fn=stepping._running_mean, use_buffers=True)
    mean.update_parameters(network)
    with torch.no_grad():
        network[0].weight.fill_(1.0)
        network[1].num_batches_tracked.fill_(50)
    for _ in range(50):
        mean.update_parameters(network)
    assert (mean.module[0].weight - 1).abs().max() < 1e-3
    assert mean.module[1].num_batches_tracked == 50


@pytest.mark.slow
def test_training_improves_on_its_cases(recipe, run_folder):
    """The U-Net starts at the zero-filled image, which is easy to improve on; four cases teach nothing of others."""
    recipe = longer(recipe, 150, learning_rate=3e-3, warm_up=5, validate_every=150).model_copy(
        update={
            "network": "unet",
            "arguments": {"channels": 8, "pools": 2},
            "loss": "magnitude",
        }
    )
    bank = loop.Bank(run_folder / "bank")
    bank.validation = bank
    training = stepping.Run(recipe, recipe.presets["cpu"], bank, run_folder, torch.device("cpu"))
    run(training.validate())
    before = training.score
    run(training.go(schedule.Steps(150)))
    assert training.score < 0.95 * before


@pytest.mark.thorough
@pytest.mark.parametrize("preset", [{}, {"reuse": 2, "muon": 0.01}])
def test_a_resumed_run_ends_with_the_same_weights(recipe, preset, anatomy_folder, run_folder, monkeypatch):
    recipe = longer(recipe, 6, **preset).model_copy(update={"arguments": {"unrolls": 1, "widths": [16, 16]}})
    monkeypatch.setattr(stepping, "_POOL", 2)
    monkeypatch.setattr(stepping, "_REPORT_SECONDS", -1)
    monkeypatch.setattr(stepping, "_CHECKPOINT_SECONDS", -1)
    whole = store.load(str(run(loop.train(recipe, anatomy_folder, run_folder)))).state
    (run_folder / "checkpoint.pt").unlink()

    job = loop.train(recipe, anatomy_folder, run_folder)
    for _ in range(3):
        next(step for step in job if step.preview is not None)
    job.close()
    path = run(loop.train(recipe, anatomy_folder, run_folder, resume=True))
    resumed = store.load(str(path)).state
    assert resumed.keys() == whole.keys()
    assert all(torch.equal(resumed[name], whole[name]) for name in whole)


@pytest.mark.thorough
@pytest.mark.parametrize("decay", [{}, {"decay": 1.0}])
def test_a_run_that_is_cancelled_within_validations_ends_with_the_same_weights(
    recipe, decay, anatomy_folder, run_folder
):
    """Within one on the way, and within the last one, of the rounded weights; the score is as if undisturbed."""
    recipe = longer(recipe, 6, validate_every=2, **decay)
    whole = store.load(str(run(loop.train(recipe, anatomy_folder, run_folder))))
    (run_folder / "checkpoint.pt").unlink()

    for resume, step in ((False, 2), (True, 6), (True, 6)):
        job = loop.train(recipe, anatomy_folder, run_folder, resume=resume)
        assert any(one.message.startswith(f"step {step}, {step / 6:.0%}: validating case 2 of ") for one in job)
        job.close()
        assert torch.is_grad_enabled()
    resumed = store.load(str(run(loop.train(recipe, anatomy_folder, run_folder, resume=True))))
    assert all(torch.equal(resumed.state[name], whole.state[name]) for name in whole.state)
    assert resumed.metadata is not None
    assert whole.metadata is not None
    assert resumed.metadata.scores["validation"] == whole.metadata.scores["validation"]
    with (run_folder / "log.csv").open() as log:
        scored = {int(line["step"]) for line in csv.DictReader(log) if line["validation"]}
    assert scored == {2, 4, 6}, "those within which it was cancelled, too"


def test_each_example_is_used_as_often_as_asked(recipe, run_folder):
    preset = longer(recipe, 6, reuse=3).presets["cpu"]
    training = stepping.Run(recipe, preset, loop.Bank(run_folder / "bank"), run_folder, torch.device("cpu"))
    uses = Counter(training._number(use) for use in range(10 * 3 * stepping._POOL))
    assert set(uses.values()) == {3}
    assert set(uses) == set(range(10 * stepping._POOL))


@pytest.mark.slow
def test_progress_rises_and_carries_the_score(recipe, anatomy_folder, run_folder, monkeypatch):
    monkeypatch.setattr(stepping, "_REPORT_SECONDS", -1)
    steps = [step for step in loop.train(recipe, anatomy_folder, run_folder) if step.preview is not None]
    assert len(steps) == 6
    assert all(a.fraction < b.fraction for a, b in pairwise(steps))
    assert steps[-1].fraction == 1
    assert 0 < steps[-1].preview < 3
    first, last = steps[0].message, steps[-1].message
    assert re.fullmatch(r"step 1, 17%: loss \d\.\d+", first)  # there is no score yet
    assert re.fullmatch(r"step 6, 100%: loss [\d.]+, validation [\d.]+, NMSE [\d.]+ of TV's", last)


@pytest.mark.slow
def test_weights_come_with_their_card_and_run(recipe, anatomy_folder, run_folder, scan_file):
    from napari_recon_robust.io import open_scan

    path = run(loop.train(recipe, anatomy_folder, run_folder))
    metadata = store.load(str(path)).metadata
    assert metadata is not None
    assert metadata.steps == 6
    assert metadata.scores["validation"]["improvement"] > 0
    assert "recon-robust train small.yaml" in path.with_suffix(".md").read_text(encoding="utf-8")
    with open_scan(scan_file) as scan:
        image = HQSSupervised(path)(scan.measurement(1, Sampling(centre_fraction=0.12)))
    assert image.shape == (96, 96)


@pytest.mark.thorough
def test_data_that_are_not_finite_stop_the_training(recipe, anatomy_folder, run_folder):
    from safetensors.torch import load_file, save_file

    for path in (run_folder / "bank").glob("case-*"):
        tensors = load_file(path)
        tensors["truth"] = tensors["truth"] * float("nan")
        save_file(tensors, path)
    with pytest.raises(InputError, match="NaN"):
        run(loop.train(recipe, anatomy_folder, run_folder))
    assert not (run_folder / "small.safetensors").exists()


def test_what_does_not_fit_is_said(recipe, anatomy_folder, run_folder, tmp_path):
    with pytest.raises(InputError, match="no preset 'gpu'"):
        run(loop.train(recipe, anatomy_folder, run_folder, preset="gpu"))
    with pytest.raises(InputError, match="no checkpoint to resume"):
        run(loop.train(recipe, anatomy_folder, run_folder, resume=True))
    with pytest.raises(InputError, match="no loss 'beauty'"):
        run(loop.train(recipe.model_copy(update={"loss": "beauty"}), anatomy_folder, run_folder))
    for change, words in (
        ({"loss": "mixture"}, "the loss 'mixture' of small cannot be used with the network 'hqs-supervised'"),
        ({"loss": "fixed-energy"}, "'fixed-energy' of small cannot be used"),
        (
            {"network": "unet", "arguments": {"channels": 4, "pools": 2}, "loss": "energy"},
            "'energy' of small cannot be used with the network 'unet'",
        ),
        (
            {"network": "unet", "arguments": {"channels": 4, "pools": 2}, "loss": "refinement", "pixels": 1},
            "the image has 1×64 pixels",
        ),
    ):
        with pytest.raises(InputError, match=words):
            run(loop.train(recipe.model_copy(update=change), anatomy_folder, tmp_path / "unused"))
    assert not (tmp_path / "unused" / "bank").exists()  # nothing was spent on cases
    with pytest.raises(InputError, match="there is no recipe 'nothing'"):
        loop.load_recipe("nothing")
    (tmp_path / "bad.yaml").write_text("id: [", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be read as YAML"):
        loop.load_recipe(str(tmp_path / "bad.yaml"))
    (tmp_path / "short.yaml").write_text("id: short", encoding="utf-8")
    with pytest.raises(InputError, match="title"):
        loop.load_recipe(str(tmp_path / "short.yaml"))


def test_a_training_that_fails_at_once_leaves_nothing(recipe, anatomy_folder, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "mine").mkdir()
    for data, loss in ((tmp_path / "empty", recipe.loss), (tmp_path / "missing", recipe.loss), (anatomy_folder, "no")):
        for out, bank in (("runs/small", None), ("mine", None), ("runs/small", tmp_path / "cases")):
            wrong = recipe.model_copy(update={"loss": loss})
            with pytest.raises(InputError):
                run(loop.train(wrong, data, tmp_path / out, bank=bank))
            assert sorted(path.name for path in tmp_path.rglob("*")) == ["empty", "mine"]


def test_what_cannot_begin_is_refused_before_cases_are_made(recipe, anatomy_folder, run_folder, tmp_path):
    """The hours of their making were lost, and the bank stayed behind in a folder whose name was mistyped."""
    with pytest.raises(InputError, match="typo holds no checkpoint to resume"):
        run(loop.train(recipe, anatomy_folder, tmp_path / "typo", resume=True))
    (run_folder / "checkpoint.pt").write_bytes(b"no checkpoint")
    for resume, words in ((False, "holds a checkpoint already"), (True, "is no checkpoint")):
        with pytest.raises(InputError, match=words):
            run(loop.train(recipe, anatomy_folder, run_folder, bank=tmp_path / "cases", resume=resume))
    assert not (tmp_path / "typo" / "bank").exists()
    assert not (tmp_path / "cases").exists()


@pytest.mark.thorough
def test_a_finished_run_is_not_overwritten(recipe, anatomy_folder, run_folder):
    run(loop.train(recipe, anatomy_folder, run_folder))
    with pytest.raises(InputError, match="holds a checkpoint already"):
        run(loop.train(recipe, anatomy_folder, run_folder))
    path = run(loop.train(longer(recipe, 8), anatomy_folder, run_folder, resume=True))
    assert store.load(str(path)).metadata.steps == 8


# Parameters of the weights that fastMRI published; its recipes are for those who have its data.
PUBLISHED = {
    "fastmri-brain-unet": 496_372_225,
    "fastmri-brain-varnet": 29_936_966,
    "fastmri-knee-unet": 496_372_225,
    "fastmri-knee-varnet": 29_936_966,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PUBLISHED)
def test_recipes_for_fastmri_have_the_published_sizes(name):
    recipe = loop.load_recipe(name)
    assert recipe.id == name
    assert set(recipe.presets) == {"gpu"}
    assert {"multicoil_val", "multicoil_test"} <= set(recipe.bank.exclude)
    assert recipe.loss in loop.LOSSES
    pattern = "random" if "knee" in name else "equispaced-fraction"
    assert recipe.masks == MaskSpecification(patterns=(pattern,), acceleration=(4, 8))
    with torch.device("meta"):
        network = loop.make_network(recipe)
    parameters = list(network.parameters())
    assert all(parameter.is_meta for parameter in parameters)
    assert sum(parameter.numel() for parameter in parameters) == PUBLISHED[name]
    assert len(network.state_dict()) == (324 if "varnet" in name else 24)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in loop.recipes() if name not in PUBLISHED])
def test_packaged_recipes_are_whole(name):
    recipe = loop.load_recipe(name)
    assert recipe.id == name
    assert {"cpu", "gpu"} <= set(recipe.presets)
    assert recipe.bank.use(["brain_t1_b.nii.gz"]) == "test"
    assert recipe.bank.use(["brain_stroke_t1.nii.gz"]) == "validation"
    assert recipe.loss in loop.LOSSES
    assert sum(parameter.numel() for parameter in loop.make_network(recipe).parameters()) > 10_000
    assert name in (*registry.ids(), *PATTERNS) or name not in store.shipped()


@pytest.mark.slow
def test_a_part_may_start_from_trained_weights(recipe, anatomy_folder, run_folder):
    """Also a part of another network with the same layers; the rest starts from the seed."""
    path = run(loop.train(longer(recipe, 3, learning_rate=0.1), anatomy_folder, run_folder))
    trained = store.load(str(path)).state
    arguments = {"unrolls": 2, "widths": [8, 8], "terms": ["improvement", "l1"], "conditioning": "scale-and-shift"}
    wanted = {"network": "hyperrecon-supervised", "arguments": arguments}
    plain = recipe.model_copy(update=wanted)
    network = loop.make_network(plain.model_copy(update={"start": {"main": str(path)}})).state_dict()
    before = loop.make_network(plain).state_dict()
    for name, value in network.items():
        start = trained.get(name.removeprefix("main."), before[name])
        assert torch.equal(value, start), name
    assert not torch.equal(network["main.correction.first.weight"], before["main.correction.first.weight"])
    larger = wanted | {"arguments": arguments | {"widths": [16, 8]}}
    for start in ({"main": str(path)}, {"main": "varnet-cg"}):
        with pytest.raises(InputError, match="are of another network"):
            loop.make_network(recipe.model_copy(update=larger | {"start": start}))
