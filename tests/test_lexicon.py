"""Words are said right: the lexicons of the library, of scripts, and what engines get of them."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import numpy as np
import pytest
from conftest import FRAMES_PER_MS, decode, voiceguide

from voiceguide import Session, library, phonemes, ssml
from voiceguide.errors import LibraryError, ScriptError
from voiceguide.library.lexicon import Entry, Lexicon
from voiceguide.voices import Utterance
from voiceguide.voices.espeak import Espeak
from voiceguide.voices.kokoro_child import read

SCRIPTS = Path(__file__).parents[1] / "scripts"
FRAME_MS = 20
HOP_MS = 5


@functools.cache
def espeak() -> Espeak:
    return Espeak()


def said(sentence: str, language: str) -> str:
    """Return what espeak-ng says for a sentence in a session, in IPA."""
    (speech,) = parsed(sentence, language).root.children
    utterance = Utterance.of(speech, lexicon=library.lexicon(language))
    return espeak().ipa(utterance.phonemes or utterance.said, language)


def parsed(body: str, language: str = "en", folder: Path | None = None) -> ssml.Script:
    text = (
        f'<speak xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="{language}">{body}</speak>'
    )
    return ssml.parse(text, name="my.ssml", folders=[folder] if folder else [])


def test_espeak_may_be_asked_for_again_and_again_in_one_process():
    assert list(read("Press.", "en-us", marked=False))  # shares what is loaded
    first = espeak().ipa("Press the [[kˈɑːf]].", "en")
    for _ in range(500):
        assert Espeak().ipa("Drück die Wade.", "de")
    assert list(read("Press.", "en-us", marked=False))
    assert espeak().ipa("Press the [[kˈɑːf]].", "en") == first
    assert "kˈɑːf" in first


@pytest.mark.parametrize("tag", ["de", "de-AT", "de_AT", "DE_at"])
def test_espeak_knows_a_language_by_each_way_to_write_its_tag(tag):
    assert espeak().ipa("Drück die Wade.", tag) == "dɾˈʏk diː vˈɑːdə."


# The words of the library

ENGLISH = {
    "Close your eyes whenever you like.": "klˈoʊz jʊɹ ˈaɪz",
    "Close your lips, and breathe.": "klˈoʊz jʊɹ lˈɪps,",
    "Open the hand, and close it.": "ænd klˈoʊz ɪt.",
    "Let your eyes close.": "ˈaɪz klˈoʊz.",
    "Keep the ball close by.": "klˈoʊs bˈaɪ.",
    "Stay close to the bone.": "stˈeɪ klˈoʊs tə ðə bˈoʊn.",
    "Use the flat of your hand.": "jˈuːz ðə flˈæt",
    "For less pressure, use the inner edge.": "jˈuːz ðɪ ˈɪnɚɹ ˈɛdʒ.",
    "Use no more than the weight of your arm.": "jˈuːz nˈoʊmˌɔːɹ",
    "Press as hard as you are used to.": "jˈuːst tuː.",
    "Make use of the wall.": "jˈuːs ʌv",
    "Roll the fascia ball.": "ðə fˈæʃə bˈɔːl.",
    "Where it aches, stay.": "ɪɾ ˈeɪks,",
}
GERMAN = {
    "Bei Kopfschmerz und Brustschmerz hör auf.": "kˈɔpfʃmˌɛɾts ʊnt bɾˈʊstʃmˌɛɾts",
    "Armschmerz, Hüftschmerz, Hodenschmerz.": "ˈaɾmʃmˌɛɾts, hˈʏftʃmˌɛɾts, hˈoːdənʃmˌɛɾts.",
    "Atme ein.": "ˈɑːtmə ˈaɪn.",
    "Lass den Bauch beim Einatmen wachsen.": "ˈaɪnˌɑːtmən vˈaksən.",
    "Du kannst ruhig atmen.": "ˈɑːtmən.",
    "Du spürst den Puls am Hals.": "pˈʊls ˈam hˈals.",
    "Ein Wulst, ein Polster.": "vˈʊlst, ˈaɪn pˈɔlstɜ.",
    "Der Oberschenkel und der Unterschenkel.": "ˈoːbɜʃˌɛŋkəl ʊnt dɛɾ ˈʊntɜʃˌɛŋkəl.",
    "Der Oberarm und der Unterarm.": "ˈoːbɜˌaɾm ʊnt dɛɾ ˈʊntɜˌaɾm.",
    "Etwas oberhalb, etwas unterhalb.": "ˈoːbɜhˌalp, ˈɛtvɑːs ˈʊntɜhˌalp.",
    "Der Hinterkopf ruht.": "hˈɪntɜkˌɔpf",
    "Auf den Ellenbogen.": "ˈɛlənbˌoːɡən.",
    "Eine Hilfe zur Selbsthilfe.": "zˈɛlpsthˌɪlfə.",
    "In Hüfthöhe.": "hˈʏfthˌøːə.",
    "Auf Schulterhöhe, hinter dem Schultergelenk.": "ʃˈʊltɜhˌøːə, hˈɪntɜ deːm ʃˈʊltɜɡəlˌɛŋk.",
    "Bei Kieferschmerz mit Brustschmerz.": "kˈiːfɜʃmˌɛɾts",
    "Heb den Fußrand.": "fˈuːsrˌant.",
    "Die große Gesäßmuskulatur.": "ɡəzˈɛːsmʊskuːlatˌuːɾ.",
    "Er ist ohnehin angespannt.": "ˈoːnəhˌɪn",
    "Wähl den Notruf.": "nˈoːtɾˌuːf.",
    "Der Fußballen, die Fußsohle.": "fˈuːsbˌalən, diː fˈuːszˌoːlə.",
    "Das Fußgelenk.": "fˈuːsɡəlˌɛŋk.",
    "Bei einem Blutgerinnsel.": "blˈuːtɡərˌɪnzəl.",
    "Am Musikantenknochen.": "muːziːkˈantənknˌɔxən.",
    "Die vordere Kante.": "fˈɔɾdərə",
    "Bei einer Thrombose nicht.": "tɾɔmbˈoːzə",
    "Nimm das Triggertool.": "tɾˈɪɡɜtˌuːl.",
    "Leg den Faszienball bereit.": "fˈastsiːənbˌal",
    "Unter dem Schulterblatt.": "ʃˈʊltɜblˌat.",
    "Behutsam, mit einem Handtuch.": "bəhˈuːtzɑːm, mɪt ˌaɪnəm hˈanttˌuːx.",
    "Bei Gelenkrheuma.": "ɡəlˈɛŋkɾˌɔøma.",
    "Bei Kortison auf Dauer.": "kɔɾtiːzˈoːn",
    "Bei Verwirrtheit.": "fɛɾvˈɪɾthaɪt.",
    "Wenn der Schmerz zunimmt.": "tsˈuːnˌɪmt.",
    "Die nächste Stelle.": "nˈɛːçstə",
    "Du kennst den Weg, geh weg.": "vˈeːk, ɡˈeː vˈɛk.",
    "Fünf von zehn, höchstens sechs.": "hˈøːçstəns",
    "Bei Thrombose oder Blutverdünnern.": "blˈuːtfɛɾdˌʏnɜn.",
    "Das ist ein Notfall.": "nˈoːtfˌal.",
    "Bevor du dich bewegst.": "bəvˈeːkst.",
    "Wenn es nicht nachlässt.": "nˈɑːxlˌɛst.",
    "Tiefer, als du reichst.": "rˈaɪçst.",
    "Solange es dir guttut.": "ɡˈuːttˌuːt.",
    "Muskelkater bei schlechter Durchblutung.": "mˈʊskəlkˌɑːtɜ baɪ ʃlˈɛçtɜ dˈʊɐçblˌuːtʊŋ.",
    "Wie ein Stromschlag.": "ʃtɾˈoːmʃlˌɑːk.",
    "Auf den Muskelstreifen.": "mˈʊskəlʃtɾˌaɪfən.",
    "Bei verengten Halsarterien.": "hˈalsʔaɾtˌeːriːən.",
    "Am Wulst eingehakt.": "ˈaɪnɡəhˌɑːkt.",
    "Wo der Nacken in die Schulter übergeht.": "ˈyːbɜɡˌeːt.",
    "Im großen Gesäßmuskel.": "ɡəzˈɛːsmˌʊskəl.",
    "Migräne, Knieschmerzen, Spannungskopfschmerzen.": (
        "miːɡɾˈɛːnə, knˈiːʃmˌɛɾtsən, ʃpˈanʊŋskɔpfʃmˌɛɾtsən."
    ),
}


@pytest.mark.parametrize("sentence", ENGLISH)
def test_an_english_word_is_said_right_in_its_sentence(sentence):
    assert stressless(ENGLISH[sentence]) in stressless(said(sentence, "en"))


@pytest.mark.parametrize("sentence", GERMAN)
def test_a_german_word_is_said_right_in_its_sentence(sentence):
    assert stressless(GERMAN[sentence]) in stressless(said(sentence, "de"))


GERMAN_PARTS = {
    "[Bb]lut": "bl[ˈˌ]uːt", "[Ff]uß": "f[ˈˌ]uːs", "[Nn]ot[fr]": "n[ˈˌ]oːt", "[Nn]ach": "n[ˈˌ]ɑːx",
    "Strom": "ʃtɾ[ˈˌ]oːm", "Puls": "p[ˈˌ]ʊls", "Hals": "h[ˈˌ]al[sz]", "[Gg]esäß": "ɡəz[ˈˌ]ɛːs",
    "[Oo]ber": "ˈoːbɜ?", "[Uu]nter(?!such)": "ˈʊnt", "[Hh]inter": "h[ˈˌ]ɪnt", "[Vv]order": "fˈɔɾd",
    "[Aa]tm": "ˈɑːtm", "(?:[Aa]us|[Ee]in)atm": "ˈa[ʊɪ][sn]ˌɑːtm", "Selbst": "zˈɛlpst",
    "Schulter": "ʃˈʊltɜ", "Muskel": "mˈʊskəl",
}  # fmt: skip
"""How words sound that begin so."""
GERMAN_ENDS = {"schmerz": "ʃm[ˈˌ]ɛɾts", "schmerzen": "ʃm[ˈˌ]ɛɾtsən", "streifen": "ʃtɾ[ˈˌ]aɪfən"}


def test_every_german_word_of_the_texts_sounds_as_its_parts_do():
    texts = [
        path.read_text("utf-8")
        for name in ("phrases.toml", "muscles.toml", "methods.toml", "regions/*.toml")
        for path in (SCRIPTS / "de").glob(name)
    ]
    texts += [path.read_text("utf-8") for path in SCRIPTS.glob("kinds/*/de.toml")]
    words = set(re.findall(r"[^\W\d_]{3,}", re.sub(r"(?m)^\s*#.*$", "", "\n".join(texts))))
    assert len(words) > 1200
    wrong = []
    for word in words:
        ipa = said(word, "de").rstrip(".")
        begins = [sound for part, sound in GERMAN_PARTS.items() if re.match(part, word)]
        ends = [sound for part, sound in GERMAN_ENDS.items() if word.lower().endswith(part)]
        parts = [
            *(re.match(one, ipa) for one in begins),
            *(re.search(f"{one}$", ipa) for one in ends),
        ]
        if not all(parts):
            wrong.append((word, ipa))
    assert not wrong


def stressless(ipa: str) -> str:
    """Return IPA without stress on words of one syllable, which depends on the sentence."""
    vowels = "aæɐɑɒeəɛɜɚiɪoɔøœuʊʌyʏᵻ"
    words = ipa.split()
    short = [len(re.findall(f"[{vowels}]+", word)) < 2 for word in words]
    return " ".join(
        re.sub("[ˈˌ]", "", word) if one else word for word, one in zip(words, short, strict=True)
    )


def test_every_entry_is_of_signs_that_espeak_says_back():
    for language in ("en", "de"):
        for entry in library.lexicon(language).entries:
            assert not phonemes.unknown(entry.said), entry
            ipa = espeak().ipa(f"[[{entry.said}]]", language)
            assert len(re.sub("[ˈˌː. ]", "", ipa)) >= len(re.sub("[ˈˌː ̯̩]", "", entry.said)) - 1


@pytest.mark.parametrize(
    ("language", "ipa", "heard"),
    [
        ("en", "tʃɜːtʃ ʒæ ðɪŋ θɔ", "tʃɜːtʃ ʒæ ðɪŋ θɔ"),
        ("en", "hɑːɹ bɒt kʌp fʊt", "hɑːɹ bɑːt kʌp fʊt"),
        ("en", "d͡ʒɔɪ haʊ naɪt ɡoʊ deɪ", "dʒɔɪ haʊ naɪt ɡoʊ deɪ"),
        ("de", "yːbɐ ʃøːn hœlə ɔʏlə", "yːbɜ ʃøːn hœlə ɔølə"),
        ("de", "ɪç ax ʒeː ŋa pfat tsaɪt", "ɪç ax ʒeː ŋa pfat tsaɪt"),
        ("de", "huːt mʏt foːɐ̯ t͡saːl", "huːt mʏt foːɾ tsɑːl"),
    ],
)
def test_ipa_becomes_mnemonics_that_espeak_prints_as_the_same_ipa(language, ipa, heard):
    assert espeak().ipa(f"[[{ipa}]]", language) == heard


def test_the_mnemonics_of_a_script_are_read_as_ipa():
    assert phonemes.from_espeak("t@m'A:t@U", "en-GB") == "təmˈɑːtəʊ"
    assert phonemes.from_espeak("k'OpfSm,Erts", "de") == "kˈɔpfʃmˌɛʁts"
    assert phonemes.from_espeak("ü", "de") is None


def final_fricative(samples: np.ndarray) -> float:
    """Return the share of energy below 500 Hz in the first fricative after the first vowel."""
    size, hop = FRAME_MS * FRAMES_PER_MS, HOP_MS * FRAMES_PER_MS
    hz = np.fft.rfftfreq(size, 1 / 48_000)
    rows = []
    for begin in range(0, min(len(samples), 900 * FRAMES_PER_MS) - size, hop):
        power = np.abs(np.fft.rfft(samples[begin : begin + size] * np.hanning(size))) ** 2
        rows.append((power.sum(), power[hz > 3500].sum(), power[hz < 500].sum()))
    total, high, low = np.array(rows).T + 1e-9
    vowel = int(np.argmax(total[: 350 // HOP_MS]))
    noisy = vowel + int(np.argmax(high[vowel:] > 0.02 * total[vowel:]))
    end = noisy + int(np.argmin(high[noisy:] > 0.02 * total[noisy:]))
    assert 30 <= (end - noisy) * HOP_MS <= 160
    return float(low[noisy:end].sum() / total[noisy:end].sum())


@pytest.mark.parametrize("sentence", ["Close your eyes.", "Use the flat of your hand."])
def test_verbs_end_in_a_voiced_sound(ssml, tmp_path, sentence):
    path = tmp_path / "x.wav"
    Session(ssml(f"<s>{sentence}</s>")).export(path)
    assert final_fricative(decode(path)) > 0.4
    word, rest = sentence.split(" ", 1)
    voiceless = {"Close": "ˈkloʊs", "Use": "ˈjuːs"}[word]  # as the adjective and the noun are
    Session(ssml(f'<phoneme ph="{voiceless}">{word}</phoneme> {rest}')).export(path)
    assert final_fricative(decode(path)) < 0.1


# Entries


LEXICON = Lexicon(
    [
        Entry("close to", "kloʊs", is_ipa=True, first=1),
        Entry("close", "kloʊz", is_ipa=True),
        Entry("Weg", "veːk", is_ipa=True),
        Entry("TFL", "outer hip", is_ipa=False),
        Entry("z. B.", "zum Beispiel", is_ipa=False),
        Entry("hip", "hɪp", is_ipa=True),
        Entry("close", "never", is_ipa=True),
    ]
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Close it.", "[[kloʊz]] it."),
        ("close  to it, CLOSE", "[[kloʊs]]  to it, [[kloʊz]]"),
        ("closet, disclose, close-up", "closet, disclose, close-up"),
        ("Der Weg ist weg.", "Der [[veːk]] ist weg."),
        ("The TFL!", "The outer [[hɪp]]!"),
        ("So z. B. und z.B. jetzt", "So zum Beispiel und zum Beispiel jetzt"),
        ("[[close]] close", "[[close]] [[kloʊz]]"),
        ("", ""),
    ],
)
def test_whole_words_are_replaced_and_the_longest_entry_wins(text, expected):
    assert LEXICON.applied(text) == expected


def test_voices_without_phonemes_get_the_aliases():
    assert LEXICON.aliased("Close to the TFL.") == "Close to the outer hip."


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A library of one's own, with a lexicon of English."""
    folder = tmp_path / "own"
    (folder / "en").mkdir(parents=True)
    (folder / "en/lexicon.toml").write_text(
        '[phonemes]\n"fascia" = "ˈfeɪsiə"\n[aliases]\n"TFL" = "outer hip muscle"\n', "utf-8"
    )
    return folder


