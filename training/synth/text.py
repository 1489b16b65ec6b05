"""Random text as documents hold it: words, amounts, dates, codes, addresses, terms of receipts and forms.

`token` gives one word as a detector would box it; `phrase` gives the words of a line.
"""

from __future__ import annotations

import bisect
import functools
import itertools
import random
import string

from . import vocabulary as v
from .fonts import VOCAB

_VOCAB = frozenset(VOCAB)


@functools.cache
def _words(language: str) -> tuple[str, ...]:
    from wordfreq import top_n_list  # here, since only rendering needs it, not what tests of the rest import

    count = v.LANGUAGES[language][0]
    return tuple(w for w in top_n_list(language, count) if set(w) <= _VOCAB and not w.isdigit())


@functools.cache
def _language_table() -> tuple[list[str], list[float]]:
    return list(v.LANGUAGES), list(itertools.accumulate(w for _, w in v.LANGUAGES.values()))


def digits(rng: random.Random, n: int) -> str:
    """Return n random digits."""
    return "".join(rng.choices(string.digits, k=n))


def word(rng: random.Random) -> str:
    """Return a lower-case dictionary word; frequent words come more often, rare ones still come."""
    names, sums = _language_table()
    words = _words(names[bisect.bisect(sums, rng.random() * sums[-1]) % len(names)])
    r = rng.random()
    if r < 0.45:  # as often as in running text
        return words[int(len(words) ** rng.random()) - 1]
    return words[int(len(words) * rng.random() ** (3 if r < 0.75 else 1))]


def recase(rng: random.Random, text: str, upper: float = 0.42) -> str:
    """Turn a word into upper case with the given chance, capitalise another quarter, leave the rest."""
    r = rng.random()
    if r < upper:
        out = text.upper()
    elif r < upper + 0.25:
        out = text[:1].upper() + text[1:]
    else:
        return text
    return out if set(out) <= _VOCAB else text


def amount(rng: random.Random) -> str:
    """Return an amount of money, with or without currency, sign and separators."""
    value = rng.random() * rng.choices((10, 100, 10000, 1e6), (40, 40, 15, 5))[0]
    out = f"{value:,.2f}" if rng.random() < 0.75 else f"{value:.{rng.choice((0, 1, 2, 2, 2, 3))}f}"
    if rng.random() < 0.08:
        out = out.translate(str.maketrans(",.", ".,"))
    r = rng.random()
    if r < 0.2:
        return rng.choice(v.CURRENCIES) + out
    if r < 0.25:
        return out + rng.choice(("€", "$", "RM", "SR", "%", "-", "*", "T", "Z", "S", "A", "F", "CR"))
    if r < 0.29:
        return "-" + out
    return f"({out})" if r < 0.31 else out


def date(rng: random.Random) -> str:
    """Return a date in one of the usual notations."""
    d, m, y, s = rng.randint(1, 31), rng.randint(1, 12), rng.randint(1950, 2030), rng.choice("///-.-")
    forms = (
        f"{d:02d}{s}{m:02d}{s}{y}", f"{d}{s}{m}{s}{y}", f"{d:02d}{s}{m:02d}{s}{y % 100:02d}",
        f"{m}{s}{d}{s}{y % 100:02d}",
        f"{y}{s}{m:02d}{s}{d:02d}", f"{d}{s}{rng.choice(v.MONTHS)}{s}{y}", f"{rng.choice(v.LONG_MONTHS)}",
        f"{d:02d}-{rng.choice(v.MONTHS).upper()}-{y % 100:02d}", f"{y}",
    )  # fmt: skip
    return rng.choice(forms)


def clock(rng: random.Random) -> str:
    """Return a time of day."""
    out = f"{rng.randint(0, 23):02d}:{rng.randint(0, 59):02d}"
    if rng.random() < 0.5:
        out += f":{rng.randint(0, 59):02d}"
    return out + rng.choice(("", "", "", "AM", "PM", "am", "pm"))


def phone(rng: random.Random) -> str:
    """Return a telephone number or a part of one."""
    forms = (
        f"{digits(rng, 2)}-{digits(rng, rng.randint(6, 8))}", f"({digits(rng, rng.randint(2, 3))})",
        f"+{digits(rng, rng.randint(2, 11))}", f"{digits(rng, 3)}-{digits(rng, 3)}-{digits(rng, 4)}",
        f"{digits(rng, 3)}/{digits(rng, 3)}-{digits(rng, 4)}", f"({digits(rng, 3)}){digits(rng, 3)}-{digits(rng, 4)}",
        f"{digits(rng, 3)}-{digits(rng, 4)}",
    )  # fmt: skip
    return rng.choice(forms)


