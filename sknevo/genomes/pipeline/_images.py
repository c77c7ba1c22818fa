"""What varies in the features that a pipeline makes of images."""

from collections.abc import Mapping, Sequence
from typing import Any

from sknevo.extras import is_installed
from sknevo.genes import Categorical, Choice, Gene, Genome, Integer
from sknevo.genomes._pretrained import layers_of, suited_sides
from sknevo.genomes.pipeline._families import Family
from sknevo.image_stream._feature_widths import features_width
from sknevo.image_stream._images import sides_of
from sknevo.pretrained import Weights
from sknevo.records import DataSpec, express

Genes = dict[str, Any]

# Ranges and weights are chosen, not measured.
#
# Lengths that the shorter side of images is scaled to, for each kind of features.
SIDES = {
    "pixels": (8, 12, 16, 24, 32),
    "hog": (16, 24, 32, 48, 64, 96, 128),
    "lbp": (32, 64, 96, 128),
    "gabor": (32, 64, 96),
    "patches": (12, 16, 24, 32, 48),
}
# Images are enlarged to no more than so many times their size, unless they are smaller
# than all of these lengths.
MOST_ENLARGED = 2
# Of more images, pipelines learn from no copies. Chosen, not measured.
FEW_IMAGES = 1_000
# What takes a pass or two over columns, which may be thousands.
SCALINGS = ("none", "standard", "minmax", "maxabs", "robust", "squashing")
# Models whose time grows fast with the columns get components of more than these: they
# take all columns in each round, and a Gaussian process has a length for each.
SLOW_WITH_COLUMNS = ("gaussian_process", "hist_gradient_boosting", "xgboost")
MANY_FEATURES, MOST_COMPONENTS = 300, 256


def has_images(spec: DataSpec) -> bool:
    """Return whether samples are images."""
    return bool(spec.shape)


def sides(kind: str, spec: DataSpec) -> Sequence[int]:
    """Return the lengths that images are scaled to for a kind of features."""
    return suited_sides(SIDES[kind], spec, MOST_ENLARGED)


def features(spec: DataSpec, networks: Mapping[str, Weights]) -> Genome:
    """Return the genes of features of images, of which there are one or several.

    Parameters
    ----------
    spec : DataSpec
        Its shape is that of an image.
    networks : mapping of str to Weights
        Pretrained networks to choose from, by name.
    """
    has_colours = sides_of(spec.shape, spec.channels)[2] >= 3
    pixels = Genome(side=Categorical(sides("pixels", spec)))
    kinds: dict[str, tuple[float, dict[str, Gene]]] = {"pixels": (3, {"grey": pixels})}
    if has_colours:
        kinds["pixels"][1]["coloured"] = pixels
        histogram = Genome(
            space=Categorical(["rgb", "hsv"]),
            bins=Integer(3, 6),
            joint=Categorical([True, False]),
            cells=Integer(1, 3),
        )
        kinds["colours"] = 1, {"histogram": histogram}
    if is_installed("skimage"):
        hog = Genome(
            side=Categorical(sides("hog", spec)),
            cells=Integer(3, 8),
            orientations=Categorical([6, 8, 9, 12]),
        )
        lbp = Genome(
            side=Categorical(sides("lbp", spec)),
            radius=Integer(1, 3),
            cells=Integer(1, 4),
        )
        gabor = Genome(
            side=Categorical(sides("gabor", spec)),
            waves=Integer(2, 4),
            orientations=Categorical([4, 6, 8]),
            cells=Integer(1, 4),
        )
        kinds["gradients"] = 1, {"hog": hog}
        kinds["textures"] = 2, {"lbp": lbp, "gabor": gabor}
    patches = Genome(
        learned=Categorical(["kmeans", "random"], [3, 1]),
        side=Categorical(sides("patches", spec)),
        patch=Integer(4, 8),
        stride=Integer(1, 3),
        n_filters=Integer(50, 400, log=True),
        cells=Integer(2, 4),
    )
    kinds["filters"] = 3, {"patches": patches}
    if networks:
        mirrored = Categorical([True, False])
        known = {
            name: Genome(**layers_of(one, spec), mirrored=mirrored)
            for name, one in networks.items()
        }
        kinds["pretrained"] = len(networks) / 2, known
    return Genome(
        crop=Categorical([1.0, 0.9, 0.75], [4, 1, 1]).with_neutral(1.0),
        **{
            name: Choice({"none": weight}, none=Genome(), **branches).with_neutral(
                "none"
            )
            for name, (weight, branches) in kinds.items()
        },
    )


def copies(spec: DataSpec) -> Choice | None:
    """Return the choice of copies to learn from; None if there are many images."""
    if spec.n_samples > FEW_IMAGES:
        return None
    moved = Genome(n_copies=Integer(1, 4), mirrored=Categorical([True, False]))
    return Choice({"none": 3}, none=Genome(), moved=moved).with_neutral("none")


def extraction(spec: DataSpec) -> Choice:
    """Return the choice of an extraction of features of images."""
    most = max(2, min(MOST_COMPONENTS, spec.n_samples // 2))
    pca = Genome(
        n_components=Integer(2, most, log=True), whiten=Categorical([False, True])
    )
    return Choice(
        {"none": 6, "pca": 2},
        none=Genome(),
        pca=pca,
        select_k_best=Genome(fraction=Categorical([0.25, 0.5, 0.75])),
    ).with_neutral("none")


def width_of_genes(genes: Genes, spec: DataSpec) -> int:
    """Return roughly how many features genes make of an image."""
    return features_width(express(genes), spec)


def repair_features(genes: Genes, spec: DataSpec, family: Family) -> Genes:
    """Return genes that make features which a family of models takes."""
    found = genes["preparation"]["features"]
    kinds = [one for one in found.values() if isinstance(one, dict)]
    if all(one["choice"] == "none" for one in kinds):
        found["pixels"]["choice"] = "grey"
    hog = found.get("gradients", {}).get("hog")
    if hog is not None:  # a cell has a few pixels, and a block is of 2 x 2 cells
        hog["cells"] = min(hog["cells"], hog["side"] // 4)
    if "copies" in genes["preparation"] and not family.takes_copies:
        genes["preparation"]["copies"]["choice"] = "none"
    if genes["scaling"] not in SCALINGS:
        genes["scaling"] = "standard"
    is_slow = genes["model"]["choice"] in SLOW_WITH_COLUMNS
    if is_slow and width_of_genes(found, spec) > MANY_FEATURES:
        genes["extraction"]["choice"] = "pca"
    return genes
