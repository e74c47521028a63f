"""Latin forms of names as people write them in addresses of e-mail: lower case, a to z only."""

from __future__ import annotations

import unicodedata

_LATIN = str.maketrans(
    {"ß": "ss", "ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"}
)
_GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
_GREEK_PAIRS = (
    ("αυ", "av"), ("ευ", "ev"), ("ου", "ou"), ("μπ", "b"), ("γγ", "ng"), ("γκ", "gk"),
)  # fmt: skip
_GREEK = str.maketrans(
    {
        "α": "a", "β": "v", "γ": "g", "δ": "d", "ε": "e", "ζ": "z", "η": "i", "θ": "th", "ι": "i", "κ": "k",
        "λ": "l", "μ": "m", "ν": "n", "ξ": "x", "ο": "o", "π": "p", "ρ": "r", "σ": "s", "ς": "s", "τ": "t",
        "υ": "y", "φ": "f", "χ": "ch", "ψ": "ps", "ω": "o",
    }
)  # fmt: skip
_INITIALS = [
    "g",
    "kk",
    "n",
    "d",
    "tt",
    "r",
    "m",
    "b",
    "pp",
    "s",
    "ss",
    ".",
    "j",
    "jj",
    "ch",
    "k",
    "t",
    "p",
    "h",
]
_VOWELS = [
    "a",
    "ae",
    "ya",
    "yae",
    "eo",
    "e",
    "yeo",
    "ye",
    "o",
    "wa",
    "wae",
    "oe",
    "yo",
    "u",
    "wo",
    "we",
    "wi",
    "yu",
    "eu",
    "ui",
    "i",
]
_FINALS = [
    ".",
    "k",
    "k",
    "k",
    "n",
    "n",
    "n",
    "t",
    "l",
    "k",
    "m",
    "l",
    "l",
    "l",
    "p",
    "l",
    "m",
    "p",
    "p",
    "t",
    "t",
    "ng",
    "t",
    "t",
    "k",
    "t",
    "p",
    "t",
]

# Korean families write themselves by custom, not by rule.
_KOREAN_FAMILIES = dict(
    pair.split("=")
    for pair in [
        "김=kim",
        "이=lee",
        "박=park",
        "정=jung",
        "최=choi",
        "조=cho",
        "강=kang",
        "윤=yoon",
        "장=jang",
        "임=lim",
        "한=han",
        "오=oh",
        "서=seo",
        "신=shin",
        "권=kwon",
        "황=hwang",
        "안=ahn",
        "송=song",
        "류=ryu",
        "전=jeon",
        "홍=hong",
        "고=ko",
        "문=moon",
        "양=yang",
        "손=son",
        "배=bae",
        "백=baek",
        "허=heo",
        "유=yoo",
        "남=nam",
        "심=shim",
        "노=noh",
        "하=ha",
        "곽=kwak",
        "성=sung",
        "차=cha",
        "주=joo",
        "우=woo",
        "구=koo",
        "나=na",
        "민=min",
        "진=jin",
        "지=ji",
        "엄=eom",
    ]
)

_PINYIN = {
    character: reading
    for reading, characters in (
        line.split(" ")
        for line in """
wang 王汪|li 李丽莉利黎|zhang 张|liu 刘柳|chen 陈晨|yang 杨洋阳|huang 黄|wu 吴武|zhao 赵|zhou 周|xu 徐许旭|sun 孙|ma 马
zhu 朱|hu 胡|lin 林琳|guo 郭国|he 何贺|gao 高|luo 罗|zheng 郑|liang 梁亮|xie 谢|song 宋|tang 唐汤|deng 邓|feng 冯峰凤
han 韩|cao 曹|zeng 曾|peng 彭鹏|xiao 萧小|cai 蔡|pan 潘|tian 田|dong 董东冬|yuan 袁|yu 于余宇玉瑜|ye 叶|jiang 蒋姜江
du 杜|su 苏|wei 魏伟韦|cheng 程成|lyu 吕|ding 丁|shen 沈|ren 任|yao 姚|lu 卢陆璐|fu 傅|zhong 钟|cui 崔|tan 谭
liao 廖|fan 范樊帆|jin 金|shi 石史施|dai 戴|jia 贾佳|xia 夏霞|qiu 邱|fang 方芳|hou 侯|zou 邹|xiong 熊|meng 孟
qin 秦覃琴|bai 白|yan 阎严艳燕岩|xue 薛雪|yin 尹|duan 段|lei 雷磊|long 龙|tao 陶涛|gu 顾|mao 毛|hao 郝浩|gong 龚
shao 邵|wan 万|qian 钱倩|lai 赖|hong 洪红|mo 莫|kong 孔|xiang 向想香|chang 常畅|wen 温文|kang 康|niu 牛|ge 葛
qiang 强|yong 勇|jun 军俊|jie 杰洁|chao 超|ming 明|gang 刚|ping 平萍|hui 辉慧|hua 华花|fei 飞|xin 鑫欣|bo 波博|bin 斌彬
kai 凯|jian 健建|shuai 帅|ning 宁|huan 欢|rui 瑞|zhi 志芝|bing 兵|kun 坤|nan 楠|na 娜|min 敏|jing 静晶|xiu 秀
ying 英颖莹|juan 娟|lan 兰|ling 玲|gui 桂|dan 丹|mei 梅|zhen 珍|ting 婷|yun 云|shu 淑|chun 春|hai 海|rong 荣
""".strip()
        .replace("\n", "|")
        .split("|")
    )
    for character in characters
}


def romanise(name: str, locale: str, *, family: bool) -> str | None:
    """The name in letters a to z, all that separates its parts left out; None where no Latin form is known."""
    latin = _converted(name.lower(), locale, family=family)
    parts = unicodedata.normalize("NFKD", latin.translate(_LATIN))
    letters = "".join(letter for letter in parts if letter.isalpha() and not unicodedata.combining(letter))
    return letters if letters.isascii() and letters else None


def _converted(name: str, locale: str, *, family: bool) -> str:
    language = locale.partition("_")[0]
    if language == "de":
        return name.translate(_GERMAN)
    if language == "el":
        return _greek(name)
    if language == "ko":
        return _KOREAN_FAMILIES.get(name, name) if family else "".join(map(_syllable, name))
    if language == "zh":
        return "".join(_PINYIN.get(character, character) for character in name)
    return name


def _greek(name: str) -> str:
    bare = "".join(c for c in unicodedata.normalize("NFD", name) if not unicodedata.combining(c))
    for pair, latin in _GREEK_PAIRS:
        bare = bare.replace(pair, latin)
    return bare.translate(_GREEK)


def _syllable(character: str) -> str:
    number = ord(character) - 0xAC00
    initial, vowel, final = number // 588, number % 588 // 28, number % 28
    return f"{_INITIALS[initial]}{_VOWELS[vowel]}{_FINALS[final]}".replace(".", "")