def test_the_users_lexicon_wins_and_the_other_words_stay(own):
    lexicon = library.lexicon("en-GB", own)
    assert lexicon.applied("fascia, close") == "[[ˈfeɪsiə]], [[ˈkloʊz]]"
    assert library.lexicon("xx", own).applied("fascia") == "fascia"


def test_what_sounds_different_by_a_lexicon_is_made_anew(tmp_path):
    path = tmp_path / "en/lexicon.toml"
    path.parent.mkdir()
    made = set()
    for sound in ("kæf", "kɔf", "kɔf"):
        path.write_text(f'[phonemes]\n"calf" = "{sound}"\n', "utf-8")
        made.add(Session("calf", library=tmp_path).fingerprint)
    assert len(made) == 2


def test_captions_keep_the_text_and_engines_get_the_sound(own, ssml):
    session = Session(ssml("Close the fascia and the TFL."), library=own)
    ((_, utterance),) = session.utterances
    assert utterance.text == "Close the fascia and the TFL."
    assert utterance.said == "Close the fascia and the outer hip muscle."
    assert utterance.phonemes == "[[ˈkloʊz]] the [[ˈfeɪsiə]] and the outer hip muscle."
    assert [event.text for event in session.timeline.events] == [utterance.text]
    assert session.warnings == ()