def number(rng: random.Random) -> str:
    """Return any number as documents write them: amounts, counts, dates, times, percentages, measures."""
    kind = rng.choices("acdtlpqmi", (34, 14, 12, 8, 10, 8, 4, 6, 4))[0]
    if kind == "a":
        return amount(rng)
    if kind == "c":
        return str(rng.randrange(10 ** rng.randint(1, 4)))
    if kind == "d":
        return date(rng)
    if kind == "t":
        return clock(rng)
    if kind == "l":
        return digits(rng, rng.randint(4, 13))
    if kind == "p":
        return phone(rng)
    if kind == "q":
        return f"{rng.randint(0, 100)}%" if rng.random() < 0.7 else f"{rng.random() * 100:.1f}%"
    if kind == "m":
        return f"{rng.randint(1, 999)}{rng.choice(v.UNITS)}"
    return f"{rng.randint(1, 9)}{rng.choice('./x*@:)-')}{digits(rng, rng.randint(1, 4))}"


def code(rng: random.Random) -> str:
    """Return an article number, reference or serial number."""
    alnum, r = string.ascii_uppercase + string.digits, rng.random()
    if r < 0.3:
        head = "".join(rng.choices(string.ascii_uppercase, k=rng.randint(1, 4)))
        return head + rng.choice(("", "", "-", "/")) + digits(rng, rng.randint(2, 9))
    if r < 0.5:
        return "".join(rng.choices(alnum, k=rng.randint(3, 12)))
    if r < 0.65:
        return f"{digits(rng, rng.randint(3, 8))}-{rng.choice(string.ascii_uppercase)}"
    if r < 0.78:
        return rng.choice("#*") + digits(rng, rng.randint(1, 8))
    if r < 0.9:
        return "-".join("".join(rng.choices(alnum, k=rng.randint(1, 5))) for _ in range(rng.randint(2, 3)))
    return "".join(rng.choices(string.ascii_letters + string.digits, k=rng.randint(3, 10)))


def link(rng: random.Random) -> str:
    """Return a mail address or a web address."""
    names = [w for w in (word(rng) for _ in range(8)) if w.isascii() and w.isalnum()]
    a, b = (names + ["info", "shop"])[:2]
    top, r = rng.choice(v.DOMAINS), rng.random()
    if r < 0.4:
        out = f"{a}@{b}.{top}"
    elif r < 0.7:
        out = f"www.{a}{rng.choice(('', '-'))}{b}.{top}"
    else:
        out = f"{rng.choice(('http://', 'https://', ''))}{a}.{top}/{b}"
    return out.upper() if rng.random() < 0.12 else out


def term(rng: random.Random) -> str:
    """Return a word of receipts (upper case mostly) or of forms."""
    if rng.random() < 0.3:
        return rng.choice(v.FORM) if rng.random() < 0.7 else rng.choice(v.FORM).upper()
    out = rng.choice(v.RECEIPT)
    return out if rng.random() < 0.75 else out.capitalize()


def decorated(rng: random.Random, text: str) -> str:
    """Add to a word what is printed against it: punctuation, brackets, quotes, a second word."""
    r = rng.random()
    if r < 0.13:
        return text + rng.choice(v.TAIL)
    if r < 0.16:
        return rng.choice(v.HEAD) + text
    if r < 0.19:
        return f"({text})"
    if r < 0.23:
        return text + rng.choice("-/&.+_'") + recase(rng, word(rng), 0.5)
    if r < 0.25:
        return f'"{text}"'
    return f"{text}.{text[:1].upper()}." if r < 0.26 else text


def noise(rng: random.Random) -> str:
    """Return letters without meaning: single signs, confusable characters, any of the vocabulary."""
    r = rng.random()
    if r < 0.4:
        return rng.choice(v.LOOSE) if rng.random() < 0.7 else rng.choice(VOCAB)
    if r < 0.75:
        group = rng.choice(v.CONFUSABLE)
        return "".join(
            rng.choices(group + (rng.choice(v.CONFUSABLE) if rng.random() < 0.4 else ""), k=rng.randint(1, 8))
        )
    return "".join(rng.choices(VOCAB, k=rng.randint(2, 9)))


def token(rng: random.Random) -> str:
    """Return one word as a detector would box it."""
    kind = rng.choices("wtncxl", (50, 9, 24, 7, 7, 3))[0]
    if kind == "w":
        return decorated(rng, recase(rng, word(rng), upper=0.28))
    if kind == "t":
        return decorated(rng, term(rng)) if rng.random() < 0.3 else term(rng)
    if kind == "n":
        return number(rng) + (rng.choice(",.:;)*") if rng.random() < 0.08 else "")
    return {"c": code, "x": noise, "l": link}[kind](rng)


def phrase(rng: random.Random, count: int, upper: float = 0.42, numbers: float = 0.2) -> list[str]:
    """Return the words of a line: mostly dictionary words, with given shares of upper case and numbers."""
    out = []
    for _ in range(count):
        r = rng.random()
        if r < numbers:
            out.append(number(rng))
        elif r < numbers + 0.06:
            out.append(code(rng) if r < numbers + 0.03 else rng.choice(v.LOOSE))
        elif r < numbers + 0.14:
            out.append(term(rng))
        else:
            text = recase(rng, word(rng), upper)
            out.append(decorated(rng, text) if rng.random() < 0.5 else text)
    return out
