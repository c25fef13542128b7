import { $, inMs } from './page.js';

// How long what this page publishes takes to come back.

const MAX_LATENCIES = 40;

const latencies = [];

export function noteLatency(milliseconds) {
  latencies.push(milliseconds);
  if (latencies.length > MAX_LATENCIES) latencies.shift();
  const count = latencies.length;
  const sorted = latencies.toSorted((a, b) => a - b);
  const bars = latencies.map((value, i) => `M${120 - 3 * (count - i) + 1.5},32V${(31 - 30 * value / sorted.at(-1)).toFixed(1)}`);
  $('latency-now').textContent = inMs(milliseconds);
  $('latency-text').textContent = count === 1 ? 'from here to here'
    : `median ${inMs(sorted[count >> 1])}, worst ${inMs(sorted.at(-1))} of ${count}`;
  $('latency-chart').firstElementChild.setAttribute('d', bars.join(''));
}
