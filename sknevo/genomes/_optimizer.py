"""The optimizer as part of an individual, each with its own parameters."""

from sknevo.genes import Categorical, Choice, Genome, Real


def optimizer() -> Choice:
    """Return the choice of an optimizer, named and scaled as in `torch.optim`."""
    # Ranges are chosen around torch's defaults and the values that papers report.
    decay = Real(1e-6, 1e-2, log=True)
    beta1 = Real(0.8, 0.97)
    return Choice(
        {"adam": 2, "adamw": 2},
        sgd=Genome(
            lr=Real(3e-3, 0.5, log=True),
            momentum=Real(0.1, 0.99),
            nesterov=Categorical([False, True]),
            weight_decay=decay,
        ),
        adam=Genome(lr=Real(1e-4, 2e-2, log=True), beta1=beta1, weight_decay=decay),
        # Decoupled from the gradient, the decay is on another scale.
        adamw=Genome(
            lr=Real(1e-4, 2e-2, log=True),
            beta1=beta1,
            weight_decay=Real(1e-4, 0.3, log=True),
        ),
        rmsprop=Genome(
            lr=Real(1e-4, 1e-2, log=True),
            alpha=Real(0.9, 0.999),
            momentum=Real(0.0, 0.9),
            weight_decay=decay,
        ),
    )


def adversarial_optimizer() -> Choice:
    """Return the choice of an optimizer for one of two adversarial networks.

    The loss of each changes with the other: a long memory of past gradients does harm.
    """
    lr = Real(1e-5, 3e-2, log=True)
    return Choice(
        {"adam": 4},
        adam=Genome(lr=lr, beta1=Real(0.0, 0.9), beta2=Real(0.9, 0.999)),
        rmsprop=Genome(lr=lr, alpha=Real(0.9, 0.999)),
    )
