"""What scorers by name share: what a search asks of them."""


class NamedScore:
    """A scorer of a fitted estimator that is called by its name.

    Parameters
    ----------
    name : str
        The score.
    """

    # What a search asks of scorers.
    _response_method = "predict"

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def __name__(self) -> str:
        return self.name  # what a search calls the fitness

    def _accept_sample_weight(self) -> bool:
        return False  # asked by scikit-learn where there are several scorers

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"
