"""Expressed genes of a pipeline -> an unfitted scikit-learn Pipeline."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import Pipeline

from sknevo.builders.pipeline._columns import ColumnReader
from sknevo.builders.pipeline._copies import OnCopies, n_copies
from sknevo.builders.pipeline._features import (
    beside_categories,
    extraction_seconds,
    make_extraction,
    make_scaling,
    n_components,
    scaled_width,
    scaling_seconds,
)
from sknevo.builders.pipeline._images import ImageReader
from sknevo.builders.pipeline._models import MODELS, Model, Setting, own_model
from sknevo.builders.pipeline._preparation import (
    make_preparation,
    n_native,
    prepared_seconds,
    prepared_size,
)
from sknevo.genes import EstimatorGenome
from sknevo.records import DataSpec

# The names of the steps that read samples.
READER_NAMES: dict[type[BaseEstimator], str] = {
    ColumnReader: "columns",
    ImageReader: "images",
}


@dataclass(frozen=True)
class PipelineBuilder:
    """Builds unfitted pipelines from expressed genes.

    Parameters
    ----------
    spec : DataSpec
        The task, the number of rows and classes, and the columns, or the shape of
        images.
    probabilities : bool, default=True
        Whether all candidates must predict probabilities. It makes an SVM about twice
        as slow.
    reader : ColumnReader, ImageReader or None, default=None
        The first step, unfitted, with which a pipeline takes samples as users have
        them. None makes pipelines of samples that are read already.
    extra_models : dict of str to EstimatorGenome, default={}
        Models beside the built-in ones, by their names among the genes.
    watches : bool, default=True
        Whether fits watch a held-out part, as those of trials do. Only `cost` depends
        on it: without a held-out part, an SVM is fitted three more times for its
        probabilities.

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
    reader: BaseEstimator | None = None
    extra_models: Mapping[str, EstimatorGenome] = field(default_factory=dict)
    watches: bool = True

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
        ((name, genes),) = expressed["model"].items()
        setting = self._setting(expressed, random_state=random_state, rounds=rounds)
        extraction = make_extraction(expressed["extraction"], spec, random_state)
        scaling = make_scaling(expressed["scaling"], spec, random_state)
        if name == "linear" and setting.n_categorical:
            scaling = beside_categories(scaling, setting.n_categorical)
        steps = [
            ("scaling", scaling),
            ("extraction", extraction),
            ("model", self._model(name).make(genes, setting)),
        ]
        if n := n_copies(expressed["preparation"]):
            steps = [("model", OnCopies(Pipeline(steps), n))]
        preparation = make_preparation(spec, expressed["preparation"], name)
        steps = [("preparation", preparation), *steps]
        if self.reader is not None:
            steps.insert(0, (READER_NAMES[type(self.reader)], clone(self.reader)))
        # The steps pass arrays on under any user's configuration.
        return Pipeline(steps).set_output(transform="default")

    def for_samples(self, n_samples: int) -> "PipelineBuilder":
        """Return a builder of the same pipelines for another number of samples.

        Parameters
        ----------
        n_samples : int
            Number of samples that a pipeline is fitted to.

        Returns
        -------
        PipelineBuilder
        """
        return replace(self, spec=replace(self.spec, n_samples=n_samples))

    def cost(self, expressed: dict[str, Any]) -> float:
        """Return roughly how long one fit takes.

        Parameters
        ----------
        expressed : dict
            Expressed genes of `sknevo.genomes.pipeline`.

        Returns
        -------
        float
            Seconds on one core. Good for ordering candidates, not for a forecast.
        """
        ((name, genes),) = expressed["model"].items()
        preparation, n_rows = expressed["preparation"], self.spec.n_samples
        width, density = prepared_size(self.spec, preparation)
        stored = width * density
        return (
            prepared_seconds(self.spec, preparation)
            + scaling_seconds(expressed["scaling"], n_rows, stored)
            + extraction_seconds(expressed["extraction"], n_rows, width)
            + self._model(name).seconds(genes, self._setting(expressed))
        )

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

    def _model(self, name: str) -> Model:
        """Return how the models of a name are made."""
        own = self.extra_models.get(name)
        return MODELS[name] if own is None else own_model(own)

    def _setting(self, expressed: dict[str, Any], **options: Any) -> Setting:
        """Return what the model is made for, by what the other steps leave."""
        width, density = prepared_size(self.spec, expressed["preparation"])
        width = scaled_width(expressed["scaling"], max(1, width))
        if "polynomial" in expressed["extraction"]:
            width = width * (width + 3) / 2
        if (n := n_components(expressed["extraction"])) is not None:
            width, density = min(n, width), 1.0
        n_samples = (1 + n_copies(expressed["preparation"])) * self.spec.n_samples
        return Setting(
            replace(self.spec, n_samples=n_samples),
            width,
            self.probabilities,
            expressed.get("class_weight"),
            n_categorical=n_native(self.spec, expressed["preparation"]),
            density=density,
            watches=self.watches,
            **options,
        )
