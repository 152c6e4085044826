"""The mask that a file has beside its k-space, where the user names the axes."""

import h5py
import numpy as np
import pytest

from napari_recon_robust.io import open_scan

AXES = ("slice", "coil", "readout", "phase")


def _stored(path, kspace, mask, order=(0, 1, 2, 3), matlab=False):
    """The k-space in that order of its axes, the mask as it comes."""
    turned = (lambda array: array.T) if matlab else np.asarray
    with h5py.File(path, "w") as file:
        for name, values in (("kspace", kspace.transpose(order)), ("mask", mask)):
            file[name] = turned(values)
            if matlab:
                file[name].attrs["MATLAB_class"] = np.bytes_("double")
    return [AXES[axis] for axis in order]


def test_a_file_whose_axes_are_named_as_they_are_taken_is_the_same_scan(tmp_path, kspace):
    """Its mask was ignored, so that padding counted as left out, and a zero among samples as left out."""
    mask = np.arange(20) % 3 == 1
    mask[:3] = True
    kspace[..., :3], kspace[..., 30:33, 10], kspace[..., ~mask] = 0, 0, 0
    axes = _stored(tmp_path / "mine.h5", kspace, mask)
    with open_scan(tmp_path / "mine.h5") as one, open_scan(tmp_path / "mine.h5", axes=axes) as other:
        expected, found = one.measurement(1), other.measurement(1)
    assert found.lines
    assert found.mask.equal(expected.mask)
    assert found.acquired.equal(expected.acquired)
    assert found.acceleration == expected.acceleration == 17 / 6


@pytest.mark.parametrize("matlab", [False, True])
@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (3, 0, 2, 1)])
@pytest.mark.parametrize("kind", ["lines", "column", "points"])
def test_a_mask_has_its_axes_in_the_order_of_the_kspace(tmp_path, kspace, matlab, order, kind):
    points = np.random.default_rng(0).random((48, 20)) < 0.4
    points[20:28, 6:14] = True
    if kind != "points":
        points[:] = points[24]
    kspace *= points
    kspace[:, :, 30, 8] = 0  # which the mask has
    mask = points.T if order[0] == 3 else points
    mask = {"lines": points[0], "column": points[:1].T, "points": mask}[kind]
    axes = _stored(tmp_path / "mine.mat", kspace, mask, order, matlab)
    with open_scan(tmp_path / "mine.mat", axes=axes) as scan:
        assert scan.header.notes == ()
        np.testing.assert_array_equal(scan.acquired.expand(48, 20).numpy(), points)


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (np.arange(20) % 2, "leaves out points that have samples"),
        (np.ones(7), "is of 7, so it is not used"),
        (np.full(20, np.nan), "has NaN, so it is not used"),
    ],
)
def test_a_mask_that_does_not_fit_is_not_used_and_a_note_says_so(tmp_path, kspace, mask, words):
    axes = _stored(tmp_path / "mine.h5", kspace, mask)
    with open_scan(tmp_path / "mine.h5", axes=axes) as scan:
        (note,) = scan.header.notes
        assert words in note
        assert scan.fully_sampled


def test_a_mask_of_points_without_samples_makes_no_full_scan(tmp_path, kspace):
    """Such as one of ones, which was believed: the zero-filled samples were the reference then."""
    points = np.random.default_rng(0).random((48, 20)) < 0.4
    points[20:28, 6:14] = True
    axes = _stored(tmp_path / "mine.h5", kspace * points, np.ones(20))
    with open_scan(tmp_path / "mine.h5", axes=axes) as scan:
        (note,) = scan.header.notes
        assert "holds many points without samples, so it is not used" in note
        np.testing.assert_array_equal(scan.acquired.numpy(), points)
        assert not scan.fully_sampled
