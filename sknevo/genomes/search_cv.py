"""The search space of a user's own estimator, as scikit-learn's searches write it."""

from collections.abc import Mapping, Sequence
from typing import Any

from sklearn.base import BaseEstimator

from sknevo.genes import Choice, Genome, Options, Repeat, gene_of, parameter_genes
from sknevo.spelling import did_you_mean

__all__ = ["parameters", "well_known"]

# A list of dicts is a choice between them, under this name, which is no parameter.
SPACE = "space"


def parameters(
    space: Genome | Mapping[str, Any] | Sequence[Mapping[str, Any]],
    estimator: BaseEstimator,
) -> Genome:
    """Return the search space of an estimator's parameters.

    Parameters
    ----------
    space : Genome, dict or list of dict
        A dict maps names of parameters to distributions, lists of values or genes. Of a
        list of dicts, one is expressed at a time. A Genome is returned as it is.
    estimator : estimator
        The estimator that has these parameters.

    Returns
    -------
    Genome

    Raises
    ------
    ValueError
        If a name is no parameter of the estimator, or its values do not make a gene.

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> from sklearn.svm import SVC
    >>> parameters({"C": loguniform(0.1, 10), "kernel": ["rbf", "linear"]}, SVC())
    Genome(C=Continuous(loguniform(0.1, 10)), kernel=Options(['rbf', 'linear']))
    """
    genome = space
    if isinstance(space, Mapping):
        genome = _record(space)
    elif isinstance(space, list | tuple):
        if not space or not all(isinstance(part, Mapping) for part in space):
            raise ValueError(f"genome must hold dicts if it is a list; got {space!r}.")
        branches = {str(i): _record(part) for i, part in enumerate(space)}
        genome = Genome(**{SPACE: Choice(**branches)})
    if not isinstance(genome, Genome) or not genome.genes:
        raise ValueError(
            "genome must be a Genome, or a dict (or list of dicts) of parameters, and "
            f"name at least one; got {space!r}."
        )
    _check_names(genome, estimator)
    return genome


def _record(space: Mapping[str, Any]) -> Genome:
    genes = {}
    for name, values in space.items():
        try:
            genes[str(name)] = gene_of(values)
        except ValueError as fault:
            raise ValueError(f"genome of parameter {name!r}: {fault}") from fault
    return Genome(**genes)


def _check_names(genome: Genome, estimator: BaseEstimator) -> None:
    """Raise an error for a name that is no parameter, as far as that can be known."""
    known, own = estimator.get_params(), list(estimator.get_params(deep=False))
    names = []
    for name, gene, _ in parameter_genes(genome, known):
        if isinstance(gene, Repeat) and isinstance(gene.gene, Genome | Choice | Repeat):
            raise ValueError(
                f"genome repeats more than a value in {name!r}: a parameter takes a "
                f"list of values; got {gene!r}."
            )
        names.append(name)
    for name in names:
        owner = name.rpartition("__")[0]
        # An owner that the genome varies may be another estimator in each individual.
        varies = any(owner == o or owner.startswith(f"{o}__") for o in names)
        if name not in known and not varies:
            raise ValueError(
                f"genome names {name!r}, which is no parameter of "
                f"{type(estimator).__name__}; its own are {own}."
                f"{did_you_mean(name, known)}"
            )


def well_known(genome: Genome, estimator: BaseEstimator) -> list[dict[str, Any]]:
    """Return the first individual of a search: the estimator as it is.

    Parameters
    ----------
    genome : Genome
        The search space, see `parameters`.
    estimator : estimator
        The estimator that has these parameters.

    Returns
    -------
    list of dict
        One that names the estimator's own values where they are in range; none if
        there is no such value.

    Examples
    --------
    >>> from sklearn.svm import SVC
    >>> space = parameters({"C": [1.0, 10.0], "kernel": ["linear"]}, SVC())
    >>> well_known(space, SVC())
    [{'C': 1.0}]
    """
    values = estimator.get_params()
    own = {}
    for name, gene in genome.genes.items():
        if name not in values or isinstance(gene, Genome | Choice | Repeat):
            continue
        value = values[name]
        labels = gene.values.items() if isinstance(gene, Options) else ()
        # Identity, since the values of options need not be comparable.
        value = next((label for label, v in labels if v is value), value)
        if gene.contains(value):
            own[name] = value
    return [own] if own else []