def test_a_quotation_is_said_by_the_lexicon_of_its_language(ssml):
    session = Session(ssml('Close. <lang xml:lang="de">Atme.</lang>'))
    assert [one.phonemes for _, one in session.utterances] == ["[[ˈkloʊz]].", "[[ˈaːtmə]]."]


def test_german_is_written_as_anyone_would_write_it():
    texts = voiceguide("script", "shoulder-blade", "--language", "de", "--format", "vtt").stdout
    assert "Schulterblatt" in texts
    assert "Trigger-Tool" not in texts


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ('[phonemes]\n"x" = "ʘ"\n', "2: phonemes.x: “ʘ” is not a sign of IPA"),
        ('[phonemes]\n"x" = "a"\n"one" = "a b"\n', "3: phonemes.one: has fewer words"),
        ('[phonemes]\n"x" = ""\n', "2: phonemes.x: "),
        ('[aliases]\n"x" = "[[a]]"\n', "2: aliases.x: has double brackets"),
        ('[alias]\n"x" = "y"\n', "1: unknown key “alias”"),
    ],
)
def test_a_mistake_is_named_with_its_line(own, text, mistake):
    path = own / "en/lexicon.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(LibraryError) as caught:
        library.lexicon("en", own)
    assert str(caught.value).startswith(f"{path}:{mistake}")


