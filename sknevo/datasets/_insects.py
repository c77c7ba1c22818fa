"""Ants, bees, butterflies and moths, drawn from a seed."""

import colorsys
import math
from collections.abc import Callable, Sequence
from numbers import Integral

import numpy as np
from PIL import Image, ImageDraw, ImageFilter
from sklearn.utils import Bunch, check_random_state
from sklearn.utils._param_validation import Interval, validate_params

NAMES = ("ant", "bee", "butterfly", "moth")
# Images are drawn this many times as large and then shrunk, for smooth edges. Chosen by
# eye.
OVERSAMPLING = 4
# Insects look up and lean to either side; the standard deviation in radians. Chosen by
# eye.
LEANING = 0.5

Colour = tuple[int, int, int]
Random = np.random.RandomState


@validate_params(
    {
        "n_samples": [Interval(Integral, 1, None, closed="left")],
        "image_size": [Interval(Integral, 8, None, closed="left")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def make_insects(
    n_samples: int = 100,
    *,
    image_size: int = 64,
    random_state: int | Random | None = None,
) -> Bunch:
    """Draw ants, bees, butterflies and moths.

    Place, size, direction, pose, colours, background and clutter vary. All four classes
    share the palette and the backgrounds, so only shape and pattern tell them apart.

    Parameters
    ----------
    n_samples : int, default=100
        Number of images. The classes are as balanced as possible.
    image_size : int, default=64
        Pixels per side, at least 8.
    random_state : int, RandomState or None, default=None
        Seed of the drawings.

    Returns
    -------
    Bunch
        `images`, ndarray of uint8 of shape (n_samples, image_size, image_size, 3);
        `data`, the same as rows; `target`, ndarray of int of shape (n_samples,);
        `target_names`, ndarray of str of shape (4,); `DESCR`, str.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Examples
    --------
    >>> from sknevo.datasets import make_insects
    >>> insects = make_insects(8, image_size=32, random_state=0)
    >>> insects.images.shape
    (8, 32, 32, 3)
    >>> insects.target_names[insects.target[:4]].tolist()
    ['butterfly', 'butterfly', 'bee', 'moth']
    """
    random = check_random_state(random_state)
    target = random.permutation(np.arange(n_samples) % len(NAMES))
    images = np.stack([_picture(NAMES[kind], image_size, random) for kind in target])
    return Bunch(
        images=images,
        data=images.reshape(n_samples, -1),
        target=target,
        target_names=np.array(NAMES),
        DESCR=f"{n_samples} drawings of ants, bees, butterflies and moths.",
    )


def _picture(name: str, image_size: int, random: Random) -> np.ndarray:
    canvas = _Canvas(image_size * OVERSAMPLING, random)
    canvas.background()
    canvas.place()
    DRAWINGS[name](canvas, random)
    canvas.clutter()
    return canvas.picture(image_size)


class _Canvas:
    """Draws in the coordinates of an insect that looks up and is about 2 long."""

    def __init__(self, side: int, random: Random) -> None:
        self.side = side
        self.random = random
        self.image = Image.new("RGB", (side, side))
        self.draw = ImageDraw.Draw(self.image, "RGBA")

    def background(self) -> None:
        """Draw blotches of two similar colours."""
        side, random = self.side, self.random
        few = random.uniform(-1, 1, (random.randint(3, 9),) * 2)
        grain = np.asarray(
            Image.fromarray(few.astype(np.float32)).resize((side, side), Image.BICUBIC)
        )
        one = np.array(_ground(random), float)
        other = one + random.uniform(-45, 45) + random.uniform(-15, 15, 3)
        share = (np.clip(grain, -1, 1)[..., None] + 1) / 2
        pixels = one * share + other * (1 - share)
        pixels += random.normal(0, random.uniform(0, 14), (side, side, 1))
        self.image.paste(Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)))
        self.draw = ImageDraw.Draw(self.image, "RGBA")

    def place(self) -> None:
        """Choose place, size and direction of the insect."""
        random = self.random
        self.scale = self.side * random.uniform(0.26, 0.38)
        self.centre = self.side * random.uniform(0.4, 0.6, 2)
        angle = random.normal(0, LEANING)
        cos, sin = math.cos(angle), math.sin(angle)
        lengths = np.diag(random.uniform(0.85, 1.15, 2) * (1, -1))
        self.turn = np.array([[cos, -sin], [sin, cos]]) @ lengths

    def _places(self, points: np.ndarray) -> list[tuple[float, float]]:
        placed = self.centre + self.scale * np.asarray(points) @ self.turn.T
        return [tuple(point) for point in placed]

    def polygon(self, points: np.ndarray, colour: Colour, alpha: int = 255) -> None:
        """Fill a polygon."""
        self.draw.polygon(self._places(points), fill=(*colour, alpha))

    def line(self, points: Sequence, colour: Colour, width: float = 0.05) -> None:
        """Draw a line."""
        pixels = max(1, round(width * self.scale))
        self.draw.line(self._places(points), (*colour, 255), pixels, joint="curve")

    def oval(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        colour: Colour,
        alpha: int = 255,
        angle: float = 0.0,
    ) -> None:
        """Fill an ellipse; width and height are half axes, angle is in radians."""
        turned = np.linspace(0, 2 * math.pi, 36)
        points = np.column_stack([width * np.cos(turned), height * np.sin(turned)])
        cos, sin = math.cos(angle), math.sin(angle)
        points = points @ np.array([[cos, sin], [-sin, cos]]) + (x, y)
        self.polygon(points, colour, alpha)

    def clutter(self) -> None:
        """Draw blades and pebbles, some of which hide parts of the insect."""
        random, side = self.random, self.side
        for _ in range(random.randint(0, 4)):
            colour = (*_ground(random), 255)
            begin, end = random.uniform(-0.1, 1.1, (2, 2)) * side
            if random.rand() < 0.6:
                width = max(1, round(side * random.uniform(0.006, 0.025)))
                self.draw.line([*begin, *end], colour, width)
            else:
                radius = side * random.uniform(0.01, 0.05)
                box = [*(begin - radius), *(begin + radius)]
                self.draw.ellipse(box, colour)

    def picture(self, image_size: int) -> np.ndarray:
        """Return the picture in its final size; three in ten are slightly blurred."""
        random = self.random
        image = self.image.resize((image_size, image_size), Image.LANCZOS)
        if random.rand() < 0.3:
            image = image.filter(ImageFilter.GaussianBlur(image_size / 128))
        pixels = np.asarray(image, float) * random.uniform(0.75, 1.15)
        return np.clip(pixels, 0, 255).astype(np.uint8)


def _colour(random: Random, value: tuple[float, float] = (0.15, 0.95)) -> Colour:
    """Return a colour of any hue with a brightness in this range."""
    rgb = colorsys.hsv_to_rgb(
        random.rand(), random.rand() ** 0.7, random.uniform(*value)
    )
    return tuple(int(255 * part) for part in rgb)


def _ground(random: Random) -> Colour:
    """Return a colour of soil, grass, leaves, water or stone."""
    hue, saturation = random.uniform(0.05, 0.6), random.uniform(0.05, 0.45)
    rgb = colorsys.hsv_to_rgb(hue, saturation, random.uniform(0.45, 0.9))
    return tuple(int(255 * part) for part in rgb)


def _dark(random: Random) -> Colour:
    return _colour(random, (0.05, 0.3))


# The classes -----------------------------------------------------------------------


def _ant(canvas: _Canvas, random: Random) -> None:
    """Draw a narrow waist, long bent legs, elbowed antennae, no wings."""
    colour, legs = _colour(random, (0.1, 0.6)), _dark(random)
    for y, lean in ((0.25, 0.45), (0.1, 0.0), (-0.05, -0.5)):
        for side in (-1, 1):
            knee = (side * random.uniform(0.4, 0.6), y + lean * random.uniform(0.5, 1))
            foot = (knee[0] + side * 0.3, knee[1] + lean - random.uniform(0, 0.25))
            canvas.line([(0, y), knee, foot], legs, 0.05)
    for side in (-1, 1):
        elbow = (side * random.uniform(0.2, 0.35), 0.9 + random.uniform(0, 0.15))
        tip = (elbow[0] + side * random.uniform(-0.05, 0.25), elbow[1] + 0.3)
        canvas.line([(0, 0.7), elbow, tip], legs, 0.045)
    canvas.oval(0, -0.62, 0.28, 0.42, colour)
    canvas.oval(0, 0.1, 0.15, 0.3, colour)
    canvas.oval(0, 0.6, 0.21, 0.22, colour)


def _bee(canvas: _Canvas, random: Random) -> None:
    """Draw a stout striped body, two pairs of narrow clear wings."""
    light, dark = _colour(random, (0.6, 1.0)), _dark(random)
    wing, alpha = _colour(random, (0.7, 1.0)), random.randint(90, 190)
    spread = random.uniform(0.5, 1.1)
    for side in (-1, 1):
        for y, length, angle in ((0.2, 0.55, spread), (0.0, 0.4, spread + 0.5)):
            tilt = side * angle
            x = side * length * math.sin(angle)
            canvas.oval(
                x, y - length * math.cos(angle), 0.19, length, wing, alpha, tilt
            )
    for side in (-1, 1):
        canvas.line([(0, 0.6), (side * 0.22, 1.0)], dark, 0.045)
        for y in (0.2, 0.0, -0.2):
            canvas.line([(0, y), (side * 0.38, y - random.uniform(0, 0.2))], dark, 0.05)
    _body(canvas, random, light, dark, random.uniform(0.28, 0.38))
    canvas.oval(0, 0.2, 0.27, 0.26, light)
    canvas.oval(0, 0.58, 0.2, 0.17, dark)


def _body(
    canvas: _Canvas, random: Random, light: Colour, dark: Colour, width: float
) -> None:
    """Draw an abdomen; its stripes are chords of an ellipse."""
    centre, half, n_stripes = -0.42, 0.55, random.randint(4, 7)
    canvas.oval(0, centre, width, half, light)
    edges = np.linspace(-1, 1, 2 * n_stripes + 1)
    for low, high in zip(edges[::2], edges[1::2], strict=False):
        heights = np.linspace(low, high, 6)
        chords = width * np.sqrt(1 - heights**2)
        right = np.column_stack([chords, centre + half * heights])
        canvas.polygon(np.vstack([right, (right * (-1, 1))[::-1]]), dark)


def _butterfly(canvas: _Canvas, random: Random) -> None:
    """Draw four broad wings, spread; a thin body; antennae that end in clubs."""
    colour, edge, spot = _colour(random), _dark(random), _colour(random)
    spread = random.uniform(0.55, 1.0)
    for side in (-1, 1):
        upper = np.array([(0, 0.3), (0.45, 0.95), (1.05, 0.85), (0.9, 0.2), (0, 0.0)])
        lower = np.array([(0, 0.1), (0.75, 0.05), (0.8, -0.55), (0.4, -0.8), (0, -0.2)])
        for wing in (upper, lower):
            points = wing + random.uniform(-0.06, 0.06, wing.shape)
            outline = _smooth(points) * (side * spread, 1)
            middle = outline.mean(axis=0)
            canvas.polygon(outline, edge)
            canvas.polygon(middle + 0.8 * (outline - middle), colour)
            canvas.oval(*middle, 0.14 * spread, 0.14, spot)
    canvas.oval(0, -0.1, 0.07, 0.55, edge)
    for side in (-1, 1):
        tip = (side * random.uniform(0.15, 0.4), 1.05)
        canvas.line([(0, 0.4), tip], edge, 0.035)
        canvas.oval(*tip, 0.05, 0.05, edge)


def _moth(canvas: _Canvas, random: Random) -> None:
    """Draw wings folded back to a roof, a thick body, antennae like feathers."""
    colour, edge, band = _colour(random), _dark(random), _colour(random)
    spread = random.uniform(0.5, 0.95)
    for side in (-1, 1):
        points = np.array(
            [(0, 0.5), (0.35, 0.35), (1.0, -0.6), (0.75, -0.85), (0, -0.5)]
        )
        points = points + random.uniform(-0.05, 0.05, points.shape)
        outline = _smooth(points) * (side * spread, 1)
        middle = outline.mean(axis=0)
        canvas.polygon(outline, edge)
        canvas.polygon(middle + 0.88 * (outline - middle), colour)
        for share in (0.45, 0.75):
            begin = np.array([0.05, 0.5 - 0.9 * share])
            end = np.array([0.35 + 0.6 * share, 0.35 - 0.95 * share])
            canvas.line(np.array([begin, end]) * (side * spread, 1), band, 0.07)
    canvas.oval(0, 0.05, 0.2, 0.6, _colour(random, (0.2, 0.7)))
    canvas.oval(0, 0.6, 0.16, 0.14, edge)
    for side in (-1, 1):
        stem = [(0, 0.65), (side * 0.3, 0.85), (side * 0.5, 1.05)]
        canvas.line(stem, edge, 0.04)
        for share in np.linspace(0.2, 1, 7):
            x, y = side * 0.5 * share, 0.65 + 0.4 * share
            canvas.line([(x, y), (x + side * 0.1, y - 0.09)], edge, 0.03)
            canvas.line([(x, y), (x - side * 0.05, y + 0.13)], edge, 0.03)


def _smooth(points: np.ndarray) -> np.ndarray:
    """Cut the corners of a closed polygon, three times (Chaikin)."""
    for _ in range(3):
        following = np.roll(points, -1, axis=0)
        points = np.stack(
            [0.75 * points + 0.25 * following, 0.25 * points + 0.75 * following], axis=1
        ).reshape(-1, 2)
    return points


DRAWINGS: dict[str, Callable[[_Canvas, Random], None]] = {
    "ant": _ant,
    "bee": _bee,
    "butterfly": _butterfly,
    "moth": _moth,
}
