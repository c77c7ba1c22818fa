"""Parameters of a user's own estimator keep their names."""

from sknevo.describe._words import Words

# Which dict of a list of dicts it is says less than the parameters themselves.
PARAMETERS = Words(phrases={"space": {...: ""}})
