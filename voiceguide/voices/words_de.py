"""German: what is said for written numbers, units and abbreviations.

Words agree with what they belong to as far as the words around them tell it: “am dritten Tag”,
“zweites Mal”, “nach einer Minute”.
"""

from __future__ import annotations

import re

from voiceguide.voices import amounts
from voiceguide.voices.amounts import END, SPACE, TO, Amount, Rule, Wording, rule

_UNITS = {
    "s": ("f", "Sekunde", "Sekunden"), "sec": ("f", "Sekunde", "Sekunden"),
    "sek": ("f", "Sekunde", "Sekunden"), "Sek": ("f", "Sekunde", "Sekunden"),
    "min": ("f", "Minute", "Minuten"), "Min": ("f", "Minute", "Minuten"),
    "h": ("f", "Stunde", "Stunden"), "Std": ("f", "Stunde", "Stunden"),
    "Stdn": ("f", "Stunde", "Stunden"), "Wdh": ("f", "Wiederholung", "Wiederholungen"),
    "Wo": ("f", "Woche", "Wochen"), "Mon": ("m", "Monat", "Monate"),
    "ms": ("f", "Millisekunde", "Millisekunden"),
    "mm": ("m", "Millimeter", "Millimeter"), "cm": ("m", "Zentimeter", "Zentimeter"),
    "m": ("m", "Meter", "Meter"), "km": ("m", "Kilometer", "Kilometer"),
    "mg": ("n", "Milligramm", "Milligramm"), "g": ("n", "Gramm", "Gramm"),
    "kg": ("n", "Kilo", "Kilo"), "ml": ("m", "Milliliter", "Milliliter"),
    "cl": ("m", "Zentiliter", "Zentiliter"), "dl": ("m", "Deziliter", "Deziliter"),
    "l": ("m", "Liter", "Liter"), "TL": ("m", "Teelöffel", "Teelöffel"),
    "EL": ("m", "Esslöffel", "Esslöffel"), "kcal": ("f", "Kilokalorie", "Kilokalorien"),
    "lb": ("n", "Pfund", "Pfund"), "lbs": ("n", "Pfund", "Pfund"), "ft": ("m", "Fuß", "Fuß"),
    "km/h": ("m", "Kilometer pro Stunde", "Kilometer pro Stunde"),
    "m/s": ("m", "Meter pro Sekunde", "Meter pro Sekunde"),
    "Hz": ("n", "Hertz", "Hertz"), "kHz": ("n", "Kilohertz", "Kilohertz"),
    "dB": ("n", "Dezibel", "Dezibel"), "%": ("n", "Prozent", "Prozent"),
    "°": ("m", "Grad", "Grad"), "°C": ("m", "Grad Celsius", "Grad Celsius"),
}  # fmt: skip
"""Gender, singular and plural."""
_GENDERS = {
    "f": (
        "Minute", "Sekunde", "Stunde", "Woche", "Runde", "Wiederholung", "Übung", "Phase", "Seite",
        "Sitzung", "Stufe", "Etage", "Klasse", "Einheit", "Person", "Handbreit", "Tasse", "Hand",
        "Rippe", "Zehe", "Dehnung", "Umdrehung", "Position", "Stelle", "Hälfte", "Serie", "Pause",
    ),
    "m": (
        "Tag", "Monat", "Atemzug", "Schritt", "Satz", "Durchgang", "Meter", "Zentimeter",
        "Millimeter", "Kilometer", "Liter", "Grad", "Teil", "Punkt", "Finger", "Griff", "Abschnitt",
        "Löffel", "Teelöffel", "Esslöffel", "Versuch", "Block", "Wirbel", "Brustwirbel",
        "Halswirbel", "Lendenwirbel", "Januar", "Februar", "März", "April", "Mai", "Juni", "Juli",
        "August", "September", "Oktober", "November", "Dezember",
    ),
    "n": ("Mal", "Jahr", "Kilo", "Gramm", "Prozent", "Pfund", "Glas", "Bein", "Knie", "Kapitel"),
}  # fmt: skip
_GENDER = {noun: gender for gender, nouns in _GENDERS.items() for noun in nouns}
_COUNTED = tuple(noun for noun in _GENDER if noun not in _GENDERS["m"][-12:])
_DATIVE = (
    "nach",
    "in",
    "vor",
    "seit",
    "mit",
    "von",
    "zu",
    "aus",
    "bei",
    "ab",
    "binnen",
    "innerhalb",
    "unter",
)
_SHORT_TIMES = ("Tag", "Monat")
_ENDING_N = (
    "am", "im", "vom", "zum", "zur", "beim", "dem", "den", "des", "einem", "einen", "einer",
    "eines", "diesem", "diesen", "jedem", "jeden", "meinem", "meinen", "deinem", "deinen",
    "ab", "bis", "seit",
)  # fmt: skip
"""What stands before “dritten”; most of them show that a number with a period is an ordinal."""
_ENDING_NONE = (
    "die",
    "das",
    "ins",
    "diese",
    "dieses",
    "jede",
    "jeder",
    "jedes",
    "eine",
    "keine",
    "meine",
    "deine",
    "seine",
    "ihre",
    "unsere",
)
_ENDING_STRONG = ("ein", "kein", "mein", "dein", "sein", "ihr", "euer", "unser")
_CONTRACTED = ("am", "vom", "zum", "beim", "dem", "den")
"""Before an ordinal without a noun: “bis zum 3.”"""
_BEFORE_DER = (*_DATIVE, "während", "an", "auf", "neben", "zwischen", "bis")
_BEGINNINGS = (
    "Dann", "Danach", "Jetzt", "Nun", "Und", "Wenn", "Du", "Sie", "Es", "Er", "Wir", "Ich", "Die",
    "Der", "Das", "Ein", "Eine", "In", "Im", "Am", "Auf", "Bei", "Mit", "Nach", "Zum", "So", "Noch",
    "Atme", "Halte", "Halt", "Bleib", "Lass", "Leg", "Lege", "Setz", "Geh", "Komm", "Drück", "Dein",
)  # fmt: skip
"""Words that begin a sentence: a period before them is one."""
_PAUSES = (
    "Pause", "Ruhe", "Stille", "Dehnung", "Entspannung", "Massage", "Training", "Halten", "Dehnen",
    "Atmen", "Zeit", "Druck", "Belastung", "Abstand", "Arbeit", "Übung", "Schlaf", "Wärme", "Kälte",
)  # fmt: skip
"""Nouns after an amount: a period before them is only the abbreviation's."""
_PER = {
    "s": "Sekunde", "Sek.": "Sekunde", "min": "Minute", "Min.": "Minute", "Minute": "Minute",
    "h": "Stunde", "Std.": "Stunde", "Stunde": "Stunde", "Tag": "Tag", "Woche": "Woche",
    "Monat": "Monat", "Jahr": "Jahr", "Seite": "Seite", "Bein": "Bein", "Arm": "Arm",
    "Hand": "Hand", "Fuß": "Fuß", "Satz": "Satz", "Runde": "Runde", "Sitzung": "Sitzung",
}  # fmt: skip
_ONE = ("pro", "je", "jede", "eine", "die", "letzte", "nächste", "halbe", "ganze", "einer", "jeder")
_ABBREVIATIONS = {
    "z.B.": "zum Beispiel", "d.h.": "das heißt", "u.a.": "unter anderem",
    "u.U.": "unter Umständen", "i.d.R.": "in der Regel", "z.T.": "zum Teil", "v.a.": "vor allem",
    "o.Ä.": "oder Ähnliches", "o.ä.": "oder ähnlich", "u.Ä.": "und Ähnliches", "s.o.": "siehe oben",
    "s.u.": "siehe unten", "m.E.": "meines Erachtens", "i.A.": "im Allgemeinen",
    "usw.": "und so weiter", "u.s.w.": "und so weiter", "etc.": "und so weiter",
    "usf.": "und so fort", "bzw.": "beziehungsweise", "ca.": "zirka", "evtl.": "eventuell",
    "ggf.": "gegebenenfalls", "inkl.": "inklusive", "exkl.": "exklusive", "mind.": "mindestens",
    "vgl.": "vergleiche", "sog.": "sogenannte", "gem.": "gemäß", "insb.": "insbesondere",
    "insbes.": "insbesondere", "bspw.": "beispielsweise", "od.": "oder", "u.": "und",
    "tägl.": "täglich", "wöchentl.": "wöchentlich", "ungef.": "ungefähr", "zzgl.": "zuzüglich",
    "vs.": "gegen", "jew.": "jeweils", "allg.": "allgemein",
}  # fmt: skip
_ENDS_SENTENCES = ("usw.", "u.s.w.", "usf.", "etc.", "o.Ä.", "o.ä.", "u.Ä.", "s.o.", "s.u.")
_TITLES = {
    "Dr.": "Doktor", "Dr.med.": "Doktor", "Prof.": "Professor", "Hr.": "Herr", "Fr.": "Frau",
    "St.": "Sankt",
}  # fmt: skip
_BEFORE_DIGITS = {
    "Nr.": "Nummer", "S.": "Seite", "Abb.": "Abbildung", "Kap.": "Kapitel", "Bd.": "Band",
    "max.": "maximal", "min.": "mindestens", "Tel.": "Telefon",
}  # fmt: skip
_NUMERALS = (
    "null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "zehn",
    "elf", "zwölf",
)  # fmt: skip
_TWENTY = 20
_FRACTIONS = {"½": "halb", "¼": "viertel", "¾": "dreiviertel", "⅓": "drittel", "⅔": "zweidrittel"}
_LABELS = (
    "Schritt", "Runde", "Satz", "Tag", "Woche", "Monat", "Übung", "Teil", "Stufe", "Phase", "Grad",
    "Typ", "Nummer", "Kapitel", "Sitzung", "Block", "Punkt", "Stadium", "Klasse", "Einheit",
)  # fmt: skip
_MEASURES = {word for unit, (_, *names) in _UNITS.items() for word in (unit, *names)}
"""What follows a length such as “8:00 Minuten”, which is no time of day."""
SHORTENED = amounts.heads(_ABBREVIATIONS, _TITLES, ("Sek.", "Min.", "Std.", "Wdh."))
"""What a text without digits has, if any rule can change it."""


