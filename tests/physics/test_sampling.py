"""Sampling masks against fastMRI's own, and the properties that each pattern promises."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.physics.acs import acs_lines, acs_region
from napari_recon_robust.physics.poisson import density_profile
from napari_recon_robust.physics.sampling import PATTERNS, Sampling, samplings

LINES = [pattern for pattern in PATTERNS if pattern not in ("poisson-disc", "loupe")]


def test_fastmris_masks_of_files(shared):
    golden = np.load(shared / "data" / "golden" / "fastmri_masks.npz")
    known = {key: [json.loads(part) if "[" in part else part for part in key.split("|")] for key in golden.files}
    single = {key: parts for key, parts in known.items() if len(parts[4]) == 1}
    assert len(single) == 170
    for key, (kind, name, width, (fraction,), (acceleration,)) in single.items():
        for pattern in (kind, kind.replace("_", "-")):
            sampling = Sampling(pattern=pattern, acceleration=acceleration, centre_fraction=fraction, seed=name)
            mask = sampling.mask(640, int(width))
            assert mask.dtype == torch.bool
            np.testing.assert_array_equal(mask.numpy(), golden[key][None], err_msg=key)


@pytest.mark.parametrize(
    ("pattern", "name", "width", "fraction", "acceleration", "lines"),
    [
        ("random", "file1000000.h5", 213, 0.08, 4, "0862018c90401008005040a03fffe00040488240084100900a08c8"),
        (
            "random",
            "file1000001.h5",
            368,
            0.04,
            8,
            "1310000100000040008020410000b0084000000000007fff10000054000800800020000000400040020600402000",
        ),
        ("equispaced", "file1000000.h5", 213, 0.08, 4, "4444444444444444444444447fffe4444444444444444444444440"),
        (
            "equispaced",
            "file1000001.h5",
            372,
            0.08,
            4,
            "1111111111111111111111111111111111111111111fffffff91111111111111111111111111111111111111111110",
        ),
        (
            "equispaced-fraction",
            "file1000000.h5",
            213,
            0.08,
            4,
            "4208410841082108210420843ffff0841082108210421042084208",
        ),
        (
            "equispaced-fraction",
            "file1000001.h5",
            368,
            0.04,
            8,
            "100200200400400801001002004004008008010020027fff04008010010020020040080080100200200400400800",
        ),
        ("magic", "file1000000.h5", 213, 0.04, 8, "40404040404040404040404043fe04040404040404040404040400"),
        (
            "magic",
            "file1000001.h5",
            368,
            0.04,
            8,
            "040404040404040404040404040404040404040404047fff04040404040404040404040404040404040404040404",
        ),
        ("magic-fraction", "file1000000.h5", 213, 0.08, 4, "1041041041041041041041043ffff0410410410410410410410410"),
        (
            "magic-fraction",
            "file1000001.h5",
            372,
            0.08,
            4,
            "1041041041041041041041041041041041041041041fffffff90410410410410410410410410410410410410410410",
        ),
        (
            "magic-fraction",
            "file_brain_AXT2_200_2000003.h5",
            213,
            0.08,
            4,
            "0410410410410410410410413ffff0410410410410410410410410",
        ),
        (
            "magic-fraction",
            "file1000000.h5",
            396,
            0.04,
            8,
            "004004004004004004004004004004004004004004004007fffc400400400400400400400400400400400400400400400400",
        ),
    ],
)
def test_some_of_fastmris_masks_of_files(
    pattern: str, name: str, width: int, fraction: float, acceleration: float, lines: str
) -> None:
    """What its `fastmri.data.subsample` draws, as packed bits: of both parities of the width, wherever this runs."""
    sampling = Sampling(pattern=pattern, acceleration=acceleration, centre_fraction=fraction, seed=name)
    expected = np.unpackbits(np.frombuffer(bytes.fromhex(lines), np.uint8), count=width)
    np.testing.assert_array_equal(sampling.mask(640, width)[0].numpy(), expected)


@pytest.mark.parametrize("pattern", LINES)
@given(width=st.integers(64, 400), acceleration=st.floats(1, 8), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_lines_have_their_centre(pattern, width, acceleration, seed):
    sampling = Sampling(pattern=pattern, acceleration=acceleration, centre_fraction=0.04, seed=seed)
    mask = sampling.mask(1, width)
    assert torch.equal(mask, sampling.mask(1, width))
    centre = round(0.04 * width)
    run = acs_lines(mask)
    assert run.stop - run.start >= (min(centre, round(width / acceleration)) if pattern == "magic-fraction" else centre)


@pytest.mark.parametrize("acceleration", [2, 3, 4, 6])
def test_the_fraction_pattern_keeps_its_acceleration(acceleration):
    masks = [
        Sampling(pattern="equispaced-fraction", acceleration=acceleration, seed=seed).mask(1, 320) for seed in range(20)
    ]
    effective = np.mean([mask.numel() / mask.sum().item() for mask in masks])
    assert effective == pytest.approx(acceleration, rel=0.05)


def test_equispaced_takes_every_fourth_line():
    mask = Sampling(centre_fraction=0).mask(1, 100)[0]
    positions = mask.nonzero().flatten()
    assert set(positions.diff().tolist()) == {4}


def test_equispaced_lines_begin_anywhere_in_the_first_gap():
    """Of a fractional acceleration, too."""
    for acceleration, gap in ((4, 4), (2.6, 3)):
        masks = [Sampling(acceleration=acceleration, centre_fraction=0, seed=seed).mask(1, 96) for seed in range(60)]
        assert {int(mask[0].nonzero()[0]) for mask in masks} == set(range(gap))


def test_fastmris_magic_fraction_has_a_centre_line_at_least():
    """Where the share of the centre is too small for one, or all lines that are left by R go elsewhere."""
    for width in (64, 65):
        mask = Sampling(pattern="magic-fraction", acceleration=4, centre_fraction=0, seed="file.h5").mask(1, width)
        assert mask[0, width // 2]


def test_every_sampling_has_the_usual_centre_of_its_acceleration():
    """8% of the lines, 4% from R = 8 on, as fastMRI's; unless another one is asked for."""
    usual = samplings(["equispaced", "random"], [4, 8], [0, 1], None, 12)
    assert [(one.acceleration, one.pattern, one.seed, one.centre_fraction) for one in usual] == [
        (acceleration, pattern, seed, fraction)
        for acceleration, fraction in ((4, 0.08), (8, 0.04))
        for pattern in ("equispaced", "random")
        for seed in (0, 1)
    ]
    assert {one.minimum_centre_lines for one in usual} == {12}
    assert [one.centre_fraction for one in samplings(["random"], [4, 8], [0], 0.1, 0)] == [0.1, 0.1]


