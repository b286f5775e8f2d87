"""What the runs of a study share and what each has of its own: seeds, questions, and how far two arms follow one seed.

    python benchmarks/seed_effects.py STUDY [STUDY ...]

A seed fixes the first weights, the items and their order in every arm. Whether that makes two arms lucky together is
measured here, in the mean of all settings of the first benchmark, over the seeds that all arms of the study finished:

* the variance components of the crossed model `mu + arm + seed + arm x seed + question + arm x question +
  seed x question + rest` (random but for the arms; Searle, Casella and McCulloch 1992, section 5);
* the correlation of the means of two arms over seeds, with Fisher's interval, for every pair;
* the same for all arms together, the intraclass correlation, with the interval of Shrout and Fleiss (1979, ICC(3,1));
* how far the value on the dev set tells which seeds of an arm are lucky on the test set.

Arms that no seed changes, and arms that another training wrote (judged anew, averaged), are left out.
"""

import argparse
import math
import sys
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
from scipy import stats

from analysis.statistics.panel import Panel
from study.benchmarks import judged_benchmarks
from study.plan.more_seeds import confirmed_metrics, table_of
from study.records import ArmRecord
from study.study_folder import Study, open_study
from trainables.evaluation.metric_name import DEV

LEVEL = 0.95


@dataclass(frozen=True)
class Components:
    """Variances of the crossed model; one that its mean squares put below zero is 0."""

    seed: float
    arm_seed: float
    question: float
    arm_question: float
    seed_question: float
    rest: float

    @classmethod
    def of(cls, values: np.ndarray) -> "Components":
        """From values [arms, seeds, questions], by equating mean squares with their expectations."""
        arms, seeds, questions = values.shape
        centred = values - values.mean(axis=(1, 2), keepdims=True)
        by_seed = centred.mean(axis=(0, 2))
        by_question = centred.mean(axis=(0, 1))
        arm_seed = centred.mean(axis=2) - by_seed
        arm_question = centred.mean(axis=1) - by_question
        seed_question = centred.mean(axis=0) - by_seed[:, None] - by_question
        rest = centred - arm_seed[:, :, None] - arm_question[:, None] - seed_question
        rest = rest - by_seed[:, None] - by_question
        a, s, q = arms - 1, seeds - 1, questions - 1
        of_rest = (rest**2).sum() / (a * s * q)
        of_seed_question = arms * (seed_question**2).sum() / (s * q)
        of_arm_question = seeds * (arm_question**2).sum() / (a * q)
        of_arm_seed = questions * (arm_seed**2).sum() / (a * s)
        of_seed = arms * questions * (by_seed**2).sum() / s
        of_question = arms * seeds * (by_question**2).sum() / q
        return cls(
            seed=_least(of_seed - of_arm_seed - of_seed_question + of_rest, arms * questions),
            arm_seed=_least(of_arm_seed - of_rest, questions),
            question=_least(of_question - of_arm_question - of_seed_question + of_rest, arms * seeds),
            arm_question=_least(of_arm_question - of_rest, seeds),
            seed_question=_least(of_seed_question - of_rest, arms),
            rest=float(of_rest),
        )


def _least(difference: float, number: int) -> float:
    return max(float(difference), 0.0) / number


def correlation(one: np.ndarray, other: np.ndarray) -> tuple[float, float, float]:
    """The correlation of two arms over seeds and Fisher's interval."""
    found = float(np.corrcoef(one, other)[0, 1])
    half = stats.norm.ppf((1 + LEVEL) / 2) / math.sqrt(len(one) - 3)
    return found, math.tanh(math.atanh(found) - half), math.tanh(math.atanh(found) + half)


def in_common(means: np.ndarray) -> tuple[float, float, float]:
    """The intraclass correlation of means [arms, seeds] over seeds, arms taken as given, and its interval."""
    arms, seeds = means.shape
    centred = means - means.mean(axis=1, keepdims=True)
    by_seed = centred.mean(axis=0)
    between = arms * (by_seed**2).sum() / (seeds - 1)
    within = ((centred - by_seed) ** 2).sum() / ((arms - 1) * (seeds - 1))
    ratio, degrees = between / within, (seeds - 1, (arms - 1) * (seeds - 1))
    low, high = (ratio / stats.f.ppf(p, *degrees) for p in ((1 + LEVEL) / 2, (1 - LEVEL) / 2))
    value, least, most = ((one - 1) / (one + arms - 1) for one in (ratio, low, high))
    return value, least, most


def panel(study: Study) -> tuple[Panel, dict[str, ArmRecord]]:
    """The values of the trained arms of a study, mean of all settings of its first benchmark."""
    (first, *_) = judged_benchmarks(study.info.data.main_measures, confirmed_metrics(study), study.info.measures)
    arms = {arm.arm: arm for arm in study.arms if arm.same_as is None and not arm.is_untrained and arm.config.steps}
    trained = {name: arm for name, arm in arms.items() if not arm.config.evaluation.centred}
    return Panel.of({name: table_of(study, [arm], first, "overall") for name, arm in trained.items()}), trained


def dev_of(study: Study, arm: ArmRecord, seeds: tuple[int, ...]) -> np.ndarray:
    """The dev values of the runs of an arm, by the objective: [seeds]."""
    name = f"{DEV}/{study.info.objectives[0].metric}"
    held = {t.seed: t.result.metrics[name] for t in study.confirm_trials(arm) if t.result is not None}
    return np.array([held[seed] for seed in seeds])


def within(means: np.ndarray) -> np.ndarray:
    """Values [arms, seeds] without the means of the arms, in one row."""
    centred: np.ndarray = (means - means.mean(axis=1, keepdims=True)).ravel()
    return centred


def describe(study: Study) -> None:
    """Prints what is shared in a study."""
    found, arms = panel(study)
    means = found.seed_means
    print(f"\n**{study.name}**: {len(arms)} arms x {len(found.seeds)} seeds x {len(found.questions)} questions\n")
    print("| arm | ratio | mean | deviation over seeds |\n|--|--|--|--|")
    for name, of_arm in zip(found.arms, means, strict=True):
        print(f"| {name} | {arms[name].config.ratio.summary()} | {of_arm.mean():.4f} | {of_arm.std(ddof=1):.4f} |")
    parts = Components.of(found.values)
    shown = (f"{name} {math.sqrt(variance):.4f}" for name, variance in vars(parts).items())
    print(f"\nstandard deviations: {', '.join(shown)}")
    print("correlation over all arms: {:.3f} [{:.3f}, {:.3f}]".format(*in_common(means)))
    dev = np.stack([dev_of(study, arms[name], found.seeds) for name in found.arms])
    together = np.cov(within(dev), within(means)) * (within(means).size - 1) / (within(means).size - len(means))
    print(
        f"dev value: deviation over seeds {math.sqrt(together[0, 0]):.4f}, of the test value "
        f"{math.sqrt(together[1, 1]):.4f}, in common {math.sqrt(max(together[0, 1], 0.0)):.4f}\n"
    )
    print("| arms | correlation over seeds | interval |\n|--|--|--|")
    for one, other in combinations(range(len(means)), 2):
        value, low, high = correlation(means[one], means[other])
        print(f"| {found.arms[one]}, {found.arms[other]} | {value:.2f} | [{low:.2f}, {high:.2f}] |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", nargs="+", help="folders of studies with several arms and seeds")
    for location in parser.parse_args().study:
        describe(open_study(location))


if __name__ == "__main__":
    main()
