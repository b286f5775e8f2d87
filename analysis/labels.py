"""How metrics are called in tables, figures and sentences."""

METRIC_LABELS = {
    "map": "mAP",
    "map@20": "mAP@20",
    "ndcg@10": "nDCG@10",
    "mrr@10": "MRR@10",
    "rank_distance": "rank distance",
}


def metric_label(metric: str) -> str:
    """The name of a metric as papers write it."""
    return METRIC_LABELS.get(metric, metric)


def setting_label(benchmark: str, setting: str, metric: str) -> str:
    """A metric with its place: `mAP of xquad-r, multilingual`."""
    if metric == "rank_distance":
        return f"rank distance of {benchmark}"
    return f"{metric_label(metric)} of {benchmark}, {setting}"


def objective_label(metric: str) -> str:
    """A metric of an objective with its place: `multilingual mAP`, `rank distance`."""
    place, _, name = metric.rpartition("/")
    label = metric_label(name).replace("_", " ")
    return label if place in ("bias", "") else f"{place} {label}"


def slug(text: str) -> str:
    """A name as it may stand in a file name or a column key."""
    return "".join(character if character.isalnum() else "_" for character in text.lower()).strip("_")
