<?xml version="1.0" encoding="UTF-8"?>
<!-- How words sound, for a script: <lexicon uri="words.pls" xml:id="words"/>
     <lookup ref="words">Breathe towards the psoas, and relax the TFL.</lookup> -->
<lexicon version="1.0" xmlns="http://www.w3.org/2005/01/pronunciation-lexicon"
         alphabet="ipa" xml:lang="en">
  <lexeme>
    <grapheme>psoas</grapheme>
    <phoneme>ˈsoʊæs</phoneme>
    <phoneme prefer="true">ˈsoʊəs</phoneme>
  </lexeme>
  <lexeme>
    <grapheme>TFL</grapheme>
    <alias>outer hip muscle</alias>
  </lexeme>
</lexicon>
