"""Paid in another thread before it is needed."""

import numpy as np
from napari.layers import Image, Shapes

from ..progress import Job, Progress
from .layers import Geometry


def warm_up() -> Job[None]:
    """What napari does once for the first image and the first shapes of a process: units, compiled geometry.

    It takes most of a second; in another thread the window does not notice. The layers made here are thrown away.
    """
    yield Progress(0.0, "Warming up")
    geometry = Geometry((1, 4, 4), (1.0, 1.0, 1.0))
    Image(np.zeros((1, 4, 4), np.float32), **geometry.transform)
    yield Progress(0.5)
    corners = np.array([[0, 0, 0], [0, 0, 2], [0, 2, 2], [0, 2, 0.0]])
    for kind in ("rectangle", "ellipse", "polygon"):
        Shapes([corners], shape_type=kind, ndim=3, face_color="transparent", **geometry.transform)
