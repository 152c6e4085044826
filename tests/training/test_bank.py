import json
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_recon_robust.ground.errors import InputError, ReconRobustError
from napari_recon_robust.ground.progress import run
from napari_recon_robust.physics import coils, fourier
from napari_recon_robust.physics.sampling import outside_acs
from napari_recon_robust.reconstructors.problem import LEAST_NOISE
from napari_recon_robust.training.bank import MaskSpecification, build_bank, draw_example, fill_bank


def test_a_case_is_its_truth_and_noise(bank):
    """Combining the noisy coil images gives the truth plus noise of the recorded level; coils' noise is correlated."""
    for number in range(len(bank)):
        case = bank[number]
        support = case.sensitivities.abs().sum(0) > 0
        combined = (case.sensitivities.conj() * case.coil_images).sum(0)
        error = (combined - case.truth)[support].abs().square().mean().sqrt()
        assert 0.5 * case.noise < float(error) < 2 * case.noise


def test_an_example_obeys_the_forward_model(bank):
    """y = A x + n: what the truth does not explain has the level of the noise, and R is what was asked for."""
    masks = MaskSpecification(patterns=("random",), acceleration=(2.0, 2.0))
    for number in range(len(bank)):
        columns = bank[number].magnitude.shape[1]
        example = draw_example(bank[number], masks, pixels=24 * columns, rng=np.random.default_rng(number))
        model, data = example.problem.model, example.problem.data
        assert example.truth.shape == (24, data.shape[-1])
        residual = (model.forward(example.truth) - data)[:, :, model.mask[0]]
        # Sensitivities from a few noisy lines do not explain the edge of the head, so more than noise is left.
        level = float(residual.abs().square().mean().sqrt() / data[:, :, model.mask[0]].abs().square().mean().sqrt())
        noise = float(example.problem.noise) / float(data[:, :, model.mask[0]].abs().square().mean().sqrt())
        assert 0.5 * noise < level < noise + 0.25
        zero_filled = example.problem.right_hand_side.abs()
        assert float(torch.quantile(zero_filled, 0.995)) == pytest.approx(1, abs=1e-3)


def test_examples_are_drawn_again_from_the_same_seed(bank):
    first, again = (draw_example(bank[0], MaskSpecification(), 24 * 64, np.random.default_rng(7)) for _ in range(2))
    assert torch.equal(first.problem.data, again.problem.data)
    assert torch.equal(first.truth, again.truth)


def test_training_tells_a_network_no_less_noise_than_use_does(bank):
    """Less than what it has seen makes it amplify what it does not know."""
    loud, quiet = (
        draw_example(replace(bank[0], noise=noise), MaskSpecification(), 24 * 64, np.random.default_rng(0))
        for noise in (0.01, 1e-5)
    )
    assert float(quiet.problem.noise) == pytest.approx(LEAST_NOISE)
    assert float(loud.problem.noise) > 0.005


