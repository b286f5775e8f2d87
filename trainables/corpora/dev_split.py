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
from trainables.corpora.pairs import PairItem
from trainables.errors import UserError

_Group = tuple[str, str]
"""(set, group)"""


def split_dev(
    sets: Mapping[str, Sequence[PairItem]], share: float = 0.1, max_items: int = 200, seed: int = 0
) -> tuple[dict[str, list[PairItem]], Benchmark]:
    """Splits training sets into what is trained on and a dev benchmark.

    Whole groups are held out; groups that have a passage text in common, also across sets, count as one. They are
    ordered by a hash of (seed, set, group), so that the order within files does not matter. Again and again the
    language with the fewest held-out queries gets the first group left that has a query in it and still fits. Rare
    languages are thus covered first, but a language whose only group is a large part of its set stays in training.

    Every query text of a held-out item is a query, `parallel_id` the item's id (`set/id` where sets share ids). The
    candidates are the distinct held-out passage texts per language; relevant are the item's passages in every language.

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
    clusters = _clusters(sets, seed)
    room = {name: min(max(1, int(share * len(items))), len(items) - 1) for name, items in sets.items()}
    held_out = [member for cluster in _chosen(clusters, room, max_items) for member in cluster.members]
    if not held_out:
        smallest = min((len(cluster.members) for cluster in clusters), default=0)
        raise UserError(
            f"No dev set of {share:.0%} of each training set and at most {max_items} items can be held out: there are "
            f"{len(clusters)} groups without a common passage and the smallest has {smallest} items, so give "
            "more data, finer groups, a larger dev share or an own dev set."
        )
    gone = {(name, item.id) for name, item in held_out}
    remaining = {name: [item for item in items if (name, item.id) not in gone] for name, items in sets.items()}
    return remaining, _benchmark_of(held_out)


@dataclass(frozen=True)
class _Cluster:
    """Groups that share passages, held out together or not at all."""

    members: tuple[tuple[str, PairItem], ...]
    """(set, item)"""
    items_of_set: Counter[str]
    queries_of_language: Counter[str]


def _clusters(sets: Mapping[str, Sequence[PairItem]], seed: int) -> list[_Cluster]:
    """All items, in the order in which they are offered for holding out."""
    parent: dict[_Group, _Group] = {}

    def root(group: _Group) -> _Group:
        while parent[group] != group:
            parent[group] = group = parent[parent[group]]
        return group

    group_of_passage: dict[tuple[str, str], _Group] = {}
    for name, item in _members(sets):
        group = (name, item.group)
        parent.setdefault(group, group)
        for passage in item.passage.items():
            parent[root(group)] = root(group_of_passage.setdefault(passage, group))
    members: dict[_Group, list[tuple[str, PairItem]]] = {}
    rank: dict[_Group, bytes] = {}
    for name, item in _members(sets):
        top = root((name, item.group))
        members.setdefault(top, []).append((name, item))
        key = hashlib.blake2b(f"{seed}\0{name}\0{item.group}".encode(), digest_size=16).digest()
        rank[top] = min(rank.get(top, key), key)
    return [
        _Cluster(
            tuple(sorted(members[top], key=lambda member: (member[0], member[1].id))),
            Counter(name for name, _ in members[top]),
            Counter(language for _, item in members[top] for language in item.query),
        )
        for top in sorted(members, key=rank.__getitem__)
    ]


def _members(sets: Mapping[str, Sequence[PairItem]]) -> Iterator[tuple[str, PairItem]]:
    return ((name, item) for name, items in sets.items() for item in items)


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


def _benchmark_of(held_out: Sequence[tuple[str, PairItem]]) -> Benchmark:
    uses = Counter(item.id for _, item in held_out)
    queries: list[Query] = []
    candidates: list[Candidate] = []
    relevant: list[list[int]] = []
    number_of_passage: dict[tuple[str, str], int] = {}
    for name, item in held_out:
        identifier = item.id if uses[item.id] == 1 else f"{name}/{item.id}"
        own = []
        for language, text in sorted(item.passage.items()):
            number = number_of_passage.setdefault((language, text), len(candidates))
            if number == len(candidates):
                candidates.append(Candidate(f"{language}:{identifier}", language, text))
            own.append(number)
        for language, text in sorted(item.query.items()):
            queries.append(Query(identifier, language, text))
            relevant.append(own)
    return benchmark("dev", queries, candidates, relevant)
