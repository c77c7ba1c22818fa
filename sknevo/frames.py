"""Tables of any library: read as frames of pandas, and returned as they came."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

import narwhals as nw
import numpy as np
import pandas as pd


def as_pandas(X: Any) -> Any:
    """Return a frame of polars, pyarrow, Dask or the like as one of pandas."""
    if hasattr(X, "__dask_graph__"):
        return X.compute()
    frame = nw.from_native(X, pass_through=True)
    if isinstance(frame, nw.LazyFrame):
        frame = frame.collect()
    if not isinstance(frame, nw.DataFrame):
        return X
    if isinstance(native := frame.to_native(), pd.DataFrame):
        return native
    # Types that pyarrow has not; polars also works without pyarrow.
    strange = (nw.Object, nw.Int128, nw.UInt128, nw.Unknown)
    if not any(isinstance(dtype, strange) for dtype in frame.schema.values()):
        with suppress(ImportError):
            return frame.to_arrow().to_pandas(types_mapper=pd.ArrowDtype)
    columns = {one.name: one.to_list() for one in frame.iter_columns()}
    return pd.DataFrame(columns, dtype=object)


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
        if library == "polars" and hasattr(X, "collect_schema"):
            schema = X.collect_schema()  # of a LazyFrame, too
            return cls(library, schema.names(), dict(schema))
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
            _among(dtype.categories, column)
            if isinstance(dtype, pd.CategoricalDtype)
            else column
            for column, dtype in zip(values.T, self.types, strict=True)
        ]
        frame = pd.DataFrame(np.column_stack(columns))
        frame = frame.astype(dict(enumerate(self.types)))
        frame.columns = self.names
        return frame

    def assemble(self, columns: Sequence[Sequence[Any]]) -> Any:
        """Return a DataFrame of this layout that holds values, column by column."""
        match self.library:
            case "polars":
                import polars as pl

                pairs = zip(self.types.items(), columns, strict=True)
                return pl.DataFrame(
                    [pl.Series(name, _python(v), dtype) for (name, dtype), v in pairs]
                )
            case "pyarrow":
                import pyarrow as pa

                pairs = zip(self.types, columns, strict=True)
                arrays = [pa.array(_python(v), one.type) for one, v in pairs]
                return pa.table(arrays, schema=self.types)
        frame = pd.DataFrame(
            {
                i: pd.Series([*values], dtype=dtype)
                for i, (values, dtype) in enumerate(
                    zip(columns, self.types, strict=True)
                )
            }
        )
        frame.columns = self.names
        return frame


def _python(values: Iterable[Any]) -> list[Any]:
    """Return values of pandas as those of Python."""
    return [
        None
        if value is pd.NaT or value is pd.NA or value != value
        else value.to_pydatetime(warn=False)
        if isinstance(value, pd.Timestamp)
        else value.to_pytimedelta()
        if isinstance(value, pd.Timedelta)
        else value
        for value in values
    ]


def _among(categories: pd.Index, values: np.ndarray) -> np.ndarray:
    """Return the category that is nearest to each value: between two there is none."""
    known = categories.to_numpy(float)
    return known[np.abs(values[:, np.newaxis] - known).argmin(axis=1)]