def test_a_crop_lies_where_a_coil_sees(bank):
    """The magnitude rings beyond the support, where there is nothing to learn from."""
    case = bank[0]
    seen = torch.zeros(case.magnitude.shape[0], 1)
    seen[: len(seen) // 6] = 1
    narrow = replace(case, sensitivities=case.sensitivities * seen, truth=(case.truth + 1) * seen)
    for seed in range(20):
        example = draw_example(narrow, MaskSpecification(), 8 * 64, np.random.default_rng(seed))
        assert float(example.truth.abs().sum()) > 0


def test_an_example_under_points_obeys_the_forward_model_of_the_crop(bank):
    """Rows don't decouple under points, so the crop is a slice of its own, with a transform in both directions."""
    masks = MaskSpecification(patterns=("poisson-disc",), acceleration=(4.0, 4.0))
    for number in range(len(bank)):
        columns = bank[number].magnitude.shape[1]
        example = draw_example(bank[number], masks, pixels=24 * columns, rng=np.random.default_rng(number))
        model, data = example.problem.model, example.problem.data
        assert model.mask.shape == example.truth.shape == (24, columns)
        assert 1 / float(model.mask.float().mean()) == pytest.approx(4, rel=0.05)
        assert model.mask[11:13, columns // 2 - 1 : columns // 2 + 1].all()
        measured = data[:, model.mask]
        residual = (model.forward(example.truth) - data)[:, model.mask]
        level = float(residual.abs().square().mean().sqrt() / measured.abs().square().mean().sqrt())
        noise = float(example.problem.noise) / float(measured.abs().square().mean().sqrt())
        assert 0.5 * noise < level < noise + 0.25
        assert not data[:, ~model.mask].any()


@pytest.mark.parametrize("pattern", ["equispaced", "poisson-disc"])
def test_lines_that_the_scanner_never_measures_are_known_zeros_of_truth_and_samples(bank, pattern):
    """Padding is at both ends, alike, or at one; the ACS is measured, and noise alone is left as it is everywhere."""
    masks = MaskSpecification(patterns=(pattern,), acceleration=(2.0, 2.0), padded=1.0)
    shares = set()
    for seed in range(30):
        case = bank[seed % len(bank)]
        columns = case.magnitude.shape[1]
        example = draw_example(case, masks, 24 * columns, np.random.default_rng(seed))
        model, data = example.problem.model, example.problem.data
        missing = ((data == 0) & model.mask).flatten(0, -2).all(0)
        before, after = (int(side.cumprod(0).sum()) for side in (missing.int(), missing.int().flip(0)))
        assert missing.sum() == before + after
        assert 0 < before + after <= 0.31 * columns
        assert before == after or 0 in (before, after)
        shares.add((before > 0, after > 0))
        ends = torch.zeros(columns, dtype=torch.bool)
        ends[:before] = ends[columns - after :] = True
        coils = fourier.fft(model.sensitivities * example.truth, (-1,))
        assert float(coils[..., ends].abs().square().sum()) < 0.01 * float(coils.abs().square().sum())
    assert shares == {(True, True), (True, False), (False, True)}


@pytest.mark.parametrize("pattern", ["equispaced", "random", "equispaced-fraction", "magic"])
def test_masks_always_sample_the_calibration_lines(bank, pattern):
    case = bank[0]
    for seed in range(20):
        example = draw_example(case, MaskSpecification(patterns=(pattern,)), 24 * 64, np.random.default_rng(seed))
        mask = example.problem.model.mask[0]
        first = (len(mask) - case.centre_lines + 1) // 2
        assert mask[first : first + case.centre_lines].all()


def test_masks_leave_lines_outside_the_calibration_lines_also_at_the_highest_acceleration(bank):
    """Self-supervision holds some of them out; R is limited so that 10% of the sampled lines are left on average."""
    case = bank[0]
    wide = replace(case, centre_lines=case.magnitude.shape[1] // 3)
    masks = MaskSpecification(patterns=("random",), acceleration=(2.0, 10.0))
    fewest = 2**31
    for seed in range(300):
        mask = draw_example(wide, masks, 64, np.random.default_rng(seed)).problem.model.mask
        fewest = min(fewest, len(outside_acs(mask)))
    assert fewest == 2, "lines are drawn as before where there are enough"


@pytest.mark.slow
def test_a_bank_is_continued_where_it_was_interrupted(anatomy_folder, specification, bank, tmp_path):
    job = build_bank(specification, anatomy_folder, tmp_path)
    while len(list(tmp_path.glob("case-*"))) < 2:
        next(job)
    job.close()
    half = sorted(path.name for path in tmp_path.glob("case-*"))
    assert 0 < len(half) < specification.cases
    whole = run(build_bank(specification, anatomy_folder, tmp_path))
    assert len(whole) == specification.cases
    for number in range(len(whole)):
        assert torch.equal(whole[number].coil_images, bank[number].coil_images)


def test_strong_noise_is_that_of_every_fifth_case_for_training(anatomy_folder, specification, bank, tmp_path):
    """All other cases, and those for validation, are as without it."""
    wanted = specification.model_copy(update={"strong_noise": (0.1, 0.2)})
    noisy = run(build_bank(wanted, anatomy_folder, tmp_path))
    assert noisy[0].noise > 0.05
    assert bank[0].noise < 0.05
    assert torch.equal(noisy[1].coil_images, bank[1].coil_images)
    assert torch.equal(noisy.validation[0].coil_images, bank.validation[0].coil_images)
    assert [number for number in range(12) if wanted.of_training_case(number).noise == (0.1, 0.2)] == [0, 5, 10]
    assert wanted.all_noise == (0.0015, 0.2)
    assert specification.all_noise == (0.0015, 0.025)


def test_a_bank_of_another_recipe_is_not_used(anatomy_folder, specification, bank):
    other = specification.model_copy(update={"seed": 9})
    with pytest.raises(InputError, match="another recipe"):
        run(build_bank(other, anatomy_folder, bank.paths[0].parent))


@pytest.mark.slow
def test_a_bank_that_another_run_is_making_is_left_alone(anatomy_folder, specification, tmp_path):
    job = build_bank(specification, anatomy_folder, tmp_path)
    next(job)
    with pytest.raises(InputError, match="another run is making the cases"):
        run(build_bank(specification, anatomy_folder, tmp_path))
    job.close()
    assert len(run(build_bank(specification, anatomy_folder, tmp_path))) == specification.cases


def test_a_bank_goes_on_with_the_same_files_alone(anatomy_folder, specification, bank, tmp_path):
    for path in bank.paths[0].parent.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "case-00001.safetensors").unlink()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "head_a.nii.gz").write_bytes((anatomy_folder / "head_a.nii.gz").read_bytes())
    with pytest.raises(InputError, match="was made from other files than"):
        run(build_bank(specification, tmp_path / "data", tmp_path))


def test_a_bank_that_was_begun_with_other_sensitivities_is_not_continued(
    anatomy_folder, specification, bank, tmp_path, monkeypatch
):
    for path in bank.paths[0].parent.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "case-00001.safetensors").unlink()
    monkeypatch.setattr(coils, "EIGENVALUE_THRESHOLD", 0.97)
    with pytest.raises(InputError, match="was begun by another version, which simulates or calibrates otherwise"):
        run(build_bank(specification, anatomy_folder, tmp_path))
    with pytest.raises(InputError, match="was begun by another version"):
        run(fill_bank(tmp_path, anatomy_folder, False, 0, 1))
    assert not (tmp_path / "case-00001.safetensors").exists()
    monkeypatch.undo()
    assert len(run(build_bank(specification, anatomy_folder, tmp_path))) == specification.cases