def rules() -> list[Rule]:
    """Return the rules, in the order in which they are applied."""
    wording = Wording(
        mark=",", point="Komma", numerals=_NUMERALS, mixed=_mixed, units=_UNITS, amount=_amount,
        parted=("Stunden?", "Minuten?", "Sekunden?", "Liter", "Tassen?", "Meter"),
        lengths=("mm", "cm", "m", "km"), to="bis", out_of="von", times="mal",
        by="mal", often=_often, labels=_LABELS,
    )  # fmt: skip
    clock = r"(?:[01]?[0-9]|2[0-4])"
    hour = rf"{SPACE}?(?:Uhr\b|h(?=[\s.,;:!?)]|$))"
    nth = r"(?:[1-9][0-9]{0,3})\."
    joint = rf"(?P<joint>,{SPACE}|{SPACE}(?:und|oder|bis){SPACE}|{SPACE}?[-–]{SPACE}?)"
    return [
        amounts.about("etwa"),
        *amounts.abbreviations(_ABBREVIATIONS, _ENDS_SENTENCES),
        *amounts.abbreviations(_TITLES, (), rf"(?={SPACE}[A-ZÄÖÜ])"),
        *amounts.abbreviations(_BEFORE_DIGITS, (), rf"(?={SPACE}?[0-9])"),
        rule(
            rf"(?P<least>{clock}[:.][0-5][0-9])(?:{hour})?{TO}(?P<most>{clock}[:.][0-5][0-9]){hour}",
            _clocks,
        ),
        rule(rf"(?P<least>{clock}:[0-5][0-9]){TO}(?P<most>{clock}:[0-5][0-9]){END}", _clocks),
        rule(rf"(?P<most>{clock}[:.][0-5][0-9]){hour}", _clocks),
        rule(rf"(?P<most>{clock}:[0-5][0-9]){END}", _clocks),
        rule(rf"1(?={SPACE}Uhr\b)", "ein"),
        rule(
            rf"(?P<least>{nth})(?:{joint}(?P<most>{nth}))?(?=\s[A-Za-zÄÖÜäöü]|[\s\"”“»)]*$|[,;:!?])",
            _ordinals,
        ),
        *amounts.rules(wording),
        rule(r"eins bis(?= \w{1,9} [A-ZÄÖÜ])", "ein bis"),
        rule(rf"1{SPACE}(?P<noun>{'|'.join(_COUNTED)})\b", _one),
        rule(rf"(?P<fraction>[½¼¾]){SPACE}?(?P<noun>[A-ZÄÖÜ][a-zäöüß]{{1,30}}+){END}", _fraction),
        rule(rf"(?P<unit>Sek|Min|Std|Wdh)\.(?![.\w])(?:{END}|(?=-))", _alone),
        rule(
            rf"(?P<what>[A-Za-zÄÖÜäöü][a-zäöüß]{{1,29}}+)/"
            rf"(?P<per>{'|'.join(map(re.escape, sorted(_PER, key=len, reverse=True)))})(?![/\w])",
            _per,
        ),
    ]


