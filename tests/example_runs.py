"""How examples run where it must be quick: in the tests, and for the site's gallery."""

from pathlib import Path

# What examples take beside `--plot`, and beside `--max-time` where no generations limit
# the search. One worker, since each other one has to import torch first.
QUICK = {
    "evolve_autoencoder": "--n-jobs 1 --max-epochs 4",
    "evolve_detector": "--n-jobs 1 --max-epochs 4",
    "evolve_digits": "--n-jobs 1",
    "evolve_few_shot": "--n-jobs 1",
    "evolve_gan": "--n-jobs 1 --max-epochs 4",
    "evolve_numbers": "--n-jobs 1",
    "evolve_photos": "--n-jobs 1 --image-size 32",
    "evolve_policy": "--n-jobs 1 --max-steps 50 --film {folder}/film.gif",
    "evolve_segmenter": "--n-jobs 1",
    "evolve_table": "--n-jobs 1",
    "evolve_texts": "--n-jobs 1",
    "explain_table": "--n-jobs 1",
    "halve_rows": "--n-jobs 1 --generations 2",
    "own_model": "--n-jobs 1",
    "plot_search": "--n-jobs 1 --pictures {folder}/pictures",
    "resume_search": "--generations 2",
    "synthesize_table": "--n-jobs 1 --max-epochs 2 --out {folder}/synthetic.csv",
}


def quick_arguments(example: str, folder: Path, max_time: float) -> list[str]:
    """Return the arguments of a short run.

    Parameters
    ----------
    example : str
        Name of the file without its suffix.
    folder : Path
        Where pictures and other files are written.
    max_time : float
        Seconds to search.
    """
    more = [part.format(folder=folder) for part in QUICK.get(example, "").split()]
    limit = [] if "--generations" in more else ["--max-time", f"{max_time:g}"]
    return [*limit, "--plot", f"{folder}/plot.png", *more]
