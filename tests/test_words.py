"""What people write, and what is said for it: numbers, units and abbreviations as words."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voiceguide import Session
from voiceguide.voices.words import spoken

ENGLISH = {
    # ranges
    "Hold for 3-5 minutes.": "Hold for three to five minutes.",
    "Hold 10–15 min.": "Hold ten to 15 minutes.",
    "Hold for 30–60 s, at 6/10.": "Hold for 30 to 60 seconds, at six out of ten.",
    "Press at 4-5/10 for 2mins.": "Press at four to five out of ten for two minutes.",
    "Do 8-12 reps.": "Do eight to twelve reps.",
    "Rest 30 s – 1 min.": "Rest 30 seconds to one minute.",
    "Work along T4-T6.": "Work along T four to T six.",
    "From L5–S1, or C3-7.": "From L five to S one, or C three to seven.",
    "Stages I–III, then stage IV.": "Stages one to three, then stage four.",
    "Studies from 1990–1995": "Studies from 1990 to 1995",
    "the IV drip, IV bags, an IV-line": "the I V drip, I V bags, an I V-line",
    "An IV: IV fluids in Phase IV.": "An I V: I V fluids in Phase four.",
    "Phase IV therapy, type IV lines": "Phase four therapy, type four lines",
    # units
    "Wait 1 min.": "Wait one minute.",
    "Hold for 45 s.": "Hold for 45 seconds.",
    "a 30 s hold": "a 30 second hold",
    "a 5-min rest": "a five-minute rest",
    "1 hr, 2 hrs": "one hour, two hours",
    "5 min. of rest": "five minutes of rest",
    "Rest 5 min. Then stand up.": "Rest five minutes. Then stand up.",
    "5 cm, 10 kg, 5 lb, 6 ft": "five centimeters, ten kilos, five pounds, six feet",
    "250 ml at 5 km/h": "250 milliliters at five kilometers per hour",
    "100 %, 45°, 20 °C": "100 percent, 45 degrees, 20 degrees Celsius",
    "5 breaths/min, 10 reps/side": "5 breaths per minute, 10 reps per side",
    "a few mins": "a few minutes",
    # numbers
    "2.5 kg": "two point five kilos",
    "1,000.5": "1,000 point five",
    "~30 reps": "about 30 reps",
    "½ hour, 1½ hours, ¾ cup": "half an hour, one and a half hours, three quarters of a cup",
    "1/2 hour, 2 1/2 min": "half an hour, two and a half minutes",
    "2x a day": "two times a day",
    "1x": "once",
    "3x10 reps, 3 x 30 s": "three times 10 reps, three times 30 seconds",
    "10x15 cm, 5×5 cm": "ten by 15 centimeters, five by five centimeters",
    "Repeat x3.": "Repeat three times.",
    "the 1st, 2nd and 23rd": "the first, second and twenty-third",
    "No. 5, max. 5 min": "number 5, at most five minutes",
    # times of day
    "Start at 8:00.": "Start at eight o'clock.",
    "Stop at 20:00.": "Stop at eight o'clock in the evening.",
    "9:00-17:00": "nine o'clock to five o'clock in the afternoon",
    "8 am, 8:00 p.m., 8:30 pm, 8–9 am": "eight AM, eight PM, 8:30 PM, eight to nine AM",
    # abbreviations
    "a tool, e.g. a ball": "a tool, for example a ball",
    "E.g. a ball.": "For example a ball.",
    "balls, rollers, etc.": "balls, rollers, et cetera.",
    "Balls etc. Then rest.": "Balls et cetera. Then rest.",
    "gently, i.e. slowly": "gently, that is slowly",
    "left vs. right": "left versus right",
    "w/ a ball, w/o force": "with a ball, without force",
    "approx. here": "approximately here",
    "Ask Dr. Smith or Mrs. Jones.": "Ask Doctor Smith or Missis Jones.",
    "8:30–9:00 am, 8 – 9:15 pm": "8:30 to nine AM, eight to 9:15 PM",
}
GERMAN = {
    # ranges
    "Halte 3-5 Minuten.": "Halte drei bis fünf Minuten.",
    "Halte 30–60 Sek., dann 2 Min. Pause.": "Halte 30 bis 60 Sekunden, dann zwei Minuten Pause.",
    "Warte 1 min, höchstens 6/10.": "Warte eine Minute, höchstens sechs von zehn.",
    "1–2 Atemzüge": "ein bis zwei Atemzüge",
    "T4-T6, Th7–Th8": "T vier bis T sechs, T sieben bis T acht",
    "Stufe II": "Stufe zwei",
    # ordinals
    "Am 3. Tag, zum 2. Mal.": "Am dritten Tag, zum zweiten Mal.",
    "der 3. Tag, die 2. Runde, das 3. Mal": "der dritte Tag, die zweite Runde, das dritte Mal",
    "In der Hand. Der 3. Tag": "In der Hand. Der dritte Tag",
    "in der 3. Woche, mit der 2. Hand": "in der dritten Woche, mit der zweiten Hand",
    "ein 2. Mal, jeder 2. Tag": "ein zweites Mal, jeder zweite Tag",
    "am 3. und 4. Tag": "am dritten und vierten Tag",
    "vom 3.–5. Mai, bis zum 21.": "vom dritten bis fünften Mai, bis zum einundzwanzigsten.",
    "3. Tag": "dritter Tag",
    # units
    "Halte 45 s.": "Halte 45 Sekunden.",
    "Warte 2 Min. Atme ruhig.": "Warte zwei Minuten. Atme ruhig.",
    "ca. 1 Std. lang": "zirka eine Stunde lang",
    "1 kg, 1 Minute, 1 %": "ein Kilo, eine Minute, ein Prozent",
    "nach 1 min, nach 1 Tag": "nach einer Minute, nach einem Tag",
    "Drück 1 cm tief, 1 Tag lang.": "Drück einen Zentimeter tief, einen Tag lang.",
    "5 cm, 250 ml, 5 km/h": "fünf Zentimeter, 250 Milliliter, fünf Kilometer pro Stunde",
    "5-min-Pause, 10-kg-Hantel": "fünf-Minuten-Pause, zehn-Kilo-Hantel",
    "3 Wdh. pro Min.": "drei Wiederholungen pro Minute.",
    "2x/Tag, 5 Atemzüge/Min.": "zweimal pro Tag, 5 Atemzüge pro Minute.",
    "10×15 cm, 5x5 cm": "zehn mal 15 Zentimeter, fünf mal fünf Zentimeter",
    # numbers
    "2,5 kg": "zwei Komma fünf Kilo",
    "1.000,5": "1.000 Komma fünf",
    "~30 Schritte": "etwa 30 Schritte",
    "½ Stunde, 1½ Stunden": "eine halbe Stunde, eineinhalb Stunden",
    "nach ½ Stunde, ½ Liter": "nach einer halben Stunde, einen halben Liter",
    "3/4 Std. lang": "eine dreiviertel Stunde lang",
    "2x täglich, 2-3x": "zweimal täglich, zwei bis drei Mal",
    "3 x 30 Sek. lang": "drei mal 30 Sekunden lang",
    "max. 5 Min. lang, Nr. 3": "maximal fünf Minuten lang, Nummer 3",
    # times of day
    "um 20:00, um 8:00 Uhr": "um zwanzig Uhr, um acht Uhr",
    "8:30 Uhr, 8.05 Uhr, 1 Uhr": "acht Uhr 30, acht Uhr fünf, ein Uhr",
    "8:00–9:00 Uhr, 18–20 Uhr": "acht bis neun Uhr, 18 bis 20 Uhr",
    # abbreviations
    "Z.B. ca. 5 cm tief, d.h. sanft usw.": (
        "Zum Beispiel zirka fünf Zentimeter tief, das heißt sanft und so weiter."
    ),
    "z. B. so, d. h. anders": "zum Beispiel so, das heißt anders",
    "Ball usw. Dann weiter.": "Ball und so weiter. Dann weiter.",
    "Arme bzw. Beine, evtl. beide": "Arme beziehungsweise Beine, eventuell beide",
    "Frag Dr. Meier, Fr. Huber oder Hr. Kurz": "Frag Doktor Meier, Frau Huber oder Herr Kurz",
    "in der Regel, i. d. R. kurz": "in der Regel, in der Regel kurz",
}
UNTOUCHED = {
    "en": (
        "Hold for 45, 10 seconds.", "On 6/10/2026, size 5 S, time=9s", "2026-06-10",
        "Call 555-1234 or 030 123-456.", "box breathing, 4-7-8", "open 24/7", "version 1.2.3",
        "Python 3.11-3.13", "They won 3-2.", "the 1990s, the '90s, in your 40s", "on 1/2", "11/10",
        "Mulholland Dr.",
        "the part I like", "Hold for 2:00.", "1,000 steps", "No. It is not.", "Use min effort.",
        "Half past 8:30", "a 21th", "and/or", "BMW x3 drives", "I. Then II.x", "8:00:00", "...", "",
    ),
    "de": (
        "Halte 45, 10 Sekunden.", "am 6.10.2026", "Größe 5 S", "030 123-456", "4-7-8", "3.11.2",
        "1. Lege dich hin. 2. Atme.", "Das war die 3. Dann weiter.", "Übung 3. Runde zwei.",
        "1.000 Schritte", "½ Apfel", "Ich bin so. Du auch.", "...", "",
    ),
    "fr": ("Pendant 45 s.", "3–5 min", "à 8:00", "M. Dupont"),
    "x-made-up": ("3–5 min",),
    "": ("3–5 min",),
}  # fmt: skip


@pytest.mark.parametrize(("written", "said"), ENGLISH.items())
def test_english_is_said_as_people_say_it(written, said):
    assert spoken(written, "en") == said
    assert spoken(written, "en-GB") == said


@pytest.mark.parametrize(("written", "said"), GERMAN.items())
def test_german_is_said_as_people_say_it(written, said):
    assert spoken(written, "de") == said
    assert spoken(written, "de-AT") == said


@pytest.mark.parametrize(
    ("language", "text"), [(one, text) for one, texts in UNTOUCHED.items() for text in texts]
)
def test_what_is_not_known_stays_as_it_is_written(language, text):
    assert spoken(text, language) == text


WRITTEN = st.lists(
    st.sampled_from(
        [*"0123:.,;-–/ ½¼x×~()°%", *" \n", "10", "1,000", "2.5", " min", "Min.", "Sek."]
    )
    | st.sampled_from(["e.g. ", "z. B. ", "usw.", "etc.", "Dr. ", "w/ ", " am ", "der ", " Tag"])
    | st.sampled_from(
        ["kg", "s", "8:00", " Uhr", "pm", "T4", "II", "stage ", "1st", "/min", "mins"]
    )
    | st.text(max_size=4),
    max_size=12,
).map("".join)


@pytest.mark.parametrize("language", ["en", "de"])
@settings(deadline=None, max_examples=300)
@given(text=st.text() | WRITTEN)
def test_any_text_is_taken_and_what_is_said_stays(language, text):
    said = spoken(text, language)
    assert spoken(said, language) == said


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize(
    "piece",
    ["1", "1,", "1.", "1 ", "1-", "½", "1½ ", "~", "1x", "z. ", "1.000.", "am 1. ", "8:00-", "min ",
     "1 min – ", " ", "ab/", "I-", "1. und ", '"', "Dr. "],
)  # fmt: skip
def test_a_long_text_takes_no_more_time_than_its_length_asks_for(language, piece):
    spoken("5 cm", language)

    def took_s(length: int) -> float:
        begin = time.process_time()
        spoken((piece * length)[:length], language)
        return time.process_time() - begin

    assert took_s(20_000) < 40 * (took_s(2_000) + 0.01)  # a hundred times as long if squared


def test_a_text_without_such_writing_loads_no_library():
    program = """