def _mixed(whole: str, fraction: str) -> str:
    """Return “zweieinhalb”, “eindreiviertel”."""
    if not whole:
        return {"½": "ein halb", "¼": "ein Viertel", "¾": "drei Viertel"}.get(
            fraction, {"⅓": "ein Drittel", "⅔": "zwei Drittel"}.get(fraction, fraction)
        )
    part = _FRACTIONS[fraction]
    one = "" if part.startswith(("drei", "zwei")) else "ein"
    whole = {"eins": "ein", "null": ""}.get(whole, whole)
    return f"{whole}{' ' if whole.isdigit() else ''}{one}{part}"


def _often(said: str) -> str:
    """Return “zweimal”, “zwei bis drei Mal”, “20 Mal”."""
    said = "ein" if said == "eins" else said.replace("eins bis", "ein bis")
    return f"{said}mal" if said == "ein" or said in _NUMERALS else f"{said} Mal"


def _amount(amount: Amount) -> str:
    """Return “fünf Minuten”, “eine Minute”, “eine halbe Minute”, “zehn-Kilo-Hantel”."""
    match, number = amount.match, amount.number
    text, begin, end = match.string, match.start(), match.end()
    gender, one, several = _UNITS[match["unit"]]
    dot = _period(match) if match["dot"] else ""
    if not number.whole and not match["least"] and number.fraction in "½¼¾":
        return f"{_part(number.fraction, gender, text, begin)} {one}{dot}"
    said = amount.said.replace("eins bis", "ein bis")
    if amount.hyphenated or text[end : end + 1] == "-":
        said = "ein" if said == "eins" else said
        return f"{said}-{several}{dot}"
    if number.is_one:
        article = _article(gender, text, begin, one)
        said = f"{said.removesuffix('eins')}{article}"
        return f"{said} {one}{dot}"
    return f"{said} {several}{dot}"


