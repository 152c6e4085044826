"""Small pictures of a case: its region with the surroundings, clean beside perturbed, made once and kept.

They lie in the user's cache by the hash of the case, never in its folder, which may be read-only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from ...data.orientation import Turn, turn_of
from ...data.roi import Bounds, bounds
from ...data.window import WHITE
from ...ground import user_cache
from ...ground.arrays import read_npz
from ...ground.errors import FileFormatError
from ..record import IMAGES, altered, file_hash, missing, read_description
from .entry import GalleryEntry

MARGIN = 12  # pixels of the image around the region, as in the window's other thumbnails
SIDE = 160  # pixels of the longer side of one picture, at most
_VERSION = 1  # one more whenever a picture is made in another way

Image = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Crops:
    """The region of a case with its surroundings, upright.

    images: "reference" where it is known, "clean" and "perturbed", each (rows, columns) in the scan's units.
    white: the reference's 99.7th percentile, that of the clean image where there is none; black is 0. bounds: of the
    region in the whole image as it is stored.
    """

    images: dict[str, Image]
    white: float
    bounds: Bounds

    def grey(self, name: str) -> NDArray[np.uint8]:
        """One of the images in 8 bits."""
        return (255 * np.clip(self.images[name] / self.white, 0, 1) + 0.5).astype(np.uint8)


def crops(entry: GalleryEntry) -> Crops:
    """The images of a case, whose hash is checked; FileFormatError if the case is damaged."""
    if entry.damage:
        raise FileFormatError(entry.damage)
    path = entry.path / IMAGES
    if not path.is_file():
        raise FileFormatError(missing(IMAGES, entry.path))
    description = read_description(entry.path)
    if file_hash(path) != description["files"].get(IMAGES):
        raise FileFormatError(altered(IMAGES, entry.path))
    try:
        stored = read_npz(path)
        region = stored["roi"]
        whole: dict[str, Image] = {name: stored[name] for name in ("reference", "clean") if name in stored}
        whole["perturbed"] = stored["perturbed"][entry.number]
        return cropped(whole, region, turn_of(description["recipe"]["source"]))
    except (OSError, KeyError, IndexError, ValueError) as error:
        raise FileFormatError(f"{IMAGES} of {entry.path.name} is damaged ({error}); restore it.") from None


def cropped(whole: Mapping[str, Image], region: NDArray[np.bool_], turn: Turn) -> Crops:
    """Images (rows, columns) by the names of `Crops`, cut to the region with its surroundings.

    turn: how they are turned to be seen. IndexError for an empty region.
    """
    place = bounds(region)
    if place is None:
        raise IndexError("the region is empty")
    part = around(place)
    white = float(np.nanpercentile(whole.get("reference", whole["clean"]), WHITE))
    turned = {name: turn.shown(image[part]) for name, image in whole.items()}
    images = {name: np.nan_to_num(image).astype(np.float32) for name, image in turned.items()}
    return Crops(images, white if white > 0 else 1.0, place)


def thumbnail(entry: GalleryEntry) -> bytes:
    """A PNG in 8 bits of grey: the clean picture on the left, the perturbed one on the right, of equal size.

    Pixels are those of the image, or means of squares of them where it is larger than SIDE. Raises as `crops` does.
    """
    name = f"gallery/thumbnails-{_VERSION}/{entry.seal[:2]}/{entry.seal}.png"
    kept = user_cache.cached(name) if entry.seal else None
    if kept is None:
        found = crops(entry)
        kept = png(np.hstack([_reduced(found.grey(one)) for one in ("clean", "perturbed")]))
        user_cache.keep_cached(name, kept)
    return kept


def png(pixels: NDArray[np.uint8]) -> bytes:
    """A PNG of grey values (rows, columns)."""
    from PIL import Image

    content = BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


def around(place: Bounds) -> tuple[slice, slice]:
    """The region with its surroundings."""
    rows = slice(max(place.row - MARGIN, 0), place.row + place.height + MARGIN)
    return rows, slice(max(place.column - MARGIN, 0), place.column + place.width + MARGIN)


def _reduced(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Means over squares of pixels, so that the longer side has SIDE pixels at most."""
    by = -(-max(grey.shape) // SIDE)
    rows, columns = (-(-length // by) * by for length in grey.shape)
    padded = np.pad(grey, ((0, rows - grey.shape[0]), (0, columns - grey.shape[1])), "edge")
    return (padded.reshape(rows // by, by, columns // by, by).mean((1, 3)) + 0.5).astype(np.uint8)
