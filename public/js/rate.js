import { $, number } from './page.js';

// How many events come in a second: a ring of counters, one for each second of the last minute.

const SECONDS = 60;

const rates = new Uint32Array(SECONDS);
let second = thisSecond(); // of the newest counter
let drawn = second; // up to which the chart shows

function thisSecond() {
  return Math.floor(performance.now() / 1000);
}

/** Counts an event. @returns {number} How many have come in this second. */
export function countEvent() {
  turn();
  return ++rates[second % SECONDS];
}

function turn() {
  const now = thisSecond();
  if (now - second >= SECONDS) rates.fill(0);
  else while (second < now) rates[++second % SECONDS] = 0;
  second = now;
}

/** Draws the seconds that are over, unless it has. The one that has only begun would always look like a dip. */
export function drawRate() {
  turn();
  if (drawn === second) return;
  drawn = second;
  const past = Array.from({ length: SECONDS - 1 }, (_, i) => rates[(second + 1 + i) % SECONDS]);
  const most = Math.max(...past);
  const points = past.map((rate, i) => `${(120 * i / (SECONDS - 2)).toFixed(1)},${(31 - 30 * rate / Math.max(most, 1)).toFixed(1)}`);
  $('rate-now').textContent = number.format(past.at(-1));
  $('rate-text').textContent = `at most ${number.format(most)} in the last minute`;
  $('rate-chart').querySelector('.line').setAttribute('d', `M${points.join('L')}`);
  $('rate-chart').querySelector('.area').setAttribute('d', `M0,32L${points.join('L')}L120,32Z`);
}
