"""Expressed genes of a tabular pipeline -> an unfitted scikit-learn Pipeline."""

from dataclasses import dataclass
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from sknevo.builders.pipeline._boosting import (
    BOOSTERS,
    USUAL_SHARE,
    EarlyStoppingClassifier,
    EarlyStoppingRegressor,
    most_rounds,
)
from sknevo.builders.pipeline._columns import ColumnReader
from sknevo.builders.pipeline._features import make_extraction, make_scaling
from sknevo.builders.pipeline._kinds import Kind
from sknevo.builders.pipeline._preparation import make_preparation, prepared_width
from sknevo.builders.pipeline._svm import (
    SupportVectorClassifier,
    SupportVectorRegressor,
    svm_seconds,
)
from sknevo.records import DataSpec

# The exact solver of an SVM may do so much work: iterations x rows x columns, about two
# seconds. Chosen, so that unscaled columns with a large C end, too.
SOLVER_WORK = 1e9
# Landmarks of an approximate kernel. Chosen, not measured.
LANDMARKS = 128


@dataclass(frozen=True)
class PipelineBuilder:
    """Builds unfitted pipelines from expressed genes.

    Parameters
    ----------
    spec : DataSpec
        The task, the number of rows and classes, and the columns.
    probabilities : bool, default=True
        Whether all candidates must predict probabilities. It makes an SVM about twice
        as slow.
    columns : tuple or None, default=None
        How the columns are read, the `kinds_` of a `ColumnReader`: the pipeline begins
        with one, so that it takes tables as users have them. None makes pipelines of
        tables that are read already.

    Examples
    --------
    >>> from sknevo.builders import PipelineBuilder
    >>> from sknevo.records import Column, DataSpec
    >>> spec = DataSpec("classification", 100, 2, (Column("a", "numeric"),))
    >>> genes = {"preparation": {}, "scaling": "standard", "extraction": {"none": {}},
    ...          "class_weight": None, "model": {"svm": {
    ...              "C": 1.0, "approximate": False, "kernel": {"linear": {}}}}}
    >>> [name for name, _ in PipelineBuilder(spec)(genes, random_state=0).steps]
    ['preparation', 'scaling', 'extraction', 'model']
    """

    # Trials share fitted preparations between candidates, and pass sample weights to
    # the last step only.
    makes_pipelines = True

    spec: DataSpec
    probabilities: bool = True
    columns: tuple[Kind, ...] | None = None

    def __call__(
        self, expressed: dict[str, Any], random_state: int, rounds: int | None = None
    ) -> Pipeline:
        """Return the pipeline that the genes describe.

        Parameters
        ----------
        expressed : dict
            Expressed genes of `sknevo.genomes.pipeline`.
        random_state : int
            Seed of all steps but the preparation, which many candidates share.
        rounds : int or None, default=None
            How many rounds a model that can stop early trains. None lets it stop by
            the rows that it watches.

        Returns
        -------
        Pipeline
            Unfitted.

        Raises
        ------
        ValueError
            If the extraction is unknown.
        ImportError
            If the library of the booster is not installed.
        """
        spec = self.spec
        extraction = make_extraction(expressed["extraction"], spec, random_state)
        read = [] if self.columns is None else [("columns", ColumnReader(self.columns))]
        steps = [
            *read,
            ("preparation", make_preparation(spec, expressed["preparation"])),
            ("scaling", make_scaling(expressed["scaling"], spec, random_state)),
            ("extraction", extraction),
            ("model", self._model(expressed, random_state, rounds)),
        ]
        # The steps pass arrays on under any user's configuration.
        return Pipeline(steps).set_output(transform="default")

    def cost(self, expressed: dict[str, Any]) -> float:
        """Return roughly how long one fit takes that watches a held-out part.

        Parameters
        ----------
        expressed : dict
            Expressed genes of `sknevo.genomes.pipeline`.

        Returns
        -------
        float
            Seconds on one core. Good for ordering candidates, not for a forecast.
        """
        n, spec = self.spec.n_samples, self.spec
        width = max(1, prepared_width(spec, expressed["preparation"]))
        if "polynomial" in expressed["extraction"]:
            width = width * (width + 3) / 2
        ((name, genes),) = expressed["model"].items()
        classes = spec.n_classes if spec.n_classes > 2 else 1
        if name == "svm":
            return svm_seconds(genes, n, width, classes, self.probabilities)
        rounds = USUAL_SHARE * most_rounds(genes["learning_rate"])
        return 0.01 + rounds * BOOSTERS[name].seconds(genes, n, width, classes)

    def family(self, expressed: dict[str, Any]) -> str:
        """Return the model: for one model, `cost` errs by the same factor.

        Parameters
        ----------
        expressed : dict
            Expressed genes of `sknevo.genomes.pipeline`.

        Returns
        -------
        str
        """
        return next(iter(expressed["model"]))

    def _model(
        self, expressed: dict[str, Any], random_state: int, rounds: int | None
    ) -> BaseEstimator:
        ((name, genes),) = expressed["model"].items()
        classifies = self.spec.task == "classification"
        balance = {"class_weight": expressed["class_weight"]} if classifies else {}
        if name == "svm":
            return self._svm(genes, expressed["preparation"], balance, random_state)
        return (EarlyStoppingClassifier if classifies else EarlyStoppingRegressor)(
            BOOSTERS[name].make(classifies, genes, random_state),
            rounds=rounds,
            random_state=random_state,
            **balance,
        )

    def _svm(
        self,
        genes: dict[str, Any],
        preparation: dict[str, Any],
        balance: dict[str, Any],
        random_state: int,
    ) -> BaseEstimator:
        ((kernel, parameters),) = genes["kernel"].items()
        n_samples = self.spec.n_samples
        # Each iteration computes the kernel of one row with all others.
        per_iteration = n_samples * max(1, prepared_width(self.spec, preparation))
        shared = {
            "kernel": kernel,
            "C": genes["C"],
            "n_components": min(LANDMARKS, n_samples) if genes["approximate"] else None,
            "max_iter": max(1000, int(SOLVER_WORK / per_iteration)),
            "random_state": random_state,
            **parameters,
        }
        if self.spec.task == "regression":
            return SupportVectorRegressor(epsilon=genes["epsilon"], **shared)
        return SupportVectorClassifier(
            probabilities=self.probabilities, **balance, **shared
        )
