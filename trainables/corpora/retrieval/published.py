"""Facts of a published set on the hub, and how they become a benchmark that can be asked for by name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainables.corpora.benchmark import Benchmark
from trainables.corpora.hub import MAIN, hub_files, published_at
from trainables.corpora.retrieval.build import Counts, retrieval_benchmark
from trainables.corpora.retrieval.configs import companion_of, part_of
from trainables.corpora.sources.base import BenchmarkSource


@dataclass(frozen=True, kw_only=True)
class HubSet:
    """A set of a hub repository, in one or several languages."""

    name: str
    repository: str
    revision: str = MAIN
    split: str = "test"
    """Of the judgements."""
    languages: Mapping[str, Counts]
    """What is published of each, by code."""
    prefixed: bool = False
    """Whether the configurations of a language begin with its code: `sw-corpus`."""
    parallel: bool = False
    """Whether equal ids in different languages are translations."""
    ignore_identical_ids: bool = False
    copies: tuple[str, ...] = ()
    """Other folders in which people have the same files."""

    def load(self, languages: Sequence[str], data_dir: Path | None) -> Benchmark:
        """Loads some languages, or all for none; raises UserError."""
        files = hub_files(self.repository, self.revision, data_dir, self.copies)
        companion = companion_of(files)
        parts = [
            part_of(
                files,
                self.split,
                language=language,
                prefix=language if self.prefixed else None,
                companion=companion,
                published=self.languages[language],
            )
            for language in languages or self.languages
        ]
        return retrieval_benchmark(
            with_languages(self.name, languages),
            parts,
            parallel=self.parallel,
            ignore_identical_ids=self.ignore_identical_ids,
        )

    def source(
        self,
        *,
        description: str,
        licence: str,
        non_commercial: bool = False,
        references: tuple[str, ...] = (),
        measures: tuple[str, ...] = ("ndcg@10", "recall@100"),
    ) -> BenchmarkSource:
        """What is known of the set before it is loaded."""
        return BenchmarkSource(
            name=self.name,
            description=description,
            licence=licence,
            non_commercial=non_commercial,
            origin=published_at(self.repository, self.revision),
            references=references,
            measures=measures,
            load=lambda split, data_dir: self.load((), data_dir),
            languages=tuple(self.languages) if self.prefixed else (),
            load_languages=self.load if self.prefixed else None,
        )


def with_languages(name: str, languages: Sequence[str]) -> str:
    """What a benchmark is called that is restricted to some languages.

    >>> with_languages("miracl", ["sw", "ko"]), with_languages("miracl", [])
    ('miracl:ko,sw', 'miracl')
    """
    return f"{name}:{','.join(sorted(languages))}" if languages else name
