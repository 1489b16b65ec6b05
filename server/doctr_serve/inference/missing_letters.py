"""Which letters of a language a recognition model cannot read."""

from __future__ import annotations

from doctr.datasets.vocabs import VOCABS

__all__ = ["NAMES", "missing_letters"]

NAMES = {
    "af": "afrikaans",
    "ar": "arabic",
    "bg": "bulgarian",
    "bn": "bengali",
    "ca": "catalan",
    "cs": "czech",
    "cy": "welsh",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "et": "estonian",
    "fa": "persian",
    "fi": "finnish",
    "fr": "french",
    "gu": "gujarati",
    "he": "hebrew",
    "hi": "hindi",
    "hr": "croatian",
    "hu": "hungarian",
    "id": "indonesian",
    "it": "italian",
    "kn": "kannada",
    "lt": "lithuanian",
    "lv": "latvian",
    "mk": "macedonian",
    "ml": "malayalam",
    "mr": "marathi",
    "ne": "nepali",
    "nl": "dutch",
    "no": "norwegian",
    "pa": "punjabi",
    "pl": "polish",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sk": "slovak",
    "sl": "slovene",
    "so": "somali",
    "sq": "albanian",
    "sv": "swedish",
    "sw": "swahili",
    "ta": "tamil",
    "te": "telugu",
    "th": "thai",
    "tl": "tagalog",
    "tr": "turkish",
    "uk": "ukrainian",
    "ur": "urdu",
    "vi": "vietnamese",
}
"""The languages that langdetect tells, by its codes, and docTR's names of their vocabularies. Chinese, Japanese and
Korean are left out: their sets of characters are open, and no model knows all that docTR lists."""


def missing_letters(language: str, vocabulary: str) -> str:
    """Returns the letters of a language that a vocabulary lacks, in docTR's order; "" for an unknown language.

    Capitals are left out: a vocabulary that has the small letter is taken to read the language.

    Args:
        language: langdetect's code.
        vocabulary: the characters that a recognition model can read.
    """
    letters = VOCABS[NAMES[language]] if language in NAMES else ""
    wanted = (letter for letter in letters if letter.isalpha() and not letter.isupper())
    return "".join(dict.fromkeys(letter for letter in wanted if letter not in vocabulary))
