"""What is known of a benchmark or a training set before it is loaded: name, origin, licence, and how to load it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainables.corpora.benchmark import Benchmark
from trainables.corpora.images import Images
from trainables.corpora.items import PairItem
from trainables.corpora.terms import terms


@dataclass(frozen=True, kw_only=True)
class Source:
    """What benchmarks and training sets have in common."""

    name: str
    """As it is given on the command line."""
    description: str
    """One line, without name and licence."""
    licence: str
    """SPDX identifier, such as `CC-BY-SA-4.0`, or the licence's own name where SPDX has none."""
    non_commercial: bool = False
    """The licence forbids commercial use."""
    origin: str = ""
    """Where the files are published: a repository with its commit, or a page; empty for what is built in."""
    references: tuple[str, ...] = ()
    """Works to cite: BibTeX entries."""

    @property
    def terms(self) -> str:
        """The licence, marked where it forbids commercial use."""
        return terms(self.licence, self.non_commercial)


@dataclass(frozen=True, kw_only=True)
class BenchmarkSource(Source):
    """Queries and candidates by which encoders are judged."""

    measures: tuple[str, ...] = ()
    """What its authors report, such as `ndcg@10`, the main one first; it is computed beside the default measures, and
    arms are judged by the first. None: by the first default measure."""
    splits: tuple[str, ...] = ("test",)
    """`test` is judged in the confirm phase; `dev` is there only if parameters may be chosen on it."""
    load: Callable[[str, Path | None], Benchmark]
    """(one of `splits`, data folder or None) -> benchmark; raises UserError for files that are missing or wrong."""
    languages: tuple[str, ...] = ()
    """What it may be restricted to: `miracl:sw,ko`; none: it is one whole."""
    load_languages: Callable[[Sequence[str], Path | None], Benchmark] | None = None
    """(some of `languages`, data folder or None) -> the benchmark in these; it is called `name:languages`, sorted."""


@dataclass(frozen=True, kw_only=True)
class Collection:
    """Benchmarks that are asked for together by one name, and listed in few lines."""

    name: str
    description: str
    members: tuple[str, ...]
    """Names of benchmarks, or of smaller collections, each of which counts as one."""
    shares_questions: bool = False
    """Its members ask about the same things under the same ids, such as images that are searched and that search."""


@dataclass(frozen=True, kw_only=True)
class TrainingSource(Source):
    """Items that encoders are trained on."""

    load: Callable[[Path | None], list[PairItem]]
    """(data folder or None) -> items; raises UserError for files that are missing or wrong."""
    images: Callable[[Path | None], Images] | None = None
    """Likewise the images that its items name (`image_items`); None: it has none."""
    dev: str | None = None
    """The benchmark whose `dev` split chooses parameters where only this set trains; None: groups are held out."""
    overlap_exempt: frozenset[str] = frozenset()
    """Names of benchmarks that share texts with this set on purpose: no overlap is looked for.

    Only a source that holds out something else than texts, and says so in its own file, may name any.
    """
