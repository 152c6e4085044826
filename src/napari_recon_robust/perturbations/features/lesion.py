"""Lesions of an outlined shape, which are put into a magnitude image or taken out of it."""

import numpy as np
import torch
from scipy import ndimage, sparse
from scipy.sparse.linalg import spsolve
from torch import Tensor

from ...ground.errors import InputError
from .feature import DARKEST


def tissue_around(shape: Tensor) -> Tensor:
    """The pixels around a shape, bool (rows, columns): up to half the side of a square of its area, at least 3 pixels.

    Raises InputError if the shape leaves nothing around it.
    """
    reach = max(3.0, 0.5 * float(shape.sum()) ** 0.5)
    distance = torch.from_numpy(ndimage.distance_transform_edt(~shape.cpu().numpy())).to(shape.device)
    around = (distance > 0) & (distance <= reach)
    if not around.any():
        raise InputError("the region leaves nothing around it; outline a lesion that lies within the image.")
    return around


def inserted(image: Tensor, shape: Tensor, contrast: float) -> Tensor:
    """The magnitude image (rows, columns) with a lesion of a shape, bool (rows, columns).

    T = max(|x| + contrast m p, 0.1 |x|): m is the mean of |x| around the shape, and p the shape, its edge two pixels
    wide. Raises InputError if there is nothing around it.
    """
    local = image[tissue_around(shape)].mean()
    soft = torch.nn.functional.avg_pool2d(shape.to(image)[None], 3, 1, 1)[0]
    return torch.maximum(image + contrast * local * soft, (1 - DARKEST) * image)


def filled(image: Tensor, shape: Tensor) -> Tensor:
    """The magnitude image (rows, columns) with a shape, bool (rows, columns), filled in from what surrounds it.

    Each pixel inside is the mean of its four neighbours (a membrane), so that nothing exceeds what surrounds it.
    Raises InputError if there is nothing around it.
    """
    tissue_around(shape)
    rows, columns = shape.shape
    inside = shape.cpu().numpy().ravel()
    along = [sparse.diags([np.ones(size - 1)] * 2, [-1, 1]) for size in (rows, columns)]
    beside = sparse.kron(along[0], sparse.eye(columns)) + sparse.kron(sparse.eye(rows), along[1])
    laplacian = (sparse.diags(np.asarray(beside.sum(1)).ravel()) - beside).tocsr()[inside]
    values = image.detach().double().cpu().numpy().ravel()
    solved = spsolve(laplacian[:, inside].tocsc(), -laplacian[:, ~inside] @ values[~inside])
    whole = image.clone()
    whole[shape] = torch.from_numpy(np.atleast_1d(solved)).to(image)
    return whole
