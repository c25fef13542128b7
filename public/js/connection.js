import { $ } from './page.js';
import { say } from './announcements.js';
import { channelNames, streamUrl } from './channels.js';
import { requestFrame } from './frames.js';
import { store, stored } from './session.js';
import { EventStream } from './stream.js';
import { tokenIsGood, wantToken } from './token.js';

// The connection as the page shows it: its state, the banner of a loss, and when the next attempt is due.

const STATES = {
  connecting: 'Connecting…',
  open: 'Live',
  lost: 'Reconnecting…',
  gone: 'Server gone',
  refused: 'Refused',
  over: 'Ended',
  closed: 'Not connected',
};
const ATTEMPTS_UNTIL_GONE = 2;
const ANSWER_MS = 15_000;
const RETRY_MS = 3000; // after an answer that may be another one later
const STORED = 'last-id';
const ID = /^[^\0-\x1f\x7f]{1,1000}$/; // of what is stored, which anything on this host may have written

let stream = null;
let handlers;
let phase = 'closed';
let failures = 0; // attempts since it was last open
let nextAt = 0; // when the next attempt is due; 0 when none is
let retryTimer = 0;
let refusal = '';
let startId = '';

/** @param {{onevent: function(object), onclose: function()}} given onclose is called whenever the connection is not open. */
export function startConnection(given) {
  handlers = given;
  startId = ID.test(stored(STORED)) ? stored(STORED) : '';
  $('toggle').addEventListener('click', () => isAtRest() ? connect() : disconnect());
  $('retry').addEventListener('click', connect);
  addEventListener('pagehide', () => store(STORED, lastId()));
  // The browser froze the page, and closed its connection.
  addEventListener('pageshow', event => event.persisted && !isAtRest() && connect());
}

const isAtRest = () => phase === 'closed' || phase === 'over';

export const connectionPhase = () => phase;
/** Where a stream would go on: an event's id, or a position. */
export const lastId = () => stream?.lastEventId ?? startId;

/** Begins a stream for the channels that are chosen, behind what the one before brought. */
export function connect() {
  setPhase(phase === 'open' || isAtRest() ? 'connecting' : phase);
  openStream();
}

/** The same, but where the choice of the channels says, whatever the one before brought. */
export function connectAnew() {
  stream?.close();
  [stream, startId] = [null, ''];
  connect();
}

function openStream() {
  clearTimeout(retryTimer);
  const from = lastId();
  stream?.close();
  nextAt = 0;
  stream = new EventStream(streamUrl(), from, { onopen: opened, onevent: handlers.onevent, onwait: lost, onover: over, onrefused: refused });
  showCountdown();
}

function disconnect() {
  clearTimeout(retryTimer);
  stream.close();
  [failures, nextAt] = [0, 0];
  setPhase('closed');
}

function opened() {
  console.log('onopen');
  [failures, nextAt, refusal] = [0, 0, ''];
  tokenIsGood();
  setPhase('open');
}

function over() {
  console.log('onerror', 'closed');
  [failures, nextAt] = [0, 0];
  setPhase('over');
}

function lost(retryMs) {
  console.log('onerror', 'reconnecting');
  if (phase !== 'open') failures++;
  nextAt = performance.now() + retryMs;
  setPhase(failures < ATTEMPTS_UNTIL_GONE ? 'lost' : 'gone');
}

async function refused(answer) {
  console.log('onerror', 'closed');
  const asker = stream;
  const problem = answer.status === 200 ? null : await within(ANSWER_MS, answer.json());
  if (asker !== stream || phase === 'closed') return;
  stream.close();
  refusal = answer.status === 200 ? `The answer is no event stream: its type is ${answer.headers.get('Content-Type') ?? 'missing'}.`
    : wantToken(answer, `listen to ${channelNames()}`, false)
    || `The server refuses (${answer.status}): ${problem?.detail ?? 'it does not say why.'}`;
  nextAt = 0;
  if (answer.status === 429 || answer.status >= 500) openLater(Number(answer.headers.get('Retry-After')) * 1000 || RETRY_MS);
  setPhase('refused');
}

const within = (milliseconds, answer) =>
  Promise.race([answer, new Promise(resolve => setTimeout(resolve, milliseconds))]).catch(() => null);

// What a proxy answers while its server is away is final to an EventSource, but not to this page. Each page waits a little longer than it
// was told, by another bit: all were refused at the same moment.
function openLater(milliseconds) {
  const wait = milliseconds + 500 * Math.random();
  nextAt = performance.now() + wait;
  retryTimer = setTimeout(openStream, wait);
}

function setPhase(newPhase) {
  if (newPhase !== 'open') handlers.onclose();
  if (newPhase !== phase || newPhase === 'refused') say(newPhase === 'refused' ? refusal : STATES[newPhase]);
  phase = newPhase;
  $('state').textContent = STATES[phase];
  $('state').dataset.state = phase;
  $('toggle').textContent = isAtRest() ? 'Connect' : 'Disconnect';
  showBanner();
  requestFrame();
}

function showBanner() {
  const text = {
    lost: 'The connection is lost.',
    gone: 'The server is gone, or has no room.',
    over: `${channelNames()}: all has ended, and you have had all of it.`,
    refused: refusal,
  }[phase] ?? '';
  const held = document.activeElement === $('retry');
  $('lost').hidden = !text;
  $('lost').dataset.phase = phase;
  $('lost-text').textContent = text;
  if (held && !text) $('toggle').focus(); // what is hidden cannot keep the focus
  showCountdown();
}

export function showCountdown() {
  const seconds = Math.ceil((nextAt - performance.now()) / 1000 - 0.1);
  const what = phase === 'lost' ? 'Reconnecting' : 'Trying again';
  const isFinal = phase === 'refused' || phase === 'over';
  const text = nextAt && seconds > 0 ? `${what} in ${seconds} s.` : nextAt || !isFinal ? 'Trying now…' : '';
  if ($('countdown').textContent !== text) $('countdown').textContent = text;
}
