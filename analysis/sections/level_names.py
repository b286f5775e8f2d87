"""The levels of a factor in sentences, and which of them only hold something of another level fixed."""

from collections.abc import Sequence

from analysis.facts.facts import Facts


def own_levels(facts: Facts, factor: str) -> list[str]:
    """The levels of a factor without its controls, in order.

    A level is what the first of its options says; one that repeats that value of an earlier level is a control, which
    holds something else fixed. All of them where no study declares the factor, or its levels share one first value.
    """
    names = facts.factors[factor]
    for declared in facts.first.info.factors:
        options = {level.label: next(iter(level.options.values()), None) for level in declared.levels}
        if set(names) <= set(options):
            firsts = [options[name] for name in names]
            own = [name for place, name in enumerate(names) if firsts[place] not in firsts[:place]]
            return own if len(own) > 1 else list(names)
    return list(names)


def controls_of(facts: Facts, factor: str) -> list[str]:
    """The levels of a factor that are controls, in order."""
    own = own_levels(facts, factor)
    return [name for name in facts.factors[factor] if name not in own]


def quoted(level: str) -> str:
    """A level in a sentence, where its own comma would be read as one of the sentence.

    >>> quoted("96"), quoted("96, pairs of 24")
    ('96', '“96, pairs of 24”')
    """
    return f"“{level}”" if "," in level else level


def listed_levels(levels: Sequence[str]) -> str:
    """Levels in a list, each quoted where it has a comma or followed by numbers in brackets.

    >>> listed_levels(["24", "“96, pairs of 24”"])
    '24 and “96, pairs of 24”'
    """
    return " and ".join([", ".join(levels[:-1]), levels[-1]] if len(levels) > 1 else levels)
