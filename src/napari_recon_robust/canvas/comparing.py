"""Two images in one panel: flicker, wipe, lens and fade; and their difference."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from ..data.orientation import AS_STORED, Turn
from ..evaluation.difference import difference, gain
from ..evaluation.parts import TURN, Part
from ..workbench.looking import PAIRS, Pair, Spot, View, clean_of, faded, lensed, pair_of, wipe_edge, wiped
from .layers import Panels
from .parts import WORDS, Parts
from .titles import computing

_SEPARATOR = " · "
_CIRCLE = np.linspace(0, 2 * np.pi, 65)


@dataclass(frozen=True, eq=False)
class Picture:
    """What a panel shows when nothing is compared in it.

    title: what the image is, and at its end `done`, what has to be said of it (attacked, synthetic). gain: the factor
    by which the image was multiplied, so that it can be seen in the window. parts: the other parts of the complex
    image, or None where there is only a magnitude. of_strip: whether it is an image of a film strip, and not of the
    result.
    """

    index: int
    image: np.ndarray
    title: str
    gain: int = 1
    parts: "Parts | None" = None
    of_strip: bool = False
    done: str = ""

    def as_part(self, name: Part) -> "Picture":
        """What is drawn of it: itself, another part, or nothing where that is not known."""
        if name == "magnitude":
            return self
        image = np.zeros_like(self.image) if self.parts is None else self.parts.drawn(name)
        said = f"no {name} part" if name in ("real", "imaginary") else "no phase"
        words = said if self.parts is None else WORDS[name]
        return replace(self, image=image, title=f"{self.name}{_SEPARATOR}{words}{self.caution}", gain=1)

    @property
    def name(self) -> str:
        """What the image is, without figures."""
        return self.title.partition("\n")[0].split(_SEPARATOR)[0]

    @property
    def caution(self) -> str:
        """What stays in a title when its figures go, with its separator: the second line, or what was done."""
        _, line_break, said = self.title.partition("\n")
        return line_break + said if line_break or not self.done else f"{_SEPARATOR}{self.done}"

    @property
    def values(self) -> np.ndarray:
        """The image in the scan's units."""
        return self.image / self.gain if self.gain != 1 else self.image


