"""Nothing that was written is lost, and nothing else is taken for it."""

import json
import math
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toys import begun, candidate, chromosome, evaluate, make_evaluator

from sknevo import JournalError, read_journal
from sknevo.evaluation import Journal
from sknevo.records import Evaluation

SEARCH = {"random_state": 0, "data": "abc"}


def times(n_splits):
    columns = ("fit_times", "score_times", "saved_times")
    return dict.fromkeys(columns, (1.0, 0.5)[:n_splits])


def succeeded(x, fitness, n_splits=2, **scores):
    scores = {name: (score,) * n_splits for name, score in scores.items()}
    goals = tuple(column[0] for column in scores.values()) if len(scores) > 1 else ()
    measured = {"objectives": goals, **times(n_splits)}
    return Evaluation(chromosome(x), "ok", fitness, scores, **measured)


TRIED = [
    Evaluation(
        chromosome(0.1),
        "ok",
        0.1 + 0.2,
        {"é": (0.1, 1 / 3), "loss": (0.0, -1.0)},
        (1.0, 2.0),
        (2.0, 0.0),
        (0.5, 1e-9),
        objectives=(13 / 60, -0.5),
    ),
    Evaluation(
        replace(chromosome(0.2), origin="mutation", parents=("a", "b"), generation=3),
        "ok",
        -7.0,
        {"loss": (math.inf, math.nan), "é": (-math.inf, -7.0)},
        **times(2),
        objectives=(-math.inf, -math.inf),
    ),
    Evaluation(chromosome(0.3), "error", error='ValueError: "quoted"\nnext line'),
    Evaluation(chromosome(0.4), "pruned", error="why not"),
    Evaluation(chromosome(0.5), "timeout"),
    Evaluation(chromosome(0.6), "memory"),
    replace(succeeded(0.1, 0.05, é=0.05, loss=0.1), resource=3),
]
NEW = succeeded(0.9, 0.0, é=0.0, loss=0.0)


def write(path, evaluations=TRIED, search=SEARCH):
    with Journal(path) as journal:
        journal.begin(search)
        for evaluation in evaluations:
            journal.append(evaluation)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "run.jsonl"
    write(path)
    return path


def lines_of(path):
    return path.read_bytes().splitlines(keepends=True)


# What is written is read ---------------------------------------------------------


def test_evaluations_come_back_as_they_were(path):
    assert str(read_journal(path)) == str(TRIED)  # NaN is not equal to itself


def test_who_asks_again_gets_the_answer(path):
    with Journal(path) as journal:
        assert journal.search == SEARCH
        for evaluation in TRIED:
            assert journal.recall(evaluation.candidate).status == evaluation.status
        assert journal.recall(candidate(0.9)) is None


def test_every_line_is_plain_json(path):
    def refuse(constant):
        raise AssertionError(constant)

    records = [json.loads(line, parse_constant=refuse) for line in lines_of(path)]
    statuses = [record.get("status") for record in records]
    assert statuses == [None, *(evaluation.status for evaluation in TRIED)]


def test_without_a_path_nothing_is_remembered():
    with Journal(None) as journal:
        journal.begin(SEARCH)
        journal.append(TRIED[0])
        assert journal.recall(TRIED[0].candidate) is None


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_an_evaluator_trains_a_candidate_once(tmp_path, n_jobs):
    path, chromosomes = tmp_path / "run.jsonl", [chromosome(i / 10) for i in range(5)]
    chromosomes.insert(2, chromosome(0.6, "raise"))
    with Journal(path) as journal:
        journal.begin(SEARCH)
        first = evaluate(make_evaluator(journal=journal), chromosomes[:4])
    with Journal(path) as journal:
        journal.begin(SEARCH)
        evaluator = make_evaluator(n_jobs=n_jobs, journal=journal)
        second = evaluate(evaluator, chromosomes)
        evaluator.close()
    assert second[:4] == first  # to the second that they took
    assert [e.fitness for e in second[4:]] == [-0.3, -0.4]
    assert not any(e.cached for e in second)
    written = [e.chromosome.key for e in read_journal(path)]  # as they ended
    assert sorted(written) == sorted(c.key for c in chromosomes)


def test_an_interrupted_evaluation_is_not_written(tmp_path):
    path = tmp_path / "run.jsonl"
    with Journal(path) as journal:
        journal.begin(SEARCH)
        evaluator = make_evaluator(journal=journal)
        evaluate(evaluator, [chromosome(0.1)])
        budget = begun(0.3, evaluator)
        (cut,) = evaluate(evaluator, [chromosome(0.2, "loop")], budget)
    assert cut.status == "unfinished"
    assert len(read_journal(path)) == 1


# Damage --------------------------------------------------------------------------


