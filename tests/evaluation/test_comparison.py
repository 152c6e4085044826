import json
from typing import Any

import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from napari_recon_robust.evaluation import metrics
from napari_recon_robust.evaluation.comparison import Comparison


def images() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    reference = 1 + torch.rand(24, 28, generator=generator)
    noise = torch.randn(24, 28, generator=generator)
    return {
        "reference": reference,
        "clean": reference + 0.05 * noise,
        "perturbed": reference + 0.3 * noise,
        "random": reference + 0.05 * noise + 1e-5,
        "perturbed_reference": reference + 0.01 * noise,
    }


def make(**changes: Any) -> Comparison:
    roi = torch.zeros(24, 28, dtype=torch.bool)
    roi[8:18, 9:20] = True
    foreground = torch.ones(24, 28, dtype=torch.bool)
    given = {**images(), "roi": roi, "foreground": foreground, "reference_kind": "rss", "thermal": 0.4, **changes}
    return Comparison(**given)


def test_metrics_stand_against_the_clean_reference_with_its_range_and_foreground():
    comparison = make()
    given = images()
    span = float(given["reference"].max())
    assert comparison.data_range == pytest.approx(span)
    for name in ("clean", "perturbed", "random", "perturbed_reference"):
        expected = metrics.measure(
            given[name], given["reference"], roi=comparison.roi, tissue=comparison.foreground, data_range=span
        )
        assert comparison.metrics[name] == expected


def test_an_inserted_feature_is_judged_by_the_truth_that_has_it():
    given = images()
    truth = given["reference"] + 0.2
    comparison = make(perturbed=truth, perturbed_reference=truth, judged_by="perturbed")
    assert comparison.metrics["perturbed"]["roi"].nmse == 0
    assert comparison.metrics["clean"] == make().metrics["clean"]


def test_a_bright_feature_changes_neither_the_range_nor_the_foreground_of_what_it_is_judged_by():
    """Else an image that has it would have another PSNR than the clean one for the same error."""
    given = images()
    truth = given["reference"].clone()
    truth[2:5, 2:5] += 9
    tissue = torch.zeros(24, 28, dtype=torch.bool)
    tissue[6:20, 5:22] = True
    seen = make(
        perturbed=given["perturbed"], perturbed_reference=truth, judged_by="perturbed", foreground=tissue
    ).metrics["perturbed"]
    span = float(given["reference"].max())
    x, r = given["perturbed"].double().numpy(), truth.double().numpy()
    whole, similarity = structural_similarity(r, x, data_range=span, full=True)
    assert seen["image"].psnr == pytest.approx(peak_signal_noise_ratio(r, x, data_range=span))
    assert seen["image"].ssim == pytest.approx(whole)
    assert seen["foreground"].ssim == pytest.approx(similarity[tissue.numpy()].mean())


def test_stability_is_the_absolute_change_beside_the_ratio_to_the_clean_error():
    comparison, given = make(), images()
    inside = {name: image[comparison.roi].double() for name, image in given.items()}
    moved = (inside["perturbed"] - inside["clean"]).norm() / inside["reference"].norm()
    ratio = (inside["perturbed"] - inside["reference"]).norm() / (inside["clean"] - inside["reference"]).norm()
    assert comparison.stability["perturbed"]["change"] == pytest.approx(float(moved), rel=1e-5)
    assert comparison.stability["perturbed"]["error_ratio"] == pytest.approx(float(ratio), rel=1e-5)
    assert ratio == pytest.approx(6, rel=1e-3)


def test_the_error_ratio_is_against_the_truth_that_judges_the_image():
    """Of a truth that has changed: an image that follows it has no error."""
    given = images()
    truth = given["reference"] + 0.2
    comparison = make(perturbed=truth, perturbed_reference=truth, judged_by="perturbed")
    assert comparison.stability["perturbed"]["error_ratio"] == 0
    assert comparison.stability["random"] == make().stability["random"]
    unknown = make(perturbed_reference=None, judged_by="perturbed")
    assert unknown.stability == make().stability


def test_the_recovery_of_a_feature_is_measured_on_its_own_pixels():
    given, changed = images(), {"judged_by": "perturbed"}
    feature = torch.zeros(24, 28, dtype=torch.bool)
    feature[2:5, 3:6] = True
    changed |= {"perturbed_reference": given["reference"] + 0.2, "perturbed": given["clean"] + 0.2 * ~feature}
    assert make(**changed).recovery == pytest.approx(1, rel=1e-4)
    assert make(**changed, support=feature).recovery == pytest.approx(0, abs=1e-6)


