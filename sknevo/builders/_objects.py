"""Objects in masks: numbered, measured, told apart, and without small ones."""

import numpy as np
from scipy import ndimage

# Steps in which a watershed goes down from the seeds to the borders; chosen, not
# measured.
LEVELS = 8


def numbered(codes: np.ndarray) -> np.ndarray:
    """Return the number of the connected part of each pixel.

    Parameters
    ----------
    codes : ndarray of int of shape (height, width)
        Class of each pixel; 0 is background.

    Returns
    -------
    ndarray of int32 of shape (height, width)
        Numbers from 1, and 0 for the background. Pixels that touch by a corner alone
        are not connected.

    Examples
    --------
    >>> numbered(np.array([[1, 0, 1], [1, 0, 2]]))
    array([[1, 0, 2],
           [1, 0, 3]], dtype=int32)
    """
    ids, n_found = np.zeros(codes.shape, np.int32), 0
    for code in np.unique(codes[codes > 0]):
        parts, n_parts = ndimage.label(codes == code)
        inside = parts > 0
        ids[inside] = parts[inside] + n_found
        n_found += n_parts
    return ids


def renumbered(ids: np.ndarray) -> np.ndarray:
    """Return numbers of objects without gaps, 0 for the background."""
    return np.searchsorted(np.union1d(0, ids), ids).astype(np.int32)


def without_small(ids: np.ndarray, least: float) -> np.ndarray:
    """Return numbers of objects, 0 where one has fewer pixels than the least."""
    small = np.bincount(ids.ravel()) < least
    small[0] = False
    return np.where(small[ids], 0, ids)


def relative_distances(ids: np.ndarray) -> np.ndarray:
    """Return how far pixels are from the border of their object.

    Parameters
    ----------
    ids : ndarray of int of shape (height, width)
        Numbers of objects, 0 for the background.

    Returns
    -------
    ndarray of float32 of shape (height, width)
        1 in the middle of each object, 0 in the background.

    Examples
    --------
    >>> relative_distances(np.array([[0, 1, 1, 1, 2]] * 3))[1].tolist()
    [0.0, 0.5, 1.0, 0.5, 1.0]
    """
    ids, found = renumbered(ids), np.zeros(ids.shape, np.float32)
    for number, place in enumerate(ndimage.find_objects(ids), 1):
        # What touches is another object: its border counts.
        inside = ids[place] == number
        far = ndimage.distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1]
        found[place][inside] = far[inside] / far.max()
    return found


def watershed(inside: np.ndarray, heights: np.ndarray, seed: float) -> np.ndarray:
    """Return the number of the object of each pixel, told apart by their heights.

    Objects begin with connected pixels above the seed and grow downwards, level by
    level, to the nearest pixels [1]_. A part without any such pixel is one object.

    Parameters
    ----------
    inside : ndarray of bool of shape (height, width)
        Where objects are.
    heights : ndarray of float of shape (height, width)
        In [0, 1].
    seed : float
        What heights exceed in the middle of an object.

    Returns
    -------
    ndarray of int32 of shape (height, width)
        Numbers from 1, and 0 outside.

    References
    ----------
    .. [1] Vincent, L., & Soille, P. (1991). Watersheds in Digital Spaces: An Efficient
       Algorithm Based on Immersion Simulations. IEEE TPAMI.

    Examples
    --------
    >>> heights = np.array([[0.9, 0.4, 0.4, 0.3, 0.3, 0.8]])
    >>> watershed(heights > 0.1, heights, 0.5).tolist()
    [[1, 1, 1, 1, 2, 2]]
    """
    ids, n_seeds = ndimage.label(inside & (heights > seed))
    parts, n_parts = ndimage.label(inside)
    seeded = np.zeros(n_parts + 1, bool)
    seeded[parts[ids > 0]] = True
    ids = np.where(inside & ~seeded[parts], parts + n_seeds, ids)
    for level in np.linspace(seed, 0.0, LEVELS + 1)[1:]:
        # Heights are compared at all levels but the last.
        reached = (ids > 0) | (inside & ((heights >= level) | (level == 0)))
        parts, n_parts = ndimage.label(reached)
        grows = np.zeros(n_parts + 1, bool)
        grows[parts[ids > 0]] = True
        new = reached & (ids == 0) & grows[parts]
        if new.any():
            nearest = ndimage.distance_transform_edt(
                ids == 0, return_distances=False, return_indices=True
            )
            ids[new] = ids[tuple(nearest[:, new])]
    return renumbered(ids)