# W3C PLS 1.0, <lexicon>, <lookup> and <phoneme>


def pls(*lexemes: str, attributes: str = 'alphabet="ipa" xml:lang="en"') -> str:
    space = "http://www.w3.org/2005/01/pronunciation-lexicon"
    return f'<lexicon version="1.0" xmlns="{space}" {attributes}>{"".join(lexemes)}</lexicon>'


def lexeme(*parts: str) -> str:
    return f"<lexeme>{''.join(parts)}</lexeme>"


YARROW = lexeme("<grapheme>yarrow</grapheme><phoneme>ˈjɛroʊ</phoneme>")


@pytest.fixture
def words(tmp_path: Path):
    """Return a function that reads a script with a lexicon of these lexemes."""

    def read(body: str, document: str) -> ssml.Script:
        (tmp_path / "words.pls").write_text(document, "utf-8")
        return parsed(f'<lexicon uri="words.pls" xml:id="w"/>{body}', folder=tmp_path)

    return read


@pytest.mark.parametrize(
    ("document", "spoken"),
    [
        (pls(YARROW), "[[ˈjɛroʊ]]"),
        (pls(lexeme("<grapheme>no</grapheme><grapheme>yarrow</grapheme><phoneme>a</phoneme>")),
         "[[a]]"),
        (pls(lexeme("<grapheme>yarrow</grapheme><phoneme>a</phoneme>"
                    '<phoneme prefer="true">b</phoneme>')), "[[b]]"),
        (pls(lexeme("<grapheme>yarrow</grapheme>"
                    '<phoneme alphabet="x-espeak">j\'aroU</phoneme>')), "[[jˈæɹoʊ]]"),
        (pls(YARROW, attributes='alphabet="ipa" xml:lang="de"'), None),
        (pls(YARROW, attributes='alphabet="x-sampa" xml:lang="en"'), None),
    ],
)  # fmt: skip
def test_a_lexicon_says_how_words_in_a_lookup_sound(words, document, spoken):
    script = words('yarrow <lookup ref="w">yarrow.</lookup>', document)
    (speech,) = script.root.children
    assert speech.text == "yarrow yarrow."
    assert speech.phonemes == (spoken and f"yarrow {spoken}.")
    assert len(script.warnings) == document.count("x-sampa")


