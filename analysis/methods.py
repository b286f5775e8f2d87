"""The answer in one sentence, and the paragraph and references that can be pasted into a paper."""

from collections import Counter
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from analysis.comparisons import Comparisons, Judged
from analysis.findings import Arm, Benchmark, Findings, estimate
from analysis.labels import setting_label
from analysis.means import Means
from analysis.pairing import main_pairs, training
from analysis.protocol import listed, protocol
from analysis.render.table import format_value
from analysis.tables.sizes import sentences


def answer(findings: Findings, compared: Comparisons) -> str:
    """The answer to the study's question, as far as the records allow one."""
    if not findings.arms or not findings.benchmarks:
        return "There is no answer yet: no arm has finished a run on the test benchmarks."
    pairs = main_pairs(findings)
    if not pairs:
        return _leader(findings)
    parts = []
    for first, second in pairs:
        if training(first) == training(second):
            parts.append(f"{first.label} and {second.label} are the same training: there is nothing to tell apart.")
            continue
        judged = [j for j in compared.main if j.first is first and j.second is second]
        if not judged:
            parts.append(_untested(findings, first, second))
            continue
        setting = findings.objective[0].split("/")[0]
        chosen = next((j for j in judged if j.setting == setting), judged[0])
        parts.append(_capital(chosen.comparison.sentence))
        if len(judged) > 1 and any(j.comparison.interval is not None for j in judged):
            counts = Counter(j.comparison.verdict for j in judged)
            tally = ", ".join(f"{verdict} on {count}" for verdict, count in counts.items())
            parts.append(f"Over the {len(judged)} benchmarks and settings: {tally}.")
    return " ".join([*parts, *sentences(findings)])


def _untested(findings: Findings, first: Arm, second: Arm) -> str:
    benchmark, setting = findings.benchmarks[0], _primary_setting(findings, findings.benchmarks[0])
    means = [estimate(arm.values(benchmark.column(setting)).values()) for arm in (first, second)]
    values = [format_value(None if mean is None else mean.mean, "score") for mean in means]
    where = setting_label(benchmark.name, setting, benchmark.metric)
    return (
        f"{_capital(first.label)} reaches {values[0]} and {second.label} {values[1]} on {where}, "
        "but without values per question for the same seeds the difference cannot be tested."
    )


def _leader(findings: Findings) -> str:
    benchmark = findings.benchmarks[0]
    setting = _primary_setting(findings, benchmark)
    found = [(e.mean, arm) for arm in findings.arms if (e := estimate(arm.values(benchmark.column(setting)).values()))]
    if not found:
        return "There is no answer yet: no arm has finished a run on the test benchmarks."
    mean, arm = max(found, key=lambda pair: pair[0])
    where = setting_label(benchmark.name, setting, benchmark.metric)
    missing = " and ".join(map(str, findings.info.get("main_comparison") or ()))
    reason = (
        f"the arms that the question is about ({missing}) have not both finished" if missing else "no arms are named"
    )
    return f"There is no answer yet: {reason}; so far {arm.label} leads with {format_value(mean, 'score')} on {where}."


def _primary_setting(findings: Findings, benchmark: Benchmark) -> str:
    setting = findings.objective[0].split("/")[0]
    return setting if setting in benchmark.settings else benchmark.settings[-1]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def methods(findings: Findings, compared: Comparisons, means: Means) -> str:
    """A paragraph on data, encoder, training, arms, budgets, selection, seeds, tests, corrections and versions."""
    info = findings.info
    parts = protocol(findings)
    tested = [j for j in compared.judged if j.comparison.interval is not None]
    if tested:
        fixed = [j for j in tested if j.comparison.sequential is None]
        own, others = (sum(j.is_main == is_main for j in fixed) for is_main in (True, False))
        families = [f"the {own} comparison{'s' * (own > 1)} of the question"] * bool(own)
        families += [f"the {others} {'other' if own else 'secondary comparison'}{'s' * (others > 1)}"] * bool(others)
        families = families or ["its family"]
        parts.append(
            "Translations of one question are not independent, so the question id is the unit of resampling, crossed "
            "with seeds. Differences between arms are paired by seed and question; their 95 % intervals come from a "
            "two-level bootstrap over seeds and questions (10,000 resamples), their p values from a paired "
            f"randomisation test with Holm's correction within {' and within '.join(families)}. Two arms are called "
            "equivalent if two one-sided tests place the difference within "
            f"\N{PLUS-MINUS SIGN}{compared.margin:g}."
        )
        parts += [_sequential_sentence(j) for j in tested if j.comparison.sequential is not None]
        parts.append(
            "Intervals of the means in the results hold for new seeds and new questions (the same bootstrap)."
            if means.cover_questions
            else "Intervals of the means hold for new seeds on the same questions (Student's t)."
        )
    elif findings.arms:
        parts.append("No test was made: single runs have no interval.")
    parts.append(_versions_sentence(info))
    return " ".join(part for part in parts if part)


