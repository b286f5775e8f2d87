"""What the search tried: the dev curve of the ratio, parameter importance, parallel coordinates."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from analysis.contents import Report
from analysis.figures.marks import MOST_TRIALS, Marks, said
from analysis.figures.style import COLOURS, MUTED, PAPER, Figure, new_canvas, score_axis
from analysis.findings import objective_value
from analysis.tables.study import constant_ratio, flat
from study.records import Trial

FEWEST_TRIALS = 8
MOST_LINES = 400

IMPORTANCE = "Of the search trials that ran to their end; within a family only its own parameters vary."


def dev_curve(report: Report) -> Iterator[Figure]:
    """The constant ratios that the search tried by their dev value."""
    objective, maximise = report.findings.objective
    points = [
        (ratio, value, t)
        for t in report.findings.search_trials()
        if (ratio := constant_ratio(t.training.get("ratio"))) is not None
        and (value := objective_value(t, objective)) is not None
    ]
    complete = [(ratio, value) for ratio, value, t in points if t.status == "complete"]
    if len({ratio for ratio, _ in complete}) < 2:
        return
    canvas, (ax,) = new_canvas(8.6, 3.2)
    marks = Marks()
    cloud = ax.plot(
        *zip(*complete, strict=True),
        linestyle="none",
        marker="o",
        color=COLOURS[0],
        alpha=0.7,
        label="one search trial",
    )
    marks.tag(cloud, "one search trial")
    ended = [point for point in points if point[2].status == "complete"]
    for ratio, value, t in sorted(ended, key=lambda point: point[1], reverse=maximise)[:MOST_TRIALS]:
        rate = f", learning rate {t.training['learning_rate']:.3g}" if "learning_rate" in t.training else ""
        text = f"{t.id}\n\N{GREEK SMALL LETTER ALPHA} {ratio:.3g}{rate}\ndev {objective}: {said(value)}"
        marks.point(ax, ratio, value, text, "one search trial")
    choose = max if maximise else min
    by_ratio: dict[float, list[float]] = {}
    for ratio, value in complete:
        by_ratio.setdefault(ratio, []).append(value)
    best = sorted((ratio, choose(values)) for ratio, values in by_ratio.items())
    curve = ax.plot(
        *zip(*best, strict=True),
        color=COLOURS[0],
        linewidth=1,
        linestyle=(0, (3, 2)),
        label="best learning rate of each ratio",
    )
    marks.tag(curve, "best learning rate of each ratio")
    ax.set_xlabel("\N{GREEK SMALL LETTER ALPHA} (share of monolingual batches)")
    ax.set_ylabel(f"dev {objective}")
    ax.set_xlim(-0.03, 1.03)
    ax.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".5", ".75", "1"])
    score_axis(ax.yaxis)
    marks.legend(canvas.legend(loc="outside upper left", ncols=2))
    top = choose(best, key=lambda pair: pair[1])
    text = (
        f"{len(complete)} search trials at constant ratios by dev {objective}, one run each; "
        f"the best is {top[1]:.3f} at ratio {top[0]:.3g}."
    )
    yield Figure("dev_ratio", "Constant ratios in the search", text, "ratio", canvas, marks=marks)


def knobs(trial: Trial) -> dict[str, Any]:
    """The values of a trial that a search may vary, by dotted name."""
    left_out = {"seed", "report_every", "evaluate_every", "checkpoint_every", "ratio.family"}
    values = {name: value for name, value in flat(trial.training).items() if name not in left_out}
    return {name: value for name, value in values.items() if isinstance(value, int | float | str)}


def varied(trials: list[Trial]) -> dict[str, list[Any]]:
    """The knobs that all `trials` have and that differ between them."""
    values = [knobs(trial) for trial in trials]
    names = [name for name in values[0] if all(name in other for other in values)] if values else []
    columns = {name: [other[name] for other in values] for name in names}
    return {name: column for name, column in columns.items() if len(set(column)) > 1}


def importance(report: Report) -> Iterator[Figure]:
    """Parameter importance (PED-ANOVA) within each family and over all of them; needs optuna."""
    findings = report.findings
    objective, maximise = findings.objective
    trials = [
        (t, v)
        for t in findings.search_trials()
        if t.status == "complete" and (v := objective_value(t, objective)) is not None
    ]
    groups = {"all families": trials}
    for family in dict.fromkeys(trial.family for trial, _ in trials):
        groups[family] = [(trial, value) for trial, value in trials if trial.family == family]
    rows: list[tuple[str, Mapping[str, float]]] = []
    for name, group in groups.items():
        columns = varied([trial for trial, _ in group])
        if name == "all families":
            columns["family"] = [trial.family for trial, _ in group]
        columns = {key: column for key, column in columns.items() if len(set(column)) > 1}
        if len(group) >= FEWEST_TRIALS and len(columns) > 1:
            shares = _ped_anova(columns, [value for _, value in group], maximise)
            if shares is None:
                return
            rows.append((f"{name} ({len(group)} trials)", shares))
    if not rows:
        return
    bars = [
        (title, key, value) for title, found in rows for key, value in sorted(found.items(), key=lambda item: -item[1])
    ]
    canvas, axes = new_canvas(
        8.6,
        0.7 + 0.26 * len(bars) + 0.35 * len(rows),
        len(rows),
        1,
        sharex=True,
        height_ratios=[len(found) + 0.8 for _, found in rows],
    )
    marks = Marks()
    for ax, (title, found) in zip(axes, rows, strict=True):
        names = sorted(found, key=lambda key: found[key])
        drawn = ax.barh(range(len(names)), [found[key] for key in names], height=0.6, color=COLOURS[0])
        ax.set_yticks(range(len(names)), names)
        for name, bar, label in zip(names, drawn, ax.get_yticklabels(), strict=True):
            marks.tag([bar, label], name)
        for place, name in reversed(list(enumerate(names))):
            text = f"{name}\n{title}\nimportance: {said(found[name], 'share')}"
            marks.box(ax, (0, found[name]), (place - 0.3, place + 0.3), text, name)
        ax.set_title(title, fontsize=9)
        ax.grid(axis="y", visible=False)
    axes[-1].set_xlabel(f"importance for dev {objective} (PED-ANOVA, sums to 1)")
    text = "Horizontal bars. " + " ".join(
        f"{title}: " + ", ".join(f"{k} {v:.2f}" for k, v in found.items()) + "." for title, found in rows
    )
    yield Figure("importance", "Which parameter matters", text, "search", canvas, IMPORTANCE, marks)


def _ped_anova(columns: Mapping[str, list[Any]], values: list[float], maximise: bool) -> dict[str, float] | None:
    """Importance by parameter; None where optuna is not installed or cannot say."""
    try:
        import optuna
    except ImportError:
        return None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    spread = {name: _distribution(optuna, name, column) for name, column in columns.items()}
    study = optuna.create_study(direction="maximize" if maximise else "minimize")
    study.add_trials(
        [
            optuna.trial.create_trial(
                params={name: columns[name][i] for name in columns}, distributions=spread, value=values[i]
            )
            for i in range(len(values))
        ]
    )
    try:
        found = optuna.importance.get_param_importances(
            study, evaluator=optuna.importance.PedAnovaImportanceEvaluator()
        )
    except (ValueError, RuntimeError):
        # Too few distinct values to split good trials from the rest.
        return None
    return {str(name): float(value) for name, value in found.items()}


def _distribution(optuna: Any, name: str, column: list[Any]) -> Any:
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in column):
        low, high = float(min(column)), float(max(column))
        logarithmic = low > 0 and high / low > 30
        return optuna.distributions.FloatDistribution(low, high, log=logarithmic)
    return optuna.distributions.CategoricalDistribution(sorted({str(value) for value in column}))


def parallel_coordinates(report: Report) -> Iterator[Figure]:
    """The search trials as lines over family, mean ratio, learning rate and dev value."""
    findings = report.findings
    objective, maximise = findings.objective
    rows = [
        (t, v)
        for t in findings.search_trials()
        if t.status == "complete" and (v := objective_value(t, objective)) is not None
    ]
    if len(rows) < FEWEST_TRIALS:
        return
    rows.sort(key=lambda row: row[1], reverse=not maximise)
    shown = rows[-MOST_LINES:]
    families = list(dict.fromkeys(t.family for t in findings.search_trials()))
    coordinates: list[tuple[str, list[float], list[tuple[float, str]]]] = []
    coordinates.append(
        ("family", [float(families.index(t.family)) for t, _ in shown], [(i, f) for i, f in enumerate(families)])
    )
    for label, values, logarithmic in (
        ("mean \N{GREEK SMALL LETTER ALPHA}", [_mean_ratio(t) for t, _ in shown], False),
        ("learning rate", [float(t.training.get("learning_rate", np.nan)) for t, _ in shown], True),
        (f"dev {objective}", [v for _, v in shown], False),
    ):
        if np.isfinite(values).all() and len(set(values)) > 1:
            coordinates.append((label, *_coordinate(np.array(values), logarithmic)))
    if len(coordinates) < 3:
        return
    canvas, (ax,) = new_canvas(8.6, 3.8)
    heights = []
    for place, (_, values, ticks) in enumerate(coordinates):
        array = np.array(values, dtype=float)
        levels = np.array([tick for tick, _ in ticks], dtype=float)
        low, high = min(array.min(), levels.min()), max(array.max(), levels.max())
        span = high - low or 1.0
        heights.append((array - low) / span)
        ax.axvline(place, color=MUTED, linewidth=0.8)
        for tick, text in ticks:
            ax.text(
                place - 0.015,
                (tick - low) / span,
                text,
                ha="right",
                va="center",
                fontsize=8,
                bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1.2, "alpha": 0.85},
            )
    top = max(1, len(shown) // 10)
    marks = Marks()
    groups = f"best {top} of {len(rows)}", "others" if len(rows) == len(shown) else f"the next {len(shown) - top}"
    for index, ((trial, value), line) in enumerate(zip(shown, np.array(heights).T, strict=True)):
        best = index >= len(shown) - top
        drawn = ax.plot(
            range(len(coordinates)),
            line,
            color=COLOURS[1] if best else COLOURS[0],
            alpha=0.95 if best else 0.28,
            linewidth=1.6 if best else 0.9,
        )
        marks.tag(drawn, trial.id, groups[not best])
        if index >= len(shown) - MOST_TRIALS:
            text = _trial_text(trial, f"dev {objective}: {said(value)}")
            marks.line(ax, range(len(coordinates)), line, text, trial.id, groups[not best])
    ax.plot([], [], color=COLOURS[1], label=groups[0])
    ax.plot([], [], color=COLOURS[0], alpha=0.4, label=groups[1])
    ax.set_xticks(range(len(coordinates)), [label for label, _, _ in coordinates])
    ax.set_yticks([])
    ax.set_xlim(-0.35, len(coordinates) - 0.95)
    ax.grid(visible=False)
    for side in ax.spines.values():
        side.set_visible(False)
    marks.legend(canvas.legend(loc="outside upper left", ncols=2))
    names = ", ".join(label for label, _, _ in coordinates)
    text = f"{len(shown)} search trials as lines over {names}; the best {top} stand out."
    yield Figure("parallel_coordinates", "Search trials", text, "search", canvas, marks=marks)


def _trial_text(trial: Trial, value: str) -> str:
    parts = [f"family {trial.family}"]
    if np.isfinite(mean := _mean_ratio(trial)):
        parts.append(f"mean \N{GREEK SMALL LETTER ALPHA} {mean:.3g}")
    if "learning_rate" in trial.training:
        parts.append(f"learning rate {trial.training['learning_rate']:.3g}")
    return f"{trial.id}\n{', '.join(parts)}\n{value}"


def _mean_ratio(trial: Trial) -> float:
    value = (trial.result or {}).get("mean_ratio")
    return float("nan") if value is None else float(value)


def _coordinate(values: Any, logarithmic: bool) -> tuple[list[float], list[tuple[float, str]]]:
    if logarithmic and (values > 0).all() and values.max() / values.min() > 3:
        marks = np.geomspace(values.min(), values.max(), 4)
        return list(np.log(values)), [(float(np.log(m)), f"{m:.1e}".replace("e-0", "e\N{MINUS SIGN}")) for m in marks]
    marks = np.linspace(values.min(), values.max(), 4)
    return list(values), [(float(m), f"{m:.3g}") for m in marks]