def test_degradation_is_relative_to_the_clean_value():
    comparison = make()
    clean, perturbed = (comparison.metrics[name]["roi"].ssim for name in ("clean", "perturbed"))
    assert comparison.degradation["roi"]["ssim"] == pytest.approx((clean - perturbed) / clean)
    assert comparison.degradation["roi"]["nmse"] < 0
    given = images()
    opposite = make(clean=3 - 2 * given["reference"], perturbed=3 - given["reference"])
    assert opposite.metrics["perturbed"]["roi"].ssim < opposite.metrics["clean"]["roi"].ssim < 0
    assert opposite.degradation["roi"]["ssim"] > 0, "what falls further is lost, not won"


def test_the_sentence_says_it_plainly():
    comparison = make(region="the drawn region")
    clean, perturbed = (comparison.metrics[name]["roi"].ssim for name in ("clean", "perturbed"))
    change = comparison.stability["perturbed"]["change"]
    assert comparison.sentence == (
        f"In the drawn region SSIM fell from {clean:.2f} to {perturbed:.2f} and the image changed by "
        f"{100 * change:.0f}%; random noise of the same size gave {clean:.2f} and changed it by less than 0.01%. "
        "The perturbation is 0.4 × the thermal noise."
    )
    still = make(perturbed=images()["clean"], random=images()["perturbed"], thermal=float("inf")).sentence
    assert f"SSIM stayed at {clean:.2f} and the image changed by 0%" in still
    assert f"gave {perturbed:.2f} and changed it by {100 * change:.0f}%" in still
    assert "thermal" not in still


def test_what_was_found_is_said_before_the_search_and_after_what_was_inserted():
    found = make(statement="Found by ascent.").sentence
    assert found.startswith("In the drawn region SSIM fell")
    assert found.endswith("The perturbation is 0.4 × the thermal noise. Found by ascent.")
    inserted = make(
        statement="A lesion was inserted.", judged_by="perturbed", perturbed_reference=images()["reference"]
    )
    assert inserted.sentence.startswith("A lesion was inserted. In the drawn region SSIM with the changed truth is")


def test_a_control_as_strong_as_the_search_is_a_warning():
    assert not make().warnings
    weak = make(random=images()["perturbed"], findings={"zero_gradient": "The gradient is zero."})
    assert set(weak.warnings) == {"zero_gradient", "random_as_strong"}


def test_a_region_that_tells_little_of_the_anatomy_is_a_caution():
    def cautions(rows: slice, columns: slice, **changes: Any) -> dict[str, str]:
        roi, tissue = torch.zeros(2, 24, 28, dtype=torch.bool)
        roi[rows, columns] = True
        tissue[4:20, 4:20] = True
        return make(roi=roi, foreground=tissue, **changes).warnings

    assert not cautions(slice(4, 10), slice(2, 8))
    pixel = cautions(slice(9, 10), slice(9, 10))
    assert pixel == {"few_pixels": "There is no more than one pixel in the drawn region: noise decides on so few."}
    assert set(cautions(slice(0, 4), slice(0, 9), region="the region “Ear”")) == {"no_tissue"}
    partly = cautions(slice(4, 10), slice(17, 27))
    assert partly == {"little_tissue": "Only 30% of the drawn region is tissue, the rest is air."}
    assert set(cautions(slice(None), slice(None))) == {"whole_image"}
    assert not cautions(slice(None), slice(None), searched=False)


def test_without_a_reference_the_clean_image_is_the_measure():
    comparison = make(reference=None, perturbed_reference=None)
    assert comparison.data_range == pytest.approx(float(images()["clean"].max()))
    assert comparison.metrics["clean"]["image"].nmse == 0
    stored = json.loads(json.dumps(comparison.to_json(), allow_nan=False))
    assert stored["reference"] is None
    assert stored["perturbed_reference"] is None
    assert stored["clean"]["image"]["psnr"] is None
    assert stored["stability"]["perturbed"]["error_ratio"] is None
    assert stored["perturbed"]["roi"]["ssim"] < 1


def test_json_has_every_region_of_every_image():
    stored = json.loads(json.dumps(make(consistency={"clean": 0.1}).to_json(), allow_nan=False))
    for name in ("clean", "perturbed", "random", "perturbed_reference"):
        assert set(stored[name]) == {"roi", "foreground", "image"}
        assert stored[name]["roi"].keys() >= {"ssim", "psnr", "nmse"}
    assert stored["reference"] == "rss"
    assert stored["data_consistency"] == {"clean": 0.1}
