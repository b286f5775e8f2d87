"""Belebele as retrieval: 900 questions and the 488 passages of FLORES that answer them, in 122 varieties of languages.

A passage is known by its link, a question by link and number. Texts of questions would not do: in Moroccan Arabic two
pairs are equal.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainables.corpora.benchmark import Benchmark
from trainables.corpora.hub import HubFiles, hub_files, published_at
from trainables.corpora.retrieval.build import Counts, Judgement, Part, Text, retrieval_benchmark
from trainables.corpora.retrieval.configs import split_paths
from trainables.corpora.retrieval.published import with_languages
from trainables.corpora.retrieval.tables import Row, rows
from trainables.corpora.sources.base import BenchmarkSource
from trainables.errors import UserError

NAME = "belebele"

VARIETIES = (
    "acm_Arab", "afr_Latn", "als_Latn", "amh_Ethi", "apc_Arab", "arb_Arab", "arb_Latn", "ars_Arab", "ary_Arab",
    "arz_Arab", "asm_Beng", "azj_Latn", "bam_Latn", "ben_Beng", "ben_Latn", "bod_Tibt", "bul_Cyrl", "cat_Latn",
    "ceb_Latn", "ces_Latn", "ckb_Arab", "dan_Latn", "deu_Latn", "ell_Grek", "eng_Latn", "est_Latn", "eus_Latn",
    "fin_Latn", "fra_Latn", "fuv_Latn", "gaz_Latn", "grn_Latn", "guj_Gujr", "hat_Latn", "hau_Latn", "heb_Hebr",
    "hin_Deva", "hin_Latn", "hrv_Latn", "hun_Latn", "hye_Armn", "ibo_Latn", "ilo_Latn", "ind_Latn", "isl_Latn",
    "ita_Latn", "jav_Latn", "jpn_Jpan", "kac_Latn", "kan_Knda", "kat_Geor", "kaz_Cyrl", "kea_Latn", "khk_Cyrl",
    "khm_Khmr", "kin_Latn", "kir_Cyrl", "kor_Hang", "lao_Laoo", "lin_Latn", "lit_Latn", "lug_Latn", "luo_Latn",
    "lvs_Latn", "mal_Mlym", "mar_Deva", "mkd_Cyrl", "mlt_Latn", "mri_Latn", "mya_Mymr", "nld_Latn", "nob_Latn",
    "npi_Deva", "npi_Latn", "nso_Latn", "nya_Latn", "ory_Orya", "pan_Guru", "pbt_Arab", "pes_Arab", "plt_Latn",
    "pol_Latn", "por_Latn", "ron_Latn", "rus_Cyrl", "shn_Mymr", "sin_Latn", "sin_Sinh", "slk_Latn", "slv_Latn",
    "sna_Latn", "snd_Arab", "som_Latn", "sot_Latn", "spa_Latn", "srp_Cyrl", "ssw_Latn", "sun_Latn", "swe_Latn",
    "swh_Latn", "tam_Taml", "tel_Telu", "tgk_Cyrl", "tgl_Latn", "tha_Thai", "tir_Ethi", "tsn_Latn", "tso_Latn",
    "tur_Latn", "ukr_Cyrl", "urd_Arab", "urd_Latn", "uzn_Latn", "vie_Latn", "war_Latn", "wol_Latn", "xho_Latn",
    "yor_Latn", "zho_Hans", "zho_Hant", "zsm_Latn", "zul_Latn",
)  # fmt: skip
"""A language and a script each, as FLORES-200 writes them."""

PUBLISHED = Counts(documents=488, queries=900, relevant=900)
"""Of every variety."""

_COLUMNS = ("link", "question_number", "flores_passage", "question")


@dataclass(frozen=True)
class Belebele:
    """The set in the layouts of the hub: a configuration or a split per variety, JSON lines or Parquet."""

    published: Counts = PUBLISHED
    repository: str = "mteb/belebele"
    revision: str = "979a211276faa22f671e69d096634193567cfd05"

    def load(self, varieties: Sequence[str], data_dir: Path | None) -> Benchmark:
        """Loads some varieties, or all for none; raises UserError for files that are missing or not the published."""
        files = hub_files(self.repository, self.revision, data_dir)
        parts = [self._part(files, variety) for variety in varieties or VARIETIES]
        return retrieval_benchmark(with_languages(NAME, varieties), parts, parallel=True)

    def _part(self, files: HubFiles, variety: str) -> Part:
        def found() -> Iterator[Row]:
            paths = split_paths(files, variety, "test") or split_paths(files, "default", variety)
            if paths is None:
                raise UserError(f"{files.origin} has no {variety} (data/{variety}.jsonl): fetch it, or leave it out.")
            return (row for path in paths for row in rows(path, _COLUMNS))

        def documents() -> Iterator[Text]:
            seen: set[str] = set()
            for row in found():
                if (link := row.id("link")) not in seen:
                    seen.add(link)
                    yield Text(row.where, link, row.text("flores_passage").strip())

        return Part(
            files.origin,
            variety,
            documents=documents,
            queries=lambda: (Text(row.where, _question(row), row.text("question")) for row in found()),
            judgements=lambda: (Judgement(row.where, _question(row), row.id("link"), 1) for row in found()),
            published=self.published,
        )


def _question(row: Row) -> str:
    return f"{row.id('link')}#{row.id('question_number')}"


REFERENCE = """@inproceedings{bandarkar2024belebele,
  author    = {Lucas Bandarkar and Davis Liang and Benjamin Muller and Mikel Artetxe and others},
  title     = {The {Belebele} Benchmark: a Parallel Reading Comprehension Dataset in 122 Language Variants},
  booktitle = {Proceedings of ACL},
  year      = {2024}
}"""

BENCHMARK = BenchmarkSource(
    name=NAME,
    description="900 questions and 488 passages, parallel in 122 varieties; choose some: belebele:deu_Latn,eng_Latn",
    licence="CC-BY-SA-4.0",
    origin=published_at(Belebele.repository, Belebele.revision),
    references=(REFERENCE,),
    measures=("ndcg@10",),
    load=lambda split, data_dir: Belebele().load((), data_dir),
    languages=VARIETIES,
    load_languages=Belebele().load,
)
