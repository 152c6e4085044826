from html import unescape
from pathlib import Path

import polars as pl
import pytest

from napari_recon_robust.figures.studies.papers import PAPERS, answer
from napari_recon_robust.ground.progress import run
from napari_recon_robust.reports.study import write_study_report
from napari_recon_robust.studies.packaged import PACKAGED, packaged_plan
from napari_recon_robust.studies.plan import Plan, read_plan, settings


def named(trials: pl.DataFrame, name: str) -> pl.DataFrame:
    """The simulated study as one of a packaged plan."""
    labels = {"TV": "tv", "VarNet": "varnet", "U-Net": "unet", "CG-SENSE": "cg-sense"}
    return trials.with_columns(pl.col("method_label").replace(labels), plan=pl.lit(name))


def test_every_packaged_plan_of_a_paper_has_its_answer() -> None:
    assert set(PAPERS) == {name for name in PACKAGED if name.startswith("paper-")}


@pytest.mark.parametrize("name", PAPERS)
def test_claims_are_about_what_the_plan_has(name: str, tmp_path: Path, scan_file: Path) -> None:
    plan = read_plan(run(packaged_plan(name, tmp_path, scans=scan_file.parent)))
    known = _known(plan)
    for claim in PAPERS[name].claims:
        for side in (claim.one, claim.other):
            for column, value in side.items():
                assert column not in known or value in known[column], (claim, column)


def _known(plan: Plan) -> dict[str, set[object]]:
    ids = {part.method for part in plan.methods}
    labels = {part.method for part in plan.methods if not part.knobs}
    knobs = [knobs for part in plan.methods for knobs in settings(part.knobs)]
    searches = {str(knobs.get("algorithm")) for part in plan.perturbations for knobs in settings(part.knobs)}
    return {
        "method": ids,
        "method_label": labels,
        "found_for": {name for part in plan.perturbations for name in part.found_on},
        "network": {one.get("network") for one in knobs},
        "search": {*searches, "random features"},
        "perturbation": {part.kind for part in plan.perturbations},
    }


def test_a_study_answers_with_what_holds_and_says_how_much_was_compared(trials: pl.DataFrame) -> None:
    found = answer(named(trials, "paper-advrec"))
    assert found is not None
    assert any(one.startswith("unet, R = 8: compared with random noise of its norm") for one in found.sentences)
    assert any(
        one.startswith("R = 8: the attack takes") and "from varnet than from unet" in one for one in found.sentences
    )
    assert len(found.sentences) <= found.comparisons
    assert found.counted.startswith(f"{len(found.sentences)} of {found.comparisons} comparisons")
    assert answer(trials) is None


def test_other_noise_in_the_plan_changes_no_sentence_on_the_attack(trials: pl.DataFrame) -> None:
    larger = pl.col("budget") * 2
    other = trials.filter(pl.col("budget").is_not_null()).with_columns(perturbation=pl.lit("random"), budget=larger)
    harmless = other.with_columns(perturbation_knobs=pl.lit("{}"), ssim_region_perturbed=pl.col("ssim_region_clean"))
    alone, beside = (answer(named(one, "paper-advrec")) for one in (trials, pl.concat([trials, harmless])))
    assert alone is not None
    assert alone == beside


@pytest.mark.slow
def test_the_report_of_a_packaged_study_has_the_answer(trials: pl.DataFrame, tmp_path: Path) -> None:
    study = named(trials, "paper-advrec")
    found = answer(study)
    assert found is not None
    page = unescape(write_study_report(study, tmp_path / "report.html", answer=found).read_text())
    assert found.paper.reported in page
    assert all(one in page for one in found.sentences)
    assert found.paper.reported not in write_study_report(study, tmp_path / "report.html").read_text()


def test_heckel_is_answered_at_the_weight_tuned_on_p_and_with_training_on_the_slice_on_q() -> None:
    """Four scans of P, one of them for tuning, and three of Q; every score is written down here.

    TV's weight 0.1 is the better one for tuning (0.80 to 0.70), and the worse one on P and Q. Noise takes 0.10 from
    VarNet and 0.30 from TV at 0.1; training on the slice gains 0.05 under noise and 0.08 on Q, and loses 0.40 on P.
    """
    methods = {
        ("varnet", "varnet", "{}"): {"in": 0.90, "tuning": 0.90, "FLAIR": 0.70, "noise": 0.80},
        ("tv weight=0.1", "tv", '{"weight": 0.1}'): {"in": 0.80, "tuning": 0.80, "FLAIR": 0.60, "noise": 0.50},
        ("tv weight=0.2", "tv", '{"weight": 0.2}'): {"in": 0.85, "tuning": 0.70, "FLAIR": 0.65, "noise": 0.84},
        ("trained", "test-time-training", '{"network": "varnet"}'): {
            "in": 0.50, "tuning": 0.50, "FLAIR": 0.78, "noise": 0.85,
        },
    }  # fmt: skip
    scans = {"a": "in", "b": "in", "c": "in", "d": "tuning", "e": "FLAIR", "f": "FLAIR", "g": "FLAIR"}
    rows = []
    for number, (scan, domain) in enumerate(scans.items()):
        for (label, method, knobs), scores in methods.items():
            step = 0.001 * (number % 4 - 1)  # each of three volumes is a little better than the last
            others = 0 if label == "varnet" else 1
            clean = scores[domain] + (1 + others) * step
            shared = {
                "plan": "paper-heckel", "scan": scan, "volume": scan, "slice": 0, "mask": "equispaced",
                "acceleration": 4.0, "mask_seed": "0", "region": "lesions-1", "method": method, "knobs": knobs,
                "method_label": label, "label_domain": domain, "perturbation_knobs": "{}", "budget": None,
                "control": False, "error": None, "ssim_foreground_clean": clean,
            }  # fmt: skip
            noisy = (
                scores["noise"] + (1 + 2 * others) * step - (0.2 if domain == "FLAIR" else 0.0) * (label == "varnet")
            )
            rows.append({**shared, "perturbation": "none", "ssim_foreground_perturbed": None})
            rows.append({**shared, "perturbation": "noise-level", "ssim_foreground_perturbed": noisy})
    found = answer(pl.DataFrame(rows, infer_schema_length=None))
    assert found is not None
    assert found.sentences == (
        "noise-level, R = 4: varnet loses 0.2000 [0.1975, 0.2025] less SSIM than TV (its weight tuned on P) "
        "(3 volumes).",
        "FLAIR, R = 4: out of distribution test-time training of varnet has 0.0800 [0.0775, 0.0825] more SSIM than "
        "varnet alone (3 volumes).",
        "noise-level, R = 4: out of distribution test-time training of varnet has 0.0500 [0.0450, 0.0550] more SSIM "
        "than varnet alone (3 volumes).",
    )
    assert found.comparisons == 3
    untuned = pl.DataFrame(rows, infer_schema_length=None).filter(pl.col("scan") != "d")
    unanswered = answer(untuned)
    assert unanswered is not None
    assert not any("TV" in one for one in unanswered.sentences), "no scan tells which of the weights"
    assert len(unanswered.sentences) == 2