def _period(match: re.Match[str]) -> str:
    """Return "." where it is also the sentence's, and not only the abbreviation's."""
    noun = amounts.word_after(match.string, match.end())
    noun_follows = noun in _PAUSES or noun.endswith(("ung", "heit", "keit", "pause", "zeit"))
    return amounts.full_stop(match.string, match.end(), may_end=not noun_follows)


def _article(gender: str, text: str, begin: int, noun: str) -> str:
    """Return the article for one of something; in the accusative unless a sentence begins."""
    before = amounts.word_before(text, begin)
    if before.lower() in _DATIVE:
        return "einer" if gender == "f" else "einem"
    if gender == "f":
        return "eine"
    begins = not text[max(0, begin - 2) : begin].strip(" \"'„“»«(") and not before
    return "ein" if gender == "n" or (begins and noun not in _SHORT_TIMES) else "einen"


def _one(match: re.Match[str]) -> str:
    noun = match["noun"]
    return f"{_article(_GENDER[noun], match.string, match.start(), noun)} {noun}"


def _gender(noun: str) -> str | None:
    if noun in _GENDER:
        return _GENDER[noun]
    return "f" if noun.endswith(("ung", "heit", "keit", "ion", "tät", "schaft")) else None


def _part(fraction: str, gender: str, text: str, begin: int) -> str:
    """Return “eine halbe”, “einen halben”, “ein halbes”; “eine viertel” where it has no ending."""
    article = _article(gender, text, begin, "")
    if fraction != "½":
        return f"{article} {_FRACTIONS[fraction]}"
    nominative = {"f": "e", "m": "er", "n": "es"}[gender]
    return f"{article} halb{'en' if article in ('einen', 'einem', 'einer') else nominative}"


