"""How a study was made, in the sentences of a paper: data, encoder, training, arms, search, seeds; from the records."""

from collections.abc import Callable, Iterable

from analysis.facts.batches import same_items
from analysis.facts.facts import Facts
from analysis.facts.options import encoder_text, option_words, schedule_text
from analysis.facts.records import StudyRecords
from analysis.methods.phrases import phrased
from analysis.wording import capital, count, listed, span
from study.records import BenchmarkRecord

SAMPLERS = {"tpe": "Optuna's TPE sampler", "random": "random search", "nsga2": "NSGA-II", "grid": "a grid"}


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
    data = study.info.data.training
    sets = [one.name for one in data.sets if not one.left_out]
    languages = f"{count(len(data.languages), 'language')} ({' '.join(data.languages)})"
    negatives = ""
    if data.items_with_negatives:
        items = count(data.items_with_negatives, "item")
        negatives = f", with explicit hard negatives of {items} as further candidates of a batch"
    return f"Models were trained on {listed(sets)} in {languages}{negatives}."


def _benchmarks(facts: Facts) -> list[str]:
    sentences = []
    for benchmark in facts.benchmarks:
        corpus = benchmark.record
        size = (
            f"{corpus.parallel_ids:,} questions, {corpus.queries:,} queries, {corpus.candidates:,} candidates"
            f"{_left_out(corpus)}"
            if corpus is not None
            else ""
        )
        details = "; ".join(part for part in (size, benchmark.measure.label) if part)
        noun = "setting" if len(benchmark.settings) == 1 else "settings"
        sentences.append(
            f"They were judged on {benchmark.name} ({details}) in the {listed(benchmark.settings)} {noun}."
        )
    return sentences


def _left_out(corpus: BenchmarkRecord) -> str:
    parts = []
    if corpus.unjudged_queries:
        parts.append(f"{corpus.unjudged_queries:,} more without judgements were left out")
    if corpus.queries_with_nothing_relevant:
        parts.append(f"{corpus.queries_with_nothing_relevant:,} have nothing relevant and count 0")
    if corpus.ties == "trec":
        parts.append("ties as in trec_eval")
    return "".join(f", {part}" for part in parts)


def _overlap(study: StudyRecords) -> str:
    if not study.info.data.overlap:
        return ""
    if study.info.settings.keep_overlap:
        return "Training items that share text with an evaluation set were kept."
    return "Training items that share text with an evaluation set were dropped before training."


def _encoder(study: StudyRecords) -> str:
    sizes: dict[str, set[int]] = {}
    for run in study.runs:
        sizes.setdefault(run.model, set()).update([int(run.parameters)] if run.parameters else [])
    if not sizes:
        return ""
    names = [
        f"{encoder_text(model)} ({span(found, 'count')} parameters)" if found else encoder_text(model)
        for model, found in sorted(sizes.items())
    ]
    parts = [f"The encoder was {listed(names)}" if len(names) == 1 else f"The encoders were {listed(names)}"]
    return ", ".join([*parts, *phrased([one.config for one in study.info.encoders])]) + "."


def _training(study: StudyRecords) -> str:
    ended = [run for run in study.runs if run.status == "complete"]
    runs = [run for run in ended if run.phase == "confirm"] or ended
    if not runs:
        return ""
    mixing = any(run.config.batches.mixing == "loss" for run in runs)
    configs = [run.config for run in runs]
    configs = [config for config in configs if config.steps] or configs
    pairs = {int(trained) for run in runs if (trained := run.cost("pairs"))}
    size = f"{_over(c.steps for c in configs)} steps of {_over(c.batches.size for c in configs)} pairs"
    seen = f" ({span(pairs, 'count')} pairs in all)" if pairs else ""
    # The only optimiser and the only loss that there are; what varies in them stands in the records.
    parts = [f"Every training took {size}{seen} with AdamW and InfoNCE over the negatives of the batch"]
    parts += [*phrased([c.loss for c in configs]), *phrased([c.optimiser for c in configs])]
    kinds = "; ".join(phrased([c.batches for c in configs]))
    split = "loss mixing split every batch by the ratio into both kinds" if mixing else ""
    return "; ".join(part for part in (", ".join(parts), kinds, split) if part) + "."


def _arms(facts: Facts) -> str:
    if not facts.arms:
        return ""
    found = [f"The arms are {listed(list(dict.fromkeys(arm.label for arm in facts.arms)))}."]
    for words, labels in _judged_otherwise(facts).items():
        found.append(f"{capital(listed(labels))} stand for trainings that were judged a second time, with {words}.")
    return " ".join(found)


def _judged_otherwise(facts: Facts) -> dict[str, list[str]]:
    """The controls that differ in how they were judged, by what was done."""
    held: dict[str, list[str]] = {}
    for arm in facts.arms:
        words = ", ".join(phrased([arm.record.config.evaluation])) if arm.role == "control" and not arm.parts else ""
        if words:
            held.setdefault(words, []).append(arm.label)
    return held


