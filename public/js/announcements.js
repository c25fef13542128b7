import { $, number } from './page.js';

// What a screen reader says. It is one region, so that no text interrupts another, and it tells of events only now and then.

const SAY_EVERY_MS = 10_000;

let saidAt = 0;
let saidUpTo = 0;

export function say(text) {
  $('summary').textContent = text;
  saidAt = performance.now();
}

/** Says how many events are new, unless something was said just now. */
export function sayHowMany(arrived, isPaused) {
  const fresh = arrived - saidUpTo;
  if (!fresh || performance.now() - saidAt < SAY_EVERY_MS) return;
  saidUpTo = arrived;
  say(`${number.format(fresh)} new ${fresh === 1 ? 'event' : 'events'}${isPaused ? ', waiting' : ''}`);
}