import sys
from voiceguide.voices.words import spoken
spoken("Let the pressure settle. Stay still, and breathe.", "en")
spoken("Halte 45 s.", "de")
print(*{"num2words", "babel"} & set(sys.modules))
spoken("Am 3. Tag", "de")
print(*{"num2words", "babel"} & set(sys.modules))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "\nnum2words\n"


# In a session


@pytest.mark.parametrize(
    ("language", "written", "said"),
    [
        ("en", "Hold for 3–5 min.", "Hold for three to five minutes."),
        ("de", "Halte am 3. Tag 1 min.", "Halte am dritten Tag eine Minute."),
        ("fr", "Pendant 45 s.", "Pendant 45 s."),
    ],
)
def test_captions_keep_the_writing_and_the_engine_says_the_words(ssml, language, written, said):
    session = Session(ssml(f'<lang xml:lang="{language}">{written}</lang>'))
    assert [utterance.said for _, utterance in session.utterances] == [said]
    assert [event.text for event in session.timeline.events] == [written]


def test_what_is_written_sounds_like_its_words(ssml):
    written, words, other = (
        Session(ssml(text, f"{number}.ssml")).samples()
        for number, text in enumerate(
            ["Hold for 3–5 min.", "Hold for three to five minutes.", "Hold for 3 5 min."]
        )
    )
    assert np.array_equal(written, words)
    assert not np.array_equal(written, other)


