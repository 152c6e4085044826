"""What panels and docks show is of the scan, slice, region and kind that are set."""

from typing import Any

import torch
from qtpy.QtCore import Qt

from napari_recon_robust.window.session import Session


def pages(review: Session) -> dict[str, Any]:
    """The docks that are open, by their titles."""
    return {one.title: one for one in review.docks}


def check(review: Session, whole: bool = True) -> None:
    """AssertionError if what is shown is not of one state; docks that are closed are left out.

    whole: nobody deleted a layer of a panel, which takes the panel away until the panels are arranged anew.
    """
    open_ = pages(review)
    if "Perturb" in open_:
        _check_perturb(review, open_["Perturb"])
    if "Compare" in open_:
        _check_compare(review, open_["Compare"])
    if "Reconstruct" in open_:
        _check_scores(review, open_["Reconstruct"])
        _check_sampling(review, open_["Reconstruct"].sampling)
    perturbing, shown = review.bench.perturbing, review.panels.shown
    arranged = whole and not review.scene.view.panels and not review.scene.view.layout
    if perturbing.current is not None and open_ and arranged:
        assert "perturbed" in shown
    if perturbing.current is None and perturbing.best is None:
        assert not {"perturbed", "difference"} & {*shown}
    # For a moment the picture of the method before stands, with its name.
    if open_ and not review.following._waiting.isActive():
        _check_panels(review, arranged)


def _check_perturb(review: Session, perturb: Any) -> None:
    perturbing, acquisition = review.bench.perturbing, review.bench.acquisition
    current, outcome = perturbing.current, perturb.outcome
    assert bool(outcome.spent.text()) == (current is not None), (outcome.spent.text(), current)
    assert outcome.earlier.text() == perturbing.earlier
    assert outcome.scaled.isHidden() == (current is None or current.scaled is None)
    if current is None and perturbing.best is None:
        assert outcome.curve.isHidden()
        assert outcome.over_budgets.isHidden()
    if perturb.regions.every.isChecked():
        return
    listed = perturb.regions.list
    items = [listed.item(number).data(Qt.ItemDataRole.UserRole) for number in range(listed.count())]
    assert items == review.bench.regions.on(acquisition.index)


def _check_compare(review: Session, compare: Any) -> None:
    perturbing = review.bench.perturbing
    current = perturbing.current
    assert compare.table.isHidden() == (current is None)
    assert compare.save.isEnabled() == (current is not None)
    assert compare.earlier.text() == perturbing.earlier
    if current is not None:
        assert compare.sentence.text() == current.outcome.comparison.sentence
    _check_statistics(review)


def _check_statistics(review: Session) -> None:
    """The table is of the regions as they are now, and of the images in the panels."""
    bench = review.bench
    rows, index = bench.measuring.found, bench.acquisition.index
    if rows is None:
        return
    meant = [one for one in bench.regions.chosen if one.slice == index] or bench.regions.on(index)
    masks = {f"{number} {one.name}": one.roi.mask(bench.acquisition.shape[1:]) for number, one in enumerate(meant, 1)}
    assert {row.region: row.pixels for row in rows} == {name: int(mask.sum()) for name, mask in masks.items()}
    shown, view = bench.reconstruction.shown, review.scene.view
    picture = review.scene.comparing.pictures.get("clean")
    if shown is None or not shown.exact or picture is None or picture.index != index or picture.of_strip or view.lineup:
        return
    for row in (row for row in rows if row.image == "clean" and picture.title.startswith(shown.method.label)):
        mean = float(picture.values[masks[row.region].numpy()].mean())
        assert abs(mean - row.mean * row.maximum) <= 5e-3 * row.maximum, row


def _check_scores(review: Session, page: Any) -> None:
    """They are those of the image, or of one at other knobs and then faint."""
    scores, rendered = page.method.scores, review.bench.reconstruction.shown
    if not scores.text():
        return
    assert review.bench.acquisition.slice is not None
    assert review.bench.acquisition.slice.reference is not None
    assert rendered is not None
    assert scores.property("faint") == (not rendered.exact)
    if rendered.metrics is not None:
        assert f"SSIM {rendered.metrics['foreground'].ssim:.3f}" in scores.text()


def _check_sampling(review: Session, box: Any) -> None:
    """The knobs are those of the measured slice, once nothing is turned or measured any more.

    Nor is a cancelled measurement at its last step: they are set back when its lane is idle.
    """
    measured = review.bench.acquisition.slice
    if (
        measured is not None
        and measured.sampling is not None
        and not box._rest.isActive()
        and "measure" not in review.jobs._running
    ):
        assert measured.sampling.model_dump().items() >= box.knobs.values().items()
        assert review.bench.acquisition.asked == (measured.index, measured.sampling), "as the next slice will be"


def _check_panels(review: Session, arranged: bool) -> None:
    """The title of a panel names what its pixels are."""
    acquisition, panels = review.bench.acquisition, review.panels
    rendered, current = review.bench.reconstruction.shown, review.bench.perturbing.current
    index = panels.navigation.slice
    for key in panels.shown:
        title, filled = panels.panels[key].title, panels.panels[key].filled
        if filled and index not in filled:
            first = title.partition("\n")[0]
            assert first.endswith("…") or "no image of slice" in first, (key, title)
        former = panels.panels[key].former
        if former is not None:
            assert former != index, (key, title)
        if former is not None and not panels.panels[key].played:
            assert title.startswith(f"Slice {former} · "), (key, title)
            assert title.endswith(f"reading slice {index}…"), (key, title)
    if acquisition.slice is None or index != acquisition.index or acquisition.asked[0] != index:
        return
    if arranged:
        assert ("reference" in panels.shown) == (acquisition.slice.reference is not None)
    view, picture = review.scene.view, review.scene.comparing.pictures.get("clean")
    if "clean" not in panels.shown or picture is None or picture.index != index:
        return
    if not view.flicker and view.way is None:
        seen = picture.as_part(view.part)
        assert panels.panels["clean"].title == seen.title, (panels.panels["clean"].title, seen.title)
        assert (panels.panels["clean"].stack[index] == seen.image).all(), seen.title
    of = {"Zero-filled": acquisition.slice.zero_filled}
    if rendered is not None:
        of[rendered.method.label] = rendered.image
    images = [of[name] for name in of if picture.title.startswith(name)]
    if current is not None and picture.title.startswith(current.setting.method.label):
        images.append(current.outcome.comparison.clean)
    film, first = review.bench.film, picture.title.partition("\n")[0]
    images += [one.image for name, frames in film.rows.items() for one in frames if film.title(name, one) == first]
    assert any(torch.equal(torch.from_numpy(picture.values), one.cpu()) for one in images), picture.title
