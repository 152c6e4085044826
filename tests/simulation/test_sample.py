"""The packaged sample: what it holds, and that its recipe makes it."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.random import default_rng

from napari_recon_robust.data.orientation import FIRST_ROW_BELOW
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.progress import run
from napari_recon_robust.io import open_scan
from napari_recon_robust.physics import fourier
from napari_recon_robust.simulation import packaged, sample
from napari_recon_robust.simulation.head import Head, Lesion, Template
from napari_recon_robust.simulation.sample import SimulationRecipe

SMALL = SimulationRecipe(
    seed=3, heights=(-6.0, 8.0), matrix=80, field_of_view=160.0, coils=5, lesions=5, noise=0.005, shading=0.0
)


@pytest.fixture(scope="module")
def small_head(ball: Template) -> tuple[Head, tuple[Lesion, ...]]:
    """The head and lesions that SMALL is made from."""
    head = Head(ball, default_rng([SMALL.seed, 0]))
    return head, head.place_lesions(SMALL.lesions, SMALL.heights, default_rng([SMALL.seed, 1]))


@pytest.fixture(scope="module")
def small(ball: Template, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(sample.simulate_volume(SMALL, tmp_path_factory.mktemp("sample") / "small.h5", template=ball))


def test_the_sample_is_what_was_promised() -> None:
    with sample.open_sample() as scan:
        header = scan.header
        assert header.coils >= 8
        assert header.slices >= 5
        assert header.matrix == (320, 320)
        assert (header.readout, header.phase) == (640, 320)
        assert header.upright == FIRST_ROW_BELOW
        assert header.voxel == pytest.approx((0.71875, 0.71875, 3))
        assert scan.fully_sampled
        assert header.contrast == "AXT2"
    folder = packaged.sample_path().parent
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 20e6
    assert "Permission to use, copy, modify, and distribute" in (folder / "README.md").read_text(encoding="utf-8")


def test_what_is_simulated_says_so_whatever_its_file_is_called(small: Path) -> None:
    copy = shutil.copy(packaged.sample_path(), small.with_name("scan.h5"))
    with open_scan(small) as scan, open_scan(copy) as packaged_sample:
        for one in (scan, packaged_sample):
            assert one.header.simulated
            assert one.facts(0)["simulated"] is True


def test_the_sample_is_stored_as_a_converter_does() -> None:
    import h5py

    with h5py.File(packaged.sample_path()) as file:
        kspace = file["kspace"]
        assert kspace.dtype == np.complex64
        assert kspace.chunks == (1, 1, 640, 320)
        assert kspace.shuffle
        assert kspace.compression == "gzip"
        values = kspace[2, 0]
    steps = np.abs(np.stack([values.real, values.imag]))
    step = steps[steps > 0].min()
    np.testing.assert_array_equal(steps / step, np.round(steps / step))
    corner = values[:40, :40]
    sigma = np.sqrt((np.abs(corner) ** 2).mean())
    assert sigma / 8 <= step <= sigma / 4 * 1.05


def test_the_samples_noise_is_that_of_its_recipe_and_correlated() -> None:
    recipe = SimulationRecipe.read(packaged.sample_path().with_suffix(".yaml"))
    with sample.open_sample() as scan:
        kspace = scan.kspace(3)
        reference = scan.reference(3)
    assert reference is not None
    corner = torch.cat([kspace[:, :60, :60], kspace[:, -60:, -60:]], dim=1).flatten(1)
    covariance = corner @ corner.mH / corner.shape[1]
    sigma = float(covariance.diagonal().real.mean().sqrt())
    assert sigma / 3e-4 == pytest.approx(recipe.noise, rel=0.05)
    correlation = covariance.abs() / torch.outer(covariance.diagonal().real, covariance.diagonal().real).sqrt()
    assert 0.05 < float((correlation - torch.eye(len(kspace))).max()) < 0.8
    signal = float(reference[reference > 0.2 * reference.max()].median())
    assert 20 < signal / sigma < 120


@pytest.mark.slow
def test_every_annotated_box_of_the_sample_holds_a_lesion() -> None:
    """Its centre is brighter than the tissue around the box, as the sequence shows lesions."""
    with sample.open_sample() as scan:
        assert len(scan.annotations) >= 8
        assert {annotation.label for annotation in scan.annotations} == {"Nonspecific white matter lesion"}
        assert len({annotation.slice for annotation in scan.annotations}) >= 4
        sizes = set()
        for annotation in scan.annotations:
            assert annotation.box is not None
            image, (box,) = scan.reference(annotation.slice), annotation.box.shapes
            assert image is not None
            row, column = box.row + box.height // 2, box.column + box.width // 2
            inside = image[row - 1 : row + 2, column - 1 : column + 2].mean()
            wide = image[box.row - 3 : box.row + box.height + 3, box.column - 3 : box.column + box.width + 3]
            ring = torch.cat([wide[0], wide[-1], wide[:, 0], wide[:, -1]]).median()
            assert inside > 1.1 * ring, annotation
            sizes.add((box.height, box.width))
        assert len(sizes) >= 4


@pytest.mark.thorough
def test_the_recipe_beside_the_sample_makes_the_same_slice() -> None:
    """Slice 1 drawn and acquired again is the stored one, to the bit but for ties of the rounding."""
    pytest.importorskip("nilearn", reason="the MNI152 template comes with nilearn")
    recipe = SimulationRecipe.read(packaged.sample_path().with_suffix(".yaml"))
    assert recipe == SimulationRecipe(), "the command's defaults are the packaged recipe"
    head = Head(Template.mni152(), default_rng([recipe.seed, 0]))
    lesions = head.place_lesions(recipe.lesions, recipe.heights, default_rng([recipe.seed, 1]))
    again = sample.acquire(recipe, 1, sample.render(recipe, 1, head, lesions))
    with sample.open_sample() as scan:
        stored = scan.kspace(1)
    step = 2.0 ** torch.floor(torch.log2(again.sigma / 4))[:, None, None]
    rounded = torch.complex(*(torch.round(part / step) * step for part in (again.kspace.real, again.kspace.imag)))
    assert float((rounded == stored).float().mean()) > 0.999
    assert float((rounded - stored).abs().max()) <= 1.5 * float(step.max())


@pytest.mark.slow
def test_simulating_twice_gives_the_same_bytes(small: Path, ball: Template, tmp_path: Path) -> None:
    again = run(sample.simulate_volume(SMALL, tmp_path / "small.h5", template=ball))
    assert again.read_bytes() == small.read_bytes()
    assert again.with_suffix(".csv").read_text() == small.with_suffix(".csv").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("matrix", [pytest.param(80, marks=pytest.mark.thorough), 81])
def test_boxes_lie_around_their_lesions(small_head: tuple[Head, tuple[Lesion, ...]], matrix: int) -> None:
    """The middle of what a lesion changes in the image that is acquired without noise is that of its box."""
    recipe = SMALL.model_copy(update={"matrix": matrix, "field_of_view": 2.0 * matrix})
    head, lesions = small_head
    away = []
    for lesion in lesions:
        ((number, box),) = sample.lesion_boxes(recipe, head, [lesion])
        drawn = [torch.from_numpy(sample.render(recipe, number, head, some)) for some in ((), (lesion,))]
        kspace = fourier.fft((drawn[1] - drawn[0]).to(torch.complex64))
        image = fourier.ifft(fourier.centre_crop(fourier.centre_crop(kspace, matrix, -1), matrix, -2)).abs()
        image = image * (image > image.max() / 3)
        for axis, at in enumerate((box.row + box.height / 2, box.column + box.width / 2)):
            mass = image.sum(1 - axis)
            away.append(float((mass * (torch.arange(matrix) + 0.5)).sum() / mass.sum()) - at)
    assert abs(np.mean(away)) < 0.2, away


@pytest.mark.thorough
def test_each_slice_that_shows_a_lesion_has_its_box(small_head: tuple[Head, tuple[Lesion, ...]]) -> None:
    """Slices side by side, one of them twice, and pixels in which the smallest lesions hardly show."""
    head, lesions = small_head
    for update in ({"heights": (-6.0, -3.0, -3.0)}, {"matrix": 40}):
        recipe = SMALL.model_copy(update=update)
        for lesion in lesions:
            boxes = sample.lesion_boxes(recipe, head, [lesion])
            for number, height in enumerate(recipe.heights):
                drawn, without = (sample.render(recipe, number, head, some) for some in ((lesion,), ()))
                change = np.abs(drawn - without)[::2, ::2]
                inside = [box for at, box in boxes if at == number]
                if height == lesion.centre[2] or change.max() > 0.3 * lesion.strength:
                    (box,) = inside
                    rows, columns = (
                        slice(at, at + size) for at, size in ((box.row, box.height), (box.column, box.width))
                    )
                    assert change[rows, columns].sum() > 0.7 * change.sum()
    boxes = sample.lesion_boxes(SMALL.model_copy(update={"heights": (-6.0, -6.0)}), head, lesions[:1])
    assert [number for number, _ in boxes] == [0, 1]
    assert boxes[0][1] == boxes[1][1]


@pytest.mark.thorough
def test_boxes_hold_what_the_lesions_change(small: Path, small_head: tuple[Head, tuple[Lesion, ...]]) -> None:
    """Drawn with and without lesions, nearly all of the difference lies in the boxes, and every box has some."""
    head, lesions = small_head
    with open_scan(small) as scan:
        assert len(scan.annotations) == len(lesions)
        for number in range(len(scan)):
            drawn, without = (sample.render(SMALL, number, head, some) for some in (lesions, ()))
            change = torch.from_numpy(np.abs(drawn - without)[::2, ::2])
            boxes = [each.box for each in scan.annotations if each.slice == number and each.box is not None]
            masks = [box.mask((80, 80)) for box in boxes]
            assert all(float(change[mask].max()) > 0.05 for mask in masks)
            covered = torch.stack([*masks, torch.zeros(80, 80, dtype=torch.bool)]).any(0)
            assert float(change[covered].sum()) > 0.9 * float(change.sum())


@pytest.mark.slow
def test_the_stored_reference_is_the_root_sum_of_squares_and_shows_the_head(
    small: Path, small_head: tuple[Head, tuple[Lesion, ...]]
) -> None:
    from napari_recon_robust.physics import fourier

    head, lesions = small_head
    drawn = torch.from_numpy(sample.render(SMALL, 1, head, lesions)[::2, ::2].copy())
    with open_scan(small) as scan:
        reference = scan.reference(1)
        coil_images = fourier.centre_crop_image(fourier.ifft(scan.kspace(1)), (80, 80))
    assert reference is not None
    torch.testing.assert_close(reference, coil_images.abs().square().sum(0).sqrt(), rtol=0.02, atol=2e-6)
    correlation = torch.corrcoef(torch.stack([reference.flatten(), drawn.flatten()]))[0, 1]
    assert float(correlation) > 0.97, "the same place, the same way up"


@pytest.mark.slow
def test_progress_is_reported_and_a_closed_job_writes_nothing(ball: Template, tmp_path: Path) -> None:
    recipe = SMALL.model_copy(update={"matrix": 32, "lesions": 0})
    job = sample.simulate_volume(recipe, tmp_path / "never.h5", template=ball)
    fractions = [next(job).fraction for _ in range(3)]
    job.close()
    assert fractions == sorted(fractions)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["- a list", "seed: [", "\x00"])
def test_a_file_without_a_recipe_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(InputError, match=r"bad\.yaml (holds no recipe|cannot be read as YAML)"):
        SimulationRecipe.read(tmp_path / "bad.yaml")


def test_recipe_values_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match="matrix is 8"):
        SimulationRecipe(matrix=8)
    with pytest.raises(InputError, match="contrast"):
        SimulationRecipe(contrast="pd")


def test_without_nilearn_the_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "nilearn", None)
    with pytest.raises(InputError, match="pip install nilearn"):
        run(sample.simulate_volume(SMALL, tmp_path / "never.h5"))


def test_a_missing_sample_is_a_clear_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(packaged, "_FOLDERS", (tmp_path,))
    with pytest.raises(InputError, match=r"brain_t2_simulated\.h5 is missing; install the package again"):
        packaged.sample_path()
