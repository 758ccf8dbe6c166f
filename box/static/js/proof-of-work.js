// What a browser works out while somebody fills in a form that needs no account: see box.lib.proof_of_work.

import { sha256 } from "./sha256.js";

// Sooner than this the portal takes nothing back.
const SOONEST = 3500;

/** Asks for a challenge, and solves it: `{challenge, work}` once it may be sent. */
export async function solve(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error("no challenge");
  const readyAt = Date.now() + SOONEST;
  const { challenge, bits } = await answer.json();
  const work = await worked(challenge, bits);
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, readyAt - Date.now())));
  return { challenge, work };
}

// The first number for which SHA-256 of `challenge:number` begins with so many zero bits. In portions, so that
// whoever writes meanwhile notices nothing. Browsers' own SHA-256 is not there for a form in a page without TLS.
async function worked(challenge, bits) {
  const portion = 500;
  for (let work = 0; ; work++) {
    if (sha256(`${challenge}:${work}`)[0] >>> (32 - bits) === 0) return String(work);
    if (work % portion === portion - 1) await new Promise((resolve) => setTimeout(resolve));
  }
}
