"""Numbers that a measure cannot have are damage."""

import pandas as pd
import pyarrow as pa
import pytest

from study.plausible import Plausible
from trainables.evaluation.measures.registry import chosen_measures

MEASURES = {str(measure): measure.record() for measure in chosen_measures(("ndcg@10",))}


@pytest.mark.parametrize(
    ("name", "fine", "wrong"),
    [
        ("x/multilingual/map", (0.0, 0.5, 1.0, 1.0 + 1e-7), (1.7, -300000.0, -0.01)),
        ("x/multilingual/map@20", (0.2,), (1.1,)),
        ("x/cross-lingual/recall@10:micro", (1.0,), (1.01,)),
        ("x/cross-lingual/map/de-zh-tw", (0.3,), (2.0,)),
        ("dev/multilingual/ndcg@10", (0.3,), (-1.0,)),
        ("x/bias/rank_distance/de", (0.0, 11000.0), (-5.0,)),
        ("x/bias/diagonal_gap", (-0.4, 1.0), (-1.2,)),
        ("x/bias/same_language_share@10", (0.4,), (40.0,)),
        ("x/ties", (3.0,), (-3.0,)),
        ("x/bias/rank_distance_log", (-2.0, 9.0), ()),
        ("x/multilingual/somebodys", (-7.0, 1e9), ()),
    ],
)
def test_summary_metrics_lie_within_what_their_unit_allows(
    name: str, fine: tuple[float, ...], wrong: tuple[float, ...]
) -> None:
    plausible = Plausible(MEASURES)
    for value in fine:
        plausible.check_metrics({name: value})
    for value in wrong:
        with pytest.raises(ValueError, match=f"{name} is .* but can only be"):
            plausible.check_metrics({name: value})


def test_values_per_query_do_as_well_and_missing_ones_are_fine() -> None:
    plausible = Plausible(MEASURES)
    plausible.check_table(
        pd.DataFrame({"map": [0.0, None, 1.0], "rank_distance": [5.0, None, 0.0], "other": [-9, 9, 0]})
    )
    with pytest.raises(ValueError, match=r"a map is 1\.5, but can only be from 0 to 1"):
        plausible.check_table(pd.DataFrame({"map": [0.2, 1.5]}))


def test_summary_metrics_are_the_means_of_the_values_per_query() -> None:
    """Three queries in German, one in English: the macro mean is that of the two languages, the micro mean of four."""
    table = pd.DataFrame(
        {
            "benchmark": "x",
            "query_language": ["de", "de", "de", "en", "de"],
            "setting": ["multilingual"] * 4 + ["cross-lingual"],
            "pool_language": [None, None, None, None, "en"],
            "map": [0.1, 0.2, 0.3, 0.8, 0.4],
            "rank_distance": [3.0, None, None, None, None],
        }
    )
    metrics = {
        "x/multilingual/map": (0.2 + 0.8) / 2,
        "x/multilingual/map:micro": 1.4 / 4,
        "x/cross-lingual/map": 0.4,
        "x/bias/rank_distance": 3.0,
    }
    plausible = Plausible(MEASURES)
    stored = pa.Table.from_pandas(table)
    plausible.check_means(stored, metrics)
    for name in ("x/multilingual/map", "x/multilingual/map:micro", "x/cross-lingual/map"):
        with pytest.raises(ValueError, match=f"{name} in result.json is"):
            plausible.check_means(stored, {**metrics, name: metrics[name] + 1e-4})
