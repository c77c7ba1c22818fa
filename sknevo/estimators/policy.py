"""Evolved policies: what they see, how they act, and how they are trained."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import Tags
from sklearn.utils.metadata_routing import UNUSED

from sknevo.estimators._base import BaseEvolved
from sknevo.estimators._parameters import COUNT, parameter, with_parameters
from sknevo.estimators._results import after_refit, best_of_each
from sknevo.estimators._setup import FirstRung, first_rung, largest_value
from sknevo.evaluation import Builder, Evaluator, Objectives
from sknevo.genes import Genome
from sknevo.genomes.policy import kind_of, policy, well_known
from sknevo.records import DataSpec
from sknevo.search import SearchResult
from sknevo.time_budget import TimeBudget

if TYPE_CHECKING:
    from sknevo.builders.policy import Actor

__all__ = ["EvolvedPolicy"]

# Seeds if the user gives none: 128 to train on, and 32 by which policies are scored.
# More to score by would leave less time to train. Chosen, not measured.
N_SEEDS = 160
# Fresh seeds of `score` without seeds. Chosen, not measured.
N_SCORED = 100
# Policies among which fresh seeds name those that end their training, and of these, if
# there is no `max_time`. Chosen, not measured.
NOMINATED, FINALISTS = 5, 3
# Fresh seeds for that: so many times as are held out, or as many as take this share of
# `max_time`, and the fewest. Chosen, not measured.
FRESH, FRESH_SHARE, FEWEST_FRESH = 2, 0.05, 8
# Greatest number of episodes with `max_time`, which ends the search before.
MOST_EPISODES = 50_000
# Episodes of the first rung for each second of `max_time`, within limits. Pendulum, 180
# s, one seed: -751 with 1 if all kinds of networks compete; -695 with 1 if the best of
# each kind is promoted besides; -150 with 2 if each kind has its own best third.
EPISODES_PER_SECOND, LEAST_FIRST, MOST_FIRST = 2.0, 60, 500


def mean_return(estimator: BaseEstimator, X: np.ndarray) -> float:
    """Return the mean of the returns in episodes with these seeds."""
    return estimator.score(X)


@with_parameters
class EvolvedPolicy(BaseEvolved):
    """Evolve a policy that acts in an environment of Gymnasium.

    An individual is a policy with all settings of its training: how observations are
    normalised and how many of them are seen at once, the network (linear, a multilayer
    perceptron or a recurrent network), how its outputs become actions, and the
    evolution strategy that trains its weights (CMA-ES [1]_, augmented random search
    [2]_, or policy gradients with parameter-based exploration and ClipUp [3]_).

    **Samples are the seeds of episodes.** Individuals are trained in episodes with some
    seeds and scored by their mean return in episodes with others. Search, splits,
    journals and successive halving are those of all evolved estimators.

    Parameters
    ----------
    env : str or callable
        The name of an environment, such as "CartPole-v1", or a callable without
        arguments that returns a `gymnasium.Env`. Observations may be Box, Discrete,
        MultiBinary, MultiDiscrete, or Tuple and Dict of these; actions Box, Discrete,
        MultiBinary or MultiDiscrete.
    genome : Genome, callable or None, default=None
        The search space. A callable gets the `DataSpec` and returns a Genome, such as
        ``partial(policy, max_episodes=500)`` of `sknevo.genomes.policy`; None stands
        for `policy`.
    max_episodes : int or None, default=None
        Greatest number of episodes of a training. None stands for 3,000, and with
        `max_time` for 50,000. Unused if `genome` is given.
    max_steps : int or None, default=None
        Steps after which an episode ends. None stands for the environment's own limit,
        or for 1,000 if it has none.
    strategy : {"coevolution", "crossover", "elitist", "estimation_of_distribution", \
"nsga2", "regularized_evolution", "surrogate_assisted"} or Strategy, \
default="estimation_of_distribution"
        How offspring are bred and which individuals survive. A strategy object has
        parameters of its own, such as ``GeneticAlgorithm(mutation_probability=0.3)``.
    population_size : int, default=12
        Number of individuals per generation.
    generations : int, "auto" or None, default="auto"
        Number of generations. "auto" stands for 5, or for no limit with `max_time`.
        None sets no limit: another rule must end the search.
    scoring : str, callable, list, tuple, dict or None, default=None
        The fitness, as in scikit-learn's searches. None stands for the accuracy in
        classifiers, R2 in regressors, a `GenerativeScore` in `EvolvedGAN`, the mean IoU
        in `EvolvedSegmenter` (of objects their F1), the mean average precision in
        `EvolvedDetector`, and the estimator's own `score` in `EvolvedSearchCV`. With
        several metrics, `refit` names the fitness. Several metrics may include costs:
        "fit_time" (seconds), "predict_time" (seconds per 1,000 samples), "n_parameters"
        (of networks and linear models) and "size" (pickled bytes). Costs are negated:
        higher is better.
    refit : bool, str, callable or dict, default=True
        Whether the best individual is fitted on all of X. With several metrics, the
        name of the fitness, or a dict of weights if it is a weighted sum, such as
        ``{"accuracy": 1, "predict_time": 0.1}``. A callable gets `cv_results_` and
        returns the index of the best.
    target_score : float or None, default=None
        Stop as soon as an individual reaches this fitness.
    n_iter_no_change : int or None, default=None
        Stop after this number of generations without an improvement.
    tol : float, default=1e-4
        Smallest gain of the best fitness that is an improvement.
    max_time : float or None, default=None
        Seconds for all of `fit`, including the refit of the best. The first individual
        always runs to its end. After that, an individual can be the best only if it
        ends in time and leaves time for its refit. A refit may exceed the limit if it
        has to be repeated, or if a callable `refit` chooses its individual. Results
        depend on the machine's speed: for results that `random_state` reproduces, set
        `generations` instead. Of a table that is read in parts, this is the time of the
        search on a sample: the last fit, on all rows, is not limited.
    max_eval_time : float or None, default=None
        Seconds that an individual may take for all of its splits. A worker process
        that takes longer is stopped, even in native code. The refit is not limited.
    memory_limit : float or None, default=None
        Megabytes that a worker process may hold; one that holds more is stopped. This
        limit and `max_eval_time` need worker processes of joblib's default backend, so
        one is started even with ``n_jobs=1``. With other backends, `memory_limit` has
        no effect, and `max_eval_time` stops an individual between boosting rounds,
        epochs or splits. Of a table that is read in parts, a sample of a tenth of this
        size is searched on; None then stands for 500 MB.
    max_predict_time : float or None, default=None
        Seconds that an individual may take to predict 1,000 samples: the median of up
        to five predictions, on every split. A slower individual cannot be the best.
        Results depend on the machine's speed.
    cv : int, splitter, iterable or None, default=None
        The splits on which individuals are scored. An integer is a number of shuffled
        folds, stratified by class; a class with fewer samples than folds is used for
        training only. None stands for several folds if there are few samples, else for
        one split that holds out 20 %, 50,000 samples at most; see the notes. There are
        fewer folds if `scoring` is undefined on smaller test parts. If a class has too
        few samples for all, its ROC AUC is left out there, with a warning. Splitters
        and iterables are as in scikit-learn.
    resource : str or None, default="auto"
        The resource of successive halving: "n_samples" of the training part, or the
        name of an integer gene such as "epochs". Each individual is first evaluated
        with little of it. Only the best are evaluated again with more. None evaluates
        each individual once, with all that its genes ask for. "auto" stands for None;
        with `max_time` for "epochs" if networks evolve, and for "n_samples" if
        pipelines evolve on a table that is large for it. For each second the first rung
        then has 16,000 cells of the table, and no less than 2,000 rows; or 150 images
        of 28 x 28 pixels, all splits together, of larger ones fewer, and no less than
        600 on a split; for GANs up to 200 rows, or 15 such images.
    factor : float, default=3
        The best 1 / `factor` of the individuals are promoted: they are evaluated again
        with `factor` times the resource.
    min_resources : int or {"exhaust", "smallest"}, default="exhaust"
        The resource of the first rung. "smallest" stands for 1 (of "samples": two per
        class). "exhaust" stands for so much that the best individuals of one population
        just reach the last rung.
    max_resources : int or "auto", default="auto"
        Upper limit of the resource on all rungs. An individual that is promoted from
        the last rung is evaluated with all that its genes ask for. "auto" stands for
        the most that any individual can ask for.
    initial_population : sequence or None, default=None
        The first individuals: dicts of expressed genes, chromosomes, or fitted
        estimators of this class. Genes that a dict leaves out have their neutral value,
        such as no augmentation, or are drawn if they have none. None stands for
        configurations that are known to be good: `population_size` of them, with
        `max_time` all. An empty list stands for random individuals only.
    journal : path-like or None, default=None
        File to which every evaluation is written. If the process dies, run the same
        script again: evaluations in the file are not repeated, and the search ends with
        the same result. A search that has ended goes on if `generations` is raised. A
        journal belongs to one search on one data set, and only one `fit` at a time can
        use it. `sknevo.read_journal` returns its evaluations.
    error_score : "raise" or float, default=nan
        Score of failed individuals in `cv_results_`; their fitness is always the worst.
        "raise" ends `fit` at the first failure of an individual or of the refit.
    n_jobs : int or None, default=None
        Number of individuals that are evaluated at a time. They share the cores. As in
        joblib, None stands for 1 and -1 for all cores. Results do not depend on it,
        unless a limit or a score is a time.
    random_state : int, RandomState or None, default=None
        Seed of everything: genes, splits and models.
    verbose : int, default=0
        1 prints at once what is searched and until when, and shows how far it is: in a
        table that is kept up to date in notebooks and, with the package rich, in
        terminals, else by a line per new best and per generation. 2 also prints a line
        per individual.

    Attributes
    ----------
    seeds_ : ndarray of int of shape (n_seeds,)
        The seeds of `fit`.
    fresh_score_ : float
        Mean return of `best_estimator_` in episodes with fresh seeds, up to 100, by
        which it was chosen of a few that were trained to the end. Not set if nothing
        was.
    best_estimator_ : estimator
        The best individual, fitted on all of X (`EvolvedGAN` with one split: on its
        training part). It can be used and pickled without the search.
    best_chromosome_ : Chromosome
        The genes of the best individual, silent ones included, and its lineage.
    best_params_ : dict
        The expressed genes of the best individual, which can be an entry of
        `initial_population`. `EvolvedSearchCV`: the parameters of the estimator.
    best_score_ : float
        Fitness of the best individual: its mean score over the splits. Not set if
        `refit` is callable.
    expected_score_, expected_score_error_ : float
        What `best_score_`, the maximum of many noisy scores, is worth on new data, and
        its standard error. The best by all splits but one is scored on that one, and
        so on; a single split is cut into parts. NaN if it is not known: with one split,
        an ensemble must be possible. Not set if `refit` is callable.
    best_index_ : int
        Row of the best individual in `cv_results_`.
    cv_results_ : dict of str to array
        One row per individual and resource: the columns of RandomizedSearchCV, and
        `generation`, `origin`, `parents`, `key`, `status` ("ok", "error", "timeout",
        "memory", "pruned", "slow", "unfinished", "skipped"), `error`, `n_fits`, the
        splits that it was fitted on, `fitness` (minus infinity if it failed),
        `end_time` (seconds from the beginning of `fit` until the result was known), and
        `resource`, which is infinite if the individual got all that its genes ask for.
    pareto_front_ : ndarray of int
        Rows of `cv_results_` that no other row dominates in all scores, sorted by the
        first score, best first. `refit_individual` fits any of them.
    history_ : list of Generation
        One `sknevo.records.Generation` per generation: its number, the best fitness so
        far, the median fitness, how many individuals were evaluated, cached and failed,
        and the seconds.
    rungs_ : list of Rung
        One per resource of successive halving; a single one without `resource`. It has
        the scores, their `correlation` with those on the next rung, and
        `is_misleading`: a misleading rung is skipped from then on.
    genome_ : Genome
        The search space.
    n_generations_, n_evaluations_ : int
        Number of generations bred and of individuals evaluated.
    stop_reason_ : str
        The rule that ended the search.
    scorer_ : callable or dict of str to callable
        The scorer of individuals, or several by name.
    multimetric_ : bool
        Whether there are several scorers.
    n_splits_ : int
        Number of splits.
    refit_time_ : float
        Seconds that fitting `best_estimator_` took.
    refitted_ : bool
        Whether `best_estimator_` had its last fit. False if there was no time for it:
        it is then the model of the best individual's last split, or, of a table that is
        read in parts, of a sample.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of str
        Names of the columns, if X is a DataFrame and all of them are strings.

    See Also
    --------
    EvolvedSearchCV : For the parameters of any estimator.

    Notes
    -----
    `scoring=None` stands for the mean return. A callable gets an individual and seeds:
    ``lambda policy, seeds: (policy.returns(seeds) > 200).mean()``. "predict_time" and
    `max_predict_time` are not supported, since seeds are no observations.

    Without `cv`, 20 % of the seeds are held out; if there are up to 20 seeds, they are
    split into two folds. With `max_time`, `resource="auto"` stands for "episodes".

    The best of many scores is better than the individual that has it. So the five best
    are scored once more with fresh seeds, and the best of these go on with their
    training on all seeds: three of them, or, until `max_time` is over, as many as there
    are workers. What each was before and what it has come to are compared in episodes
    with other fresh seeds, and so are they all. The best is `best_estimator_`.

    There is no ensemble: what policies would do together is not known from their
    held-out episodes, since each action changes what is observed next.

    With `max_time`, linear policies, multilayer perceptrons and recurrent networks each
    compete among themselves on a rung: linear ones are ahead after few episodes,
    wherever they end up.

    It has no X, so it is exempt from scikit-learn's estimator checks: `fit` and `score`
    take seeds, `predict` takes observations.

    References
    ----------
    .. [1] Hansen, N. (2016). The CMA Evolution Strategy: A Tutorial. arXiv:1604.00772.
    .. [2] Mania, H., Guy, A., & Recht, B. (2018). Simple Random Search Provides a
       Competitive Approach to Reinforcement Learning. NeurIPS. arXiv:1803.07055.
    .. [3] Toklu, N. E., Liskowski, P., & Srivastava, R. K. (2020). ClipUp: A Simple and
       Powerful Optimizer for Distribution-based Policy Evolution. PPSN.
       arXiv:2008.02387.

    Examples
    --------
    >>> import numpy as np
    >>> from sknevo import EvolvedPolicy
    >>> evolved = EvolvedPolicy("CartPole-v1", population_size=2, generations=1,
    ...                         max_episodes=100, max_steps=50, random_state=0)
    >>> evolved.fit(range(40)).predict(np.zeros((3, 4))).shape
    (3,)
    >>> evolved.score(range(40, 50)) > 40
    True
    """

    _builder_module = "sknevo.builders.policy"
    _individuals = "policies"
    _needed_modules = ("cmaes", "gymnasium")
    # Sums of floats depend on the number of threads.
    _threads = 1
    _default_scoring = staticmethod(mean_return)
    _default_folds = {20: 2}
    _needs_y = False
    _kind_of = staticmethod(kind_of)
    # Seeds and observations are the samples, and all of them count alike.
    __metadata_request__fit = {"sample_weight": UNUSED, "seeds": UNUSED}
    __metadata_request__predict = {"observations": UNUSED}
    __metadata_request__score = {"seeds": UNUSED}
    _accepted_metadata = frozenset()

    env: str | Callable[[], Any] = parameter(str, callable, kw_only=False)
    genome: Genome | Callable[[DataSpec], Genome] | None = parameter(
        Genome, callable, None, default=None
    )
    max_episodes: int | None = parameter(COUNT, None, default=None)
    max_steps: int | None = parameter(COUNT, None, default=None)

    def fit(self, seeds: Any = None, y: Any = None) -> Self:
        """Evolve policies in episodes with these seeds.

        Parameters
        ----------
        seeds : array-like of int of shape (n_seeds,) or None, default=None
            Seeds of episodes, none of them twice. None stands for 0 to 159.
        y : None
            Not used.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or the seeds are not valid, if there is no such environment,
            if one of its spaces is not supported, or if no individual succeeds.
        ImportError
            If the environment needs a package that is missing.
        """
        return super().fit(np.arange(N_SEEDS) if seeds is None else seeds)

    def _check_X(self, X: Any, reset: bool) -> np.ndarray:
        seeds = np.asarray(X)
        if seeds.ndim != 1 or seeds.dtype.kind not in "iu" or (seeds < 0).any():
            raise ValueError(
                "seeds must be whole numbers of at least 0, of shape (n_seeds,); got "
                f"{X!r:.80}."
            )
        if not len(seeds):
            raise ValueError("seeds must hold at least one; got none.")
        if reset:
            values, counts = np.unique(seeds, return_counts=True)
            if counts.max() > 1:
                raise ValueError(
                    "seeds must differ, so that no episode is both trained and tested "
                    f"on; got {values[counts.argmax()]} {counts.max()} times."
                )
            from sknevo.builders.policy import Interface

            self._interface_ = Interface.of(self.env)
            self.n_features_in_ = self._interface_.size
            self.seeds_ = seeds
        return seeds

    def _check_y(self, y: Any) -> Any:
        return y

    def _objectives(self, scoring: Any) -> Objectives:
        objectives = super()._objectives(scoring)
        scorers = objectives.scorers_by_name.values()
        costs = [getattr(scorer, "name", None) for scorer in scorers]
        if self.max_predict_time is not None or "predict_time" in costs:
            raise ValueError(
                "max_predict_time must be None and scoring without 'predict_time': "
                "samples are seeds, for which nothing is predicted."
            )
        return objectives

    def _spec(self, X: Any, y: Any) -> DataSpec:
        options = self._interface_.options
        n_options = 0 if options is None else int(options.max())
        return DataSpec("control", len(X), n_options, shape=(self._interface_.size,))

    def _default_genome(self, spec: DataSpec) -> Genome:
        most_episodes = self.max_episodes
        if most_episodes is None and self.max_time is not None:
            most_episodes = MOST_EPISODES
        return policy(spec, max_episodes=most_episodes)

    def _make_genome(self, spec: DataSpec) -> Genome:
        genome = super()._make_genome(spec)
        if not largest_value(genome, "episodes"):
            raise ValueError(
                "genome must have a gene of whole numbers named 'episodes', in which "
                f"the training of a policy is counted; got {genome!r}."
            )
        return genome

    def _well_known(self, spec: DataSpec) -> list[dict]:
        return well_known(spec, self.genome_)

    def _auto_resource(self, spec: DataSpec, n_splits: int) -> FirstRung | None:
        if self.max_time is None:
            return None
        first = EPISODES_PER_SECOND * self.max_time / n_splits
        first = round(min(max(LEAST_FIRST, first), MOST_FIRST))
        return first_rung(self.genome_, "episodes", first)

    def _builder(
        self, spec: DataSpec, objectives: Objectives, final: bool = False
    ) -> Builder:
        # Imported here, so that `import sknevo` needs no extra.
        from sknevo.builders.policy import PolicyBuilder

        return PolicyBuilder(self.env, self.max_steps)

    # The winner. ----------------------------------------------------------------------

    def _finalists(
        self, result: SearchResult, evaluator: Evaluator, budget: TimeBudget
    ) -> list[int]:
        """Return the best by fresh seeds of those with the best scores."""
        if callable(self.refit):
            return [self.best_index_]
        nominated = self._nominated(result, evaluator, budget)
        n = FINALISTS if budget.max_time is None else self._n_workers
        if len(nominated) == 1:
            return nominated
        fresh = self._fresh(nominated, result, evaluator, budget)
        objectives, store = evaluator.runner.objectives, evaluator.runner.stored_model
        fitness = {}
        for index in nominated:
            evaluation = result.evaluations[index]
            model, seconds = store(evaluation.candidate), evaluation.fit_times
            scores = objectives.measure(model, fresh, None, {}, np.mean(seconds))
            fitness[index] = objectives.fitness(scores)
        # The sort is stable: of equals, the one with the better score comes first.
        return sorted(nominated, key=lambda index: -fitness[index])[:n]

    def _nominated(
        self, result: SearchResult, evaluator: Evaluator, budget: TimeBudget
    ) -> list[int]:
        """Return the individuals with the best scores, the best first."""
        evaluations = result.evaluations
        best = best_of_each(evaluations, self.best_index_, budget.rank_key)
        nominated = best[:NOMINATED]
        evaluator.fit_missing_models([evaluations[i] for i in nominated], budget)
        has_models = evaluator.runner.has_models
        kept = [i for i in nominated if has_models(evaluations[i].candidate)]
        return kept or [self.best_index_]

    def _fresh(
        self,
        nominated: list[int],
        result: SearchResult,
        evaluator: Evaluator,
        budget: TimeBudget,
    ) -> np.ndarray:
        """Return fresh seeds, as many as there is time for."""
        from sknevo.builders.policy import fresh_seeds

        n_tested = len(evaluator.runner.data.value.splits[-1][1])
        n = float(FRESH * n_tested)
        if budget.max_time is not None:
            seconds = sum(result.evaluations[i].score_times[-1] for i in nominated)
            n = min(n, FRESH_SHARE * budget.max_time * n_tested / seconds)
        return fresh_seeds(self.seeds_, max(FEWEST_FRESH, int(n)), number=1)

    def _winner(
        self,
        finalists: list[int],
        models: Mapping[int, BaseEstimator],
        fitness: Mapping[int, float],
    ) -> int:
        """Return the best of the finalists by fresh seeds."""
        by_return = self.scoring is None and not callable(self.refit)
        scores = {index: one.fresh_returns_.mean() for index, one in models.items()}
        index = finalists[0]
        if by_return and scores:
            index = max(scores, key=scores.get)
        if index in scores:
            self.fresh_score_ = float(scores[index])
        return index

    # The fitted estimator. ------------------------------------------------------------

    @after_refit
    def predict(self, observations: Any) -> np.ndarray:
        """Return the actions of the best policy.

        Parameters
        ----------
        observations : array-like of shape (n, ...)
            Observations. A policy with several frames or a recurrent network takes them
            for those of one episode, in their order; to others the order is nothing.

        Returns
        -------
        ndarray of shape (n,) or (n, ...)
            An action for each.
        """
        return self._best.predict(observations)

    @after_refit
    def actor(self) -> "Actor":
        """Return what acts in one episode, step by step, as the best policy.

        Returns
        -------
        callable
            Gets an observation and returns the action. It remembers the observations
            before, if the policy needs them: take a new one for each episode.
        """
        return self._best.actor()

    @after_refit
    def score(self, seeds: Any = None, y: Any = None) -> float:
        """Return the fitness of the best policy in other episodes.

        Parameters
        ----------
        seeds : array-like of int of shape (n_seeds,) or None, default=None
            Seeds that were not in `fit`. None stands for 100 fresh ones.
        y : None
            Not used.

        Returns
        -------
        float
            The mean return, or what `scoring` says.
        """
        from sknevo.builders.policy import fresh_seeds

        self._best  # noqa: B018  an error before it is fitted
        if seeds is None:
            seeds = fresh_seeds(self.seeds_, N_SCORED, number=2)
        return super().score(seeds)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array, tags.input_tags.two_d_array = True, False
        return tags
