"""From documents, queries and judgements, in the order of their files, to one benchmark; every layout ends here.

Ids count within a part, such as the files of one language. What is a translation of what is said by a `parallel_id`,
which names one text in all languages, or by `parallel`: equal ids are translations then. What is judged of a text is
judged of its translations: a query's relevant documents are those of every language.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from trainables.corpora.benchmark import Benchmark, Candidate, Query, benchmark
from trainables.corpora.languages import language_code
from trainables.errors import UserError


@dataclass(frozen=True)
class Text:
    """A document or a query."""

    where: str
    """Its place, for messages."""
    id: str
    text: str
    language: str | None = None
    """None: that of its part."""
    parallel_id: str | None = None
    """What its translations have in common with it; None: its id."""


@dataclass(frozen=True)
class Judgement:
    """How relevant a document is to a query; 0 and less: not at all."""

    where: str
    query: str
    document: str
    grade: int


@dataclass(frozen=True)
class Counts:
    """What is published of a part."""

    documents: int | None = None
    queries: int | None = None
    """Those that somebody judged."""
    relevant: int | None = None
    """Pairs of a query and a document that is relevant to it."""


@dataclass(frozen=True)
class Part:
    """Files that belong together: a corpus, its queries, and what was judged of them; each is read once."""

    origin: str
    """Where the files are from, for messages."""
    language: str | None
    """Of the texts that do not say their own."""
    documents: Callable[[], Iterator[Text]]
    queries: Callable[[], Iterator[Text]]
    judgements: Callable[[], Iterator[Judgement]]
    published: Counts = field(default_factory=Counts)


def retrieval_benchmark(
    name: str, parts: Sequence[Part], *, parallel: bool = False, ignore_identical_ids: bool = False
) -> Benchmark:
    """Reads all parts and builds one benchmark of them.

    Queries that nobody judged are left out and counted; documents without a text stay, and are counted. With several
    parts, the id of a candidate is `language:document`.

    Args:
        name: how records and tables call it.
        parts: one or several, with different languages.
        parallel: whether equal ids in different languages are translations of each other.
        ignore_identical_ids: whether a query does not see the document that has its id.

    Raises:
        UserError: a text has no language, an id occurs twice, a judgement names what is not there or contradicts
            another one of the same texts or of their translations, or there are not as many rows as were published.
    """
    builder = _Builder(many=len(parts) > 1, parallel=parallel)
    for part in parts:
        builder.read(part)
    return builder.built(name, ignore_identical_ids)


@dataclass
class _Builder:
    many: bool
    parallel: bool
    queries: list[Query] = field(default_factory=list)
    query_ids: list[str] = field(default_factory=list)
    candidates: list[Candidate] = field(default_factory=list)
    translations: dict[str, list[int]] = field(default_factory=dict)
    """Candidates by what they have in common."""
    judged: dict[str, dict[str, int]] = field(default_factory=dict)
    """Grades by what a query and a document have in common with their translations."""
    asked: dict[tuple[str, str], str] = field(default_factory=dict)
    """Places of the queries, by what they have in common with their translations and by language."""
    origins: dict[str, None] = field(default_factory=dict)
    contradictions: list[str] = field(default_factory=list)
    """Judgements of translations that differ."""

    def read(self, part: Part) -> None:
        """Adds the texts and judgements of a part."""
        self.origins[part.origin] = None
        judgements = list(part.judgements())
        query_keys = self._read_queries(part)
        document_keys = self._read_documents(part)
        relevant = self._judge(judgements, query_keys, document_keys)
        _check(part, "documents", len(document_keys), part.published.documents)
        _check(part, "judged queries", len({one.query for one in judgements}), part.published.queries)
        _check(part, "relevant documents of queries", relevant, part.published.relevant)

    def _read_queries(self, part: Part) -> dict[str, str]:
        keys: dict[str, str] = {}
        places: dict[str, str] = {}
        for query in part.queries():
            _once(places, query, "query")
            language = self._language(part, query)
            keys[query.id] = key = self._key(part, query)
            if (other := self.asked.setdefault((key, language), query.where)) != query.where:
                raise UserError(
                    f"{query.where}: there is a query {key!r} in {language!r} already, at {other}: give it its own id."
                )
            self.queries.append(Query(key, language, query.text))
            self.query_ids.append(self._id(part, query.id))
        return keys

    def _read_documents(self, part: Part) -> dict[str, str]:
        keys: dict[str, str] = {}
        places: dict[str, str] = {}
        for document in part.documents():
            _once(places, document, "document")
            keys[document.id] = key = self._key(part, document)
            self.translations.setdefault(key, []).append(len(self.candidates))
            language = self._language(part, document)
            self.candidates.append(Candidate(self._id(part, document.id), language, document.text))
        return keys

    def _judge(
        self, judgements: Sequence[Judgement], query_keys: Mapping[str, str], document_keys: Mapping[str, str]
    ) -> int:
        """Adds judgements and returns how many of them are of relevant documents."""
        grades: dict[tuple[str, str], int] = {}
        for one in judgements:
            if grades.setdefault((one.query, one.document), one.grade) != one.grade:
                raise UserError(
                    f"{one.where}: document {one.document!r} is judged twice for query {one.query!r}, as "
                    f"{grades[one.query, one.document]} and as {one.grade}: keep one."
                )
            for what, identifier, known in (
                ("query", one.query, query_keys),
                ("document", one.document, document_keys),
            ):
                # An irrelevant document that nobody can find changes nothing.
                if identifier not in known and (what == "query" or one.grade > 0):
                    raise UserError(
                        f"{one.where}: there is no {what} {identifier!r} in its file: add it, or drop the judgement (a "
                        "file that was read by half gives wrong numbers)."
                    )
        for one in judgements:
            if one.document in document_keys:
                of_query = self.judged.setdefault(query_keys[one.query], {})
                # Grades below 0 are judged and irrelevant, as 0 is.
                key, grade = document_keys[one.document], max(0, one.grade)
                if of_query.setdefault(key, grade) != grade:
                    self.contradictions.append(
                        f"{one.where}: document {one.document!r} is judged {one.grade} for query {one.query!r}, and "
                        f"{of_query[key]} in a translation"
                    )
        return sum(grade > 0 for grade in grades.values())

    def _language(self, part: Part, text: Text) -> str:
        if text.language is None and part.language is None:
            raise UserError(
                f"{text.where}: nothing says in which language this is: name it behind a colon (--evaluate "
                f"{part.origin}:en), or in a column `language`."
            )
        try:
            return language_code(text.language or part.language or "")
        except ValueError as error:
            raise UserError(f"{text.where}: {error}.") from error

    def _key(self, part: Part, text: Text) -> str:
        """What a text has in common with its translations."""
        if text.parallel_id is not None:
            return text.parallel_id
        return text.id if self.parallel else self._id(part, text.id)

    def _id(self, part: Part, identifier: str) -> str:
        return f"{part.language}:{identifier}" if self.many else identifier

    def built(self, name: str, ignore_identical_ids: bool) -> Benchmark:
        """The benchmark of what was read."""
        if self.contradictions:
            number = len(self.contradictions)
            raise UserError(
                f"{self.contradictions[0]} ({number:,} judgement{'s' * (number > 1)} of this kind): translations are "
                "equally relevant, so judge them alike, or give them ids of their own."
            )
        # A query is judged where any of its translations is.
        asked = [number for number, query in enumerate(self.queries) if query.parallel_id in self.judged]
        queries = [self.queries[number] for number in asked]
        if not queries:
            raise UserError(f"{name}: no query was judged: add judgements of its queries.")
        for query in queries:
            if not query.text.strip():
                where = self.asked[query.parallel_id, query.language]
                raise UserError(f"{where}: query {query.parallel_id!r} has no text: write it, or drop its judgements.")
        judgements = [
            {c: grade for key, grade in self.judged[query.parallel_id].items() for c in self.translations[key]}
            for query in queries
        ]
        ignored = None
        if ignore_identical_ids:
            place = {candidate.id: number for number, candidate in enumerate(self.candidates)}
            ignored = [[place[i]] if (i := self.query_ids[number]) in place else [] for number in asked]
            # A query that stands in the corpus is not its own answer, whatever was judged.
            for own, judged in zip(ignored, judgements, strict=True):
                for candidate in own:
                    judged.pop(candidate, None)
        return benchmark(
            name,
            queries,
            self.candidates,
            judgements,
            ignored=ignored,
            unjudged_queries=len(self.queries) - len(queries),
            remarks=self._remarks(),
            origin=", ".join(self.origins),
        )

    def _remarks(self) -> list[str]:
        empty = [candidate for candidate in self.candidates if not candidate.text.strip()]
        if not empty:
            return []
        some = f"{len(empty):,} documents have" if len(empty) > 1 else "1 document has"
        return [f"{some} no text, the first is {empty[0].id!r} in {empty[0].language}: they stay in the pool"]


def _once(places: dict[str, str], text: Text, what: str) -> None:
    if places.setdefault(text.id, text.where) != text.where:
        raise UserError(
            f"{text.where}: the {what} {text.id!r} stands already at {places[text.id]}: ids must be unique."
        )


def _check(part: Part, what: str, found: int, published: int | None) -> None:
    if published is not None and found != published:
        language = f" in {part.language}" if part.language else ""
        raise UserError(
            f"{part.origin} has {found:,} {what}{language} where {published:,} are published: it is another version "
            "or not whole: fetch it again."
        )