@pytest.mark.parametrize("pattern", LINES)
def test_minimum_centre_lines(pattern):
    mask = Sampling(pattern=pattern, centre_fraction=0.08, minimum_centre_lines=12).mask(1, 128)
    run = acs_lines(mask)
    assert run.start <= 58
    assert run.stop >= 70


def test_text_seed_of_the_command_line_is_a_number():
    assert Sampling(seed="7") == Sampling(seed=7)


def test_survives_json():
    for sampling in (Sampling(), Sampling(pattern="poisson-disc", seed="file.h5")):
        assert Sampling.model_validate_json(sampling.model_dump_json()) == sampling


@pytest.mark.parametrize("shape", [(128, 128), (96, 180)])
@pytest.mark.parametrize("acceleration", [1.5, 2, 4, 8, 12])
def test_poisson_disc_has_its_acceleration_and_centre(shape, acceleration):
    sampling = Sampling(pattern="poisson-disc", acceleration=acceleration, centre_fraction=0.1, seed=3)
    mask = sampling.mask(*shape)
    assert mask.shape == shape
    assert mask.numel() / mask.sum().item() == pytest.approx(acceleration, rel=0.05)
    assert torch.equal(mask, sampling.mask(*shape))
    assert not torch.equal(mask, sampling.model_copy(update={"seed": 4}).mask(*shape))
    size = [round(0.1 * n) for n in shape]
    first = [(n - c + 1) // 2 for n, c in zip(shape, size, strict=True)]
    assert mask[first[0] : first[0] + size[0], first[1] : first[1] + size[1]].all()
    assert mask[acs_region(mask)].numel() >= size[0] * size[1]


def test_poisson_disc_keeps_its_distance():
    """Outside the dense middle no two points come near, where independent points of the same density do."""
    n = 160
    mask = Sampling(pattern="poisson-disc", acceleration=8, centre_fraction=0.05, seed=1).mask(n, n).numpy()
    profile = density_profile((n, n))
    outside = np.hypot(*(np.indices((n, n)) - n // 2)) > 0.6 * n / 2

    def nearest(points):
        index = np.argwhere(points)
        distance = cKDTree(index).query(index, k=2)[0][:, 1] / profile[points]
        return distance[outside[points]]

    generator = np.random.default_rng(0)
    density = 1 / profile**2
    density *= mask[outside].sum() / density[outside].sum()
    independent = nearest(generator.uniform(size=(n, n)) < density)
    poisson = nearest(mask)
    assert np.quantile(poisson, 0.01) > 2 * np.quantile(independent, 0.01)
    assert poisson.std() / poisson.mean() < 0.5 * independent.std() / independent.mean()


def test_the_distance_at_the_edge_is_four_times_that_in_the_centre():
    """So that a disc has 16 times the density there; its promise, which the tests of distances take for granted."""
    profile = density_profile((8, 10))
    assert profile[4, 5] == 1
    assert profile[0, 5] == profile[4, 0] == 4
    assert profile[2, 5] == 2.5


@pytest.mark.slow
def test_poisson_disc_keeps_as_much_distance_as_sigpy():
    """The gap in the outer part is at least nine tenths of that in sigpy's mask of the same acceleration."""
    from sigpy.mri import poisson

    n, acceleration = 128, 6
    ours = Sampling(pattern="poisson-disc", acceleration=acceleration, centre_fraction=0.1).mask(n, n).numpy()
    theirs = np.abs(poisson((n, n), acceleration, calib=(12, 12), crop_corner=False, seed=0)) > 0

    def gap(mask):
        points = np.argwhere(mask)
        radius = np.hypot(*(points - n // 2).T)
        ring = (radius > 0.6 * n / 2) & (radius < 0.9 * n / 2)
        return np.quantile(cKDTree(points).query(points[ring], k=2)[0][:, 1], 0.02)

    assert gap(ours) >= 0.9 * gap(theirs)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"pattern": "spiral"}, "choose one of random, equispaced"),
        ({"acceleration": 0.5}, "acceleration is 0.5"),
        ({"acceleration": float("nan")}, "acceleration is nan"),
        ({"centre_fraction": 1.5}, "centre_fraction is 1.5"),
        ({"seed": -1}, "seed is -1"),
        ({"lines": 3}, "lines is no setting"),
    ],
)
def test_values_that_do_not_fit(values, sentence):
    with pytest.raises(InputError, match=sentence):
        Sampling(**values)


@pytest.mark.parametrize("size", [(0, 64), (64, 0), (64.0, 64), (64, 64.0), ("a", 64)])
def test_sizes_that_are_none_are_refused(size):
    with pytest.raises(InputError, match=r"the (readout|phase encoding) is .*; give a whole number from 1\."):
        Sampling().mask(*size)


@pytest.mark.parametrize("pattern", ["equispaced-fraction", "poisson-disc"])
def test_centre_too_wide_for_the_acceleration(pattern):
    with pytest.raises(InputError, match="choose a smaller acceleration or centre fraction"):
        Sampling(pattern=pattern, acceleration=8, centre_fraction=0.5).mask(64, 64)
