"""What each panel shows: from the state of a review to pixels."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from psygnal import Signal

from ..data.window import Window
from ..evaluation.difference import gain
from ..evaluation.parts import Part
from ..workbench import Workbench
from ..workbench.looking import View
from ..workbench.marks import of_slice, tag
from ..workbench.perturbing import Result
from ..workbench.windowing import first
from .arrangement import Arrangement
from .comparing import Comparing, Picture
from .layers import Panels
from .panel import ORDER
from .parts import LEGENDS, Parts
from .titles import awaited, elsewhere, joined, judged, named, origin, percent, reference, score, spent, stand_in

if TYPE_CHECKING:
    from torch import Tensor

    from ..perturbations.base import Perturbed


@dataclass(frozen=True, eq=False)
class Seen:
    """An image (rows, columns) of a slice, in the scan's units."""

    index: int
    image: "Tensor"


class Scene:
    """Draws the workbench into the panels. arrangement: which panels there are. Signal: `drawn()`, another image."""

    drawn = Signal()

    def __init__(self, bench: Workbench, panels: Panels) -> None:
        self.bench, self.panels = bench, panels
        self.comparing = Comparing(panels)
        self.arrangement = Arrangement(bench, self.comparing)
        self.comparing.drawn.connect(self.drawn.emit)
        self._windowed = False

    @property
    def view(self) -> View:
        """How the images are looked at."""
        return self.comparing.view

    @property
    def seen(self) -> "dict[str, Seen]":
        """The images of the present slice that are shown, except the difference, by their panels' keys.

        Two images that are mixed in one panel are both shown.
        They are the part of them that is shown; one that has no such part is left out.
        """
        index, shown, pictures = self.bench.acquisition.index, self.panels.shown, self.comparing.pictures
        if self.panels.navigation.slice != index:
            return {}
        from torch import from_numpy

        there = [key for key in ORDER if key in ("clean", "perturbed", "reference")] if "difference" in shown else shown
        there = [*there, *(key for key in self.comparing.mixed if key not in there)]
        known = {key for key, one in pictures.items() if self.view.part == "magnitude" or one.parts is not None}
        found = {key: pictures[key].as_part(self.view.part) for key in there if key in known}
        return {key: Seen(index, from_numpy(one.values)) for key, one in found.items() if one.index == index}

    def step_layout(self, by: int) -> None:
        """Go to the next or the previous layout."""
        self.arrangement.step_layout(by)
        self.rearrange()

    def take_part(self, part: Part) -> None:
        """Show this part of all images."""
        self.view.part = part
        self.panels.shared_window.show(part)
        self._say()
        self.rearrange()

    def _say(self) -> None:
        """Say at the foot of the picture what holds for all images."""
        acquisition, legend = self.bench.acquisition, LEGENDS.get(self.view.part)
        of_all = of_slice(acquisition.slice, simulated=acquisition.simulated)
        self.panels.say(*([] if legend is None else [legend]), *of_all)

    def rearrange(self) -> None:
        """Show other panels, or other images compared in them."""
        before = {*self.panels.panels}
        self.arrangement.lay_out()
        if before != {*self.panels.panels}:  # one that was never shown has no picture yet
            self.draw_again()
        self.comparing.draw()
        self.comparing.write_difference()
        self.line_up()

    # ---------------------------------------------------------------- images

    def restart(self) -> None:
        """Start with a new scan: nothing is drawn, and the window follows the first image."""
        before = self.view
        view = View(panels=before.panels, pair=before.pair, wipe=before.wipe, signed=before.signed)
        view.fade, view.lens = before.fade, before.lens
        self.comparing.restart(view)
        self._say()
        self._windowed = False

    def first_look(self, image: "Tensor") -> None:
        """Draw the root sum of squares, which a slice looks like before its sensitivities are known.

        Where the panel of the reference is not shown, it is seen in the first one that is, with its own title.
        """
        key, title = ("reference", "Reference") if self.arrangement.has_reference else ("clean", "Zero-filled")
        self._write(key, image, reference("rss", title), self.bench.acquisition.asked[0])
        if self.panels.shown and key not in self.panels.shown:
            self.comparing.lend(key, self.panels.shown[0])

    def measured(self) -> None:
        """Draw the reference and the zero-filled image of the measured slice."""
        measured = self.bench.acquisition.current
        self._say()
        self.arrangement.lay_out()
        self.comparing.full = first(measured).high  # its own, or a difference would depend on the slice shown before
        if measured.reference is not None:
            self._write("reference", measured.reference, "Reference", whole=measured.whole)
        self._write("clean", measured.zero_filled, "Zero-filled", whole=measured.whole)

    def reading(self, index: int, given_up: bool = False) -> None:
        """Say in the titles that this slice is read, or that there is no image since this was given up.

        An image of the slice before stands in for it, and its title says so; that goes with what was given up. A first
        look at the slice that was drawn meanwhile stays what it is.
        """
        for key in self.panels.panels.keys() & set(self.arrangement.available):
            panel, promise = self.panels.panels[key], f"{key.capitalize()} · reading slice {index}…"
            if not given_up and panel.former is None:
                panel.rename(promise)
            elif given_up and (panel.title == promise or panel.former is not None):
                self._empty(key, f"{key.capitalize()} · no image of slice {index}")

    def waiting(self, given_up: bool = False) -> None:
        """Draw the zero-filled image in place of the chosen method's until that is computed or given up.

        The perturbed image of another method goes meanwhile, and the difference with it: both are of another image.
        Nothing is awaited where the result has the images.
        """
        bench, perturbing = self.bench.reconstruction, self.bench.perturbing
        measured, method, shown = self.bench.acquisition.slice, bench.method, bench.shown
        if measured is None or method is None or measured.index != self.bench.acquisition.index:
            return
        if perturbing.on_screen is not None:
            if shown is None:
                self._result(perturbing.on_screen)
            return
        if shown is None:
            self._write("clean", measured.zero_filled, stand_in(method, given_up), whole=measured.whole)
        elif shown.perturbed is not None:
            return
        if perturbing.current is not None and perturbing.best is None:
            for key in ("perturbed", "difference"):
                self._empty(key, awaited(key.capitalize(), method, given_up))

    def reconstruction(self) -> None:
        """Draw the images of the method that is set: those of the result where it has them, with more to say of them,
        else the reconstruction at the present knobs, and that of the perturbed samples beside it.
        """
        shown, result = self.bench.reconstruction.shown, self.bench.perturbing.current
        if self.bench.perturbing.on_screen is not None:
            self._result(self.bench.perturbing.on_screen)
            return
        if shown is None:
            return
        self._reference(shown.reference, shown.method.reference_kind)
        mark = f" · {shown.mark}" if shown.mark else ""
        # A map (a standard deviation) would be black in the window of the images.
        map_ = not shown.method.is_image and self._windowed
        factor = gain([shown.image.detach().cpu().numpy()], self.panels.shared_window.limits[1]) if map_ else 1
        label = f"{shown.method.label} ×{factor}" if factor > 1 else shown.method.label
        self._write(
            "clean", factor * shown.image, f"{label}{score(shown.metrics)}{mark}", factor=factor, whole=shown.whole
        )
        if result is not None and shown.perturbed is not None:
            title = f"{named(result)}, {label}{mark}{elsewhere(shown.method, result)}"
            done = tag("perturbed", result.outcome.perturbed)
            self._write("perturbed", factor * shown.perturbed, title, factor=factor, whole=shown.whole, done=done)
            self.comparing.write_difference()
        else:
            self.waiting(given_up=shown.earlier)

    def _reference(self, image: "Tensor | None", kind: str) -> None:
        """Draw the reference of a method's kind if it is known, or that of the perturbed samples where it is wanted."""
        result = self.bench.perturbing.current
        comparison = None if result is None or not self.view.truth else result.outcome.comparison
        if result is not None and comparison is not None and comparison.perturbed_reference is not None:
            title = reference(comparison.reference_kind, "Reference, perturbed")
            done = tag("perturbed", result.outcome.perturbed)
            self._write("reference", comparison.perturbed_reference, title, done=done)
        elif image is not None:
            self._write("reference", image, reference(kind), whole=self.bench.acquisition.current.whole)

    def redraw(self) -> None:
        """Draw everything that there is into new panels."""
        self._windowed = False
        self.draw_again()

    def draw_again(self) -> None:
        """Draw everything that there is in the window that is set."""
        if self.bench.acquisition.slice is not None:
            self.measured()
        self.reconstruction()
        self.line_up()
        self.fragility()
        self.panels.shared_window.show(self.view.part)

    def fragility(self) -> None:
        """Lay the map of fragile places over the method's image, if there is one."""
        found, index = self.bench.fragility.found, self.bench.acquisition.index
        if found is None:
            self.panels.overlay.show(False)
            return
        self.panels.overlay.lay(index, found.overlay, found.title, found.white)

    def preview(self, perturbed: "Perturbed | None") -> None:
        """Draw the worst image so far of a running search; None hides it."""
        if perturbed is None:
            self.arrangement.lay_out()
            return
        if perturbed.image is None or perturbed.clean is None or not self.panels.panels:
            return
        if "perturbed" not in self.panels.shown:
            self._bring_perturbed()
        worst = perturbed.image if perturbed.restore is None else perturbed.restore(perturbed.image)
        self._write("perturbed", worst.abs().float(), "Worst so far", done=tag("perturbed", perturbed))
        self.comparing.write_difference()

    def frame(
        self,
        key: str,
        image: "Tensor",
        title: str,
        clean: "tuple[Tensor, str] | None" = None,
        done: str = "",
        slice: int | None = None,
    ) -> None:
        """Draw an image of a film strip into a panel, unless the slice that is turned to is not read yet.

        clean: the image to which it belongs, and its title; without it they would be those of two methods. done: what
        has to be said of it, attacked or synthetic. slice: of which it is, where it may be another than the one that is
        turned to; the images of that one stay beside it, and it is not compared with them.
        """
        if self.panels.navigation.slice == self.bench.acquisition.index:
            drawn = {key} if clean is None else {key, "clean"}
            if self.comparing.of_strip - drawn:  # of another row
                self.draw_again()
            if key == "perturbed" and key not in {*self.panels.shown, *self.arrangement.available}:
                self._bring_perturbed()
            if clean is not None and key != "clean":
                self._write("clean", *clean, of_strip=True)
            self._write(key, image, title, slice, of_strip=True, done=done)
            self.comparing.write_difference()

    def _bring_perturbed(self) -> None:
        """Show the panels of a perturbed image while there is no result that has them."""
        self.panels.show(ORDER if "reference" in self.panels.shown else ORDER[1:])

    def _result(self, result: Result) -> None:
        """Draw the images of a finished perturbation as they are looked at."""
        comparison = result.outcome.comparison
        self._reference(comparison.reference, comparison.reference_kind)
        label = joined(result.setting.method.label, judged(result.outcome, "clean"))
        self._write("clean", comparison.clean, label, whole=result.outcome.whole)
        image, title = self._perturbed(result)
        done = tag("perturbed", result.outcome.perturbed, random=image is comparison.random)
        self._write("perturbed", image, title, whole=_whole_of(result, image), done=done)
        self.comparing.write_difference()

    def line_up(self) -> None:
        """Draw several methods beside each other, as far as they are computed."""
        result, lineup = self.bench.perturbing.current, self.arrangement.lineup
        if result is None or lineup is None or not self.panels.panels:
            return
        self.arrangement.lay_out()
        for number, (method, entry) in enumerate(zip(lineup.methods, lineup.entries, strict=True), start=1):
            clean, perturbed = f"clean {number}", f"perturbed {number}"
            if entry is None:
                self._empty(clean, f"{method.label}\ncomputing…")
                self._empty(perturbed, f"{method.label}\nperturbed, computing…")
                continue
            seen = entry.outcome.comparison
            whole = {f"{name} {number}": image for name, image in entry.outcome.whole.items()}
            title = "\n".join(filter(None, (method.label, judged(entry.outcome, "clean"))))
            self._write(clean, seen.clean, title, whole=whole)
            found_on = origin(entry, result) if seen.searched else ""
            said = joined(named(result), judged(entry.outcome, "perturbed"), found_on)
            done = tag("perturbed", entry.outcome.perturbed)
            self._write(perturbed, seen.perturbed, f"{method.label}\n{said}", whole=whole, done=done)

    def _empty(self, key: str, title: str) -> None:
        """Show nothing in a panel but its title."""
        if key in self.panels.panels:
            self.comparing.drop(key)
            self.panels.empty(key, title)

    def _perturbed(self, result: Result) -> "tuple[Tensor, str]":
        comparison, perturbed = result.outcome.comparison, result.outcome.perturbed
        budget = spent(perturbed)
        if self.view.random and perturbed.additive:
            return comparison.random, joined(
                f"{result.draws.get('random', 'Random')} {percent(budget)}", judged(result.outcome, "random")
            )
        if self.view.factor < 1:
            image, exact = result.at(self.view.factor)
            return image, f"Perturbed {percent(self.view.factor * budget)}{'' if exact else ' · interpolated'}"
        return comparison.perturbed, joined(named(result), judged(result.outcome, "perturbed"))

    def _write(
        self,
        key: str,
        image: "Tensor",
        title: str,
        index: int | None = None,
        factor: int = 1,
        whole: "Mapping[str, Tensor] | None" = None,
        of_strip: bool = False,
        done: str = "",
    ) -> None:
        """Write a tensor into a slice, by default the present one; the first tensor sets the window.

        factor: by which it was multiplied. whole: the complex images that are known, by their panels' keys. done: what
        has to be said of it, attacked or synthetic.
        """
        index = self.bench.acquisition.index if index is None else index
        if key not in self.panels.panels:
            return
        pixels: np.ndarray = image.detach().cpu().numpy()
        title = joined(title, done)
        if not self._windowed:
            self._windowed = True
            self.comparing.full = Window.of(pixels).high
            self.panels.shared_window.start(0.0, self.comparing.full)
        measured, known = self.bench.acquisition.slice, (whole or {}).get(key)
        parts = None if known is None or measured is None else Parts(known.numpy(), measured.noise)
        self.comparing.put(key, Picture(index, pixels, title, factor, parts, of_strip, done))


def _whole_of(result: Result, image: "Tensor") -> "dict[str, Tensor]":
    """The complex image of what is shown as the perturbed one; none between two budgets."""
    comparison, whole = result.outcome.comparison, result.outcome.whole
    name = "perturbed" if image is comparison.perturbed else "random" if image is comparison.random else ""
    return {"perturbed": whole[name]} if name in whole else {}
