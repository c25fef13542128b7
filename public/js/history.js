// The newest events that arrived, whether they are shown or not: pausing, filtering and "Show older" draw on them.

const MAX_KEPT = 50_000;
const MAX_KEPT_CHARACTERS = 32_000_000;

let kept = []; // oldest first
let characters = 0;
let arrived = 0; // never set back: the events' numbers
let received = 0; // since the list was cleared

/** How many events have come since the page was opened; the last one has this number. */
export const arrivedCount = () => arrived;
export const receivedCount = () => received;
export const keptCount = () => kept.length;
/** The number of the oldest event that is kept; 0 when none is. */
export const oldestKept = () => kept[0]?.n ?? 0;

/** Keeps an event, and numbers it. */
export function keep(event) {
  kept.push(Object.assign(event, { n: ++arrived }));
  received++;
  characters += event.data.length;
  // A tenth more, so that dropping is not done for every event.
  if (kept.length > 1.1 * MAX_KEPT || characters > 1.1 * MAX_KEPT_CHARACTERS) dropOldest();
}

function dropOldest() {
  let count = Math.max(0, kept.length - MAX_KEPT);
  characters = charactersOf(kept.slice(count));
  while (characters > MAX_KEPT_CHARACTERS && count < kept.length - 1) characters -= kept[count++].data.length;
  kept.splice(0, count);
}

/** Forgets the events up to a number. */
export function forgetUpTo(n) {
  kept = kept.filter(event => event.n > n);
  characters = charactersOf(kept);
  received = kept.length;
}

/** The newest matching events with numbers above one and up to another, newest first. */
export function newest(count, above, upTo, matches) {
  const found = [];
  for (let i = kept.length - 1; i >= 0 && kept[i].n > above && found.length < count; i--) {
    if (kept[i].n <= upTo && matches(kept[i])) found.push(kept[i]);
  }
  return found;
}

const charactersOf = events => events.reduce((sum, { data }) => sum + data.length, 0);
