import pytest
import torch

from helpers.shifts import perturb
from napari_recon_robust.ground.errors import InputError


def test_spikes_are_single_samples_of_their_amplitude(measurement, combined, roi):
    found = perturb("spike", measurement, combined, roi, count=3, amplitude=0.25)
    hit = found.perturbation.abs()
    largest = measurement.kspace.abs().amax((1, 2))
    places = (hit > 0).any(0).nonzero().tolist()
    assert sorted(found.details["places"]) == places
    assert len(places) == 3
    for row, column in places:
        assert measurement.mask[0, column]
        torch.testing.assert_close(hit[:, row, column], 0.25 * largest, rtol=1e-4, atol=0)
    assert perturb("spike", measurement, combined, roi, count=3, seed=1).details["places"] != found.details["places"]


def test_the_phases_of_spikes_go_all_the_way_round(measurement, combined, roi):
    z = perturb("spike", measurement, combined, roi, count=400).perturbation
    assert float(z[z != 0].sgn().mean().abs()) < 0.2  # of half a turn it were 2 / pi
    hit = z[:, (z != 0).any(0)]
    assert float((hit[0] * hit[1].conj()).sgn().mean().abs()) < 0.2, "each coil has its own"


def test_more_spikes_than_samples_are_refused(measurement, combined, roi):
    with pytest.raises(InputError, match="do not fit into 544 samples"):
        perturb("spike", measurement, combined, roi, count=1000)