def _chosen(study: StudyRecords) -> str:
    """What the arms that are named after their rank turned out to be."""
    found = []
    for arm in study.arms:
        if not arm.arm.startswith("best ") or arm.role == "control":
            continue
        details = [f"learning rate {arm.config.optimiser.learning_rate:.4g}"]
        details += [f"the same training as {arm.same_as}"] if arm.same_as else []
        search = [f"search {arm.repetition + 1}"] * (study.searches > 1)
        where = [*search, *arm.cell.values()]
        name = arm.arm + (f" ({', '.join(where)})" if where else "")
        found.append(f"{name} turned out to be {schedule_text(arm.config.ratio)} ({'; '.join(details)})")
    return f"{capital('; '.join(found))}." if found else ""


def _search(study: StudyRecords) -> str:
    branches = {one.branch: one.trials for one in study.info.branches if one.trials > 1} or {
        one.branch: one.trials for one in study.info.branches
    }
    usual = min(branches.values())
    more = {name: number for name, number in branches.items() if number > usual}
    settings = study.info.settings
    noun = "search trial" if usual == 1 else "search trials"
    if more:
        of_these = listed([f"{name} had {number}" for name, number in more.items()])
        noun += f" ({of_these}, so that constants and schedules had equally many in all)"
    who = f"Each of {len(branches)} families ({listed(list(branches))})" if len(branches) > 1 else "The one family"
    where = f" for every {' and '.join(option_words(one.name) for one in study.info.factors)}" * bool(
        study.info.factors
    )
    tried = [run for run in study.runs if run.phase == "search"]
    rates = {run.config.optimiser.learning_rate for run in tried}
    if len(rates) == 1:
        how = f"at the same learning rate ({next(iter(rates)):.4g})"
    elif rates:
        how = f"with its own learning rate (from {min(rates):.4g} to {max(rates):.4g} in these trials)"
    else:
        how = "with its own learning rate"
    sampler = SAMPLERS.get(settings.sampler or "", f"the sampler of the space {study.info.space}")
    objective = study.info.objectives[0]
    seeds = f"seed {settings.search_seed}"
    if study.searches > 1:
        seeds = f"seeds {settings.search_seed} to {settings.search_seed + study.searches - 1}"
    sentences = [
        *[f"The whole search was made {study.searches} times, and each search chose its own arms."]
        * (study.searches > 1),
        f"{who} had {usual:,} {noun}{where}, {how}, proposed by {sampler} with {seeds}.",
        f"Parameters were chosen by the {'highest' if objective.maximised else 'lowest'} {objective.metric} on dev "
        "data, never on a test benchmark.",
    ]
    if settings.early_stopping == "halving":
        stopped = sum(run.status == "pruned" for run in tried)
        sentences.append(
            "Successive halving stopped search trials that were behind earlier ones of their own family at the same "
            f"step ({stopped} of {len(tried)})."
        )
    else:
        sentences.append("No search trial was stopped early.")
    return " ".join(sentences)


def _front(facts: Facts) -> str:
    members = [arm for arm in facts.arms if arm.is_front]
    if not members:
        return ""
    names = listed([facts.objective_label(one) for one in facts.objectives])
    return f"The trials that no other one beats in {names} together became arms as well ({len(members)} of them)."


def _seeds(facts: Facts) -> str:
    counts = {len(arm.seeds) for arm in facts.arms if not arm.record.is_untrained}
    asked = [arm for arm in facts.arms if arm.asked and arm.added and arm.name in facts.main_comparison]
    longer = [f"{arm.label} with {len(arm.added)} more" for arm in asked]
    more = f", {listed(longer)}, on which the comparison of the question alone rests" if longer else ""
    if not counts:
        return ""
    as_it_comes = any(arm.record.is_untrained for arm in facts.arms)
    merged = [arm for arm in facts.arms if not arm.record.config.steps and not arm.record.is_untrained]
    left_out = ["the encoder as it comes"] * as_it_comes + list(dict.fromkeys(arm.label for arm in merged))
    untrained = f" but {listed(left_out)}" if left_out else ""
    noun = "seed" if max(counts) == 1 else "seeds"
    searches = max(arm.searches for arm in facts.arms)
    shared = f", shared out evenly among what {searches} searches chose" * (searches > 1)
    items = same_items(facts.arms)
    seen = "; all arms saw the same items in the same order" if items and items.is_same and items.is_whole else ""
    return (
        f"Every arm{untrained} was trained anew with {span(counts, 'count')} {noun} that the search had not used"
        f"{shared}{more}{seen}."
    )


def _over(found: Iterable[int]) -> str:
    return span(set(found), "count")
