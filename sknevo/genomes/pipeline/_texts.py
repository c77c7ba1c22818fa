"""What varies in how a pipeline prepares columns of text."""

from typing import Any

from sknevo.extras import is_installed
from sknevo.genes import Categorical, Choice, Gene, Genome, Integer
from sknevo.genomes.pipeline._families import Family, has_texts_alone
from sknevo.records import DataSpec

Genes = dict[str, Any]

# Ranges and weights are chosen, not measured.
MOST_COMPONENTS, FEWEST_COMPONENTS = 300, 8
# Columns that an embedding makes of a text.
EMBEDDED = 256
# What takes a pass or two over columns of components, which may be hundreds.
SCALINGS = ("none", "standard", "minmax", "maxabs", "robust", "squashing")

OF_NGRAMS = Genome(
    min_df=Integer(1, 10, log=True),
    n_features=Integer(2_000, 200_000, log=True),
    lower_case=Categorical([True, False], [4, 1]),
)
WORDS = Genome(longest=Integer(1, 3), **OF_NGRAMS.genes)
CHARACTERS = Genome(
    shortest=Integer(1, 3),
    longest=Integer(3, 6),
    across_words=Categorical([False, True], [3, 1]),
    **OF_NGRAMS.genes,
)


def texts(spec: DataSpec) -> Genome:
    """Return the genes of columns of text, which all of them share."""
    most = max(1, min(MOST_COMPONENTS, spec.n_samples // 2))
    n_components = Integer(min(FEWEST_COMPONENTS, most), most, log=True)
    genes: dict[str, Gene] = {
        "words": Choice({"ngrams": 3}, none=Genome(), ngrams=WORDS),
        "characters": Choice({"none": 2}, none=Genome(), ngrams=CHARACTERS),
        "sublinear": Categorical([True, False], [3, 1]),
        "idf": Categorical([True, False], [3, 1]),
        "target": Categorical([False, True], [3, 1]).with_neutral(False),
        "components": Choice(
            {"none": 2}, none=Genome(), svd=Genome(n_components=n_components)
        ),
    }
    if spec.task == "classification":
        ratios = Categorical([False, True], [2, 1])
        genes["ratios"] = ratios.with_neutral(False)
    if is_installed("wordllama"):
        embedding = Categorical([False, True], [2, 1])
        genes["embedding"] = embedding.with_neutral(False)
    return Genome(**genes)


def text_width(spec: DataSpec, text: Genes) -> int:
    """Return how many dense columns are made of texts."""
    n_texts = sum(column.kind == "text" for column in spec.columns)
    width = n_texts * (EMBEDDED * text.get("embedding", False) + text["target"])
    match text["components"]:
        case {"choice": "svd", "svd": {"n_components": n}} if has_ngrams(text):
            width += n
    return width


def has_ngrams(text: Genes) -> bool:
    """Return whether words or characters of texts are counted."""
    return "ngrams" in (text["words"]["choice"], text["characters"]["choice"])


def keeps_words(preparation: Genes) -> bool:
    """Return whether the words of texts have columns of their own, which are sparse."""
    text = preparation.get("text")
    return (
        text is not None and has_ngrams(text) and text["components"]["choice"] == "none"
    )


def repair_texts(genes: Genes, spec: DataSpec, family: Family) -> Genes:
    """Return genes by which texts become what a family of models takes."""
    preparation, text = genes["preparation"], genes["preparation"]["text"]
    _repair_features(text, genes["model"]["choice"], family)
    told = has_ngrams(text) or text.get("embedding") or text["target"]
    if not told and has_texts_alone(spec):
        text["words"]["choice"] = "ngrams"
        _repair_features(text, genes["model"]["choice"], family)
    if has_ngrams(text) or text.get("embedding"):
        genes["extraction"]["choice"] = "none"
        if genes["scaling"] not in SCALINGS:
            genes["scaling"] = "standard"
    if keeps_words(preparation):
        _repair_others(genes, preparation)
    return genes


def _repair_features(text: Genes, model: str, family: Family) -> None:
    """Change what is made of texts to what the model takes."""
    if model == "naive_bayes":  # which takes no negative values
        text |= dict.fromkeys({"embedding", "target"} & {*text}, False)
    if not has_ngrams(text):
        # Genes without effect have one value, so that equal pipelines have the same
        # key.
        neutral = {"sublinear": True, "idf": True, "ratios": False}
        text |= {name: value for name, value in neutral.items() if name in text}
    if not has_ngrams(text) or model == "naive_bayes":
        text["components"]["choice"] = "none"
    elif not family.takes_words:
        text["components"]["choice"] = "svd"


def _repair_others(genes: Genes, preparation: Genes) -> None:
    """Change what cannot stand beside sparse columns of words."""
    if preparation.get("encoding") == "native":
        preparation["encoding"] = "onehot"
    if preparation.get("imputation") == "none":
        preparation["imputation"] = "median"
    svm = genes["model"].get("svm")
    if svm is not None:  # a kernel of so many columns takes long and adds little
        svm["approximate"] = True
        svm["kernel"]["choice"] = "linear"
