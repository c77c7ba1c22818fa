"""Exports of what a search has found, for programs without sknevo."""

import os
from pathlib import Path
from typing import Any

from sklearn.base import BaseEstimator, is_classifier
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sknevo.builders.pipeline import Decided, plain_pipeline
from sknevo.estimators._script import script_of
from sknevo.evaluation import Decision

NOT_REFITTED = (
    "The search had no time for a last fit: its best_estimator_ has seen a part of\n"
    "the rows. Fitted to all of them, this model predicts differently."
)


class ScriptMixin:
    """Writes what a search has found as a script."""

    def to_script(
        self, path: str | os.PathLike[str] | None = None, *, ensemble: bool = False
    ) -> str:
        """Write a Python file that rebuilds the best individual without sknevo.

        The file has a function `make_model`, which returns an unfitted estimator of
        scikit-learn. Fitted to the rows that the search was fitted to, it predicts the
        same as `best_estimator_`, if that had its last fit (`refitted_`): otherwise
        `best_estimator_` has seen a part of these rows alone, and the file says so. The
        file imports the libraries of the models, and holds the code of the few parts
        that no library has.

        Parameters
        ----------
        path : path-like or None, default=None
            Where the file is written; None writes none.
        ensemble : bool, default=False
            Whether it rebuilds the ensemble instead. Each member is then fitted once,
            to all rows, with the same weights: the models of the splits are left out,
            so that predictions differ a little from those of `ensemble_`.

        Returns
        -------
        str
            The text of the file.

        Raises
        ------
        ValueError
            If there is no ensemble, or a part cannot be written: the message names it.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.svm import SVC
        >>> from sknevo import EvolvedSearchCV
        >>> search = EvolvedSearchCV(
        ...     SVC(), {"C": [1.0, 10.0]}, population_size=2, generations=1,
        ...     random_state=0).fit(*load_iris(return_X_y=True))
        >>> "from sklearn.svm import SVC" in search.to_script()
        True
        """
        check_is_fitted(self, "best_estimator_")
        if ensemble and getattr(self, "ensemble_", None) is None:
            raise ValueError(
                "ensemble must be False, since this search has no ensemble; got True."
            )
        model = self._voting() if ensemble else self._alone()
        what = "ensemble" if ensemble else "best individual"
        title = f"The {what} that {type(self).__name__} of sknevo has found."
        notes = self._script_notes()
        if not ensemble and not self.refitted_:
            notes.append(NOT_REFITTED)
        text = script_of(model, title, notes)
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def _script_notes(self) -> list[str]:
        """Return what a script says of its data."""
        names = getattr(self, "feature_names_in_", None)
        n = getattr(self, "n_features_in_", None)
        if names is not None:
            return [f"X is a DataFrame with the {len(names)} columns of the search."]
        return [] if n is None else [f"X has {n} columns, in the order of the search."]

    def _alone(self) -> BaseEstimator:
        return self._unfitted(self.best_index_, self.best_estimator_)

    def _unfitted(self, index: int, fitted: BaseEstimator) -> BaseEstimator:
        """Return an individual before it is fitted, of parts that do without sknevo."""
        runner = self._final_runner_
        unfitted = runner.unfitted(*self._rows_[index])
        if not getattr(runner.builder, "makes_pipelines", False):
            return unfitted
        return plain_pipeline(unfitted, fitted, runner.builder.spec.columns)

    def _voting(self) -> BaseEstimator:
        """Return the ensemble, each member of which is fitted once."""
        models: dict[str, tuple[str, BaseEstimator]] = {}
        read: list[tuple[str, Any]] = []
        family = self._final_runner_.builder.family
        for one in self.ensemble_.members:
            key = one.chromosome.key
            if key in models:
                continue
            made = self._unfitted(one.index, one.whole or one.models[0])
            # All members read the table in the same way.
            read = [step for step in made.steps if step[0] == "columns"]
            steps = made.steps[len(read) :]
            name = f"{family(one.chromosome.expressed)}_{one.index}"
            models[key] = name, Pipeline(steps)
        weights = self.ensemble_._weight_by_key
        members, shares = [*models.values()], [weights[key] for key in models]
        if not is_classifier(self):
            voting: BaseEstimator = VotingRegressor(members, weights=shares)
        else:
            voting = VotingClassifier(members, voting="soft", weights=shares)
            decision = self.ensemble_.decision
            if decision != Decision():
                voting = Decided(voting, decision.offsets, decision.temperature)
        return Pipeline([*read, ("ensemble", voting)]) if read else voting
