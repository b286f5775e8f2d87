"""XQuAD-R: the questions of XQuAD, translated into eleven languages, and the sentences that answer them."""

from trainables.corpora.lareqa import REFERENCE, REPOSITORY, PublishedFile, SentenceBenchmark
from trainables.corpora.sources.base import BenchmarkSource

PUBLISHED = SentenceBenchmark(
    "xquad-r",
    f"{REPOSITORY}/9bc8c7fb6dd8d01d72a05a93c2cb96882b0d299c/xquad-r",
    {
        "ar": PublishedFile(1190, 1222, "c52922d3b8ac1ae03ed5ac38647ad59870dca3dda2beefe18ecdc30729acb69d"),
        "de": PublishedFile(1190, 1276, "16fb0f4bf4916154b585a20c24c66074591c9718a1affe764ff4697572328949"),
        "el": PublishedFile(1190, 1234, "163fd43ee785a30eb534ae2061e9eaa766a7ee4e8ffce5e4b422480c150f64b6"),
        "en": PublishedFile(1190, 1180, "7b0954f39297c27a31fef610f0883337dd2907fa8699151dc922afdd0fa12ffe"),
        "es": PublishedFile(1190, 1215, "f8e836b2d91009c4363e04315f7ede363eedbbb49c67dda60de6c4aa782f58de"),
        "hi": PublishedFile(1190, 1244, "ea45ba8ae4513d1533b222bebdc02a90bc319c055d3aeea68584a053d2e92872"),
        "ru": PublishedFile(1190, 1219, "7f4dff853538b9a5fcc28c070b8bb983a5c5d190ac747b8e005a1ada9cab18f1"),
        "th": PublishedFile(1190, 852, "c3a041864c3a9fb0b4dd91cfdf99cf36b411b3e704c58a303c97bc6dc786cfe4"),
        "tr": PublishedFile(1190, 1167, "f3e8c13002bbce154a4578f535f7533cb70f3da08840e6b62735935baec7bd94"),
        "vi": PublishedFile(1190, 1209, "e35926bf5cc6fc6ecbdfca49467aabeb454f08d152d7818143a906bd31dde995"),
        "zh": PublishedFile(1190, 1196, "80c2cde7b9c2fb134c303cbb52f2ba396ead9eb0014aec43993543d2ba9e93ed"),
    },
)

REFERENCE_OF_QUESTIONS = """@inproceedings{artetxe2020crosslingual,
  author    = {Mikel Artetxe and Sebastian Ruder and Dani Yogatama},
  title     = {On the Cross-lingual Transferability of Monolingual Representations},
  booktitle = {Proceedings of ACL},
  year      = {2020}
}"""

BENCHMARK = BenchmarkSource(
    name=PUBLISHED.name,
    description="LAReQA XQuAD-R: 1,190 questions in 11 languages, 13,014 sentences",
    licence="CC-BY-SA-4.0",
    origin=PUBLISHED.url,
    references=(REFERENCE, REFERENCE_OF_QUESTIONS),
    load=lambda split, data_dir: PUBLISHED.load(data_dir),
)
