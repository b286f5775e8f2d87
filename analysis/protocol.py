"""How a study was made, in the sentences of a paper: data, encoder, training, arms, search, seeds; from the records."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from analysis.findings import Findings
from analysis.labels import metric_label, objective_label
from analysis.tables.study import describe_schedule
from study.records import Study, Trial

SAMPLERS = {"tpe": "Optuna's TPE sampler", "random": "random search", "nsga2": "NSGA-II", "grid": "a grid"}
DRAWS = {
    "exact": "monolingual and cross-lingual batches alternated by error diffusion, so that any run of batches has the "
    "share that the schedule asks for",
    "bernoulli": "the kind of each batch was drawn independently with the probability that the schedule asks for",
}


def protocol(findings: Findings) -> list[str]:
    """The sentences, in the order of a paper; several studies share a sentence unless it differs."""
    return [
        _each(findings, _training_data),
        *_benchmarks(findings),
        _each(findings, _overlap),
        _each(findings, _encoder),
        _each(findings, _training),
        _arms(findings),
        _each(findings, _chosen),
        _each(findings, _search),
        _front(findings),
        _seeds(findings),
    ]


def listed(items: Sequence[str]) -> str:
    """`a, b and c`; `a; b, reversed; and c` where the items have commas of their own."""
    if len(items) == 1:
        return items[0]
    if any("," in item for item in items):
        return f"{'; '.join(items[:-1])}; and {items[-1]}"
    return f"{', '.join(items[:-1])} and {items[-1]}"


def _each(findings: Findings, sentence: Callable[[Study], str]) -> str:
    """The sentence of all studies or, where it differs, one per study."""
    found: dict[str, list[str]] = {}
    for study, label in findings.labels.items():
        found.setdefault(sentence(study), []).append(label)
    if len(found) == 1:
        return next(iter(found))
    return " ".join(f"{listed(labels)}: {text}" for text, labels in found.items() if text)


def _training_data(study: Study) -> str:
    held = study.info.get("data", {}).get("training", {})
    sets = [str(item.get("name")) for item in held.get("sets", ()) if not item.get("left_out")]
    languages = [str(language) for language in held.get("languages", ())]
    if not sets:
        return ""
    return f"Models were trained on {listed(sets)} in {_count(len(languages), 'language')} ({' '.join(languages)})."


def _benchmarks(findings: Findings) -> list[str]:
    sentences = []
    for benchmark in findings.benchmarks:
        info = benchmark.info
        size = ", ".join(
            f"{info[key]:,} {label}"
            for key, label in (("parallel_ids", "questions"), ("queries", "queries"), ("candidates", "candidates"))
            if isinstance(info.get(key), int)
        )
        rule = f", {info['metric_definition']}" if isinstance(info.get("metric_definition"), str) else ""
        details = "; ".join(part for part in (size, metric_label(benchmark.metric) + rule) if part)
        noun = "setting" if len(benchmark.settings) == 1 else "settings"
        sentences.append(
            f"They were judged on {benchmark.name} ({details}) in the {listed(benchmark.settings)} {noun}."
        )
    return sentences


def _overlap(study: Study) -> str:
    if not study.info.get("data", {}).get("overlap"):
        return ""
    if study.info.get("settings", {}).get("keep_overlap"):
        return "Training items that share text with an evaluation set were kept."
    return "Training items that share text with an evaluation set were dropped before training."


def _encoder(study: Study) -> str:
    sizes: dict[str, set[int]] = {}
    for trial in study.trials:
        found = (trial.result or {}).get("parameters")
        sizes.setdefault(trial.model, set()).update([int(found)] if found else [])
    if not sizes:
        return ""
    held: Mapping[str, Any] = study.info.get("encoder") or {}
    names = [
        f"{model} ({_range(found, 'count')} parameters)" if found else model for model, found in sorted(sizes.items())
    ]
    parts = [f"The encoder was {listed(names)}" if len(names) == 1 else f"The encoders were {listed(names)}"]
    if held.get("pooling"):
        parts.append(f"{held['pooling']} pooling")
    if held.get("max_query_length") and held.get("max_passage_length"):
        parts.append(
            f"queries of up to {held['max_query_length']} and passages of up to {held['max_passage_length']} tokens"
        )
    return ", ".join(parts) + "."


def _training(study: Study) -> str:
    ended = [trial for trial in study.trials if trial.status == "complete"]
    trials = [trial for trial in ended if trial.phase == "confirm"] or ended
    if not trials:
        return ""
    # Loss mixing takes a monolingual and a cross-lingual batch per step, and half the steps.
    both = [trial for trial in trials if trial.training.get("mixing") == "loss"]
    trials = [trial for trial in trials if trial not in both] or trials
    pairs = {int(pairs) for trial in trials if (pairs := (trial.result or {}).get("cost", {}).get("pairs"))}
    size = f"{_knob(trials, 'steps', 'count')} steps of {_knob(trials, 'batch_size', 'count')} pairs"
    seen = f" ({_range(pairs, 'count')} pairs in all)" if pairs else ""
    # The only optimiser and the only loss that there are; what varies in them stands in the records.
    parts = [f"Every training took {size}{seen} with AdamW and InfoNCE over the negatives of the batch"]
    known = {name for trial in trials for name in trial.training}
    if "temperature" in known:
        parts.append(f"temperature {_knob(trials, 'temperature')}")
    if "symmetric" in known and all(trial.training.get("symmetric") for trial in trials):
        parts.append("in both directions")
    if "weight_decay" in known:
        parts.append(f"weight decay {_knob(trials, 'weight_decay')}")
    if "warmup_share" in known and "decay" in known:
        rate = f"warm-up over {_knob(trials, 'warmup_share')} of the steps"
        parts.append(f"{rate} and then a {_words(trials, 'decay')} learning rate")
    if "gradient_clip" in known:
        parts.append(f"gradients clipped at norm {_knob(trials, 'gradient_clip')}")
    drawn = {str(trial.training.get("draw")) for trial in trials}
    kind = f"; {DRAWS[next(iter(drawn))]}" if len(drawn) == 1 and drawn <= DRAWS.keys() else ""
    twice = f"; loss mixing took {_knob(both, 'steps', 'count')} steps of two batches" if len(both) > 0 else ""
    return ", ".join(parts) + kind + twice + "."


def _arms(findings: Findings) -> str:
    if not findings.arms:
        return ""
    return f"The arms are {listed(list(dict.fromkeys(arm.label for arm in findings.arms)))}."


def _chosen(study: Study) -> str:
    """What the arms that are named after their rank turned out to be."""
    found = []
    for arm in study.arms:
        if not str(arm["arm"]).startswith("best ") or arm.get("role") == "control":
            continue
        what = describe_schedule(arm.get("schedule"))
        rate = arm.get("learning_rate")
        details = [f"learning rate {rate:.4g}"] if isinstance(rate, float) else []
        details += [f"the same training as {arm['same_as']}"] if arm.get("same_as") else []
        found.append(f"{arm['arm']} turned out to be {what}" + (f" ({'; '.join(details)})" if details else ""))
    return f"{_capital('; '.join(found))}." if found else ""


def _search(study: Study) -> str:
    families: Mapping[str, Any] = study.info.get("families", {})
    trials = {int(budget.get("trials", 0)) for budget in families.values()}
    if not trials or not max(trials):
        return ""
    settings: Mapping[str, Any] = study.info.get("settings", {})
    noun = "search trial" if max(trials) == 1 else "search trials"
    who = f"Each of {len(families)} families ({listed(list(families))})" if len(families) > 1 else "The one family"
    tried = [trial for trial in study.trials if trial.phase == "search"]
    rates = {float(rate) for trial in tried if (rate := trial.training.get("learning_rate"))}
    if settings.get("learning_rate") or len(rates) == 1:
        rate = f"at the same learning rate ({settings.get('learning_rate') or next(iter(rates)):.4g})"
    elif rates:
        rate = f"with its own learning rate (from {min(rates):.4g} to {max(rates):.4g} in these trials)"
    else:
        rate = "with its own learning rate"
    sampler = SAMPLERS.get(str(settings.get("sampler")), f"the sampler of the space {study.info.get('space')}")
    seed = f" with seed {settings['search_seed']}" if settings.get("search_seed") is not None else ""
    objectives = study.info.get("objective") or [{}]
    objective = objectives[0] if isinstance(objectives, list) else objectives
    metric, lowest = objective.get("metric", "multilingual/map"), objective.get("direction") == "minimize"
    sentences = [
        f"{who} had {_range(trials, 'count')} {noun}, {rate}, proposed by {sampler}{seed}.",
        f"Parameters were chosen by the {'lowest' if lowest else 'highest'} {metric} on dev data, never on a test "
        "benchmark.",
    ]
    if settings.get("early_stopping") == "halving":
        stopped = sum(trial.status == "pruned" for trial in tried)
        sentences.append(
            "Successive halving stopped search trials that were behind earlier ones of their own family at the same "
            f"step ({stopped} of {len(tried)})."
        )
    elif settings.get("early_stopping") == "off":
        sentences.append("No search trial was stopped early.")
    return " ".join(sentences)


def _front(findings: Findings) -> str:
    members = [arm for arm in findings.arms if arm.is_front]
    if not members:
        return ""
    names = listed([objective_label(metric) for metric, _ in findings.objectives])
    return f"The trials that no other one beats in {names} together became arms as well ({len(members)} of them)."


def _seeds(findings: Findings) -> str:
    counts = {len(arm.trials) for arm in findings.arms}
    if not counts:
        return ""
    noun = "seed" if max(counts) == 1 else "seeds"
    return (
        f"Every arm was trained anew with {_range(counts, 'count')} {noun} that the search had not used; all arms saw "
        "the same items."
    )


def _knob(trials: Iterable[Trial], name: str, kind: str = "number") -> str:
    return _range({value for trial in trials if (value := trial.training.get(name)) is not None}, kind)


def _words(trials: Iterable[Trial], name: str) -> str:
    decays = {"linear": "linearly falling", "cosine": "cosine-shaped", "constant": "constant"}
    return listed(sorted({decays.get(str(t.training.get(name)), str(t.training.get(name))) for t in trials}))


def _range(values: Collection[float], kind: str) -> str:
    """A number, or `least to most`."""
    shown = [f"{int(v):,}" if kind == "count" else f"{v:.4g}" for v in sorted(values)]
    return shown[0] if len(shown) == 1 else f"{shown[0]} to {shown[-1]}" if shown else "unknown"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
