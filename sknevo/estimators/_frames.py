"""DataFrames that are returned: with the columns and types of the user's own."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class FrameLayout:
    """The library of a DataFrame, and the names and types of its columns.

    Parameters
    ----------
    library : {"pandas", "polars", "pyarrow"}
        The library that it is of.
    names : sequence
        Names of the columns, in order; of pandas, its index of columns.
    types : Series or schema
        Types of the columns, as the library has them.
    """

    library: str
    names: Any
    types: Any

    @classmethod
    def of(cls, X: Any) -> Self | None:
        """Return the layout of X, or None if X is no DataFrame."""
        library = type(X).__module__.partition(".")[0]
        if library == "pandas" and hasattr(X, "columns"):
            return cls(library, X.columns, X.dtypes)
        if library == "polars" and hasattr(X, "columns"):
            return cls(library, X.columns, dict(X.schema))
        if library == "pyarrow" and hasattr(X, "column_names"):
            return cls(library, X.column_names, X.schema.remove_metadata())
        return None

    def fill(self, values: np.ndarray) -> Any:
        """Return a DataFrame of this layout that holds an array of shape (n, columns).

        Columns of integers and booleans must get whole numbers.
        """
        match self.library:
            case "polars":
                import polars as pl

                return pl.DataFrame(values, self.names, orient="row").cast(self.types)
            case "pyarrow":
                import pyarrow as pa

                return pa.table([*values.T], self.names).cast(self.types)
        columns = [
            _typed(pd.Series(column), dtype)
            for column, dtype in zip(values.T, self.types, strict=True)
        ]
        return pd.concat(columns, axis=1).set_axis(self.names, axis=1)


def _typed(column: pd.Series, dtype: Any) -> pd.Series:
    if not isinstance(dtype, pd.CategoricalDtype):
        return column.astype(dtype)
    # Between two categories there is none: the nearest is taken.
    known = dtype.categories.to_numpy(float)
    codes = np.abs(column.to_numpy()[:, np.newaxis] - known).argmin(axis=1)
    return pd.Series(pd.Categorical.from_codes(codes, dtype=dtype))