def test_a_bank_whose_validation_shows_the_same_people_is_refused(anatomy_folder, specification, bank, tmp_path):
    """As earlier versions made them."""
    for path in (*bank.paths, bank.paths[0].parent / "bank.json"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    with pytest.raises(InputError, match="made by an earlier version"):
        run(build_bank(specification, anatomy_folder, tmp_path))


@pytest.mark.slow
def test_a_full_disk_loses_nothing(anatomy_folder, specification, tmp_path):
    """The error comes from the system, as it would: the limit on a file's size stands for the disk's."""
    resource = pytest.importorskip("resource")
    job = build_bank(specification, anatomy_folder, tmp_path)
    while not (tmp_path / "case-00000.safetensors").exists():
        next(job)
    before = (tmp_path / "case-00000.safetensors").read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
        with pytest.raises(
            InputError, match=r"case-00001.safetensors cannot be written to .*: what has been made is kept"
        ):
            run(job)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert not list(tmp_path.glob(".*"))
    assert (tmp_path / "case-00000.safetensors").read_bytes() == before
    assert len(run(build_bank(specification, anatomy_folder, tmp_path))) == specification.cases


@pytest.mark.slow
def test_what_is_damaged_is_made_again_or_named(anatomy_folder, specification, tmp_path):
    first, second = (tmp_path / f"case-0000{number}.safetensors" for number in range(2))
    bank = run(build_bank(specification, anatomy_folder, tmp_path))
    before, content = [case.truth for case in bank], bytearray(second.read_bytes())
    first.write_bytes(first.read_bytes()[:1000])
    second.write_bytes(b"")
    again = run(build_bank(specification, anatomy_folder, tmp_path))
    assert all(torch.equal(case.truth, truth) for case, truth in zip(again, before, strict=True))
    content[-100] ^= 1
    second.write_bytes(bytes(content))
    with pytest.raises(
        InputError, match=r"case-00001.safetensors cannot be read .* \(it is damaged\); delete it and start"
    ):
        again[1]
    for name in ("bank.json", "sources.json"):
        whole = (tmp_path / name).read_text(encoding="utf-8")
        for half in ("", whole[: len(whole) // 2]):
            (tmp_path / name).write_text(half, encoding="utf-8")
            second.unlink(missing_ok=True)
            with pytest.raises(InputError, match=f"{name} in .* is damaged; delete bank.json and sources.json"):
                run(build_bank(specification, anatomy_folder, tmp_path))
        (tmp_path / name).write_text(whole, encoding="utf-8")
    (tmp_path / "bank.json").unlink()
    (tmp_path / "sources.json").unlink()
    assert torch.equal(run(build_bank(specification, anatomy_folder, tmp_path))[1].truth, before[1])


@pytest.mark.slow
def test_a_volume_of_one_slice_is_drawn_from(specification, tmp_path):
    import nibabel

    row, column = np.mgrid[-1:1:96j, -1:1:96j]
    head = 500.0 * (np.hypot(row / 0.8, column / 0.7) < 1) - 200 * (np.hypot(row - 0.2, column) < 0.3)
    nibabel.save(nibabel.Nifti1Image(head[..., None].astype(np.int16), np.eye(4)), tmp_path / "slice.nii.gz")
    bank = run(build_bank(specification, tmp_path, tmp_path / "bank"))
    assert all(bank[number].truth.abs().mean() > 0.05 for number in range(len(bank)))


def test_a_volume_of_nan_is_refused(specification, tmp_path):
    import nibabel

    volume = np.full((64, 64, 64), np.nan, np.float32)
    nibabel.save(nibabel.Nifti1Image(volume, np.eye(4)), tmp_path / "nan.nii.gz")
    with pytest.raises(ReconRobustError, match="no positive values"):
        run(build_bank(specification, tmp_path, tmp_path / "bank"))


def test_a_bank_of_an_older_version_is_used(anatomy_folder, specification, bank, tmp_path):
    """Its record lacks fields that have come since; their defaults are what it was made with."""
    for path in bank.paths[0].parent.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    values = json.loads((tmp_path / "bank.json").read_text(encoding="utf-8"))
    del values["other_contrast"]
    (tmp_path / "bank.json").write_text(json.dumps(values), encoding="utf-8")
    assert len(run(build_bank(specification, anatomy_folder, tmp_path))) == len(bank)
