"""How each relation of the atlas is asked and told: hand-written wordings in eleven languages.

`{place}` stands for the name of a territory, `{answer}` for the name that answers. Names come in their dictionary
form, so the wordings avoid every position that would inflect them: "на территории «{place}»" rather than a bare noun
after a preposition, a colon before an answer whose gender or article is unknown. Not every territory is a country, so
none is called one. Wordings are short: two facts must not share a run of text that the check for overlap takes for
copied.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Wording:
    """The ways to ask for one relation in one language, and the ways to tell it."""

    questions: tuple[str, ...]
    passages: tuple[str, ...]


def _wording(*sentences: str) -> Wording:
    """A sentence without the answer asks, one with it tells."""
    return Wording(
        tuple(sentence for sentence in sentences if "{answer}" not in sentence),
        tuple(sentence for sentence in sentences if "{answer}" in sentence),
    )


_CURRENCY = {
    "ar": _wording(
        "ما العملة المتداولة في {place}؟",
        "{place}: ما اسم العملة الرسمية؟",
        "بأي نقود يدفع الناس في {place}؟",
        "العملة المتداولة في {place}: {answer}.",
        "يدفع الناس في {place} بالنقود التالية: {answer}.",
    ),
    "de": _wording(
        "Welche Währung gilt im Gebiet {place}?",
        "{place}: Wie heißt die offizielle Währung?",
        "Mit welchem Geld bezahlt man im Gebiet {place}?",
        "Gültige Währung im Gebiet {place}: {answer}.",
        "Im Gebiet {place} bezahlt man hiermit: {answer}.",
    ),
    "el": _wording(
        "Ποιο νόμισμα χρησιμοποιείται στην επικράτεια «{place}»;",
        "{place}: ποιο είναι το επίσημο νόμισμα;",
        "Με ποια χρήματα πληρώνει κανείς στην περιοχή «{place}»;",
        "Νόμισμα που χρησιμοποιείται στην επικράτεια «{place}»: {answer}.",
        "Στην περιοχή «{place}» πληρώνει κανείς με αυτό: {answer}.",
    ),
    "en": _wording(
        "Which currency is used in the territory of {place}?",
        "{place}: what is the official currency?",
        "What money do people pay with in the territory of {place}?",
        "The currency used in the territory of {place} is the {answer}.",
        "People in the territory of {place} pay with this money: {answer}.",
    ),
    "es": _wording(
        "¿Qué moneda se usa en {place}?",
        "{place}: ¿cuál es la moneda oficial?",
        "¿Con qué dinero se paga en el territorio de {place}?",
        "Moneda que se usa en {place}: {answer}.",
        "En el territorio de {place} se paga con esto: {answer}.",
    ),
    "hi": _wording(
        "{place} में कौन-सी मुद्रा चलती है?",
        "{place}: आधिकारिक मुद्रा क्या है?",
        "{place} के लोग किस पैसे से भुगतान करते हैं?",
        "{place} में चलने वाली मुद्रा {answer} है।",
        "{place} के लोग इस पैसे से भुगतान करते हैं: {answer}।",
    ),
    "ru": _wording(
        "Какая валюта используется на территории «{place}»?",
        "{place}: какова официальная валюта?",
        "Какими деньгами расплачиваются в регионе «{place}»?",
        "На территории «{place}» используется такая валюта: {answer}.",
        "Деньги, которыми расплачиваются в регионе «{place}»: {answer}.",
    ),
    "th": _wording(
        "{place}ใช้สกุลเงินอะไร",
        "สกุลเงินทางการของ{place}คืออะไร",
        "คนใน{place}จ่ายเงินเป็นสกุลใด",
        "สกุลเงินที่{place}ใช้คือ{answer}",
        "คนใน{place}จ่ายเป็น{answer}",
    ),
    "tr": _wording(
        "{place} bölgesinde hangi para birimi kullanılır?",
        "{place}: resmî para birimi nedir?",
        "{place} için geçerli para hangisidir?",
        "{place} bölgesinde kullanılan para birimi: {answer}.",
        "{place} için geçerli para şudur: {answer}.",
    ),
    "vi": _wording(
        "Đồng tiền nào được sử dụng ở {place}?",
        "{place}: đơn vị tiền tệ chính thức là gì?",
        "Người dân ở {place} trả bằng loại tiền nào?",
        "Đồng tiền được sử dụng ở {place} là {answer}.",
        "Người dân ở {place} trả bằng loại tiền này: {answer}.",
    ),
    "zh": _wording(
        "{place}使用什么货币？",
        "{place}的法定货币是什么？",
        "在{place}，人们用哪种钱付款？",
        "{place}使用的货币是{answer}。",
        "在{place}，人们付款用的钱是{answer}。",
    ),
}

_LANGUAGE = {
    "ar": _wording(
        "ما اللغة الرسمية الأكثر انتشارًا في {place}؟",
        "{place}: ما اللغة الرسمية الرئيسية؟",
        "ما اللغة الرسمية التي يتحدثها أكبر عدد من الناس في {place}؟",
        "اللغة الرسمية الأكثر انتشارًا في {place}: {answer}.",
        "اللغة الرسمية التي يتحدثها أكبر عدد من الناس في {place} هي {answer}.",
    ),
    "de": _wording(
        "Welche Amtssprache ist im Gebiet {place} am weitesten verbreitet?",
        "{place}: Was ist die wichtigste Amtssprache?",
        "Welche offizielle Sprache wird im Gebiet {place} vor allem gesprochen?",
        "Die am weitesten verbreitete Amtssprache im Gebiet {place}: {answer}.",
        "Als offizielle Sprache wird im Gebiet {place} vor allem {answer} gesprochen.",
    ),
    "el": _wording(
        "Ποια επίσημη γλώσσα είναι η πιο διαδεδομένη στην επικράτεια «{place}»;",
        "{place}: ποια είναι η κύρια επίσημη γλώσσα;",
        "Ποια επίσημη γλώσσα μιλούν οι περισσότεροι στην περιοχή «{place}»;",
        "Η πιο διαδεδομένη επίσημη γλώσσα στην επικράτεια «{place}»: {answer}.",
        "Κύρια επίσημη γλώσσα στην περιοχή «{place}»: {answer}.",
    ),
    "en": _wording(
        "Which official language is most widely spoken in the territory of {place}?",
        "{place}: what is the main official language?",
        "Which official language has the most speakers in the territory of {place}?",
        "The most widely spoken official language in the territory of {place} is {answer}.",
        "In the territory of {place}, most speakers of an official language use {answer}.",
    ),
    "es": _wording(
        "¿Qué idioma oficial es el más hablado en {place}?",
        "{place}: ¿cuál es la principal lengua oficial?",
        "¿Qué lengua oficial tiene más hablantes en el territorio de {place}?",
        "Idioma oficial más hablado en {place}: {answer}.",
        "Lengua oficial con más hablantes en el territorio de {place}: {answer}.",
    ),
    "hi": _wording(
        "{place} में सबसे ज़्यादा बोली जाने वाली आधिकारिक भाषा कौन-सी है?",
        "{place}: मुख्य राजभाषा क्या है?",
        "{place} के सबसे अधिक लोग कौन-सी आधिकारिक भाषा बोलते हैं?",
        "{place} में सबसे ज़्यादा बोली जाने वाली आधिकारिक भाषा {answer} है।",
        "{place} की मुख्य राजभाषा: {answer}।",
    ),
    "ru": _wording(
        "Какой официальный язык наиболее распространён на территории «{place}»?",
        "{place}: каков основной государственный язык?",
        "На каком официальном языке больше всего говорят в регионе «{place}»?",
        "Наиболее распространённый официальный язык на территории «{place}»: {answer}.",
        "Основной государственный язык в регионе «{place}» — {answer}.",
    ),
    "th": _wording(
        "{place}มีภาษาราชการอะไร",
        "ภาษาทางการใน{place}คือภาษาใด",
        "ที่{place}พูดภาษาราชการใด",
        "ภาษาราชการของ{place}: ภาษา{answer}",
        "ที่{place}พูดภาษา{answer}",
    ),
    "tr": _wording(
        "{place} bölgesinde en yaygın resmî dil hangisidir?",
        "{place}: başlıca resmî dil nedir?",
        "{place} için en çok konuşulan resmî dil hangisidir?",
        "{place} bölgesinde en yaygın resmî dil: {answer}.",
        "{place} için en çok konuşulan resmî dil şudur: {answer}.",
    ),
    "vi": _wording(
        "Ngôn ngữ chính thức phổ biến nhất ở {place} là gì?",
        "{place}: ngôn ngữ chính thức chủ yếu là gì?",
        "Người dân ở {place} nói ngôn ngữ chính thức nào nhiều nhất?",
        "Ngôn ngữ chính thức phổ biến nhất ở {place}: {answer}.",
        "Người dân ở {place} nói nhiều nhất ngôn ngữ chính thức này: {answer}.",
    ),
    "zh": _wording(
        "{place}使用最广泛的官方语言是什么？",
        "{place}的主要官方语言是哪一种？",
        "在{place}，说哪种官方语言的人最多？",
        "{place}使用最广泛的官方语言是{answer}。",
        "在{place}的官方语言中，说{answer}的人最多。",
    ),
}

_TIME_ZONE = {
    "ar": _wording(
        "على اسم أي مكان سُميت المنطقة الزمنية في {place}؟",
        "{place}: أي مكان يمثل المنطقة الزمنية؟",
        "بتوقيت أي مكان تُضبط الساعات في {place}؟",
        "سُميت المنطقة الزمنية في {place} على اسم هذا المكان: {answer}.",
        "تُضبط الساعات في {place} بتوقيت هذا المكان: {answer}.",
    ),
    "de": _wording(
        "Nach welchem Ort ist die Zeitzone im Gebiet {place} benannt?",
        "{place}: Welcher Ort steht für die Zeitzone?",
        "Nach der Zeit welches Ortes gehen die Uhren im Gebiet {place}?",
        "Die Zeitzone im Gebiet {place} ist nach diesem Ort benannt: {answer}.",
        "Im Gebiet {place} gehen die Uhren nach der Zeit dieses Ortes: {answer}.",
    ),
    "el": _wording(
        "Από ποιο μέρος πήρε το όνομά της η ζώνη ώρας στην επικράτεια «{place}»;",
        "{place}: ποιο μέρος αντιπροσωπεύει τη ζώνη ώρας;",
        "Την ώρα ποιου τόπου δείχνουν τα ρολόγια στην περιοχή «{place}»;",
        "Η ζώνη ώρας στην επικράτεια «{place}» πήρε το όνομά της από αυτό το μέρος: {answer}.",
        "Τα ρολόγια στην περιοχή «{place}» δείχνουν την ώρα αυτού του τόπου: {answer}.",
    ),
    "en": _wording(
        "Which place is the time zone in the territory of {place} named after?",
        "{place}: what place stands for the time zone?",
        "Clocks in the territory of {place} follow the time of which place?",
        "The time zone in the territory of {place} is named after {answer}.",
        "Clocks in the territory of {place} follow the time of {answer}.",
    ),
    "es": _wording(
        "¿De qué lugar toma su nombre la zona horaria de {place}?",
        "{place}: ¿qué lugar representa la zona horaria?",
        "¿La hora de qué lugar siguen los relojes de {place}?",
        "La zona horaria de {place} toma su nombre de este lugar: {answer}.",
        "Los relojes de {place} siguen la hora de {answer}.",
    ),
    "hi": _wording(
        "{place} के समय क्षेत्र का नाम किस जगह पर पड़ा है?",
        "{place}: समय क्षेत्र की पहचान किस जगह से है?",
        "{place} की घड़ियाँ किस जगह के समय पर चलती हैं?",
        "{place} के समय क्षेत्र का नाम इस जगह पर पड़ा है: {answer}।",
        "{place} की घड़ियाँ इस जगह के समय पर चलती हैं: {answer}।",
    ),
    "ru": _wording(
        "В честь какого места назван часовой пояс на территории «{place}»?",
        "{place}: какое место обозначает часовой пояс?",
        "По времени какого места идут часы в регионе «{place}»?",
        "Часовой пояс на территории «{place}» назван в честь этого места: {answer}.",
        "Часы в регионе «{place}» идут по времени этого места: {answer}.",
    ),
    "th": _wording(
        "เขตเวลาของ{place}ตั้งชื่อตามสถานที่ใด",
        "{place}ใช้เวลาของเมืองใด",
        "นาฬิกาใน{place}เดินตามเวลาของที่ใด",
        "เขตเวลาของ{place}ตั้งชื่อตาม{answer}",
        "นาฬิกาใน{place}เดินตามเวลาของ{answer}",
    ),
    "tr": _wording(
        "{place} bölgesinin saat dilimi adını hangi yerden alır?",
        "{place}: saat dilimini hangi yer temsil eder?",
        "{place} için saatler hangi yerin zamanına göre ayarlanır?",
        "{place} bölgesinin saat dilimi adını şu yerden alır: {answer}.",
        "{place} için saatler şu yerin zamanına göre ayarlanır: {answer}.",
    ),
    "vi": _wording(
        "Múi giờ ở {place} được đặt theo tên nơi nào?",
        "{place}: nơi nào đại diện cho múi giờ?",
        "Đồng hồ ở {place} chạy theo giờ của nơi nào?",
        "Múi giờ ở {place} được đặt theo tên {answer}.",
        "Đồng hồ ở {place} chạy theo giờ của {answer}.",
    ),
    "zh": _wording(
        "{place}的时区以哪个地方命名？",
        "{place}的时区以哪里为代表？",
        "在{place}，钟表采用哪个地方的时间？",
        "{place}的时区以{answer}命名。",
        "在{place}，钟表采用{answer}的时间。",
    ),
}

_REGION = {
    "ar": _wording(
        "ما المنطقة الجغرافية التي تضم {place}؟",
        "{place}: في أي جزء من العالم؟",
        "أين موقع {place} على خريطة العالم؟",
        "المنطقة الجغرافية التي تضم {place}: {answer}.",
        "موقع {place} على خريطة العالم: {answer}.",
    ),
    "de": _wording(
        "In welcher Weltregion liegt das Gebiet {place}?",
        "{place}: In welchem Teil der Erde ist das?",
        "Wo auf der Weltkarte findet man das Gebiet {place}?",
        "Das Gebiet {place} liegt in dieser Weltregion: {answer}.",
        "Auf der Weltkarte findet man das Gebiet {place} hier: {answer}.",
    ),
    "el": _wording(
        "Σε ποιο μέρος του κόσμου βρίσκεται η επικράτεια «{place}»;",
        "{place}: σε ποια γεωγραφική περιοχή ανήκει;",
        "Πού στον παγκόσμιο χάρτη βρίσκεται η περιοχή «{place}»;",
        "Η επικράτεια «{place}» βρίσκεται σε αυτό το μέρος του κόσμου: {answer}.",
        "Στον παγκόσμιο χάρτη η περιοχή «{place}» βρίσκεται εδώ: {answer}.",
    ),
    "en": _wording(
        "Which part of the world is the territory of {place} in?",
        "{place}: which geographical region does it belong to?",
        "Where on the world map is the territory of {place}?",
        "The territory of {place} is in this part of the world: {answer}.",
        "On the world map, the territory of {place} is found here: {answer}.",
    ),
    "es": _wording(
        "¿En qué parte del mundo está {place}?",
        "{place}: ¿a qué región geográfica pertenece?",
        "¿Dónde se encuentra en el mapamundi el territorio de {place}?",
        "{place} está en esta parte del mundo: {answer}.",
        "En el mapamundi, el territorio de {place} se encuentra aquí: {answer}.",
    ),
    "hi": _wording(
        "{place} दुनिया के किस हिस्से में है?",
        "{place}: यह किस भौगोलिक क्षेत्र में आता है?",
        "विश्व मानचित्र पर {place} कहाँ है?",
        "{place} दुनिया के इस हिस्से में है: {answer}।",
        "विश्व मानचित्र पर {place} का भौगोलिक क्षेत्र: {answer}।",
    ),
    "ru": _wording(
        "В какой части света находится территория «{place}»?",
        "{place}: к какому географическому региону относится?",
        "Где на карте мира находится регион «{place}»?",
        "Территория «{place}» находится в этой части света: {answer}.",
        "На карте мира регион «{place}» находится здесь: {answer}.",
    ),
    "th": _wording(
        "{place}อยู่ในส่วนใดของโลก",
        "{place}อยู่ในภูมิภาคใด",
        "{place}อยู่ตรงไหนบนแผนที่โลก",
        "ใน{answer}มี{place}",
        "แผนที่โลก: {place} ({answer})",
    ),
    "tr": _wording(
        "{place} bölgesi dünyanın neresindedir?",
        "{place}: hangi coğrafi bölgeye aittir?",
        "{place} dünya haritasında hangi kısımda bulunur?",
        "{place} bölgesi dünyanın şu kısmındadır: {answer}.",
        "{place} dünya haritasında şurada bulunur: {answer}.",
    ),
    "vi": _wording(
        "{place} nằm ở khu vực nào trên thế giới?",
        "{place}: thuộc vùng địa lý nào?",
        "{place} ở đâu trên bản đồ thế giới?",
        "{place} nằm ở khu vực này trên thế giới: {answer}.",
        "Trên bản đồ thế giới, {place} thuộc vùng {answer}.",
    ),
    "zh": _wording(
        "{place}位于世界的哪个地区？",
        "{place}属于哪个地理区域？",
        "{place}在世界地图上的什么位置？",
        "{place}位于世界的这个地区：{answer}。",
        "在世界地图上，{place}属于{answer}。",
    ),
}

WORDINGS: Mapping[str, Mapping[str, Wording]] = {
    "currency": _CURRENCY,
    "language": _LANGUAGE,
    "time zone": _TIME_ZONE,
    "region": _REGION,
}
"""relation -> language -> wording."""