def test_a_torn_line_is_dropped(path):
    whole = path.read_bytes()
    last = len(lines_of(path)[-1])
    for lost in range(1, last):
        path.write_bytes(whole[:-lost])
        assert len(read_journal(path)) == len(TRIED) - 1
        write(path, TRIED)
        assert path.read_bytes() == whole


def test_a_torn_head_begins_anew(path):
    whole, head = path.read_bytes(), lines_of(path)[0]
    for kept in range(len(head)):
        path.write_bytes(head[:kept])
        write(path, TRIED)
        assert path.read_bytes() == whole


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"status":"ok"', b'"status":"fine"'),
        (b'"status":"ok"', b'"status":"error"'),
        (b'"fitness":', b'"fitnes":'),
        (b'"fitness":0.3', b'"fitness":"nan", "x":0.3'),
        (b'"scores":{', b'"scores":[{'),
        (b'"error":""', b'"error":3'),
        (b'"resource":null', b'"resource":"all"'),
        (b'"resource":null', b'"resource":true'),
        (b'"fit_times":[1.0,2.0]', b'"fit_times":[]'),
        (b'"fit_times":[1.0,2.0]', b'"fit_times":[1.0]'),
        (b'"fit_times":[1.0,2.0]', b'"fit_times":["nan",2.0]'),
        (b'"fit_times":[1.0,2.0]', b'"fit_times":[-1.0,2.0]'),
        (b'"saved_times":[0.5', b'"saved_times":["inf"'),
        (b'"loss":[0.0,-1.0]', b'"loss":[0.0]'),
        (b',"loss":[0.0,-1.0]', b""),  # beside as many objectives
        (b'"objectives":[', b'"objectives":["nan",'),
        (b'"objectives":[0.2', b'"objectives":["nan'),
        (b'"genes":', b'"gen":'),
        (b'{"chromosome"', b'"chromosome"'),
        (b'{"chromosome"', b"\xff"),
        (b'{"chromosome":', b'{"chromosome":' + b"[" * 100_000),
    ],
)
def test_damage_is_named_by_its_line(path, old, new):
    head, first, *others = lines_of(path)
    assert old in first
    path.write_bytes(head + first.replace(old, new, 1) + b"".join(others))
    with pytest.raises(
        JournalError, match=r"line 2 of journal .*run.jsonl' is damaged"
    ):
        read_journal(path)
    with pytest.raises(JournalError, match="line 2"), Journal(path):
        pass
    path.write_bytes(head + b"".join(others))
    assert len(read_journal(path)) == len(TRIED) - 1


@given(st.binary(max_size=200), st.integers(0, 2000), st.booleans())
def test_no_bytes_end_in_anything_but_one_exception(tmp_path_factory, new, place, cut):
    path = tmp_path_factory.mktemp("fuzz") / "run.jsonl"
    write(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:place] + new + (b"" if cut else whole[place + len(new) :]))
    try:
        for evaluation in read_journal(path):
            assert evaluation.chromosome.key
    except JournalError:
        pass


