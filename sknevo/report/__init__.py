"""What a search has found, for people: a leaderboard, a summary, a page.

It reads what a fitted estimator keeps, and changes nothing.
"""

from sknevo.report._facts import Facts
from sknevo.report._leaderboard import leaderboard
from sknevo.report._page import write_report
from sknevo.report._summary import summary_html

__all__ = ["Facts", "leaderboard", "summary_html", "write_report"]