def test_an_alias_of_a_lexicon_is_said_and_what_is_written_is_shown(words):
    document = pls(lexeme("<grapheme>W3C</grapheme><alias>World Wide Web Consortium</alias>"))
    (speech,) = words('<lookup ref="w">The W3C.</lookup>', document).root.children
    assert (speech.text, speech.said) == ("The W3C.", "The World Wide Web Consortium.")
    assert Utterance.of(speech).said == "The World Wide Web Consortium."


def test_the_inner_lookup_goes_first_and_a_phoneme_before_both(words, tmp_path):
    other = lexeme("<grapheme>wren</grapheme><phoneme>ɹɛn</phoneme>")
    other += lexeme("<grapheme>yarrow</grapheme><phoneme>u</phoneme>")
    (tmp_path / "birds.pls").write_text(pls(other), "utf-8")
    body = """<lexicon uri="birds.pls" xml:id="b"/><lookup ref="w">yarrow
        <lookup ref="b">yarrow wren <phoneme ph="ə">wren</phoneme></lookup> wren</lookup>"""
    (speech,) = words(body, pls(YARROW)).root.children
    assert speech.phonemes == "[[ˈjɛroʊ]] [[u]] [[ɹɛn]] [[ə]] wren"


@pytest.mark.parametrize(
    ("document", "mistake"),
    [
        ("<a/>", "1:1: the root is <a>, but must be <lexicon>"),
        (pls(YARROW)[:-3], "is not well-formed"),
        (pls(YARROW, attributes=""), "1:1: <lexicon> needs xml:lang"),
        (pls(lexeme("<phoneme>a</phoneme>")), "<lexeme> needs a <grapheme>"),
        (pls(lexeme("<grapheme>a</grapheme>")), "<lexeme> needs a <phoneme> or an <alias>"),
        (pls(lexeme("<grapheme>a</grapheme><alias>[[a]]</alias>")), "double brackets"),
        ('<!DOCTYPE lexicon [<!ENTITY a "b">]>' + pls(YARROW), "declares the entity “a”"),
        ('<!DOCTYPE lexicon [<!ENTITY a SYSTEM "/etc/passwd">]>' + pls(YARROW), "the entity “a”"),
        (pls(lexeme("<grapheme>a</grapheme><alias>&a;</alias>")), "unknown entity “&a;”"),
        (pls("<x>" * 200), "nested more than 150 deep"),
    ],
)
def test_what_is_wrong_with_a_lexicon_is_said_with_file_and_line(words, document, mistake):
    with pytest.raises(ScriptError, match=r"my\.ssml:1:\d+: .*words\.pls:1:\d+: ") as caught:
        words("One.", document)
    assert mistake in str(caught.value)


