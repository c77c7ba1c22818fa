"""What a user reads of a fitted estimator: tables, pages and pictures of a search."""

from os import PathLike
from typing import TYPE_CHECKING, Any, ClassVar

from sklearn.utils._repr_html.estimator import _VisualBlock, estimator_html_repr
from sklearn.utils.validation import check_is_fitted

from sknevo.describe import describe_all, metric_label
from sknevo.records import flatten
from sknevo.report import Facts, leaderboard, summary_html, write_report

if TYPE_CHECKING:
    import pandas as pd

    from sknevo.displays import SearchDisplay


class ViewsMixin:
    """Readable views of what a search has found."""

    # The picture beside that of the search, by its name in `sknevo.displays`.
    _picture: ClassVar[str] = "FamilyTreeDisplay"

    def plot(self) -> "SearchDisplay":
        """Plot the two pictures that say most, side by side.

        The left one is the course of the search. The right one is the Pareto front if
        there are several scores; else the network, samples of the GAN, or the members
        of the ensemble; without any of these the family tree of the best individual.
        `sknevo.displays` has further ones.

        Returns
        -------
        SearchDisplay
            Its `figure_` holds both pictures, see `sknevo.displays.SearchDisplay`.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ImportError
            If matplotlib is not installed: ``pip install ".[plots]"``.

        Notes
        -----
        ``plot().figure_.savefig("search.png")`` saves the picture. In a script,
        ``matplotlib.pyplot.show()`` opens its window; a notebook shows it by itself.
        """
        check_is_fitted(self, "cv_results_")
        # Imported here, since most searches draw nothing.
        from sknevo.displays import SearchDisplay

        return SearchDisplay.from_estimator(self)

    def leaderboard(self, n: int | None = None) -> "pd.DataFrame":
        """Return all individuals that were tried in a table, the best first.

        Parameters
        ----------
        n : int or None, default=None
            Number of rows; None returns all.

        Returns
        -------
        DataFrame of shape (n_individuals, 8)
            The index is the rank. The columns are:

            - `model`: what the individual is, in words; where several have the same
              words, the genes that tell them apart follow,
            - `weight`: its share in predictions, of all members 1 together,
            - `seconds`: of fitting and scoring on all splits,
            - `origin`: "known", "user", "random", "crossover" or "mutation",
            - `generation`: the generation in which it was bred,
            - `status`: "ok" or how it failed, see `cv_results_`,
            - `error`: the standard error of the score (NaN with one split),
            - `score`: the fitness, the mean over the splits (NaN if it failed).

            With successive halving, an individual has the score with the most resource
            that it got, and those with more resource come first. Individuals for which
            there was no time are in `cv_results_` alone.

        Raises
        ------
        NotFittedError
            If no search has ended.

        Notes
        -----
        The first score is the maximum of many that are noisy: expect a little less on
        new data. `expected_score_` says what it is worth, where that is known.

        Examples
        --------
        >>> from scipy.stats import loguniform
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.linear_model import LogisticRegression
        >>> from sknevo import EvolvedSearchCV
        >>> search = EvolvedSearchCV(LogisticRegression(), {"C": loguniform(0.01, 10)},
        ...                          population_size=3, generations=1, random_state=0)
        >>> search.fit(*load_iris(return_X_y=True)).leaderboard().shape
        (3, 8)
        """
        return leaderboard(self._facts(), n)

    def report(
        self,
        path: str | PathLike,
        X: Any = None,
        y: Any = None,
        *,
        saved_as: str | PathLike | None = None,
    ) -> None:
        """Write a page about the search: one HTML file that needs nothing else.

        It can be read without sknevo and without a network. It shows the data, the
        winner, scores, the leaderboard, the ensemble, pictures, what to try next, how
        to load the estimator and predict, times, settings and versions.

        Parameters
        ----------
        path : path-like
            File to write, such as "report.html". An existing file is replaced.
        X : DataFrame, array-like of shape (n_samples, n_features), images or None, \
default=None
            Samples that were not in `fit`. With them the page has a score on new data
            and, for tables, the importance of the columns.
        y : array-like of shape (n_samples,) or None, default=None
            Targets of X, if the scores need them.
        saved_as : path-like or None, default=None
            The file in which the fitted estimator is saved, of joblib, pickle, skops or
            safetensors. The page then says how this file is loaded; nothing is written
            to it. None stands for a file "model.joblib" that is yet to be written.

        Raises
        ------
        NotFittedError
            If no search has ended.
        ValueError
            If X is given without the targets that scores need.
        ImportError
            If jinja2 is not installed. Without matplotlib the page has no pictures.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.svm import SVC
        >>> from sknevo import EvolvedSearchCV
        >>> search = EvolvedSearchCV(SVC(), {"C": [0.1, 1, 10]}, population_size=2,
        ...                          generations=1, random_state=0)
        >>> search = search.fit(*load_iris(return_X_y=True))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     search.report(Path(folder) / "report.html")
        ...     print((Path(folder) / "report.html").read_text()[:15])
        <!doctype html>
        """
        write_report(self._facts(), path, X, y, saved_as)

    def _facts(self) -> Facts:
        """Return what reports read."""
        check_is_fitted(self, "cv_results_")
        runner = self._final_runner_
        metrics = [
            name.removeprefix("split0_test_")
            for name in self.cv_results_
            if name.startswith("split0_test_")
        ]
        named = runner.objectives.metric in metrics
        alone = {runner.objectives.metric if named else metrics[0]: 1.0}
        return Facts(
            self,
            describe_all([flatten(chromosome.genes) for chromosome, _ in self._rows_]),
            metric_label(runner.objectives.name),
            runner.objectives.weights or alone,
            runner.random_state,
            getattr(runner.builder, "spec", None),
        )

    def _html_repr(self) -> str:
        diagram = estimator_html_repr(self)
        if not hasattr(self, "best_index_"):
            return diagram
        return summary_html(self._facts()) + diagram

    def _sk_visual_block_(self) -> _VisualBlock:
        if not hasattr(self, "best_estimator_"):
            name = type(self).__name__
            return _VisualBlock("single", self, names=name, name_details=str(self))
        best = self.best_estimator_
        return _VisualBlock(
            "parallel",
            [best],
            names=[f"best_estimator_: {type(best).__name__}"],
            name_details=[str(self.best_chromosome_)],
        )
