"""Tables larger than memory: files and Dask DataFrames, which are read in parts."""

import os
import re
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd

from sknevo.extras import require

# Cells in a part of a file: 16 MB as floats. Chosen, not measured.
PART_CELLS = 2**21
# The format of a file by its suffix, apart from that of a compression.
FORMATS = {".parquet": "parquet", ".pq": "parquet", ".csv": "csv"}
COMPRESSIONS = {".gz", ".bz2", ".zst", ".lz4"}


class TablePart(NamedTuple):
    """Some rows of a table, with their targets and weights if these are known."""

    X: pd.DataFrame
    y: np.ndarray | None = None
    weights: np.ndarray | None = None

    def take(self, rows: np.ndarray) -> Self:
        """Return some of the rows."""
        y, weights = (None if a is None else a[rows] for a in self[1:])
        return type(self)(self.X.iloc[rows], y, weights)

    @property
    def counted(self) -> Self:
        """The rows of a weight above 0: others are as if they were not there."""
        if self.weights is None or self.weights.all():
            return self
        return self.take(np.flatnonzero(self.weights))


class Source(ABC):
    """A table that is read in parts, which are the same in each pass.

    Parameters
    ----------
    columns : sequence
        Names of the columns of X, in order.
    """

    columns: Sequence[Any]

    @abstractmethod
    def map(
        self,
        function: Callable[..., Any],
        arguments: Mapping[int, tuple] | None = None,
        columns: Sequence[Any] | None = None,
    ) -> Iterator[Any]:
        """Yield what a function makes of each part, in order.

        Parameters
        ----------
        function : callable
            Gets a `TablePart`. On a cluster it travels to the workers.
        arguments : dict of int to tuple or None, default=None
            More arguments for some of the parts, by their places. The other parts are
            left out. None stands for all parts.
        columns : sequence or None, default=None
            The columns of X that are read. None stands for all.
        """

    def targets(self) -> TablePart:
        """Return the targets and weights of all rows, without a column of X."""
        parts = [*self.map(_itself, columns=[])]
        both = (joined([part[i] for part in parts]) for i in (1, 2))
        return TablePart(pd.DataFrame(), *both)


def _itself(part: TablePart) -> TablePart:
    return part


def joined(arrays: list[np.ndarray | None]) -> np.ndarray | None:
    """Return the values of all parts, None if they have none."""
    return None if arrays[0] is None else np.concatenate(arrays)


def is_large(X: Any) -> bool:
    """Return whether X is a path, a Dask DataFrame or a source: read in parts."""
    return isinstance(X, str | os.PathLike | Source) or _is_dask_frame(X)


def _is_dask_frame(X: Any) -> bool:
    return hasattr(X, "__dask_graph__") and hasattr(X, "columns")


def source_of(
    X: Any, y: Any = None, weights: Any = None, columns: Sequence[Any] | None = None
) -> Source:
    """Return the source of a path or a Dask DataFrame.

    Parameters
    ----------
    X : path-like, Dask DataFrame or Source
        A file of Parquet or CSV, a folder of such files, or a frame.
    y : str, Dask Series, array-like of shape (n_samples,) or None, default=None
        The name of the column of targets; with a frame also the targets themselves.
    weights : str, Dask Series, array-like of shape (n_samples,) or None, default=None
        The same for weights.
    columns : sequence or None, default=None
        The columns of X. None stands for all but those of targets and weights.

    Raises
    ------
    ImportError
        If pyarrow or Dask is not installed.
    ValueError
        If there is no such file or column, or if targets are given twice.
    """
    if isinstance(X, Source):
        return X
    kind = DaskSource if _is_dask_frame(X) else FileSource
    return kind(X, y, weights, columns)


def _feature_names(
    names: Sequence[Any], extra: Sequence[Any], wanted: Sequence[Any] | None, what: str
) -> list[Any]:
    """Return the columns of X; those that are not there are refused."""
    columns = [n for n in names if n not in extra] if wanted is None else [*wanted]
    if lacking := [n for n in (*extra, *columns) if n not in names]:
        shown = ", ".join(map(repr, [*names][:10])) + (", ..." if names[10:] else "")
        raise ValueError(
            f"{what} has no column {', '.join(map(repr, lacking[:5]))}; its columns "
            f"are {shown}."
        )
    if not columns:
        raise ValueError(f"{what} must have a column beside the target.")
    return columns