@pytest.mark.parametrize(
    "uri",
    ["no.pls", "../words.pls", "/etc/words.pls", "http://example.com/words.pls", "file:words.pls"],
)
def test_only_files_beside_the_script_and_in_the_library_are_read(tmp_path, uri):
    (tmp_path / "words.pls").write_text(pls(YARROW), "utf-8")
    (tmp_path / "scripts").mkdir()
    body = f'<lexicon uri="{uri}" xml:id="w"/><lookup ref="w">yarrow</lookup>'
    script = parsed(body, folder=tmp_path / "scripts")
    (speech,) = script.root.children
    assert speech.phonemes is None
    (warning,) = script.warnings
    assert f"no lexicon '{uri}' beside the script or in the library" in warning


def test_a_lexicon_is_found_in_the_library(own, ssml):
    (own / "en/plants.pls").write_text(pls(YARROW), "utf-8")
    script = ssml('<lexicon uri="plants.pls" xml:id="p"/><lookup ref="p">yarrow</lookup>')
    session = Session(script, library=own)
    assert [one.phonemes for _, one in session.utterances] == ["[[ˈjɛroʊ]]"]


@pytest.mark.parametrize(
    ("body", "warning"),
    [
        ('<lookup ref="w">yarrow</lookup>', "no <lexicon> before has the xml:id “w”"),
        ("<lookup>yarrow</lookup>", "<lookup> needs a ref"),
        ('<phoneme ph="ʘ">yarrow</phoneme>', "<phoneme> cannot be read"),
        ('<phoneme alphabet="x-sampa" ph="a">yarrow</phoneme>', "'x-sampa'> is not supported"),
    ],
)
def test_what_cannot_be_said_otherwise_is_said_as_written_with_a_warning(body, warning):
    script = parsed(body)
    (speech,) = script.root.children
    assert (speech.text, speech.phonemes) == ("yarrow", None)
    assert warning in script.warnings[0]


