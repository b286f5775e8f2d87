"""Benchmarks: queries and candidates with their languages, and which candidates are relevant to which query.

A query or a candidate is a text or an image. An image has no language: it counts as one of its own, `image`, so that a
caption that searches images, and an image that searches captions, search in another language. Where a collection has
images of its own in every language they count as of that language.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt

from trainables.corpora.images import Images
from trainables.corpora.pairs import fingerprint

IMAGE = "image"
"""The language of an image; no code of a language has five letters."""


@dataclass(frozen=True)
class Query:
    """A query in one language; queries with the same `parallel_id` are translations of each other.

    That of an image has no text.
    """

    parallel_id: str
    language: str
    text: str
    group: str | None = None
    """Queries of one group are no independent evidence, such as the captions of one image; None: its own."""


@dataclass(frozen=True)
class Candidate:
    """A passage of the pool, or an image, which has no text."""

    id: str
    language: str
    text: str


@dataclass(frozen=True, eq=False)
class CandidateLists:
    """For each of Q queries some candidates, as a CSR list."""

    start: npt.NDArray[np.int64]
    """[Q + 1]"""
    candidates: npt.NDArray[np.int32]
    """Indices of candidates; those of query q are `candidates[start[q]:start[q + 1]]`, ascending."""

    @classmethod
    def of(cls, lists: Sequence[Collection[int]]) -> Self:
        """The lists of all queries."""
        start = np.concatenate([[0], np.cumsum([len(one) for one in lists])]).astype(np.int64)
        return cls(start, np.array([c for one in lists for c in sorted(one)], dtype=np.int32))

    def __getitem__(self, query: int) -> npt.NDArray[np.int32]:
        return self.candidates[self.start[query] : self.start[query + 1]]

    @cached_property
    def longest(self) -> int:
        """The length of the longest list."""
        return int(np.diff(self.start).max(initial=0))


@dataclass(frozen=True, eq=False)
class Benchmark:
    """Q queries, C candidates, and for each query its relevant candidates (of every language) as a CSR list.

    A query is known by (parallel id, language), never by its text: equal texts occur. A query without any relevant
    candidate was judged, and counts 0.
    """

    name: str
    languages: tuple[str, ...]
    parallel_ids: tuple[str, ...]
    query_texts: tuple[str, ...]
    """Empty, like all texts and ids of candidates, where only token ids are needed."""
    query_language: npt.NDArray[np.int32]
    """[Q], index into `languages`."""
    query_length: npt.NDArray[np.int32]
    """[Q], characters of the text."""
    query_parallel: npt.NDArray[np.int32]
    """[Q], index into `parallel_ids`."""
    candidate_ids: tuple[str, ...]
    candidate_texts: tuple[str, ...]
    candidate_language: npt.NDArray[np.int32]
    """[C], index into `languages`."""
    relevant_start: npt.NDArray[np.int64]
    """[Q + 1]; the relevant candidates of query q are `relevant[relevant_start[q]:relevant_start[q + 1]]`."""
    relevant: npt.NDArray[np.int32]
    """Indices of candidates, ascending within a query."""
    grade: npt.NDArray[np.int32]
    """In the order of `relevant`: how relevant, from 1."""
    irrelevant: CandidateLists
    """Judged, and not relevant."""
    ignored: CandidateLists
    """What the query does not see in its pool, such as itself."""
    id_order: npt.NDArray[np.int32]
    """[C], the place of each candidate if their ids descend: of equal scores trec_eval ranks the greater id first."""
    fingerprint: str
    """sha256 over texts, ids, languages and judgements: results with different fingerprints must not be compared."""
    unjudged_queries: int = 0
    """Queries of the files that nobody judged; they are left out of everything above."""
    remarks: tuple[str, ...] = ()
    """What whoever uses it should know of its files, in sentences without a full stop."""
    origin: str = ""
    """Where the files are from, such as `org/name@commit`; empty where the name says it."""
    groups: tuple[str, ...] = ()
    """Names of the groups of queries that are no independent evidence; empty where each question is a group."""
    query_group: npt.NDArray[np.int32] | None = None
    """[Q], index into `groups`, if there are any."""
    query_images: Images | None = None
    """[Q], if the queries are images; their texts are empty."""
    candidate_images: Images | None = None
    """[C], if the candidates are images."""

    @property
    def has_images(self) -> bool:
        """Whether queries or candidates are images."""
        return self.query_images is not None or self.candidate_images is not None

    @property
    def query_has_language(self) -> npt.NDArray[np.bool_]:
        """[Q], whether a query is in a language that candidates can be in; an image is in none."""
        return np.array([language != IMAGE for language in self.languages], dtype=bool)[self.query_language]

    @property
    def judged_only_irrelevant(self) -> npt.NDArray[np.int64]:
        """Indices of the queries without a relevant candidate."""
        return np.flatnonzero(np.diff(self.relevant_start) == 0)


def benchmark(
    name: str,
    queries: Sequence[Query],
    candidates: Sequence[Candidate],
    judgements: Sequence[Collection[int] | Mapping[int, int]],
    *,
    ignored: Sequence[Collection[int]] | None = None,
    unjudged_queries: int = 0,
    remarks: Sequence[str] = (),
    origin: str = "",
    query_images: Images | None = None,
    candidate_images: Images | None = None,
) -> Benchmark:
    """Builds a benchmark from input that is free of mistakes: loaders check files and name the line.

    >>> queries = [Query("capital of France", "en", "What is the capital of France?")]
    >>> candidates = [Candidate("1", "en", "Rome is in Italy."), Candidate("2", "fr", "Paris est la capitale.")]
    >>> built = benchmark("capitals", queries, candidates, [{0: 0, 1: 2}])
    >>> built.languages, built.candidate_language.tolist(), built.relevant.tolist(), built.grade.tolist()
    (('en', 'fr'), [0, 1], [1], [2])

    Args:
        name: how records and tables call it.
        queries: Q queries; every (parallel id, language) occurs once.
        candidates: C candidates with different ids.
        judgements: for each query its relevant candidates, of every language, by index; with their grades if some are
            more relevant than others. A grade of 0 or less is judged and not relevant.
        ignored: for each query the candidates that it does not see in its pool; none of them is relevant to it.
        unjudged_queries: how many queries of the files are not among `queries` since nobody judged them.
        remarks: what whoever uses it should know of the files.
        origin: where the files are from.
        query_images: one for each query, if they are images. They are read once, for the fingerprint.
        candidate_images: likewise for the candidates.

    Raises:
        ValueError: there are more or fewer images than queries or candidates.
    """
    for what, texts, images in (("queries", queries, query_images), ("candidates", candidates, candidate_images)):
        if images is not None and len(images) != len(texts):
            raise ValueError(f"{name} has {len(texts)} {what} and {len(images)} images of them.")
    languages = tuple(sorted({q.language for q in queries} | {c.language for c in candidates}))
    number = {language: position for position, language in enumerate(languages)}
    parallel: dict[str, int] = {}
    query_parallel = np.array([parallel.setdefault(q.parallel_id, len(parallel)) for q in queries], dtype=np.int32)
    query_language = np.array([number[q.language] for q in queries], dtype=np.int32)
    candidate_language = np.array([number[c.language] for c in candidates], dtype=np.int32)
    grades = [judged if isinstance(judged, Mapping) else dict.fromkeys(judged, 1) for judged in judgements]
    relevant = CandidateLists.of([[c for c, grade in judged.items() if grade > 0] for judged in grades])
    irrelevant = CandidateLists.of([[c for c, grade in judged.items() if grade <= 0] for judged in grades])
    unseen = CandidateLists.of(ignored or [()] * len(queries))
    grade = np.array([judged[c] for judged in grades for c in sorted(judged) if judged[c] > 0], dtype=np.int32)
    group_names: dict[str, int] = {}
    query_group = None
    if any(query.group not in (None, query.parallel_id) for query in queries):
        group_of = [query.parallel_id if query.group is None else query.group for query in queries]
        query_group = np.array([group_names.setdefault(one, len(group_names)) for one in group_of], dtype=np.int32)
    query_texts = tuple(query.text for query in queries)
    candidate_ids = tuple(candidate.id for candidate in candidates)
    candidate_texts = tuple(candidate.text for candidate in candidates)
    # What most benchmarks lack leaves no trace, so that theirs stay what they were.
    rare: list[npt.NDArray[np.int32] | npt.NDArray[np.int64]] = [grade] if np.any(grade != 1) else []
    for lists in (irrelevant, unseen):
        rare += [lists.start, lists.candidates] if len(lists.candidates) else []
    rare += [] if query_group is None else [query_group]
    # In an order: images of queries are not those of candidates.
    digests = [() if images is None else images.digests() for images in (query_images, candidate_images)]
    digest = fingerprint(
        [
            *((name,), languages, tuple(parallel), query_texts, candidate_ids, candidate_texts),
            *(digests if any(digests) else []),
            *([tuple(group_names)] if group_names else []),
        ],
        [query_language, query_parallel, candidate_language, relevant.start, relevant.candidates, *rare],
    )
    return Benchmark(
        name=name,
        languages=languages,
        parallel_ids=tuple(parallel),
        query_texts=query_texts,
        query_language=query_language,
        query_length=np.array([len(text) for text in query_texts], dtype=np.int32),
        query_parallel=query_parallel,
        candidate_ids=candidate_ids,
        candidate_texts=candidate_texts,
        candidate_language=candidate_language,
        relevant_start=relevant.start,
        relevant=relevant.candidates,
        grade=grade,
        irrelevant=irrelevant,
        ignored=unseen,
        id_order=_descending(candidate_ids),
        fingerprint=digest,
        unjudged_queries=unjudged_queries,
        remarks=tuple(remarks),
        origin=origin,
        groups=tuple(group_names),
        query_group=query_group,
        query_images=query_images,
        candidate_images=candidate_images,
    )


def _descending(ids: Sequence[str]) -> npt.NDArray[np.int32]:
    place = np.empty(len(ids), dtype=np.int32)
    # Code points order strings as the bytes of UTF-8 do, which trec_eval compares.
    place[sorted(range(len(ids)), key=ids.__getitem__, reverse=True)] = np.arange(len(ids), dtype=np.int32)
    return place
