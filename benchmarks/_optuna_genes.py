"""Optuna walks a genome of sknevo: genes become suggestions."""

from sknevo.genes import Categorical, Choice, Genome, Integer, Real, Repeat


def suggest(trial, gene, path):
    """Let Optuna suggest an expressed value of a gene."""
    match gene:
        case Genome():
            return {n: suggest(trial, g, f"{path}.{n}") for n, g in gene.genes.items()}
        case Choice():
            chosen = trial.suggest_categorical(path, list(gene.branches))
            branch = suggest(trial, gene.branches[chosen], f"{path}.{chosen}")
            return {chosen: branch}
        case Repeat():
            length = trial.suggest_int(path, gene.length.low, gene.length.high)
            return [suggest(trial, gene.gene, f"{path}.{i}") for i in range(length)]
        case Categorical():
            return trial.suggest_categorical(path, gene.options)
        case Integer():
            return trial.suggest_int(path, gene.low, gene.high, log=gene.log)
        case Real():
            return trial.suggest_float(path, gene.low, gene.high, log=gene.log)


def flat(gene, value, path):
    """Return the parameters with which `suggest` gives this expressed value."""
    match gene:
        case Genome():
            parts = [flat(gene.genes[n], v, f"{path}.{n}") for n, v in value.items()]
        case Choice():
            # A branch without genes may be named alone.
            value = {value: {}} if isinstance(value, str) else value
            ((chosen, branch),) = value.items()
            branch = flat(gene.branches[chosen], branch, f"{path}.{chosen}")
            parts = [{path: chosen}, branch]
        case Repeat():
            items = [flat(gene.gene, v, f"{path}.{i}") for i, v in enumerate(value)]
            parts = [{path: len(value)}, *items]
        case _:
            return {path: value}
    return {name: v for part in parts for name, v in part.items()}