def _needed(module: str, what: str) -> Any:
    require(what, module.partition(".")[0])
    return import_module(module)


@dataclass(frozen=True)
class Census:
    """How many rows of each class are in each part; of regression, how many rows.

    Rows of weight 0 do not count.

    Parameters
    ----------
    labels : ndarray of shape (n_classes,)
        The labels, sorted; a single one stands for all rows of regression.
    counts : ndarray of shape (n_parts, n_classes)
        Numbers of rows.
    weight : float
        Sum of the weights, the number of rows if there are none.
    """

    labels: np.ndarray
    counts: np.ndarray
    weight: float

    @property
    def lengths(self) -> np.ndarray:
        """Number of rows of each part."""
        return self.counts.sum(axis=1)

    @property
    def totals(self) -> np.ndarray:
        """Number of rows of each class."""
        return self.counts.sum(axis=0)

    @property
    def n_rows(self) -> int:
        """Number of rows of the table."""
        return int(self.counts.sum())


# Files --------------------------------------------------------------------------------


class FileSource(Source):
    """A file of Parquet or CSV, or a folder of such files in the order of their names.

    A part has a fixed number of rows, so that a few of them fit memory easily.
    """

    def __init__(
        self, path: Any, y: Any, weights: Any, columns: Sequence[Any] | None
    ) -> None:
        for name, value in (("y", y), ("sample_weight", weights)):
            if value is not None and not isinstance(value, str):
                raise ValueError(
                    f"X is the path {os.fspath(path)!r}, so {name} must be the name of "
                    f"one of its columns; got {type(value).__name__}."
                )
        self._dataset, names = _open(Path(path), y)
        self._y, self._weights = y, weights
        extra = [name for name in (y, weights) if name is not None]
        self.columns = _feature_names(names, extra, columns, f"{os.fspath(path)!r}")
        self._n_rows = max(1, PART_CELLS // len(self.columns))

    def map(
        self,
        function: Callable[..., Any],
        arguments: Mapping[int, tuple] | None = None,
        columns: Sequence[Any] | None = None,
    ) -> Iterator[Any]:
        last = np.inf if arguments is None else max(arguments, default=-1)
        for place, table in enumerate(self._tables(columns)):
            if arguments is None:
                yield function(self._part(table))
            elif place in arguments:
                yield function(self._part(table), *arguments[place])
            if place >= last:
                return

    def _tables(self, columns: Sequence[Any] | None) -> Iterator[Any]:
        """Yield tables of pyarrow, each of the same number of rows but the last."""
        import pyarrow as pa

        columns = self.columns if columns is None else columns
        extra = [name for name in (self._y, self._weights) if name is not None]
        # One batch and one file are read ahead: by default it is 16 and 4.
        scanner = self._dataset.scanner(
            columns=[*dict.fromkeys([*columns, *extra])],
            batch_size=self._n_rows,
            batch_readahead=1,
            fragment_readahead=1,
        )
        try:
            yield from _resliced(scanner.to_batches(), self._n_rows)
        finally:
            pa.default_memory_pool().release_unused()  # it would keep some 300 MB

    def _part(self, table: Any) -> TablePart:
        frame = table.to_pandas(types_mapper=_pandas_type, ignore_metadata=True)
        y, weights = (
            None if name is None else frame[name] for name in (self._y, self._weights)
        )
        extra = {self._y, self._weights}
        X = frame[[name for name in frame.columns if name not in extra]]
        return _made_part(X, y, weights)


def _resliced(batches: Iterable[Any], n_rows: int) -> Iterator[Any]:
    """Yield tables of so many rows each, the last one of fewer."""
    import pyarrow as pa

    held, n_held = [], 0
    for batch in batches:
        while n_held + batch.num_rows >= n_rows:
            n = n_rows - n_held
            yield pa.Table.from_batches([*held, batch.slice(0, n)])
            batch, held, n_held = batch.slice(n), [], 0
        if batch.num_rows:
            held.append(batch)
            n_held += batch.num_rows
    if held:
        yield pa.Table.from_batches(held)


def _pandas_type(arrow_type: Any) -> Any:
    """Return a type that does not depend on whether a part has gaps."""
    import pyarrow as pa

    return None if pa.types.is_floating(arrow_type) else pd.ArrowDtype(arrow_type)


def _open(path: Path, y: str | None) -> tuple[Any, list[str]]:
    """Return a dataset of pyarrow, and the names of its columns."""
    dataset = _needed("pyarrow.dataset", "A path as X")
    kind = _format_of(path)
    whole = dataset.dataset(path, format=kind, partitioning="hive")
    index = (whole.schema.pandas_metadata or {}).get("index_columns", [])
    names = [name for name in whole.schema.names if name not in index]
    schema = whole.schema
    if kind == "csv":
        kind, schema = _lenient_csv(schema, y)
    # As numbers in names count: part.10 comes after part.2.
    files = sorted(whole.get_fragments(), key=lambda one: _natural(one.path))
    if not files:
        raise ValueError(f"{os.fspath(path)!r} holds no file of Parquet or CSV.")
    if isinstance(kind, str):
        kind = whole.format
    else:
        files = [
            kind.make_fragment(one.path, one.filesystem, one.partition_expression)
            for one in files
        ]
    return dataset.FileSystemDataset(files, schema, kind, files[0].filesystem), names


def _format_of(path: Path) -> str:
    """Return the format of a file, or of the files in a folder."""
    if not path.exists():
        raise ValueError(f"There is no file or folder {os.fspath(path)!r}.")
    files = [path] if path.is_file() else path.rglob("*")
    # As pyarrow does, leave out what a program has put beside the data.
    files = [f for f in files if f == path or not f.name.startswith((".", "_"))]
    suffixes = {_suffix(file) for file in files if file.is_file()}
    if suffixes and suffixes <= FORMATS.keys():
        formats = {FORMATS[suffix] for suffix in suffixes}
        if len(formats) == 1:
            return formats.pop()
    raise ValueError(
        f"{os.fspath(path)!r} must be a file whose name ends with "
        f"{', '.join(FORMATS)}, or a folder of such files of one format; got "
        f"{', '.join(map(repr, sorted(suffixes)[:5])) or 'no file'}."
    )


def _suffix(path: Path) -> str:
    name = path.stem if path.suffix.lower() in COMPRESSIONS else path.name
    return Path(name).suffix.lower()


def _natural(name: str) -> list[Any]:
    return [int(s) if s.isdigit() else s for s in re.split(r"(\d+)", name)]


def _lenient_csv(schema: Any, y: str | None) -> tuple[Any, Any]:
    """Return a format and a schema that fit all rows, not only those seen at first.

    pyarrow learns the types of CSV from the first rows. Whole numbers may have decimals
    later, and dates are read as the text that they are.
    """
    import pyarrow as pa
    from pyarrow import csv, dataset

    def lenient(field: Any) -> Any:
        if pa.types.is_integer(field.type):
            return field if field.name == y else field.with_type(pa.float64())
        known = pa.types.is_floating(field.type) or pa.types.is_boolean(field.type)
        return field if known else field.with_type(pa.string())

    options = csv.ConvertOptions(strings_can_be_null=True)
    schema = pa.schema([lenient(field) for field in schema])
    return dataset.CsvFileFormat(convert_options=options), schema


# Dask ---------------------------------------------------------------------------------


class DaskSource(Source):
    """A Dask DataFrame, each partition of which is a part.

    With a client of `distributed`, parts are mapped on its cluster. Else one partition
    after the other is computed here.
    """

    def __init__(
        self, X: Any, y: Any, weights: Any, columns: Sequence[Any] | None
    ) -> None:
        _needed("dask.dataframe", "A Dask DataFrame as X")
        self._frame = X
        extra = [one for one in (y, weights) if isinstance(one, str)]
        self.columns = _feature_names([*X.columns], extra, columns, "X")
        if columns is None and (name := getattr(y, "name", None)) in self.columns:
            raise ValueError(
                f"y is given twice: X has the column {name!r}, too. Pass its name as "
                "y, or drop it from X."
            )
        self._y = self._weights = None
        self._y = self._column("y", y)
        self._weights = self._column("sample_weight", weights)

    def _column(self, name: str, values: Any) -> list[Any] | None:
        """Return targets or weights as one item for each partition."""
        if values is None:
            return None
        if isinstance(values, str):
            values = self._frame[values]
        if hasattr(values, "to_delayed"):
            pieces = _pieces(values)
            if len(pieces) != self._frame.npartitions:
                raise ValueError(
                    f"{name} must have the partitions of X: X has "
                    f"{self._frame.npartitions}, {name} {len(pieces)}."
                )
            return pieces
        ends = np.cumsum([*self.map(_length, columns=[])])
        values = np.asarray(values)
        if len(values) != ends[-1]:
            raise ValueError(
                f"{name} must have {ends[-1]} values, as X has; got {len(values)}."
            )
        return np.split(values, ends[:-1])

    @property
    def client(self) -> Any | None:
        """The client of the cluster that computes, None if there is none."""
        try:
            return import_module("distributed").default_client()
        except (ImportError, ValueError):
            return None

    def map(
        self,
        function: Callable[..., Any],
        arguments: Mapping[int, tuple] | None = None,
        columns: Sequence[Any] | None = None,
    ) -> Iterator[Any]:
        tasks = self.tasks(function, arguments, columns)
        if (client := self.client) is None:
            return (task.compute() for task in tasks)
        return (future.result() for future in client.compute(tasks))

    def tasks(
        self,
        function: Callable[..., Any],
        arguments: Mapping[int, tuple] | None = None,
        columns: Sequence[Any] | None = None,
    ) -> list[Any]:
        """Return what `map` yields as values that Dask is to compute."""
        from dask import delayed

        nothing = [None] * self._frame.npartitions
        X = nothing
        columns = self.columns if columns is None else [*columns]
        if columns or self._y is None:
            X = _pieces(self._frame[columns or self.columns[:1]])
        parts = [*zip(X, self._y or nothing, self._weights or nothing, strict=True)]
        if arguments is None:
            arguments = dict.fromkeys(range(len(parts)), ())
        # One copy of what may be a large model.
        make = delayed(partial(_mapped, function), pure=False, traverse=False)
        return [make(*parts[i], *more) for i, more in sorted(arguments.items())]

    def lazy(self, function: Callable[[TablePart], np.ndarray]) -> Any:
        """Return what a function predicts of all parts, as an array of Dask.

        How many rows a part has is not known before it is computed.
        """
        from dask import array

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the values of these rows mean nothing
            few = function(_made_part(self._frame[self.columns]._meta_nonempty))
        shape = (np.nan, *few.shape[1:])
        tasks = self.tasks(partial(_unless_empty, function, few[:0]))
        arrays = [array.from_delayed(task, shape, meta=few[:0]) for task in tasks]
        return array.concatenate(arrays, allow_unknown_chunksizes=True)


def _pieces(collection: Any) -> list[Any]:
    """Return the partitions, of which only the columns of the collection are read.

    Dask's whole optimization would merge files of which few columns are read.
    """
    if hasattr(collection, "simplify"):
        collection = collection.simplify()
    return np.ravel(collection.to_delayed(optimize_graph=False)).tolist()


def _mapped(
    function: Callable[..., Any], X: Any, y: Any, weights: Any, *arguments: Any
) -> Any:
    return function(_made_part(X, y, weights), *arguments)


def _unless_empty(
    function: Callable[[TablePart], np.ndarray], nothing: np.ndarray, part: TablePart
) -> np.ndarray:
    return function(part) if len(part.X) else nothing


def _length(part: TablePart) -> int:
    return len(part.X)


def _made_part(X: Any, y: Any = None, weights: Any = None) -> TablePart:
    """Return a part with plain arrays; a frame that is not read has no columns."""
    y = None if y is None else np.asarray(y)
    X = pd.DataFrame(index=range(len(y))) if X is None else X
    weights = None if weights is None else np.asarray(weights, float)
    for name, values in (("y", y), ("sample_weight", weights)):
        if values is not None and len(values) != len(X):
            raise ValueError(
                f"{name} must have the partitions of X; got {len(values)} values for "
                f"{len(X)} rows."
            )
    return TablePart(X, y, weights)
