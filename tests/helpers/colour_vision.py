"""Colours as they are seen without one of the three kinds of cones, and how well they are told apart.

The matrices are those of Machado, Oliveira and Fernandes, A physiologically-based model for simulation of color vision
deficiency (2009), doi 10.1109/TVCG.2009.113, for full severity; they act on linear RGB.
"""

from itertools import combinations

import numpy as np
from skimage.color import rgb2lab

EYES = {
    "usual": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def rgb(colour: str) -> np.ndarray:
    """Of #rrggbb, from 0 to 1."""
    return np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255


def closest(*colours: np.ndarray) -> float:
    """The smallest distance (CIE 1976) of two of the colours, to whatever eye; 2 is just noticed."""
    distances = []
    for matrix in EYES.values():
        lab = rgb2lab([_encoded(np.clip(np.array(matrix) @ _linear(one), 0, 1)) for one in colours])
        distances += [float(np.linalg.norm(a - b)) for a, b in combinations(lab, 2)]
    return min(distances)


def contrast(one: np.ndarray, other: np.ndarray) -> float:
    """The ratio of luminances of WCAG 2, from 1 to 21; graphical objects need 3, text 4.5."""
    low, high = sorted(float(_linear(colour) @ [0.2126, 0.7152, 0.0722]) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def _linear(colour: np.ndarray) -> np.ndarray:
    return np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)


def _encoded(colour: np.ndarray) -> np.ndarray:
    return np.where(colour <= 0.0031308, 12.92 * colour, 1.055 * colour ** (1 / 2.4) - 0.055)
