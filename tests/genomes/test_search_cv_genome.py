"""scikit-learn's notation of a search space becomes a genome; names are checked."""

import pytest
from scipy.stats import loguniform, randint
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sknevo.genes import Choice, Genome, Integer, Real, Repeat
from sknevo.genomes.search_cv import parameters, well_known

PIPELINE = Pipeline([("scale", StandardScaler()), ("clf", SVC())])
FOREST = RandomForestClassifier()


def test_a_dict_is_a_record():
    genome = parameters({"C": loguniform(1, 9), "degree": randint(2, 4)}, SVC())
    assert repr(genome) == (
        "Genome(C=Continuous(loguniform(1, 9)), degree=Discrete(randint(2, 4)))"
    )


def test_a_list_of_dicts_is_a_choice():
    genome = parameters([{"C": [1]}, {"degree": [3], "C": [2]}], SVC())
    assert list(genome.genes["space"].branches) == ["0", "1"]


def test_a_genome_is_left_as_it_is():
    genome = Genome(C=Real(0, 1))
    assert parameters(genome, SVC()) is genome


GOOD = [
    {"clf__C": [1], "scale__with_mean": [True]},
    {"clf": [SVC(), FOREST], "clf__n_estimators": [3]},  # the owner varies
    {"scale": ["passthrough", PCA()], "scale__n_components": [1]},
    [{"clf": [SVC()], "clf__C": [1]}, {"clf": [FOREST], "clf__n_estimators": [3]}],
    Genome(clf=Genome(C=Real(0, 1), kernel=Choice(rbf=Genome(gamma=Real(0, 1))))),
    Genome(model=Choice(svm=Genome(clf__C=Real(0, 1)), other=Genome())),
]


@pytest.mark.parametrize("space", GOOD)
def test_names_of_steps_and_their_parameters(space):
    assert isinstance(parameters(space, PIPELINE), Genome)


BAD = [
    ({}, "name at least one"),
    ([], "must hold dicts"),
    ([3], "must hold dicts"),
    (3, "must be a Genome, or a dict"),
    ({"gama": [1]}, "'gama', which is no parameter of SVC; its own are.*'gamma'"),
    ({"clf__C": [1]}, "'clf__C', which is no parameter of SVC"),
    ({"C": 3}, "genome of parameter 'C': must be a gene"),
    ({"C": "rbf"}, "genome of parameter 'C': must be a gene"),
    ({"C": []}, "genome of parameter 'C': options must hold at least one"),
    ([{"C": [1]}, {"D": [1]}], "'D', which is no parameter"),
    (Genome(kernel=Choice(rbf=Genome(gama=Real(0, 1)))), "'gama'"),
    (Genome(kernels=Choice(rbf=Real(0, 1))), "'kernels'"),
    (Genome(C=Repeat(Genome(x=Integer(1, 2)), 1, 2)), "repeats more than a value in"),
    (Genome(C=Repeat(Choice(x=Integer(1, 2)), 1, 2)), "repeats more than a value in"),
]


@pytest.mark.parametrize(("space", "message"), BAD)
def test_invalid_spaces_are_refused_by_name(space, message):
    with pytest.raises(ValueError, match=message):
        parameters(space, SVC())


def test_the_first_individual_is_the_estimator_as_far_as_it_is_in_range():
    clf = SVC(C=2.0)
    pipeline = Pipeline([("scale", None), ("clf", clf)])
    space = {"clf": [clf, FOREST], "clf__C": loguniform(1, 9), "clf__degree": [7]}
    assert well_known(parameters(space, pipeline), pipeline) == [
        {"clf": "SVC(C=2.0)", "clf__C": 2.0}
    ]
    assert well_known(Genome(degree=Integer(7, 9)), clf) == []