def test_other_files_are_left_alone(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("my notes")
    for read in (read_journal, lambda path: write(path)):
        with pytest.raises(JournalError, match=r"notes.txt' is no journal of sknevo"):
            read(path)
    assert path.read_text() == "my notes"


@pytest.mark.parametrize("version", [0, 1, 2, 3, "4", None])
def test_other_formats_are_refused(path, version):
    head, *others = lines_of(path)
    head = json.dumps({**json.loads(head), "sknevo_journal": version}).encode()
    head = head.replace(b'{"sknevo_journal": ', b'{"sknevo_journal":') + b"\n"
    path.write_bytes(head + b"".join(others))
    with pytest.raises(
        JournalError, match=r"run.jsonl' has format .* reads format 5.* another path"
    ):
        read_journal(path)


@pytest.mark.parametrize("search", [None, {}, [], "", 3])
def test_a_head_without_a_search_is_damaged(path, search):
    _, *others = lines_of(path)
    head = json.dumps({"sknevo_journal": 5, "search": search}, separators=(",", ":"))
    path.write_bytes(head.encode() + b"\n" + b"".join(others))
    with pytest.raises(JournalError, match=r"line 1 .* is damaged.* remove the file"):
        read_journal(path)


def test_evaluations_of_one_journal_have_the_same_scores(path):
    fewer = json.loads(lines_of(path)[1])
    for name in ("fit_times", "score_times", "saved_times"):
        fewer[name] = fewer[name][:1]
    fewer["scores"] = {name: column[:1] for name, column in fewer["scores"].items()}
    whole = path.read_bytes()
    fewer["chromosome"]["genes"]["x"] = 0.9
    path.write_bytes(whole + json.dumps(fewer).encode() + b"\n")
    for read in (read_journal, write):
        with pytest.raises(JournalError, match=f"line {len(TRIED) + 2} .* is damaged"):
            read(path)
    path.write_bytes(whole)
    for other in (succeeded(0.9, 1.0, other=1.0), succeeded(0.9, 1.0, 1, é=1, loss=1)):
        with pytest.raises(JournalError, match="this search has"):
            write(path, [other])
    with Journal(path) as journal:
        journal.begin(SEARCH, 2)
        with pytest.raises(JournalError, match=r"this search has .* on 3 splits"):
            journal.begin(SEARCH, 3)
    assert path.read_bytes() == whole


# Which search a file belongs to --------------------------------------------------


def test_another_search_is_refused(path):
    whole = path.read_bytes()
    with Journal(path) as journal, pytest.raises(JournalError) as caught:
        journal.begin({"random_state": 7, "data": "abc", "device": "cpu"})
    assert "random_state: 0 there, 7 here" in str(caught.value)
    assert "device: None there, cpu here" in str(caught.value)
    assert "data" not in str(caught.value)
    assert path.read_bytes() == whole


def test_only_one_at_a_time(path):
    with Journal(path):
        with pytest.raises(JournalError, match="is in use"), Journal(path):
            pass
        assert len(read_journal(path)) == len(TRIED)  # to look at it is allowed
    with Journal(path) as journal:
        assert journal.search


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_told_and_what_was_written_is_safe(path, monkeypatch):
    whole = path.read_bytes()
    with Journal(path) as journal:
        journal.begin(SEARCH)
        with open("/dev/full", "ab", buffering=0) as full:
            real, journal._file = journal._file, full
            with pytest.raises(
                JournalError, match=r"No space left on device.* is safe"
            ):
                journal.append(NEW)
            journal._file = real
    assert path.read_bytes() == whole


class Nearly:
    """A file on a nearly full disk: takes part of a line, and so many more."""

    def __init__(self, file, times=0, broken=False):
        self.file, self.times, self.broken = file, times, broken

    def write(self, line):
        if self.times < 0:
            raise OSError(28, "No space left on device")
        self.times -= 1
        return self.file.write(line[:9])

    def truncate(self, size):
        if self.broken:
            raise OSError(5, "Input/output error")
        return self.file.truncate(size)

    def __getattr__(self, name):
        return getattr(self.file, name)


@pytest.mark.parametrize("broken", [False, True])
def test_half_a_line_on_a_full_disk_is_dropped(path, broken):
    whole = path.read_bytes()
    with Journal(path) as journal:
        journal.begin(SEARCH)
        journal._file = Nearly(journal._file, times=1, broken=broken)
        with pytest.raises(JournalError, match="No space left"):
            journal.append(NEW)
    assert (path.read_bytes() == whole) != broken
    assert len(read_journal(path)) == len(TRIED)
    write(path, [])
    assert path.read_bytes() == whole


def test_a_line_that_is_taken_part_by_part_is_whole(path):
    with Journal(path) as journal:
        journal.begin(SEARCH)
        journal._file = Nearly(journal._file, times=1000)
        journal.append(NEW)
        journal.append(replace(NEW, resource=3))
    assert read_journal(path)[len(TRIED) :] == [NEW, replace(NEW, resource=3)]


@pytest.mark.skipif(os.access("/", os.W_OK), reason="root may write anywhere")
def test_a_folder_that_is_read_only_is_named(path):
    os.chmod(path.parent, 0o500)
    try:
        with pytest.raises(JournalError, match="cannot be written: Permission denied"):
            write(path.with_name("other.jsonl"))
    finally:
        os.chmod(path.parent, 0o700)


@pytest.mark.parametrize("place", [(os, "open"), (Path, "open")], ids=["lock", "file"])
def test_what_may_not_be_written_is_named(path, monkeypatch, place):
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    whole = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(*place, refuse)
        patch.setattr(Path, "read_bytes", lambda path: whole)  # reading is allowed
        with pytest.raises(JournalError, match="cannot be written: Permission denied"):
            write(path)
    assert path.read_bytes() == whole


@pytest.mark.parametrize("name", ["file/run.jsonl", ""])
def test_places_that_cannot_be_written_are_named(tmp_path, name):
    (tmp_path / "file").touch()
    with pytest.raises(JournalError, match=r"cannot be (written|read)"):
        write(tmp_path / name)


def test_folders_are_made(tmp_path):
    write(tmp_path / "new" / "folder" / "run.jsonl")
    assert len(read_journal(tmp_path / "new" / "folder" / "run.jsonl")) == len(TRIED)


def test_there_must_be_a_journal_to_read(tmp_path):
    with pytest.raises(JournalError, match="there is no journal"):
        read_journal(tmp_path / "none.jsonl")
