// The address alone says what is shown: #neck and #breathing the options, #session/ID the player (or
// the progress), #playlist/NAME and #playlist/NAME/3. So "back" and "reload" do what they should.
//
//   common    texts, elements, what is kept, asking the computer
//   choose    the body, the lists
//   options   the form
//   site      instead, where it is published: what there is, and keeping it on the phone
//   request   what is asked of the computer
//   making    progress, what is made
//   player    the stage, and how it plays
//   sound     a file, taken in whole
//   awake     the screen stays on
//   listen    what is said steers it
//   diary     favourites and what was heard, on this phone only

import { $, place, site, subjectOf, view } from "./common.js";
import { mark, showChoose } from "./choose.js";
import { carryOn, showPlaylist, showSession, showTrack } from "./making.js";
import * as player from "./player.js";

const { layAside, showSubject } = site ? await import("./site.js") : await import("./options.js");

async function route(event) {
  const mine = ++view.shown;
  const [first, id, number] = place();
  const chosen = subjectOf(first);
  mark(chosen?.id);
  if (first === "session" && id) await showSession(mine, id);
  else if (first === "playlist" && number) await showTrack(mine, id, Number(number));
  else if (first === "playlist" && id) await showPlaylist(mine, id);
  else if (chosen) await showSubject(chosen, mine);
  else showChoose();
  if (event && mine === view.shown) {
    if ($("#choose").hidden || $("#options").hidden) scrollTo(0, 0); // else they are side by side
    const title = $("main > section:not([hidden]):not(#choose) h1") || $("#choose h1");
    title.focus({ preventScroll: true });
  }
}

for (const link of document.querySelectorAll("header nav a")) { // in another language, the same place
  link.addEventListener("click", () => {
    layAside?.();
    player.layAside();
    link.hash = location.hash;
  });
}
addEventListener("hashchange", () => route(true));
route();
carryOn(player.takeBack());
