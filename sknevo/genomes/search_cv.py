"""The search space of a user's own estimator, as scikit-learn's searches write it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sklearn.base import BaseEstimator

from sknevo.genes import Choice, Gene, Genome, Options, Repeat, gene_of

__all__ = ["parameters", "well_known"]

# A list of dicts is a choice between them, under a name that is no parameter.
SPACE = "space"


def parameters(
    space: Genome | Mapping[str, Any] | Sequence[Mapping[str, Any]],
    estimator: BaseEstimator,
) -> Genome:
    """Return the genome of parameters.

    Parameters
    ----------
    space : Genome, dict or list of dict
        A dict maps names of parameters to distributions, lists of values or genes; of a
        list of dicts, one is expressed at a time. A Genome is returned as it is.
    estimator : estimator
        Whose parameters they are.

    Returns
    -------
    Genome

    Raises
    ------
    ValueError
        If a name is no parameter of the estimator, or its values cannot be a gene.

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
    deep, own = estimator.get_params(), list(estimator.get_params(deep=False))
    named = dict(_named(genome, deep.keys()))
    for name in named:
        owner = name.rpartition("__")[0]
        # Whose owner may be another in every individual is set before all are known.
        open_owner = any(
            owner == other or owner.startswith(f"{other}__") for other in named
        )
        if name not in deep and not open_owner:
            raise ValueError(
                f"genome names {name!r}, which is no parameter of "
                f"{type(estimator).__name__}; its own are {own}."
            )


def _named(
    genome: Genome, known: Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, Gene]]:
    """Yield the parameters that genes name, see `sknevo.builders.search_cv`."""
    for name, gene in genome.genes.items():
        path = prefix + name
        match gene:
            case Genome():
                inner = f"{path}__" if path in known else prefix
                yield from _named(gene, known, inner)
            case Choice():
                leaves = [g for g in gene.branches.values() if not _is_record(g)]
                if path in known or leaves:
                    yield path, gene
                for branch in gene.branches.values():
                    if _is_record(branch):
                        yield from _named(branch, known, prefix)
            case Repeat(gene=item) if isinstance(item, Genome | Choice | Repeat):
                raise ValueError(
                    f"genome repeats more than a value in {path!r}: a parameter takes "
                    f"a list of values; got {gene!r}."
                )
            case _:
                yield path, gene


def _is_record(gene: Gene) -> bool:
    return isinstance(gene, Genome)


def well_known(genome: Genome, estimator: BaseEstimator) -> list[dict[str, Any]]:
    """Return the individual that the user has: the estimator as it is.

    Parameters
    ----------
    genome : Genome
        Of parameters.
    estimator : estimator
        Whose they are.

    Returns
    -------
    list of dict
        One that names the estimator's own values where they are in range; none if
        there is no such value.
    """
    values = estimator.get_params()
    own = {}
    for name, gene in genome.genes.items():
        if name not in values or isinstance(gene, Genome | Choice | Repeat):
            continue
        value = values[name]
        labels = gene.values.items() if isinstance(gene, Options) else ()
        label = [label for label, v in labels if v is value]
        value = label[0] if label else value
        if gene.contains(value):
            own[name] = value
    return [own] if own else []