SOUND = {
    "en": (
        ("Hold for 3-5 minutes.", "Hold for three to five minutes."),
        ("Hold 10–15 min.", "Hold ten to fifteen minutes."),
        ("Rest 30–60 s.", "Rest thirty to sixty seconds."),
        ("Press at 4-5/10.", "Press at four to five out of ten."),
        ("Work along T4-T6.", "Work along T four to T six."),
        ("Wait 1 hr.", "Wait one hour."),
        ("Wait 5 mins.", "Wait five minutes."),
        ("Lean on it w/ a ball.", "Lean on it with a ball."),
        ("A tool, e.g. a ball.", "A tool, for example a ball."),
        ("The 21st day.", "The twenty-first day."),
        ("Start at 8:00.", "Start at eight o'clock."),
        ("Move 15 cm up.", "Move fifteen centimeters up."),
        ("Lift 70 kg.", "Lift seventy kilos."),
        ("Lift 8 lb.", "Lift eight pounds."),
        ("It is 6 ft long.", "It is six feet long."),
        ("Drink 15 ml.", "Drink fifteen milliliters."),
        ("Walk at 15 km/h.", "Walk at fifteen kilometers per hour."),
        ("Do it 2x.", "Do it two times."),
        ("Wait ~30 seconds.", "Wait about thirty seconds."),
        ("Wait ½ hour.", "Wait half an hour."),
        ("It weighs 1,000.5 kg.", "It weighs one thousand point five kilos."),
        ("A 5×5 cm cloth.", "A five by five centimeters cloth."),
    ),
    "de": (
        ("Halte 3-5 Minuten.", "Halte drei bis fünf Minuten."),
        ("Halte 10–15 min.", "Halte zehn bis fünfzehn Minuten."),
        ("Halte 30–60 Sek.", "Halte dreißig bis sechzig Sekunden."),
        ("Drück mit 4-5/10.", "Drück mit vier bis fünf von zehn."),
        ("Von T4-T6.", "Von T vier bis T sechs."),
        ("Leg z. B. ein Tuch hin.", "Leg zum Beispiel ein Tuch hin."),
        ("Ball, Rolle usw.", "Ball, Rolle und so weiter."),
        ("Noch ca. 20 cm.", "Noch zirka zwanzig Zentimeter."),
        ("Frag Dr. Meier.", "Frag Doktor Meier."),
        ("Warte 2 Std.", "Warte zwei Stunden."),
        ("Am 3. Tag.", "Am dritten Tag."),
        ("Um 20:00 Uhr.", "Um zwanzig Uhr."),
        ("Um 8:30 Uhr.", "Um acht Uhr dreißig."),
        ("Heb 70 kg.", "Heb siebzig Kilo."),
        ("Heb 8 lb.", "Heb acht Pfund."),
        ("Es ist 6 ft lang.", "Es ist sechs Fuß lang."),
        ("Trink 20 ml.", "Trink zwanzig Milliliter."),
        ("Geh mit 15 km/h.", "Geh mit fünfzehn Kilometer pro Stunde."),
        ("Mach es 2x.", "Mach es zweimal."),
        ("Warte ~30 Sekunden.", "Warte etwa dreißig Sekunden."),
        ("Warte ½ Stunde.", "Warte eine halbe Stunde."),
        ("Ein 5×5 cm großes Tuch.", "Ein fünf mal fünf Zentimeter großes Tuch."),
    ),
}


@pytest.mark.parametrize("language", SOUND)
def test_each_written_form_sounds_as_it_does_spelled_out(ssml, language):
    for written, words in SOUND[language]:
        one, other = (
            Session(ssml(f'<s xml:lang="{language}">{text}</s>', name)).samples()
            for text, name in ((written, "written.ssml"), (words, "words.ssml"))
        )
        assert one.any(), written
        assert np.array_equal(one, other), written


def test_a_time_is_said_with_the_hour(ssml):
    time_of = '<say-as interpret-as="time" format="{}">{}</say-as>.'
    script = ssml(
        f"<p>{time_of.format('hms24', '20:00')}</p><p>{time_of.format('hms12', '9:00')}</p>"
    )
    assert [utterance.said for _, utterance in Session(script).utterances] == [
        "eight o'clock in the evening.",
        "nine o'clock.",
    ]
