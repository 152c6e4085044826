"""A reconstructor with its knobs set."""

import copy
import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

import napari_recon_robust as rr
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.ground.errors import InputError, ModelError
from napari_recon_robust.ground.knob import Knob, Value, resolve
from napari_recon_robust.ground.progress import Job, Progress
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.reconstructors.base import Method, Reconstructor

# No network, no fit: what may run at several settings here.
QUICK = ("zero-filled", "cg-sense", "tv", "l1-wavelet", "hqs")


def elsewhere(knob: Knob) -> Value:
    """A value that is not the default."""
    if knob.kind == "choice":
        return next(choice for choice in knob.choices if choice != knob.default)
    if knob.kind == "bool":
        return not knob.default
    place = knob.from_unit(0.1 if knob.to_unit(float(knob.default)) > 0.2 else 0.3)
    return knob.parse(round(place) if knob.kind == "int" else place)


def moved(reconstructor: Reconstructor) -> dict[str, Any]:
    return {knob.name: elsewhere(knob) for knob in reconstructor.knobs}


class Faint(Reconstructor):
    """x -> w A^H y."""

    id, label, summary = "faint", "Faint", ""
    knobs = (
        Knob(name="weight", label="Weight", help="", default=0.5),
        Knob(name="repeats", label="Repeats", help="", kind="int", default=1, minimum=1, maximum=9),
    )

    def reconstruct(self, measurement: Measurement, **knobs: Any) -> Tensor:
        return knobs["weight"] * measurement.crop(measurement.combined)


@pytest.mark.slow
@pytest.mark.parametrize("id", QUICK)
def test_its_image_is_that_of_the_reconstructor_at_these_knobs(id: str, lines: Measurement) -> None:
    reconstructor = registry.get(id)
    knobs = moved(reconstructor)
    expected = reconstructor.reconstruct(lines, **resolve(reconstructor.knobs, knobs))
    assert torch.equal(reconstructor.at(**knobs)(lines), expected)
    assert torch.equal(reconstructor(lines, **knobs), expected)


@pytest.mark.parametrize("id", registry.ids())
def test_knobs_are_complete_and_its_repr_makes_it_again(id: str) -> None:
    reconstructor = registry.get(id)
    assert reconstructor.at().knobs == {knob.name: knob.default for knob in reconstructor.knobs}
    method = reconstructor.at(**moved(reconstructor))
    assert method.knobs == moved(reconstructor)
    assert eval(repr(method), {"reconstructor": rr.reconstructor}) == method


def test_a_knob_that_does_not_fit_is_refused_at_once() -> None:
    with pytest.raises(InputError, match="no knob 'wait'"):
        Faint().at(wait=1)
    with pytest.raises(InputError, match="weight is 2"):
        Faint().at(weight=2)
    with pytest.raises(InputError, match="weight is 2"):
        Faint().at().at(weight=2)
    with pytest.raises(InputError, match="no knob 'wait'"):
        Faint().job(None, wait=1)  # type: ignore[arg-type]


def test_at_changes_only_what_is_given() -> None:
    method = Faint().at(weight=0.25)
    assert method.at(repeats="3").knobs == {"weight": 0.25, "repeats": 3}
    assert method.knobs == {"weight": 0.25, "repeats": 1}
    assert method.at() is method


def test_knobs_cannot_be_changed_behind_its_back() -> None:
    given = {"weight": 0.25}
    method = Method(Faint(), given)
    given["weight"] = 1.0
    assert method.knobs["weight"] == 0.25
    with pytest.raises(TypeError):
        method.knobs["weight"] = 1.0  # type: ignore[index]


def test_methods_are_equal_by_reconstructor_and_knobs() -> None:
    faint = Faint()
    assert faint.at(weight=0.5) == faint.at()
    assert len({faint.at(), faint.at(weight="0.5"), faint.at(weight=0.25)}) == 2
    assert faint.at() != Faint().at()
    assert faint.at() != faint


def test_its_title_names_the_knobs_that_are_not_at_their_defaults() -> None:
    assert Faint().at().title == "Faint"
    assert Faint().at(weight=1 / 3, repeats=2).title == "Faint (weight 0.333, repeats 2)"


def test_its_record_is_json() -> None:
    assert Faint().at(weight=0.25).to_json() == {"method": "faint", "knobs": {"weight": 0.25, "repeats": 1}}


def test_a_family_changes_some_knobs_of_it(lines: Measurement) -> None:
    images = Faint().at(weight=0.25).family(lines, iter([{"repeats": 2}, {"weight": 1.0}]))
    whole = lines.crop(lines.combined)
    for image, weight in zip(images, (0.25, 1.0), strict=True):
        torch.testing.assert_close(image, weight * whole)