class Comparing:
    """Draws the pictures of the panels; two of them are compared in the panel of the second one.

    Pictures are compared only where both are of one slice. view: how they are looked at. full: the white of the window
    in which differences are shown, that of their slice at first, whatever the window of the images is; gain: by which
    they are multiplied. Signal: `drawn()` when what is compared was drawn.
    """

    drawn = Signal()

    def __init__(self, panels: Panels) -> None:
        self.panels = panels
        self.view = View()
        self.pictures: dict[str, Picture] = {}
        self.full = 1.0
        self.gain = 1
        panels.turned.connect(self._on_turned)

    def restart(self, view: View) -> None:
        """Forget the pictures of another scan."""
        self.view, self.pictures = view, {}

    def put(self, key: str, picture: Picture) -> None:
        """Take a picture, and draw all panels that show it."""
        before = self._pair
        self.pictures[key] = picture
        self._draw(key)
        if self.view.flicker or self.view.way is not None:
            pairs = {both for both in (before, self._pair) if both is not None and key in both}
            for host in {self._host(both) for both in pairs} - {key}:
                self._draw(host)
        self.drawn.emit()

    def drop(self, key: str) -> None:
        """Forget the picture of a panel that has none any more."""
        self.pictures.pop(key, None)

    def lend(self, key: str, other: str) -> None:
        """Show the picture of a panel in another one too, until that one's own is drawn; values are read of neither."""
        if key in self.pictures:
            picture = self._drawn(key)
            self.panels.write(other, picture.index, picture.image, picture.title)

    @property
    def of_strip(self) -> set[str]:
        """The panels that show an image of a film strip."""
        return {key for key, picture in self.pictures.items() if picture.of_strip}

    def draw(self) -> None:
        """Draw the two pictures of every pair again, after another way to look was chosen."""
        for key in self.pictures:
            self._draw(key)
        self.drawn.emit()

    def flip(self) -> None:
        """Show the other image of the flicker; only its panel is drawn."""
        both = self._pair
        hosts = [] if both is None else [self._host(both)]
        for key in hosts + [key for key in self.panels.shown if clean_of(key) in self.pictures]:
            self._draw(key)
        if hosts:
            self.drawn.emit()

    def turned_to(self) -> None:
        """Turn to another slice: what there is of the slice before stands in for it until it is read."""
        for key in self.pictures:
            self._draw(key)
        if "difference" in self.panels.panels:  # of images of two slices there is none
            self.panels.empty("difference", computing("difference"))
            self.write_difference()

    # ---------------------------------------------------------------- wipe, lens, fade and flicker

    @property
    def pair(self) -> Pair | None:
        """The two pictures that are compared, if both are there."""
        return pair_of(self.view.pair, tuple(key for key in self.pictures if key in self.panels.panels))

    @property
    def _pair(self) -> Pair | None:
        """The pair if both are of one slice."""
        both = self.pair
        if both is None:
            return None
        first, second = (self.pictures[key] for key in both)
        return both if first.index == second.index and first.image.shape == second.image.shape else None

    def _host(self, pair: Pair) -> str:
        """The panel in which they are compared: that of the second picture, unless only the first is shown."""
        first, second = pair
        return first if first in self.panels.shown and second not in self.panels.shown else second

    @property
    def host(self) -> str | None:
        """The panel in which two images are mixed, or None while none is to be seen."""
        both = self._pair if self.view.way is not None and not self.view.flicker else None
        host = None if both is None else self._host(both)
        return host if host in self.panels.shown else None

    @property
    def mixed(self) -> tuple[str, ...]:
        """The panels whose images are seen in one of them, in turn or together; none while none are mixed."""
        both = self._pair if self.view.way is not None or self.view.flicker else None
        return both if both is not None and self._host(both) in self.panels.shown else ()

    def mixes(self, key: str) -> bool:
        """Whether another image is seen in this panel too, together with its own or in turn."""
        pair, above = self._pair, self.view.flicker and clean_of(key) in self.pictures
        return above or (pair is not None and bool(self.mixed) and key == self._host(pair))

    @property
    def edge(self) -> NDArray[np.float32] | None:
        """The line between the two images, (n, 2) rows and columns of pixel edges, or None while there is none."""
        host = self.host
        if host is not None and self.view.lens is not None:
            spot = self.view.lens
            around = np.stack([np.sin(_CIRCLE), np.cos(_CIRCLE)], axis=1)
            return np.asarray(spot.radius * around + [spot.row + 0.5, spot.column + 0.5], np.float32)
        if host is None or self.view.wipe is None:
            return None
        return wipe_edge(self.view.wipe, self.pictures[host].image.shape, self._laid)

    def _draw(self, key: str) -> None:
        if key not in self.panels.panels:
            return
        picture, both, above = self._drawn(key), self._pair, clean_of(key)
        of_strip = picture.of_strip
        if above in self.pictures and self.view.flicker:
            other = self._drawn(above)
            picture = Picture(other.index, other.image, f"{other.name} (flicker){other.caution}")
        elif both is not None and key == self._host(both):
            first, second = (self._drawn(one) for one in both)
            if self.view.flicker:
                other = second if key == both[0] else first
                # napari numbers layers of one name, so the two titles differ
                picture = Picture(other.index, other.image, f"{other.name} (flicker){other.caution}")
            elif self.view.way is not None:
                picture = self._mixed(first, second)
        self.panels.write(key, picture.index, picture.image, picture.title, of_strip=of_strip)

    def _drawn(self, key: str) -> Picture:
        return self.pictures[key].as_part(self.view.part)

    def _mixed(self, first: Picture, second: Picture) -> Picture:
        """Both images in one, whose title says which is where, or how much of each."""
        view, image, name = self.view, second.image, second.name
        if view.wipe is not None:
            image, name = wiped(first.image, second.image, view.wipe, self._laid), f"{first.name} | {second.name}"
        elif view.lens is not None:
            image, name = lensed(first.image, second.image, view.lens), f"{second.name} (lens: {first.name})"
        elif view.fade is not None:
            image = faded(first.image, second.image, view.fade, TURN if view.part == "phase" else None)
            name = f"{first.name} {1 - view.fade:.0%} + {second.name} {view.fade:.0%}"
        return Picture(second.index, image, f"{name}{second.caution}")

    def move_fade(self, share: float) -> None:
        """Set the share of the second image; without a fade nothing happens."""
        host, share = self.host, min(max(share, 0.0), 1.0)
        if host is not None and self.view.fade not in (None, share):
            self.view.fade = share
            self._draw(host)
            self.drawn.emit()

    def move_lens(self, spot: Spot) -> None:
        """Put the lens somewhere; without one nothing happens."""
        if self.view.lens not in (None, spot):
            self.view.lens = spot
            if (host := self.host) is not None:
                self._draw(host)
                self.drawn.emit()

    def move_wipe(self, share: float) -> None:
        """Put the wipe at a fraction of the picture's width on the screen; without a wipe nothing happens."""
        host = self.host
        if host is None or self.view.wipe is None:
            return
        shape = self.pictures[host].image.shape
        before = wipe_edge(self.view.wipe, shape, self._laid)
        self.view.wipe = min(max(share, 0.0), 1.0)
        if not np.array_equal(wipe_edge(self.view.wipe, shape, self._laid), before):
            self._draw(host)
            self.drawn.emit()

    @property
    def _laid(self) -> Turn:
        geometry = self.panels.geometry
        return AS_STORED if geometry is None else geometry.laid

    def _on_turned(self) -> None:
        """Have the first image on the left of the screen again."""
        host = self.host
        if host is not None and self.view.wipe is not None:
            self._draw(host)
            self.drawn.emit()

    # ---------------------------------------------------------------- the difference

    def write_difference(self) -> None:
        """Draw the second picture of the pair minus the first; one factor holds for the differences of all pairs."""
        both = self._pair
        if both is None or "difference" not in self.panels.panels or "perturbed" not in self.pictures:
            return
        values = {key: one.values for key, one in self.pictures.items()}
        index, signed = self.pictures[both[0]].index, self.view.signed
        there = {key for key in values if self.pictures[key].index == index}
        factor = self.gain = gain((values[b] - values[a] for a, b in PAIRS if {a, b} <= there), self.full)
        colours = f"{_SEPARATOR}orange +, blue −" if signed else ""
        shown = factor * difference(values[both[0]], values[both[1]], signed=signed)
        self.panels.difference.show(signed=signed, full=self.full)
        name = _name(both, signed) if self.view.part == "magnitude" else f"{_name(both, signed)} of magnitudes"
        title = f"{name} ×{factor}{colours}{self.pictures[both[1]].caution}"
        self.panels.write("difference", index, shown, title)


def _name(pair: Pair, signed: bool) -> str:
    """What is subtracted from what, unless it is the perturbed image minus the clean one."""
    name = "Difference" if pair == PAIRS[0] else f"{pair[1].capitalize()} − {pair[0]}"
    return name if signed or pair == PAIRS[0] else f"|{name}|"
