"""The outcome of a search in a few lines, above scikit-learn's diagram."""

from html import escape

from sknevo.describe import score_text
from sknevo.report._facts import Facts

STYLE = "margin:0 0 .6em;line-height:1.5;font-family:sans-serif"


def summary_lines(facts: Facts) -> list[str]:
    """Return what won, how good it is, what predicts and why the search ended."""
    estimator, best = facts.estimator, facts.best
    score = score_text(facts.fitness[best], facts.errors[best])
    splits = estimator.n_splits_
    over = f"mean of {splits} splits" if splits > 1 else "on held-out rows"
    lines = [
        f"{facts.words[best]}",
        f"{facts.score_name} {score} ({over}), the best of "
        f"{facts.n_evaluated} evaluated individuals"
        + (f"; expected on new data: {facts.expected}." if facts.expected else "."),
    ]
    ensemble = getattr(estimator, "ensemble_", None)
    if ensemble is not None:
        members = len(ensemble.members)
        without = "" if facts.best_predicts else ", without the best individual,"
        lines.append(
            f"An ensemble of {members} {'member' if members == 1 else 'members'}"
            f"{without} predicts: {facts.score_name} {score_text(ensemble.score_)} on "
            "the held-out rows that its members were selected by."
        )
    return [*lines, f"Search: {estimator.stop_reason_}."]


def summary_html(facts: Facts) -> str:
    """Return the outcome of a search as HTML."""
    first, *others = map(escape, summary_lines(facts))
    return (
        f'<div class="sknevo-summary" style="{STYLE}"><strong>{first}</strong><br>'
        f"{'<br>'.join(others)}</div>"
    )