def _fraction(match: re.Match[str]) -> str:
    gender = _gender(match["noun"])
    if gender is None:
        return match[0]
    return f"{_part(match['fraction'], gender, match.string, match.start())} {match['noun']}"


def _alone(match: re.Match[str]) -> str:
    _, one, several = _UNITS[match["unit"]]
    single = amounts.word_before(match.string, match.start()).lower() in _ONE
    return (one if single else several) + _period(match)


def _per(match: re.Match[str]) -> str:
    what, text, end = match["what"], match.string, match.end()
    unit = _UNITS.get(what)
    return f"{unit[2] if unit else what} pro {_PER[match['per']]}" + amounts.full_stop(
        text, end, may_end=True
    )


def _clocks(match: re.Match[str]) -> str:
    """Return “acht Uhr”, “acht Uhr 30”; a time without “Uhr” that is no full hour is read right."""
    text, begin, end = match.string, match.start(), match.end()
    times = amounts.ends(match)
    uhr = text[begin:end].endswith(("Uhr", "h"))
    following = amounts.word_after(text, end)
    lasts = amounts.word_before(text, begin).lower() in ("für", "lang", "dauer")
    if not uhr and (lasts or following in _MEASURES):
        return match[0]  # a length
    if not uhr and not any(time.endswith("00") for time in times):
        return match[0] if len(times) == 1 else " bis ".join(times)
    said = [_clock(time) for time in times]
    if all(time.endswith("00") for time in times):
        return " bis ".join(said) + " Uhr"
    return " bis ".join(
        f"{hour} Uhr" if time.endswith("00") else hour
        for hour, time in zip(said, times, strict=True)
    )


def _clock(written: str) -> str:
    hour, minute = map(int, re.split("[:.]", written))
    words = {1: "ein", _TWENTY: "zwanzig"}
    said = words.get(hour) or (_NUMERALS[hour] if hour < len(_NUMERALS) else str(hour))
    if not minute:
        return said
    return f"{said} Uhr {_NUMERALS[minute] if minute < len(_NUMERALS) else minute}"


def _ordinals(match: re.Match[str]) -> str:
    """Return “dritten”, “dritter und vierter”; the match itself where it ends a sentence."""
    text, end = match.string, match.end()
    noun = amounts.word_after(text, end)
    ending = _ending(text, match.start(), noun)
    if ending is None:
        return match[0]
    words = [_ordinal(one[:-1]) + ending for one in amounts.ends(match)]
    joint = match["joint"] or ""
    joint = " bis " if "-" in joint or "–" in joint else joint
    ends = noun in _BEGINNINGS or amounts.closes(text, end)
    return joint.join(words) + ("." if ends else "")


def _ending(text: str, begin: int, noun: str) -> str | None:
    """Return the ending of an ordinal after “dritte”; None if the number is no ordinal."""
    before = amounts.word_before(text, begin).lower()
    gender = _gender(noun)
    strong = {"f": "", "m": "r", "n": "s"}.get(gender or "")
    if not noun or noun in _BEGINNINGS:
        return "n" if before in _CONTRACTED else None
    if before in _ENDING_N:
        return "n" if before not in ("ab", "bis", "seit") or gender else None
    if before == "der":
        place = len(text[:begin].rstrip()) - len("der")
        after_preposition = amounts.word_before(text, place).lower() in _BEFORE_DER
        return "n" if gender == "f" or after_preposition else ""
    if before in _ENDING_NONE:
        return ""
    if before in _ENDING_STRONG:
        return strong
    at_start = not before and not text[max(0, begin - 1) : begin].strip("\"'„“»«( ")
    return strong if at_start else None


def _ordinal(digits: str) -> str:
    from num2words import num2words

    return str(num2words(int(digits), to="ordinal", lang="de"))
