"""What a misspelt name may have meant."""

from collections.abc import Iterable
from difflib import get_close_matches

# Names that a message suggests, and how alike they must be, as difflib measures it.
# Chosen, not measured.
MOST, ALIKE = 3, 0.6


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Return a question that names what is alike, upper case or not; "" if nothing is.

    It follows a sentence, so it begins with a space.

    Examples
    --------
    >>> did_you_mean("generation", ["genome", "generations", "max_time"])
    " Did you mean 'generations'?"
    >>> did_you_mean("c", ["C", "gamma"])
    " Did you mean 'C'?"
    """
    spelt = {one.casefold(): one for one in sorted(known)}
    alike = get_close_matches(str(name).casefold(), spelt, MOST, ALIKE)
    meant = " or ".join(repr(spelt[one]) for one in alike)
    return f" Did you mean {meant}?" if meant else ""
