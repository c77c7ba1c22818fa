"""The parameters and attributes that all evolved estimators share, described once."""

from textwrap import dedent, indent

__all__ = ["documented"]

PARAMETERS = dedent("""\
    strategy : {"coevolution", "crossover", "elitist", "estimation_of_distribution", \
"nsga2", "regularized_evolution", "surrogate_assisted"} or Strategy, \
default="estimation_of_distribution"
        Who breeds and who survives. An object carries its own parameters, such as
        ``GeneticAlgorithm(mutation_probability=0.3)``.
    population_size : int, default=12
        Individuals per generation.
    generations : int or None, default=5
        Number of generations; None leaves the end to another rule.
    scoring : str, callable, list, tuple, dict or None, default=None
        The fitness, as in scikit-learn's searches. None stands for accuracy, or for
        R2 if values are predicted. With several metrics `refit` names the fitness.
        Among several there may be costs: "fit_time" (seconds), "predict_time" (seconds
        per 1,000 samples), "n_parameters" (of networks and linear models), "size"
        (pickled bytes). They are negated: the higher, the better.
    refit : bool, str, callable or dict, default=True
        Whether the best individual is fitted on all of X; the metric that is the
        fitness; a dict of weights, such as ``{"accuracy": 1, "predict_time": 0.1}``,
        if it is the weighted sum; or a callable that gets `cv_results_` and returns the
        index of the best.
    target_score : float or None, default=None
        Stop as soon as an individual reaches this fitness.
    n_iter_no_change : int or None, default=None
        Stop after so many generations without an improvement.
    tol : float, default=1e-4
        What counts as an improvement.
    max_time : float or None, default=None
        Seconds for all of `fit`, the refit of the fittest included; one that gives up
        and is begun again, or of whom a `refit` of your own chooses, comes on top. The
        first individual is always allowed to end. Whoever has ended by then counts,
        also out of turn, if there is time for its refit. The search then depends on the
        machine's speed: set `generations` for results that a seed reproduces.
    max_eval_time : float or None, default=None
        Seconds that an individual may take for all of its splits, also in native code
        that never returns: its worker is then ended. The refit is not limited.
    memory_limit : float or None, default=None
        Megabytes that a worker process may hold; who takes more is ended. Like
        `max_eval_time` it needs worker processes of joblib's own backend, which are
        started for it with ``n_jobs=1`` too; with other backends an individual ends by
        itself between boosting rounds, epochs or splits, or not at all.
    max_predict_time : float or None, default=None
        Seconds that an individual may take to predict 1,000 samples (the median of
        five predictions, on any split). Who is slower cannot win. It depends on the
        machine, as all times do.
    cv : int, splitter, iterable or None, default=None
        The splits that individuals are scored on. A number is one of shuffled folds,
        stratified by class or label, with members of too rare ones in all training
        parts; None stands for folds if samples are few and for one hold-out of 20 % if
        they are many, see the notes. Splitters and iterables are as in scikit-learn.
    resource : str or None, default=None
        What individuals race for: "samples" of the training part, or a gene of whole
        numbers such as "epochs". Many are tried with little of it, and only those that
        do well go on with more; None gives each all that it wants at once.
    factor : float, default=3
        One individual of so many goes on, with so many times the resource.
    min_resources : int or {"exhaust", "smallest"}, default="exhaust"
        What individuals begin with. With "exhaust" so much that the best of a
        population just come to all.
    max_resources : int or "auto", default="auto"
        What counts as much: below it, the rungs of the race are. In the end whoever
        does well on them is given all that it wants. "auto" is the most that any wants.
    initial_population : sequence or None, default=None
        Who comes first: dicts of expressed genes (what they leave open is drawn),
        chromosomes, or fitted estimators of this kind. None stands for a few
        well-known configurations, an empty list for random individuals only.
    journal : path-like or None, default=None
        A file that keeps every evaluation. Should the process die, start the same
        script again: what is in the file is not trained again, and the search comes to
        the same end. A search that has ended goes on from it if `generations` is
        raised. Only one fit at a time has the file, and only the same search on the
        same data; `read_journal` returns what it holds.
    error_score : "raise" or float, default=nan
        Score of failed individuals in `cv_results_`; "raise" ends the search at the
        first, or `fit` if the winner fails on all of X. Whatever it is, their fitness
        is the worst.
    n_jobs : int or None, default=None
        Individuals that are trained at a time. The cores are shared out among them.
        Results do not depend on it, unless `max_time` is set.
    random_state : int, RandomState or None, default=None
        Seed of everything: genes, splits, models.
    verbose : int, default=0
        1 prints a line per generation, 2 one per individual too.
""")

ATTRIBUTES = dedent("""\
    best_estimator_ : estimator
        The best individual, fitted on all of X. It works and pickles on its own.
    best_chromosome_ : Chromosome
        Its genes, the silent ones included, and its lineage. Prints and displays.
    best_params_ : dict
        Its expressed genes. They serve as an `initial_population`.
    best_score_ : float
        Its fitness: the mean score over the splits. Not set if `refit` is callable.
    best_index_ : int
        Its row in `cv_results_`.
    cv_results_ : dict of str to array
        One row per individual: the columns of RandomizedSearchCV, and `generation`,
        `origin`, `parents`, `key`, `status` ("ok", "error", "timeout", "memory",
        "pruned", "slow", "unfinished", "skipped"), `error`, and `resource`, infinite
        for all that an individual wants.
    pareto_front_ : ndarray of int
        The rows of `cv_results_` that no other beats in all scores, the best in the
        first score first. `refit_individual` fits any of them.
    history_ : list of Generation
        One record per generation: best, median, evaluated, cached, failed, seconds.
    rungs_ : list of Rung
        Of a race: the resource of each rung, the scores there, their correlation with
        those on the next, and whether the rung is_misleading and is left out.
    genome_ : Genome
        What could vary.
    n_generations_, n_evaluations_ : int
        How many generations were bred and how many individuals trained.
    stop_reason_ : str
        Which rule ended the search.
    scorer_ : callable or dict of str to callable
        What individuals were scored with.
    multimetric_ : bool
        Whether there are several scorers.
    n_splits_ : int
        Number of splits.
    refit_time_ : float
        Seconds that fitting `best_estimator_` took.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of str
        Their names, if X is a DataFrame whose column names are all strings.
""")


def documented(cls: type) -> type:
    """Put the shared descriptions into the docstring of an evolved estimator.

    Parameters
    ----------
    cls : type
        Its docstring holds ``{parameters}`` and ``{attributes}`` on lines of their own.

    Returns
    -------
    type
        The same class.
    """
    for name, text in (("parameters", PARAMETERS), ("attributes", ATTRIBUTES)):
        cls.__doc__ = cls.__doc__.replace(
            f"    {{{name}}}", indent(text.rstrip(), "    ")
        )
    return cls
