"""What a user reads of a fitted estimator: pictures of the search and of its result."""

from typing import Any, ClassVar

from sklearn.utils.validation import check_is_fitted

# What pictures are drawn of, if not of the search: without a refit there is none.
NEEDED = {"EnsembleDisplay": "ensemble_", "SampleGridDisplay": "best_estimator_"}


class ViewsMixin:
    """Readable views of what a search has found."""

    # The picture beside that of the search, by its name in `sknevo.displays`.
    _picture: ClassVar[str] = "FamilyTreeDisplay"

    def plot(self) -> tuple[Any, Any]:
        """Plot the two pictures that say most, side by side.

        The left one is the course of the search. The right one is the Pareto front if
        there are several scores; else the network, samples of the GAN, or the members
        of the ensemble; without any of these the family tree of the best individual.
        `sknevo.displays` has further ones.

        Returns
        -------
        tuple of two displays
            `sknevo.displays.EvolutionDisplay` and another one. Each has `ax_` and
            `figure_`.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ImportError
            If matplotlib is not installed: ``pip install ".[plots]"``.
        """
        check_is_fitted(self, "cv_results_")
        # Imported here, so that nothing but a picture imports matplotlib.
        from sknevo import displays
        from sknevo.displays._shared import new_axes_beside

        left, right = new_axes_beside(f"{type(self).__name__}.plot", 2)
        first, second = displays.EvolutionDisplay, getattr(displays, self._second())
        return first.from_estimator(self, ax=left), second.from_estimator(
            self, ax=right
        )

    def _second(self) -> str:
        """Return the name of the display beside that of the search."""
        if self.multimetric_:
            return "ParetoDisplay"
        needed = NEEDED.get(self._picture, "cv_results_")
        is_there = getattr(self, needed, None) is not None
        return self._picture if is_there else ViewsMixin._picture