def _sequential_sentence(judged: Judged) -> str:
    rule = judged.comparison.sequential
    if rule is None:
        return ""
    where = setting_label(judged.benchmark, judged.setting, judged.metric)
    looks, most = listed([str(seeds) for seeds in rule.looks]), rule.max_seeds
    noun = "look" if len(rule.looks) == 1 else "looks"
    return (
        f"Seeds were added one by one until {judged.first.label} against {judged.second.label} on {where} had a "
        f"verdict, with at most {most} seeds: {len(rule.looks)} {noun}, at {looks} seeds. "
        f"By n of {most} seeds an error of at most 0.05 (n / {most})\N{SUPERSCRIPT TWO} may have been spent (Lan and "
        "DeMets 1983; Kim and DeMets 1987); each look is a t test of the paired differences at the level that follows "
        "(two one-sided ones for equivalence), and the interval is the repeated confidence interval of Jennison and "
        "Turnbull (1989). The other comparisons do not allow for the looks."
    )


def _versions_sentence(info: Mapping[str, Any]) -> str:
    versions = info.get("versions") or {}
    named = [
        f"{name} {versions[name]}" for name in ("python", "torch", "ray", "transformers", "optuna") if name in versions
    ]
    commit = f" at commit {str(info['git_commit'])[:12]}" if info.get("git_commit") else ""
    return f"Software: hybrid-batch-studies{commit}{', ' if named else ''}{', '.join(named)}."


def references(findings: Findings, compared: Comparisons) -> str:
    """The BibTeX entries of what this report used."""
    entries = _entries()
    wanted = ["elmahdy2024synergistic", "liaw2018tune", "akiba2019optuna"]
    names = {benchmark.name for benchmark in findings.benchmarks}
    sequential = any(judged.comparison.sequential for judged in compared.judged)
    for key, used in (
        ("roy2020lareqa", names & {"xquad-r", "mlqa-r"}),
        ("artetxe2020crosslingual", "xquad-r" in names),
        ("lewis2020mlqa", "mlqa-r" in names),
        ("conneau2020unsupervised", any("xlm-r" in arm.model.lower() for arm in findings.arms)),
        ("feng2022language", any("labse" in arm.model.lower() for arm in findings.arms)),
        ("huang2023soft", any(judged.is_bias for judged in compared.judged)),
        ("owen2007pigeonhole", compared.judged),
        ("holm1979simple", compared.judged),
        ("schuirmann1987comparison", compared.judged),
        ("zitzler1999multiobjective", 1 < len(findings.objectives) <= 3),
        ("lan1983discrete", sequential),
        ("kim1987design", sequential),
        ("jennison1989interim", sequential),
    ):
        if used:
            wanted.append(key)
    return "\n\n".join(entries[key] for key in wanted) + "\n"


@cache
def _entries() -> dict[str, str]:
    text = files("analysis.render").joinpath("templates/references.bib").read_text(encoding="utf-8")
    entries = [entry.strip() for entry in text.split("\n\n") if entry.strip().startswith("@")]
    return {entry[entry.index("{") + 1 : entry.index(",")]: entry for entry in entries}
