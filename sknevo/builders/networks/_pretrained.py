"""The first layers of a pretrained network as a module, and the images it expects."""

from torch import Tensor, nn

from sknevo.image_stream._images import Layout
from sknevo.image_stream._scale import PixelRange
from sknevo.network_plan import Layer
from sknevo.pretrained._stages import FirstLayers


class PretrainedLayers(nn.Module):
    """The first layers of a pretrained network, which see images of their own size.

    They always compute as in predictions: batches are small, so that normalisation
    keeps the statistics of the photos that the layers were trained on, and dropout of
    torch draws from the global generator.

    Parameters
    ----------
    layer : Layer
        Which layers, and the sides that images are scaled to.
    read : bool
        Whether they have the weights of their file; otherwise they wait for a state.
    """

    def __init__(self, layer: Layer, read: bool) -> None:
        # Imported here: other networks do without timm.
        from sknevo.pretrained._networks import first_layers

        super().__init__()
        self.sides = layer.grid
        self.layers = first_layers(layer.pretrained, read)
        self.layers.requires_grad_(not layer.is_frozen)

    def train(self, mode: bool = True) -> "PretrainedLayers":
        return super().train(False)

    def forward(self, X: Tensor) -> Tensor:
        if tuple(X.shape[2:]) != self.sides:
            smaller = self.sides[0] < X.shape[2]
            options = {"mode": "bilinear", "antialias": smaller}
            X = nn.functional.interpolate(X, self.sides, **options)
        return self.layers(X)


class ThreeColours(nn.Module):
    """Returns three channels, or one that stands for all three."""

    def forward(self, X: Tensor) -> Tensor:
        match X.shape[1]:
            case 1 | 2:  # the second one is opacity
                return X[:, :1]
            case 3 | 4:
                return X[:, :3]
        return X.float().mean(dim=1, keepdim=True)


def photo_statistics(
    first: FirstLayers, shape: tuple[int, ...], channels: str, pixels: PixelRange
) -> dict[str, Tensor]:
    """Return the `mean` and `scale` of photos, on the scale of the images of `fit`.

    Parameters
    ----------
    first : FirstLayers
        Says whose photos.
    shape : tuple of int
        Shape of an image, as the user has it.
    channels : {"auto", "first", "last"}
        Where its channels are.
    pixels : PixelRange
        Of the images of `fit`.

    Returns
    -------
    dict of str to Tensor of shape (3,)
    """
    # Imported here: other networks do without timm.
    from sknevo.pretrained._networks import load_network

    network = load_network(first.library, first.architecture)
    layout = Layout.of(shape, channels, pixels)
    width = layout.white - layout.black
    mean = layout.black + network.mean.flatten() * width
    return {"mean": mean, "scale": network.std.flatten() * width}
