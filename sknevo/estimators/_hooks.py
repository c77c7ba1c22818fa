"""The hooks of an evolved estimator: what a task says, and the defaults."""

from abc import abstractmethod
from collections.abc import Callable, Collection, Hashable, Mapping
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator

from sknevo.data_checks import plain_column
from sknevo.estimators._results import params_of
from sknevo.estimators._samples import Samples
from sknevo.estimators._setup import FirstRung, make_genome
from sknevo.evaluation import Builder, Data, Objectives, TrialRunner
from sknevo.genes import Genome
from sknevo.records import Chromosome, DataSpec
from sknevo.search import SearchCallback


class TaskHooks:
    """What a task defines beside a parameter `genome`.

    `fit` calls the hooks in this order, in which they stand here:

    1. `_targets`, `_check_X`, `_plain_y` and `_check_y` validate the data and learn no
       more than the form of a sample, since `_weigh` then drops samples without
       weight. `_per_sample` names the metadata to be checked.
    2. `_learn_X` and `_learn` learn from the samples that count.
    3. `_scoring_of` and `_objectives` make the scorers; `_is_stratified`, `_undefined`
       and `_split_params` the splits.
    4. `_spec` describes the data. From this `_default_genome` makes the search space,
       `_auto_resource` the first rung, `_builder` the estimators, and `_well_known` the
       first individuals.
    5. `_callbacks` and `_params_of` serve the search and its results; `_refit_rows`
       and `_first_steps` the last fit.

    Abstract methods have no default here, but some have one in `_mixins`. Targets may
    be anything that scikit-learn can index by rows, or None.
    """

    # What evolves, in the words of a message.
    _individuals: ClassVar[str]
    # Share of `max_time` for the final training, if training is resumable. Chosen, not
    # measured.
    _final_training: ClassVar[float] = 0.3
    # The fitness if the user names none.
    _default_scoring: ClassVar[Any]
    # Number of folds up to a number of samples; of more samples, a part is held out.
    _default_folds: ClassVar[Mapping[int, int]]
    # The kind of an individual by its expressed genes. With `max_time`, those of one
    # kind compete among themselves on a rung.
    _kind_of: ClassVar[Callable[[dict[str, Any]], Hashable] | None] = None
    # What workers import while this process looks at the data.
    _builder_module: ClassVar[str] = "sknevo.builders"
    # Threads of a trial if results depend on them; None shares out the cores.
    _threads: ClassVar[int | None] = None
    # Metadata that individuals take without metadata routing; None is any.
    _accepted_metadata: ClassVar[Collection[str] | None] = {"sample_weight"}
    # Modules of extras, without which the estimator cannot be made.
    _needed_modules: ClassVar[Collection[str]] = ()
    # Libraries that cannot be imported without docstrings.
    _needs_docstrings: ClassVar[str] = ""
    # With an ensemble, an individual ends early once its first splits show that it is
    # not among so many best ones; without one, that it is not the best. None tries all
    # splits.
    _n_best: ClassVar[int | None] = None
    # Steps of selecting an ensemble; None for a task without ensembles.
    ensemble_size: ClassVar[int | None] = None

    @property
    def _needs_y(self) -> bool:
        """Whether nothing can be learned without y."""
        return True

    def _targets(self, X: Any, y: Any) -> Any:
        """Return y, or the targets that X brings along."""
        return y

    @abstractmethod
    def _check_X(self, X: Any, reset: bool) -> Any:
        """Return X as individuals get it; learn its columns or shape if `reset`.

        What depends on values is left to `_learn_X`: not all samples may count.
        """

    def _plain_y(self, y: Any) -> Any:
        """Return y as `fit` and `score` read it; missing targets are refused."""
        return plain_column("y", y)

    @abstractmethod
    def _check_y(self, y: Any) -> Any:
        """Return y as individuals get it; learn nothing."""

    def _per_sample(self, params: Mapping[str, Any]) -> Collection[str]:
        """Return the names of the metadata that have one value per sample."""
        return params.keys()

    def _weigh(self, samples: Samples) -> Samples:
        """Return the samples as individuals are to weigh them."""
        weighted = samples.weighted()
        if weighted.y is not samples.y:  # a class may be gone
            try:
                self._validate_y(weighted.y)
            except ValueError as error:
                raise ValueError(
                    f"Of the samples with a sample_weight above zero: {error}"
                ) from error
        return weighted

    def _learn_X(self, X: Any) -> Any:
        """Return X as individuals get it, where that depends on the samples' values."""
        return X

    def _learn(self, X: Any, y: Any) -> None:
        """Set what a search needs to know of validated data, such as `classes_`."""

    def _scoring_of(self, scoring: Any, X: Any, y: Any) -> Any:
        """Return `scoring` with what it has to know of the data."""
        return scoring

    def _objectives(self, scoring: Any) -> Objectives:
        """Return what is measured and what of it is the fitness."""
        labels = getattr(self, "classes_", None)
        return Objectives.of(self, scoring, self.refit, labels)

    def _is_stratified(self, y: Any) -> bool:
        """Return whether y holds classes, of which each split should have its share."""
        return self.__sklearn_tags__().estimator_type == "classifier"

    def _undefined(
        self, objectives: Objectives, y_train: Any, y_test: Any, may_lack_classes: bool
    ) -> str:
        """Return why no individual has a score on a split, "" if it may have one."""
        kind = self.__sklearn_tags__().estimator_type
        if kind == "regressor" or (kind == "classifier" and np.ndim(y_test) == 1):
            return objectives.why_undefined(kind, y_train, y_test, may_lack_classes)
        return ""

    def _split_params(self, samples: Samples) -> Mapping[str, Any]:
        """Return the metadata for the splitter, such as `groups`."""
        return samples.split_params

    @abstractmethod
    def _spec(self, X: Any, y: Any) -> DataSpec:
        """Return what genome and builder may know of all of the data."""

    def _make_genome(self, spec: DataSpec) -> Genome:
        """Return the search space."""
        return make_genome(self.genome or self._default_genome, spec)

    @abstractmethod
    def _default_genome(self, spec: DataSpec) -> Genome:
        """Return the search space if the user gives none."""

    def _auto_resource(self, spec: DataSpec, n_splits: int) -> FirstRung | None:
        """Return the resource that "auto" stands for, None for no halving."""
        return None

    @abstractmethod
    def _builder(
        self, spec: DataSpec, objectives: Objectives, final: bool = False
    ) -> Builder:
        """Return what makes estimators of expressed genes; `final` is for the refit."""

    @abstractmethod
    def _well_known(self, spec: DataSpec) -> list[dict]:
        """Return expressed genes to begin with if the user gives none."""

    def _callbacks(self, runner: TrialRunner) -> list[SearchCallback]:
        """Return callbacks of the task's own."""
        return []

    def _params_of(self, chromosome: Chromosome) -> tuple[dict[str, Any], Any]:
        """Return a chromosome's `param_*` and `params` in `cv_results_`."""
        return params_of(chromosome)

    def _refit_rows(self, data: Data) -> np.ndarray | None:
        """Return the rows for the refit if these are those of a trial; None is all."""
        return None

    def _first_steps(self) -> list[tuple[str, BaseEstimator]]:
        """Return fitted steps that read X as the user has it for a trial's model."""
        return []