def test_a_family_gets_all_knobs_checked_and_its_members_once(lines: Measurement) -> None:
    asked = []

    class Watched(Faint):
        def reconstruct(self, measurement: Measurement, **knobs: Any) -> Tensor:
            asked.append(knobs)
            return super().reconstruct(measurement, **knobs)

    images = Watched().at(weight=0.25).family(lines, [{}, {"repeats": 2.0}, {"weight": 7.0}])
    assert len([next(images), next(images)]) == 2
    assert asked == [{"weight": 0.25, "repeats": 1}, {"weight": 0.25, "repeats": 2}]
    with pytest.raises(InputError, match="weight"):
        next(images)


def test_a_method_that_defines_its_steps_has_its_image(lines: Measurement) -> None:
    class Slow(Faint):
        reconstruct = Reconstructor.reconstruct

        def steps(self, measurement: Measurement, **knobs: Any) -> Job[Tensor]:
            yield Progress(0.0, "Waiting")
            return knobs["weight"] * measurement.crop(measurement.combined)

    torch.testing.assert_close(Slow().reconstruct(lines, weight=0.25, repeats=1), Slow()(lines, weight=0.25))


def test_a_method_that_defines_no_image_is_named(lines: Measurement) -> None:
    """Instead of a recursion without end."""

    class Empty(Faint):
        reconstruct = Reconstructor.reconstruct

    with pytest.raises(ModelError, match="Empty defines neither reconstruct nor steps; define one"):
        Empty()(lines)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda image: image / 0, "Faint returned NaN or infinite values"),
        (lambda image: image[1:], "Faint returned an image of 47×48; 48×48 was expected"),
        (lambda image: image @ image[:5], r"Faint failed on this slice \(RuntimeError: "),
    ],
)
def test_an_image_of_a_family_is_checked_as_a_single_one(lines: Measurement, spoil: Any, sentence: str) -> None:
    class Spoiled(Faint):
        def reconstruct(self, measurement: Measurement, **knobs: Any) -> Tensor:
            image = super().reconstruct(measurement, **knobs)
            return spoil(image) if knobs["repeats"] == 2 else image

        def family(self, measurement: Measurement, points: Iterable[Mapping[str, Any]]) -> Iterator[Tensor]:
            return (self.reconstruct(measurement, **point) for point in points)

    with pytest.raises(ModelError, match=sentence):
        Spoiled().at(repeats=2)(lines)
    images = Spoiled().at().family(lines, [{}, {"repeats": 2}])
    next(images)
    with pytest.raises(ModelError, match=sentence):
        next(images)


def test_a_failure_is_named(lines: Measurement) -> None:
    class Failing(Faint):
        def reconstruct(self, measurement: Measurement, **knobs: Any) -> Tensor:
            raise ValueError("no")

    with pytest.raises(ModelError, match=r"Faint failed on this slice \(ValueError: no\)"):
        Failing().at()(lines)


def test_a_method_of_single_precision_says_so_of_k_space_in_double(lines: Measurement) -> None:
    """As numpy's transforms give it. Methods that compute in both, for the gradient's tests for instance, do."""
    double = replace(lines, kspace=lines.kspace.to(torch.complex128))
    assert Faint().at()(double).dtype == torch.complex128
    said = "computes in single precision, and the k-space is complex128: give it as complex64"
    with pytest.raises(ModelError, match=said):
        registry.get("unet").at()(double)


def test_only_some_methods_can_be_continued(lines: Measurement) -> None:
    with pytest.raises(InputError, match="fits no network"):
        Faint().at().continuation(lines)


def test_a_method_can_be_pickled_for_another_process() -> None:
    method = rr.reconstructor("tv").at(weight=0.003)
    again = pickle.loads(pickle.dumps(method))
    assert again == method
    assert repr(again) == repr(method)


def test_a_reconstructor_of_ones_own_is_pickled_as_it_is() -> None:
    """Also one of a registered class, with weights of its own."""
    own = type(rr.reconstructor("unet"))()
    own.weights = "own.safetensors"
    again = pickle.loads(pickle.dumps(own))
    assert again is not rr.reconstructor("unet")
    assert again.weights == "own.safetensors"


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_changed_copy_of_a_reconstructor_changes_nothing_in_the_table(copied: Callable[[Any], Any]) -> None:
    ours = rr.reconstructor("unet")
    label, mine = ours.label, copied(ours)
    mine.label = "Mine"
    assert (type(mine), mine.label) == (type(ours), "Mine")
    assert (rr.reconstructor("unet") is ours, ours.label) == (True, label)
    assert copied(mine).label == "Mine"
    assert pickle.loads(pickle.dumps(ours)) is ours


def test_a_reconstructor_shows_how_it_is_made_again() -> None:
    assert repr(rr.reconstructor("tv")) == "reconstructor('tv')"
