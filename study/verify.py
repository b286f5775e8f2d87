"""Whether a study is what it was when it was written: every seal is checked, every table read, every gap named."""

from study.study_folder import Study
from trainables.inert import inert_line


def damage(study: Study) -> list[str]:
    """Returns a sentence for everything in a study that is damaged or missing; empty if it is whole.

    Reads every file that a seal covers. What is damaged in a trial is rebuilt by `--resume`.
    """
    # What is read is checked on the way, and told as a problem.
    _ = study.status, study.arms, study.decision, study.texts(), study.measurements
    for trial in study.trials:
        trial.reports()
        trial.per_query()
        trial.relevant_ranks()
    found = list(study.problems)
    for trial in study.trials:
        places = [inert_line(f"{trial.folder.location}/{name}") for name in trial.damaged_files]
        found += [
            f"{place} is damaged or missing (it is not what it was when the trial ended)"
            for place in places
            if not any(f"{place} " in line for line in found)
        ]
    found += [
        inert_line(f"{study.folder.location}/{name} is damaged or missing (it is not what it was when the study began)")
        for name in study.damaged_files
    ]
    return [*found, *study.gaps]
