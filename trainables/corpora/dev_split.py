"""A dev benchmark held out of the training sets, for sets that bring none of their own.

>>> items = [PairItem(str(n), str(n), {"en": f"q{n}", "de": f"f{n}"}, {"en": f"p{n}"}) for n in range(30)]
>>> kept, dev = split_dev({"web": items})
>>> len(kept["web"]), dev.name, len(dev.query_texts), len(dev.candidate_texts)
(27, 'dev', 6, 3)
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from trainables.corpora.benchmark import Benchmark, Candidate, Query, benchmark
from trainables.corpora.groups import joined
from trainables.corpora.pairs import PairItem, TrainingData, forms_of_items, training_data
from trainables.errors import UserError


def split_dev(
    sets: Mapping[str, Sequence[PairItem]], share: float = 0.1, max_items: int = 200, seed: int = 0
) -> tuple[dict[str, list[PairItem]], Benchmark]:
    """Splits training sets into what is trained on and a dev benchmark.

    Whole groups are held out; items that have a text in common, also in different sets, are in one group (see
    `trainables.corpora.pairs`). Groups are ordered by a hash of (seed, set, group), so that the order within files does
    not matter. Again and again the language with the fewest held-out queries gets the first group left that has a query
    in it and still fits. Rare languages are thus covered first, but a language whose only group is a large part of its
    set stays in training.

    Items that have a question text in common, in normal form, ask one question: one query per language, and all their
    passages are relevant to it. `parallel_id` is the id of its first item (`set/id` where sets share ids). The
    candidates are the held-out passages, each text once per language; relevant are those that have the text of one of
    the question's passages.

    Args:
        sets: items by name of the training set.
        share: the largest part of its items that a set gives, above 0 and below 1; one item at least, never all.
        max_items: how many items all sets give together at most.
        seed: of the order of the groups.

    Returns:
        The sets without the held-out items, and those as a benchmark called `dev`.

    Raises:
        UserError: share or max_items is out of range, or the data have too few groups.
    """
    if not 0 < share < 1:
        raise UserError(f"The dev share is {share}: choose a number between 0 and 1, such as 0.1.")
    if max_items < 1:
        raise UserError(f"The dev set may have {max_items} items: allow at least one.")
    data = training_data(sets)
    clusters = _clusters(sets, data, seed)
    room = {name: min(max(1, int(share * len(items))), len(items) - 1) for name, items in sets.items()}
    held_out = [member for cluster in _chosen(clusters, room, max_items) for member in cluster.members]
    if not held_out:
        smallest = min((len(cluster.members) for cluster in clusters), default=0)
        raise UserError(
            f"No dev set of {share:.0%} of each training set and at most {max_items} items can be held out: there are "
            f"{len(clusters)} groups without a common text and the smallest has {smallest} items, so give "
            "more data, finer groups, a larger dev share or an own dev set."
        )
    gone = {member.number for member in held_out}
    remaining: dict[str, list[PairItem]] = {name: [] for name in sets}
    for member in _members(sets):
        if member.number not in gone:
            remaining[member.set_name].append(member.item)
    return remaining, _benchmark_of(held_out, data)


@dataclass(frozen=True)
class _Member:
    """An item and its number in the training data."""

    number: int
    set_name: str
    item: PairItem


@dataclass(frozen=True)
class _Cluster:
    """A group, held out as a whole or not at all."""

    members: tuple[_Member, ...]
    items_of_set: Counter[str]
    queries_of_language: Counter[str]


def _clusters(sets: Mapping[str, Sequence[PairItem]], data: TrainingData, seed: int) -> list[_Cluster]:
    """All items, in the order in which they are offered for holding out."""
    members: dict[int, list[_Member]] = {}
    rank: dict[int, bytes] = {}
    for member, group in zip(_members(sets), data.group_of_item.tolist(), strict=True):
        members.setdefault(group, []).append(member)
        name = f"{seed}\0{member.set_name}\0{member.item.group}"
        key = hashlib.blake2b(name.encode(), digest_size=16).digest()
        rank[group] = min(rank.get(group, key), key)
    return [
        _Cluster(
            tuple(sorted(members[group], key=lambda member: (member.set_name, member.item.id))),
            Counter(member.set_name for member in members[group]),
            Counter(language for member in members[group] for language in member.item.query),
        )
        for group in sorted(members, key=rank.__getitem__)
    ]


def _members(sets: Mapping[str, Sequence[PairItem]]) -> Iterator[_Member]:
    pairs = ((name, item) for name, items in sets.items() for item in items)
    return (_Member(number, name, item) for number, (name, item) in enumerate(pairs))


def _chosen(clusters: Sequence[_Cluster], room_of_set: Mapping[str, int], room: int) -> Iterator[_Cluster]:
    room_left = Counter(room_of_set)
    held_queries: Counter[str] = Counter()
    taken: set[int] = set()
    languages = sorted({language for cluster in clusters for language in cluster.queries_of_language})
    # What does not fit now never will, so that each queue is walked once.
    queues = {
        language: iter([n for n, cluster in enumerate(clusters) if language in cluster.queries_of_language])
        for language in languages
    }
    while queues:
        language = min(queues, key=lambda name: (held_queries[name], name))
        for number in queues[language]:
            cluster = clusters[number]
            if number not in taken and len(cluster.members) <= room and cluster.items_of_set <= room_left:
                taken.add(number)
                room -= len(cluster.members)
                room_left -= cluster.items_of_set
                held_queries += cluster.queries_of_language
                yield cluster
                break
        else:
            del queues[language]


def _benchmark_of(held_out: Sequence[_Member], data: TrainingData) -> Benchmark:
    uses = Counter(member.item.id for member in held_out)
    question_of_item = joined(len(data), forms_of_items(data.query_text, data.text_form))
    column = {language: position for position, language in enumerate(data.languages)}
    candidates: dict[tuple[str, int], Candidate] = {}
    number_of_form: dict[int, list[int]] = {}
    queries: dict[tuple[int, str], Query] = {}
    answers: dict[int, set[int]] = {}
    parallel_id: dict[int, str] = {}
    for member in held_out:
        item, row = member.item, member.number
        identifier = item.id if uses[item.id] == 1 else f"{member.set_name}/{item.id}"
        question = int(question_of_item[row])
        parallel_id.setdefault(question, identifier)
        for language, text in sorted(item.passage.items()):
            form = int(data.text_form[data.passage_text[row, column[language]]])
            answers.setdefault(question, set()).add(form)
            if (language, form) not in candidates:
                number_of_form.setdefault(form, []).append(len(candidates))
                candidates[language, form] = Candidate(f"{language}:{identifier}", language, text)
        for language, text in sorted(item.query.items()):
            queries.setdefault((question, language), Query(parallel_id[question], language, text))
    relevant = [[number for form in answers[question] for number in number_of_form[form]] for question, _ in queries]
    return benchmark("dev", list(queries.values()), list(candidates.values()), relevant)
