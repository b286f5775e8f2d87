"""Data: what was trained and judged on."""

from typing import Any

from analysis.facts.facts import Facts
from analysis.render.table import Column, Table, make_table
from analysis.sections.section import Section
from trainables.corpora.terms import terms


def data(facts: Facts) -> Table:
    """The evaluation data with their fingerprints, and the training data."""
    columns = [
        Column("use", "Use"),
        Column("name", "Name"),
        Column("languages", "Languages"),
        Column("items", "Items or questions", "count"),
        Column("queries", "Queries", "count"),
        Column("candidates", "Candidates", "count"),
        Column("licence", "Licence"),
        Column("fingerprint", "Fingerprint"),
        Column("reason", "Why left out"),
    ]
    rows: dict[tuple[Any, ...], None] = {}
    notes: dict[str, None] = {}
    for study in facts.studies:
        held = study.info.data
        for one in held.training.sets:
            # What files are in is known of each set; a set that is built in is in the languages of the study.
            languages = " ".join(one.spellings or held.training.languages)
            use, why = "left out" if one.left_out else "training", one.left_out or ""
            licence = terms(one.licence, one.non_commercial)
            rows[use, one.name, languages, one.items, None, None, licence, held.training.fingerprint, why] = None
        for use, corpora in (("dev", [held.dev]), ("test", held.benchmarks.values())):
            for corpus in corpora:
                numbers = corpus.parallel_ids, corpus.queries, corpus.candidates
                cells = (
                    corpus.name,
                    " ".join(corpus.languages),
                    *numbers,
                    terms(corpus.licence, corpus.non_commercial),
                    corpus.fingerprint,
                )
                rows[use, *cells, ""] = None
                notes |= dict.fromkeys(f"{corpus.name}: {remark}." for remark in corpus.remarks)
    return make_table("data", "Data", columns, [list(row) for row in rows], list(notes))


def overlap(facts: Facts) -> Table:
    """Training items, and texts among their hard negatives, that share text with an evaluation set, as counted before
    training.
    """
    columns = [
        Column("study", "Study"),
        Column("set", "Training set"),
        Column("benchmark", "Benchmark"),
        Column("items", "Items", "count"),
        Column("negatives", "Hard negatives", "count"),
        Column("treated", "Treated"),
    ]
    rows = []
    for study in facts.studies:
        items, negatives = study.info.data.overlap, study.info.data.overlap_negatives
        treated = "kept" if study.info.settings.keep_overlap else "dropped"
        for name in dict.fromkeys([*items, *negatives]):
            own, of_negatives = items.get(name, {}), negatives.get(name, {})
            rows += [
                [study.label, name, benchmark, own.get(benchmark, 0), of_negatives.get(benchmark, 0), treated]
                for benchmark in dict.fromkeys([*own, *of_negatives])
            ]
    notes = [
        "Hard negatives: different texts that training items bring as explicit negatives.",
        # No comparison of texts can tell what is nowhere the same.
        "Translations of evaluation texts are not seen: the guard compares running text, in one language.",
    ]
    return make_table("overlap", "Overlap between training and evaluation text", columns, rows, notes)


def overlap_examples(facts: Facts) -> Table:
    """Texts of training items beside the evaluation texts that they share running text with."""
    columns = [
        Column("study", "Study"),
        Column("benchmark", "Benchmark"),
        Column("training", "Training text", prose=True),
        Column("evaluation", "Evaluation text", prose=True),
    ]
    rows = [
        [study.label, benchmark, one.training, one.evaluation]
        for study in facts.studies
        for benchmark, examples in study.info.data.overlap_examples.items()
        for one in examples
    ]
    return make_table("overlap_examples", "Examples of overlap", columns, rows)


SECTION = Section(
    "data",
    "Data",
    "What was trained and judged on.",
    tables=lambda findings: [data(findings.facts), overlap(findings.facts), overlap_examples(findings.facts)],
)