def test_phonemes_are_ipa_by_default():
    (speech,) = parsed('A <phoneme ph="təˈmeɪtoʊ">tomato</phoneme>, 3 min.').root.children
    assert speech.text == "A tomato, 3 min."
    assert Utterance.of(speech).phonemes == "A [[təˈmeɪtoʊ]], three minutes."
    assert phonemes.parts(speech.phonemes) == [
        ("A ", False), ("təˈmeɪtoʊ", True), (", 3 min.", False)
    ]  # fmt: skip


# voiceguide pronounce


def test_pronounce_prints_what_is_made_of_a_word_and_writes_it(tmp_path):
    path = tmp_path / "x.wav"
    done = voiceguide("pronounce", "fascia", "Use it", "-o", path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:3] == ["fascia", "  espeak-ng     fˈeɪʃiə", "  with lexicon  fˈæʃə"]
    assert lines[-1] == str(path)
    assert any("to pyttsx3" in line for line in lines)
    assert len(decode(path)) > 700 * FRAMES_PER_MS


def test_pronounce_takes_a_language_and_a_library(own):
    done = voiceguide("pronounce", "Atme", "--language", "de", "--quiet")
    assert "  with lexicon  ˈɑːtmə" in done.stdout.splitlines()
    done = voiceguide("pronounce", "fascia", "--library", own, "--quiet")
    assert "  with lexicon  fˈeɪsiə" in done.stdout.splitlines()


def test_pronounce_names_each_voice_that_says_it(monkeypatch):
    monkeypatch.setenv("VOICEGUIDE_NO_PACKAGED_VOICES", "1")
    done = voiceguide("pronounce", "fascia")
    assert "This is default." in done.stderr


@pytest.mark.parametrize("given", ["\udcff", "a\x01"], ids=["not UTF-8", "a control sign"])
def test_pronounce_refuses_what_is_not_text(given):
    for arguments in ((given,), ("x", "--language", given)):
        done = voiceguide("pronounce", *arguments, "-q")
        assert done.returncode == 2
        assert "is not text, or not UTF-8" in done.stderr


def test_pronounce_says_why_nothing_is_heard():
    assert voiceguide("pronounce", "x", "--language", "xx", "-q").returncode == 1


def test_pronounce_refuses_what_nobody_says():
    done = voiceguide("pronounce", "fascia", "--voice", "nobody", "-q")
    assert done.returncode == 1
    assert "no voice “nobody”" in done.stderr
    done = voiceguide("pronounce", "fascia", " ", "-q")
    says = "voiceguide: “”: there is nothing to say; give words or phrases\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", says)
