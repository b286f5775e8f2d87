"""The paragraph on methods, and the references that go with it."""

from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from analysis.findings.comparisons import Family, Judged, families
from analysis.findings.findings import Findings
from analysis.methods.protocol import protocol
from analysis.wording import beside_looks, count, listed

_FAMILIES: dict[Family, str] = {
    "question": "of the question",
    "elsewhere": "of the same arms in other settings",
    "other": "of all other pairs of arms",
}


def methods(findings: Findings) -> str:
    """A paragraph on data, encoder, training, arms, budgets, selection, seeds, tests, corrections and versions."""
    parts = [*protocol(findings.facts), *_statistics(findings), _versions(findings)]
    return " ".join(part for part in parts if part)


def _statistics(findings: Findings) -> list[str]:
    tested = findings.comparisons.tested
    if not tested:
        return ["No test was made: single runs have no interval."] if findings.facts.arms else []
    sizes = families(tested)
    shared = [f"{count(size, 'comparison')} {_FAMILIES[name]}" for name, size in sizes.items()]
    parts = [
        "Translations of one question are not independent, so the unit is the question id, crossed with seeds. Arms "
        "were compared question by question on the same seeds, which are independent samples for each arm. Standard "
        "errors come from crossed random effects of seeds and questions, with variances between seeds moderated over "
        "the arms by empirical Bayes (Smyth 2004), Satterthwaite's degrees of freedom and Hall's (1992) correction of "
        "skewness. 95 % intervals hold together for all comparisons of a family (Bonferroni; the pairs of "
        "one place by max-t from five seeds on, Westfall and Young 1993)"
        f"{f', of {listed(shared)}' if shared else ''}; an arm is better or worse if the interval excludes zero and "
        f"equivalent if it lies within \N{PLUS-MINUS SIGN}{findings.margin:g}."
    ]
    if any(j.comparison.unit == "search" for j in tested):
        parts.append(
            "A search with the seeds of its arms is one sampled unit, in the place of a seed, so that intervals hold "
            "for new searches, too."
        )
    parts += [_sequential(j) for j in tested if j.comparison.sequential is not None]
    if any(j.first.parts for j in tested):
        every = listed([f"{factor}s" for factor in findings.facts.factors])
        parts.append(
            f"Over {every}, which are taken as given, the difference is the mean of the differences in every cell, "
            "with the seeds that all cells have; a question is one unit in all of them, and so is a seed."
        )
    parts.append(
        "Intervals of the means in the results hold for new seeds and new questions, each for itself."
        if findings.means.cover_questions
        else "Intervals of the means hold for new seeds on the same questions (Student's t)."
    )
    return parts


def _sequential(judged: Judged) -> str:
    rule = judged.comparison.sequential
    if rule is None:
        return ""
    looks, most = listed([str(seeds) for seeds in rule.looks]), rule.max_seeds
    noun = "look" if len(rule.looks) == 1 else "looks"
    return (
        f"Seeds were added one by one until {judged.first.label} against {judged.second.label} on {judged.place.label} "
        f"had a verdict, with at most {most} seeds: {len(rule.looks)} {noun}, at {looks} seeds. "
        f"By n of {most} seeds an error of at most 0.05 (n / {most})\N{SUPERSCRIPT TWO} may have been spent (Lan and "
        "DeMets 1983; Kim and DeMets 1987); each look is a t test at the level that follows, and the interval is the "
        f"repeated confidence interval of Jennison and Turnbull (1989). {beside_looks(judged)}"
    )


def _versions(findings: Findings) -> str:
    study = findings.facts.first.info
    named = [
        f"{name} {study.versions[name]}"
        for name in ("python", "torch", "ray", "transformers", "optuna")
        if name in study.versions
    ]
    commit = f" at commit {study.git_commit[:12]}" if study.git_commit else ""
    return f"Software: hybrid-batch-studies{commit}{', ' if named else ''}{', '.join(named)}."


def references(findings: Findings) -> str:
    """The BibTeX entries of what this report used."""
    facts, judged = findings.facts, findings.comparisons.judged
    entries = _entries()
    own = [entries[key] for key in ("elmahdy2024synergistic", "liaw2018tune", "akiba2019optuna")]
    sequential = any(j.comparison.sequential for j in judged)
    statistics = [
        entries[key]
        for key, used in (
            ("smyth2004linear", judged),
            ("hall1992removal", judged),
            ("satterthwaite1946approximate", judged),
            ("schuirmann1987comparison", judged),
            ("westfall1993resampling", judged),
            ("zitzler1999multiobjective", 1 < len(facts.objectives) <= 3),
            ("lan1983discrete", sequential),
            ("kim1987design", sequential),
            ("jennison1989interim", sequential),
        )
        if used
    ]
    return "\n\n".join(dict.fromkeys([*own, *_recorded(findings), *statistics])) + "\n"


def _recorded(findings: Findings) -> Iterator[str]:
    """What the benchmarks, encoders and compared measures of the studies ask to be cited."""
    for benchmark in findings.facts.benchmarks:
        if benchmark.record is not None:
            yield from benchmark.record.references
    for study in findings.facts.studies:
        for encoder in study.info.encoders:
            yield from encoder.references
    for measure in dict.fromkeys(judged.place.measure for judged in findings.comparisons.judged):
        yield from measure.references


@cache
def _entries() -> dict[str, str]:
    text = files("analysis.methods").joinpath("references.bib").read_text(encoding="utf-8")
    entries = [entry.strip() for entry in text.split("\n\n") if entry.strip().startswith("@")]
    return {entry[entry.index("{") + 1 : entry.index(",")]: entry for entry in entries}
