"""How a study was made, in the sentences of a paper: data, encoder, training, arms, search, seeds; from the records."""

from collections.abc import Callable, Iterable

from analysis.facts.facts import Facts
from analysis.facts.metrics import metric_label, objective_label
from analysis.facts.records import StudyRecords
from analysis.wording import capital, count, listed, span

SAMPLERS = {"tpe": "Optuna's TPE sampler", "random": "random search", "nsga2": "NSGA-II", "grid": "a grid"}
DRAWS = {
    "exact": "monolingual and cross-lingual batches alternated by error diffusion, so that any run of batches has the "
    "share that the schedule asks for",
    "bernoulli": "the kind of each batch was drawn independently with the probability that the schedule asks for",
}
DECAYS = {"linear": "linearly falling", "cosine": "cosine-shaped", "constant": "constant"}


def protocol(facts: Facts) -> list[str]:
    """The sentences, in the order of a paper; several studies share a sentence unless it differs."""
    return [
        _each(facts, _training_data),
        *_benchmarks(facts),
        _each(facts, _overlap),
        _each(facts, _encoder),
        _each(facts, _training),
        _arms(facts),
        _each(facts, _chosen),
        _each(facts, _search),
        _front(facts),
        _seeds(facts),
    ]


def _each(facts: Facts, sentence: Callable[[StudyRecords], str]) -> str:
    """The sentence of all studies or, where it differs, one per study."""
    found: dict[str, list[str]] = {}
    for study in facts.studies:
        found.setdefault(sentence(study), []).append(study.label)
    if len(found) == 1:
        return next(iter(found))
    return " ".join(f"{listed(labels)}: {text}" for text, labels in found.items() if text)


def _training_data(study: StudyRecords) -> str:
    sets = [one.name for one in study.training_sets if not one.left_out]
    languages = study.training_languages
    if not sets:
        return ""
    return f"Models were trained on {listed(sets)} in {count(len(languages), 'language')} ({' '.join(languages)})."


def _benchmarks(facts: Facts) -> list[str]:
    sentences = []
    for benchmark in facts.benchmarks:
        corpus = benchmark.corpus
        numbers = ((corpus.questions, "questions"), (corpus.queries, "queries"), (corpus.candidates, "candidates"))
        size = ", ".join(f"{held:,} {noun}" for held, noun in numbers if held is not None)
        rule = f", {corpus.metric_definition}" if isinstance(corpus.metric_definition, str) else ""
        details = "; ".join(part for part in (size, metric_label(benchmark.metric) + rule) if part)
        noun = "setting" if len(benchmark.settings) == 1 else "settings"
        sentences.append(
            f"They were judged on {benchmark.name} ({details}) in the {listed(benchmark.settings)} {noun}."
        )
    return sentences


def _overlap(study: StudyRecords) -> str:
    if not study.looked_for_overlap:
        return ""
    if study.keeps_overlap:
        return "Training items that share text with an evaluation set were kept."
    return "Training items that share text with an evaluation set were dropped before training."


def _encoder(study: StudyRecords) -> str:
    sizes: dict[str, set[int]] = {}
    for run in study.runs:
        sizes.setdefault(run.model, set()).update([int(run.parameters)] if run.parameters else [])
    if not sizes:
        return ""
    names = [
        f"{model} ({span(found, 'count')} parameters)" if found else model for model, found in sorted(sizes.items())
    ]
    parts = [f"The encoder was {listed(names)}" if len(names) == 1 else f"The encoders were {listed(names)}"]
    encoder = study.encoder
    if encoder.pooling:
        parts.append(f"{encoder.pooling} pooling")
    if encoder.max_query_length and encoder.max_passage_length:
        lengths = f"queries of up to {encoder.max_query_length} and passages of up to {encoder.max_passage_length}"
        parts.append(f"{lengths} tokens")
    return ", ".join(parts) + "."


