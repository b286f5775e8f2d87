"""Small training sets, made up."""

from trainables.corpora.items import PairItem
from trainables.corpora.pairs import training_data


def parallel(size, languages="abc", name="set", groups=None):
    """Items with all texts in all languages, all different."""
    return [
        PairItem(
            f"{name}{i}",
            str(i if groups is None else i % groups),
            {lang: f"{name} q{i}{lang}" for lang in languages},
            {lang: f"{name} p{i}{lang}" for lang in languages},
        )
        for i in range(size)
    ]


def mixed_sets():
    """A is parallel, B has language a only, C is parallel in b and c."""
    return training_data({"A": parallel(100, "abc", "A"), "B": parallel(300, "a", "B"), "C": parallel(50, "bc", "C")})
