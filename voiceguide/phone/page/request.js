// Asking the computer to make something.

import { $, ask, go, kindOf, site, subjectOf, told } from "./common.js";

export const LONGEST_MIN = 180; // a session that is asked for
export const asked = new Map(); // by id, what was wanted: to offer another length

/** Have something made, and go where it is waited for; what is published is there. */
export async function request(kind, chosen) {
  if (site) { go(`#session/${chosen.target}`); return; }
  $("#trouble").replaceChildren();
  try {
    const answer = await ask(`api/${kind}s`, chosen);
    asked.set(answer.id, chosen);
    go(`#${kind}/${answer.id}`);
  } catch (error) {
    const [shown] = ["options", "making", "player", "choose"].filter((one) => !$(`#${one}`).hidden);
    const trouble = $(shown === "options" ? "#trouble" : `#${shown}-trouble`);
    trouble.replaceChildren(...told(error.message, error.detail));
  }
}

/** Have a playlist made of the same, whose tracks have some options each for themselves. */
export function requestPlaylist(chosen) {
  const own = kindOf(subjectOf(chosen.target))?.track_options || [];
  const without = (values, prefix = "") =>
    Object.fromEntries(Object.entries(values).filter(([name]) => !own.includes(prefix + name)));
  const { variables = {}, ...shared } = without(chosen);
  return request("playlist", { ...shared, variables: without(variables, "variables.") });
}