def _training(study: StudyRecords) -> str:
    ended = [run for run in study.runs if run.status == "complete"]
    runs = [run for run in ended if run.phase == "confirm"] or ended
    if not runs:
        return ""
    # Loss mixing takes a monolingual and a cross-lingual batch per step, and half the steps.
    mixing = [run for run in runs if run.training.mixes_losses]
    runs = [run for run in runs if not run.training.mixes_losses] or runs
    trainings = [run.training for run in runs]
    pairs = {int(trained) for run in runs if (trained := run.cost("pairs"))}
    size = f"{_over(t.steps for t in trainings)} steps of {_over(t.batch_size for t in trainings)} pairs"
    seen = f" ({span(pairs, 'count')} pairs in all)" if pairs else ""
    # The only optimiser and the only loss that there are; what varies in them stands in the records.
    parts = [f"Every training took {size}{seen} with AdamW and InfoNCE over the negatives of the batch"]
    if temperature := _values(t.temperature for t in trainings):
        parts.append(f"temperature {span(temperature)}")
    if all(t.is_symmetric for t in trainings):
        parts.append("in both directions")
    if weight_decay := _values(t.weight_decay for t in trainings):
        parts.append(f"weight decay {span(weight_decay)}")
    decays = sorted({DECAYS.get(t.decay, t.decay) for t in trainings if t.decay is not None})
    if (warmup := _values(t.warmup_share for t in trainings)) and decays:
        parts.append(f"warm-up over {span(warmup)} of the steps and then a {listed(decays)} learning rate")
    if gradient_clip := _values(t.gradient_clip for t in trainings):
        parts.append(f"gradients clipped at norm {span(gradient_clip)}")
    drawn = {t.draw or "" for t in trainings}
    kind = f"; {DRAWS[next(iter(drawn))]}" if len(drawn) == 1 and drawn <= DRAWS.keys() else ""
    steps = _over(run.training.steps for run in mixing)
    twice = f"; loss mixing took {steps} steps of two batches" if mixing else ""
    return ", ".join(parts) + kind + twice + "."


def _arms(facts: Facts) -> str:
    if not facts.arms:
        return ""
    return f"The arms are {listed(list(dict.fromkeys(arm.label for arm in facts.arms)))}."


def _chosen(study: StudyRecords) -> str:
    """What the arms that are named after their rank turned out to be."""
    found = []
    for arm in study.arms:
        if not arm.name.startswith("best ") or arm.role == "control":
            continue
        details = [f"learning rate {arm.learning_rate:.4g}"] if arm.learning_rate is not None else []
        details += [f"the same training as {arm.same_as}"] if arm.same_as else []
        what = arm.schedule.text if arm.schedule else ""
        found.append(f"{arm.name} turned out to be {what}" + (f" ({'; '.join(details)})" if details else ""))
    return f"{capital('; '.join(found))}." if found else ""


def _search(study: StudyRecords) -> str:
    branches = study.planned_trials
    trials = set(branches.values())
    if not trials or not max(trials):
        return ""
    settings = study.search_settings
    noun = "search trial" if max(trials) == 1 else "search trials"
    who = f"Each of {len(branches)} families ({listed(list(branches))})" if len(branches) > 1 else "The one family"
    tried = [run for run in study.runs if run.phase == "search"]
    rates = {rate for run in tried if (rate := run.training.learning_rate)}
    if settings.learning_rate or len(rates) == 1:
        how = f"at the same learning rate ({settings.learning_rate or next(iter(rates)):.4g})"
    elif rates:
        how = f"with its own learning rate (from {min(rates):.4g} to {max(rates):.4g} in these trials)"
    else:
        how = "with its own learning rate"
    sampler = SAMPLERS.get(settings.sampler, f"the sampler of the space {study.space}")
    seed = f" with seed {settings.seed}" if settings.seed is not None else ""
    objective = study.objectives[0]
    sentences = [
        f"{who} had {span(trials, 'count')} {noun}, {how}, proposed by {sampler}{seed}.",
        f"Parameters were chosen by the {'highest' if objective.maximised else 'lowest'} {objective.metric} on dev "
        "data, never on a test benchmark.",
    ]
    if settings.early_stopping == "halving":
        stopped = sum(run.status == "pruned" for run in tried)
        sentences.append(
            "Successive halving stopped search trials that were behind earlier ones of their own family at the same "
            f"step ({stopped} of {len(tried)})."
        )
    elif settings.early_stopping == "off":
        sentences.append("No search trial was stopped early.")
    return " ".join(sentences)


def _front(facts: Facts) -> str:
    members = [arm for arm in facts.arms if arm.is_front]
    if not members:
        return ""
    names = listed([objective_label(one.metric) for one in facts.objectives])
    return f"The trials that no other one beats in {names} together became arms as well ({len(members)} of them)."


def _seeds(facts: Facts) -> str:
    counts = {len(arm.runs) for arm in facts.arms}
    if not counts:
        return ""
    noun = "seed" if max(counts) == 1 else "seeds"
    return (
        f"Every arm was trained anew with {span(counts, 'count')} {noun} that the search had not used; all arms saw "
        "the same items."
    )


def _values(found: Iterable[float | None]) -> set[float]:
    return {value for value in found if value is not None}


def _over(found: Iterable[float | None]) -> str:
    return span(_values(found), "count")
