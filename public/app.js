'use strict';

// The console: one EventSource, a list of what it brought, a form that publishes. Events only ever become text, never markup.

// EventSource hands over only types that have a listener, so they must be known before an event comes.
// 'open' and 'error' are among them because publishers may use the names of EventSource's own events.
const SERVER_TYPES = ['hello', 'join', 'leave', 'gap'];
const ALWAYS = ['message', ...SERVER_TYPES, 'open', 'error', ...('alert build change chat comment counter created custom data delete deleted demo deploy done end event foo '
  + 'greeting info insert item job log metric news note notice notification order payment ping presence price progress remove start state status '
  + 'stop task temperature test tick time trade typing update updated user warning').split(' ')];
const PUBLISHED = '\n'; // in the type filter: no type has a line break

const MAX_KEPT = 50_000; // events in memory, which pausing, filtering and "Show older" draw on
const MAX_KEPT_CHARACTERS = 32_000_000;
const PAGE_OF_ROWS = 500; // rows in the document, and how many "Show older" adds
const MAX_ROWS = 3000; // with 10,000, a frame takes a quarter of a second
const MAX_SHOWN_CHARACTERS = 4000;
const MAX_PEOPLE = 1000;
const MAX_SHOWN_PEOPLE = 30;
const MAX_COMINGS = 50;
const MAX_TYPES = 200;
const MAX_CHANNELS = 100;
const MAX_ID = 1000;
const SECONDS = 60; // that the chart reaches back
const LATENCIES = 40;
const LOGGED_PER_SECOND = 20;
const ANSWER_MS = 15_000;
const MAX_COMMAND = 40_000; // characters, of up to three bytes: Linux takes 128 KiB an argument
const SAY_EVERY_MS = 10_000;
const UNTOLD_RETRY_MS = 3000; // what Chromium waits before a server has said how long; Firefox waits 5 s
const ATTEMPTS_UNTIL_GONE = 2;
const STORED = 'sselistener.position';
const STORED_TOKEN = 'sselistener.token';
const CHANNEL = /^(?=.{1,200}$)[\w.~:/@-]+(?<=\/)\*$|^[\w.~:/@-]{1,200}$/;
const CLIENT = /^[\w-]{1,40}$/; // what is no id is no client: anyone can publish a join
const CHANNEL_RULE = 'A name has 1 to 200 characters of A-Z a-z 0-9 . _ ~ : / @ - and a pattern is one that ends with /*';

const escaped = text => encodeURIComponent(text.toWellFormed()); // half a character cannot be escaped
const $ = id => document.getElementById(id);
const number = new Intl.NumberFormat('en');
const clock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' }); // 24 hours, whatever the place
const fineClock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3 });

// Once all of this file is there.
addEventListener('DOMContentLoaded', start);

function start() {
  $('listen').addEventListener('submit', listen);
  $('toggle').addEventListener('click', () => phase === 'closed' ? reconnect() : disconnect());
  $('retry').addEventListener('click', reconnect);
  $('gap-dismiss').addEventListener('click', dismissGap);
  startView();
  startPublishing();
  startToken();
  $('types-always').textContent = ALWAYS.join(', ');
  addEventListener('pagehide', storePosition);
  addEventListener('pageshow', event => event.persisted && phase !== 'closed' && reconnect()); // what the browser froze has lost its connection
  setInterval(tick, 250);
  restorePosition();
  chooseFromUrl();
}

// What is new every moment without an event: the countdown, the charts' time, and what is said of events to those who do not see them.
function tick() {
  showCountdown();
  if (turnSeconds()) showRate();
  sayHowMany();
}

// --- Which channels and types

let channels = ['default'];
let extraTypes = new Set();

function chooseFromUrl() {
  const query = new URLSearchParams(location.search);
  $('channels').value = query.getAll('channel').join(', ');
  $('types').value = query.getAll('type').join(', ');
  $('listen').requestSubmit();
}

function listen(event) {
  event.preventDefault();
  const names = [...new Set($('channels').value.split(/[\s,]+/).filter(Boolean))];
  const bad = names.find(name => !CHANNEL.test(name));
  const problem = bad ? `“${bad}” is no channel. ${CHANNEL_RULE}.` : names.length > MAX_CHANNELS ? `At most ${MAX_CHANNELS} channels.` : '';
  showProblem('channels', problem);
  if (problem) return $('channels').focus();
  const before = String(channels);
  channels = names.length ? names : ['default'];
  useTypes($('types').value.split(','));
  $('channel').placeholder = defaultChannel();
  showCurl();
  if (before === String(channels) && phase !== 'closed') return;
  forgetPeople();
  showAnew(); // with channels, or without
  reconnect();
}

function useTypes(types) {
  for (const type of extraTypes) source?.removeEventListener(type, receive);
  extraTypes = new Set(types.map(type => type.trim()).filter(type => type && !ALWAYS.includes(type)));
  for (const type of extraTypes) source?.addEventListener(type, receive);
  $('types').value = [...extraTypes].join(', ');
  showInUrl();
}

// So that a reload, and whoever gets the link, listens to the same.
function showInUrl() {
  const chosen = isPlain() ? [] : channels.map(channel => `channel=${channel}`); // nothing in a name needs escaping
  const query = [...chosen, ...[...extraTypes].map(type => `type=${escaped(type)}`)].join('&');
  history.replaceState(null, '', query ? `?${query}` : location.pathname);
}

const isPlain = () => String(channels) === 'default';
// With one channel every event is of that one. With more, only an envelope tells which.
const isMixed = () => channels.length > 1 || isPattern(channels[0]);
const isPattern = channel => channel.endsWith('*');
const defaultChannel = () => channels.find(channel => !isPattern(channel)) ?? 'default';
const isHeard = channel => channels.some(one => one === channel || (isPattern(one) && channel.startsWith(one.slice(0, -1))));

// --- The connection

// EventSource comes back by itself after a loss, and does it as the server asked for with `retry`, also when an event brought a new
// one. So the page leaves that to it, and only says when. It is not told when: `retry` is no event. So it reads the server's `retry`
// once the stream is open, in a request of its own, and after that measures how far apart two attempts are, which is exact.
// What EventSource does not do is come back after an answer that is no stream (401, a proxy's 502 …): then the page asks for the reason and tries again.

const STATES = {
  connecting: 'Connecting…',
  open: 'Live',
  lost: 'Reconnecting…',
  gone: 'Server gone',
  refused: 'Refused',
  closed: 'Not connected',
};

let source = null;
let phase = 'closed';
let failures = 0; // attempts since it was last open
let retryMs = UNTOLD_RETRY_MS;
let isMeasured = false; // whether that is what EventSource does wait, not what the server says to others: it varies it by a quarter
let lostAt = 0; // when EventSource began to wait; 0 when it does not
let nextAt = 0; // when the next attempt is due; 0 when none is
let retryTimer = 0;
let refusal = '';
let lastId = ''; // of an event, or a position

function reconnect() {
  setPhase(phase === 'open' || phase === 'closed' ? 'connecting' : phase);
  connect();
}

function connect() {
  clearTimeout(retryTimer);
  source?.close();
  // A new EventSource has forgotten the last id; only one that reconnects by itself sends it as a header.
  source = new EventSource(streamUrl(lastId));
  [lostAt, nextAt, retryMs, isMeasured] = [0, 0, UNTOLD_RETRY_MS, false];
  source.onopen = opened;
  source.onerror = failed;
  for (const type of [...ALWAYS, ...extraTypes]) source.addEventListener(type, receive);
  showBanner();
}

function streamUrl(from) {
  const query = channels.map(channel => `channel=${channel}`);
  if (isMixed()) query.push('envelope=1');
  if (from) query.push(`lastEventId=${escaped(from)}`);
  return `events?${query.join('&')}`;
}

function opened(event) {
  if (event instanceof MessageEvent) return; // published under the type "open"
  console.log('onopen');
  [failures, lostAt, nextAt, refusal] = [0, 0, 0, ''];
  if (token && !isTokenForPublishing) showToken(KEPT_TOKEN, false);
  setPhase('open');
  readRetry(source);
}

// A client of a pattern is announced to nobody, and nobody publishes to this one: no one notices the request.
async function readRetry(reader) {
  const told = await readFirstBlock(`events?channel=${encodeURIComponent('~/*')}`).catch(() => ''); // then the guess has to do
  const milliseconds = Number(/^retry: ?(\d+)$/m.exec(told)?.[1]);
  if (milliseconds && reader === source) [retryMs, isMeasured] = [milliseconds, false];
}

async function readFirstBlock(url) {
  const ending = new AbortController();
  const late = setTimeout(() => ending.abort(), ANSWER_MS);
  try {
    const response = await fetch(url, { signal: ending.signal, cache: 'no-store' });
    if (!response.ok) return '';
    const stream = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    for (let part; !text.includes('\n\n') && !(part = await stream.read()).done;) text += part.value;
    return text;
  } finally {
    clearTimeout(late);
    ending.abort();
  }
}

function failed(event) {
  if (event instanceof MessageEvent) return; // published under the type "error"
  const isOver = source.readyState === EventSource.CLOSED;
  console.log('onerror', isOver ? 'closed' : 'reconnecting');
  if (phase !== 'open') failures++;
  if (isOver) {
    nextAt = 0;
    return askWhy(source);
  }
  const now = performance.now();
  if (lostAt) [retryMs, isMeasured] = [now - lostAt, true];
  lostAt = now;
  nextAt = now + retryMs;
  setPhase(failures < ATTEMPTS_UNTIL_GONE ? 'lost' : 'gone');
}

// EventSource keeps the status and the problem's detail to itself.
async function askWhy(asker) {
  const ending = new AbortController();
  const late = setTimeout(() => ending.abort(), ANSWER_MS);
  let answer = null;
  try {
    const response = await fetch(streamUrl(''), { signal: ending.signal, cache: 'no-store' });
    const problem = response.ok ? null : await response.json().catch(() => null);
    answer = { status: response.status, code: tokenCode(response), detail: problem?.detail, seconds: Number(response.headers.get('Retry-After')) };
  } catch {
    // No answer at all: the server has gone meanwhile.
  }
  clearTimeout(late);
  ending.abort();
  if (asker === source && phase !== 'closed') answer ? refused(answer) : tryAgainIn(retryMs, 'gone');
}

function refused({ status, code, detail, seconds }) {
  refusal = status === 200 ? 'The server was not there for a moment.'
    : code ? tokenProblem(status, code, `listen to ${channels.join(', ')}`)
    : `The server refuses (${status}): ${detail ?? 'it does not say why.'}`;
  if (code) wantToken(refusal);
  const isForNow = status === 200 || status === 429 || status >= 500;
  // A little later than told, each page by another bit: all were refused in the same moment.
  if (isForNow) tryAgainIn((seconds ? seconds * 1000 : retryMs) + 500 * Math.random(), 'refused');
  else {
    nextAt = 0;
    setPhase('refused');
  }
}

function tryAgainIn(milliseconds, newPhase) {
  nextAt = performance.now() + milliseconds;
  clearTimeout(retryTimer);
  retryTimer = setTimeout(connect, milliseconds);
  setPhase(newPhase);
}

function disconnect() {
  clearTimeout(retryTimer);
  source.close();
  [failures, nextAt] = [0, 0];
  setPhase('closed');
}

function setPhase(newPhase) {
  if (newPhase !== 'open') leaveAlone();
  if (newPhase !== phase || newPhase === 'refused') say(newPhase === 'refused' ? refusal : STATES[newPhase]);
  phase = newPhase;
  $('state').textContent = STATES[phase];
  $('state').dataset.state = phase;
  $('toggle').textContent = phase === 'closed' ? 'Connect' : 'Disconnect';
  showBanner();
  requestRender();
}

function showBanner() {
  const text = { lost: 'The connection is lost.', gone: 'The server is gone, or has no room.', refused: refusal }[phase] ?? '';
  const held = document.activeElement === $('retry');
  $('lost').hidden = !text;
  $('lost').dataset.phase = phase;
  $('lost-text').textContent = text;
  if (held && !text) $('toggle').focus(); // what is hidden cannot keep the focus
  showCountdown();
}

function showCountdown() {
  const seconds = Math.ceil((nextAt - performance.now()) / 1000 - 0.1);
  const what = phase === 'lost' ? 'Reconnecting' : 'Trying again';
  const text = nextAt && seconds > 0 ? `${what} in ${isMeasured || phase === 'refused' ? '' : 'about '}${seconds} s.`
    : nextAt || phase !== 'refused' ? 'Trying now…' : '';
  if ($('countdown').textContent !== text) $('countdown').textContent = text;
}

// For a reload: what was seen last, and who this page was, whose joins and leaves are nobody else's.
function storePosition() {
  store(STORED, JSON.stringify({ lastId, selves: [...selves].slice(-20) }));
}

function restorePosition() {
  try {
    const position = JSON.parse(stored(STORED));
    lastId = String(position?.lastId ?? '').slice(0, MAX_ID);
    for (const id of position?.selves ?? []) selves.add(String(id));
  } catch {
    // Somebody else's text under our name.
  }
}

// --- What arrives. This runs for every event: it counts, keeps, and leaves the rest to the next frame.

let received = 0;
let arrived = 0; // as above, but never set back: the events' numbers

function receive(event) {
  if (!(event instanceof MessageEvent)) return; // EventSource's own open and error
  const now = performance.now();
  // What has no id of its own carries a position (hello), or the id before it (gap).
  const id = event.lastEventId === lastId || isPosition(event.lastEventId) ? '' : event.lastEventId;
  lastId = event.lastEventId;
  received++;
  if (countSecond() <= LOGGED_PER_SECOND) console.log(event.type === 'message' ? 'onmessage' : event.type, event.data);
  const { channel, data } = unwrap(event.data);
  const kept = { n: ++arrived, type: event.type, id, channel, data, at: Date.now() };
  if (id) noteArrival(id, now);
  noteType(event.type);
  noteServerEvent(kept);
  keep(kept);
  requestRender();
}

// The place in the log from which a stream goes on: good for resuming, also on other channels, but no event's id.
const isPosition = id => id.startsWith('@');

// Cut out, not parsed: a number of 64 bits would be rounded. What was published as text is a JSON string in an envelope.
function unwrap(text) {
  const [, channel, data] = (isMixed() && /^\{"channel":"([^"]*)","data":(.*)\}$/s.exec(text)) || [];
  if (data === undefined) return { channel: isMixed() ? '' : channels[0], data: text };
  return { channel, data: data.startsWith('"') ? JSON.parse(data) : data };
}

function noteServerEvent({ type, id, channel, data, at }) {
  switch (type) {
    case 'hello': return greeted(textMember(data, 'client'));
    case 'join': return joined(textMember(data, 'joined'), channel, at, member(data, 'clients'));
    case 'leave': return left(textMember(data, 'left'), channel, at, member(data, 'clients'));
    case 'gap': return id || showGap(textMember(data, 'lastEventId')); // the server's own has no id, one that somebody published has
  }
}

// Anyone can publish under these types, so nothing about the data is certain.
function member(json, name) {
  try {
    return JSON.parse(json)?.[name];
  } catch {
    return undefined;
  }
}

function textMember(json, name) {
  const value = member(json, name);
  return typeof value === 'string' ? value : '';
}

function showGap(id) {
  showNotice(`Gap: what came between ${id && !isPosition(id) ? `event ${id}` : 'your last event'} and ${clock.format(new Date())} is not complete.`);
}

function showNotice(text) {
  $('gap-text').textContent = text;
  $('gap').hidden = false;
  say(text);
}

function dismissGap() {
  $('gap').hidden = true;
  $('toggle').focus();
}

// --- What is kept: the newest events, whether they are shown or not

let kept = []; // oldest first
let keptCharacters = 0;

function keep(event) {
  kept.push(event);
  keptCharacters += event.data.length;
  // A tenth more, so that dropping is not done for every event.
  if (kept.length > 1.1 * MAX_KEPT || keptCharacters > 1.1 * MAX_KEPT_CHARACTERS) dropOldest();
}

function dropOldest() {
  let count = Math.max(0, kept.length - MAX_KEPT);
  keptCharacters = kept.slice(count).reduce((sum, { data }) => sum + data.length, 0);
  while (keptCharacters > MAX_KEPT_CHARACTERS && count < kept.length - 1) keptCharacters -= kept[count++].data.length;
  kept.splice(0, count);
}

// --- What is shown: at most once a frame, however fast events come, and never more rows than one can scroll

const seenTypes = new Set();
const eventsOf = new WeakMap(); // row → event
let frameRequested = false;
let pausedAt = -1; // the number of the last event before the pause; -1 when there is none
let shownUpTo = 0; // the number of the last event that was looked at for the list
let mostRows = PAGE_OF_ROWS;

function startView() {
  $('pause').addEventListener('click', pauseOrResume);
  $('clear').addEventListener('click', clearList);
  $('older').addEventListener('click', showOlder);
  $('filter-type').addEventListener('change', showAnew);
  $('filter-text').addEventListener('input', showSoon);
  $('pretty').addEventListener('change', showAnew);
  $('events').addEventListener('click', copyEvent);
  $('events').addEventListener('keydown', walkEvents);
}

function requestRender() {
  if (frameRequested) return;
  frameRequested = true;
  requestAnimationFrame(render);
}

function render() {
  frameRequested = false;
  $('client-id').textContent = clientId || '–';
  $('last-id').textContent = lastId || '–';
  if (peopleChanged) renderPeople();
  renderTypes();
  renderEvents();
  renderCounts();
}

function renderEvents() {
  const list = $('events');
  const upTo = pausedAt < 0 ? arrived : pausedAt;
  const rows = newest(mostRows, shownUpTo, upTo).map(row);
  const excess = list.childElementCount + rows.length - mostRows;
  const held = list.contains(document.activeElement);
  shownUpTo = upTo;
  for (let i = Math.min(excess, list.childElementCount); i > 0; i--) list.lastElementChild.remove();
  list.prepend(...rows);
  // The row that had the focus has gone; from the top of the page the keyboard would have to start over.
  if (held && !list.contains(document.activeElement)) list.focus();
}

// The newest matching events whose numbers are above one and up to another, newest first.
function newest(count, above, upTo) {
  const found = [];
  const matches = currentFilter();
  for (let i = kept.length - 1; i >= 0 && kept[i].n > above && found.length < count; i--) {
    if (kept[i].n <= upTo && matches(kept[i])) found.push(kept[i]);
  }
  return found;
}

function currentFilter() {
  const type = $('filter-type').value;
  const text = $('filter-text').value.trim().toLowerCase();
  const hasType = type === PUBLISHED ? event => !SERVER_TYPES.includes(event.type) : event => !type || event.type === type;
  return event => hasType(event) && (!text || `${event.data}\n${event.id}\n${event.channel}`.toLowerCase().includes(text));
}

function row(event) {
  const item = $('row').content.firstElementChild.cloneNode(true);
  const [type, channel, id, time, data, copy] = item.children;
  type.textContent = event.type;
  channel.textContent = isMixed() || event.channel !== channels[0] ? event.channel : '';
  id.textContent = event.id;
  time.textContent = fineClock.format(event.at);
  time.dateTime = new Date(event.at).toISOString();
  copy.setAttribute('aria-label', `Copy event ${event.id || event.type}`);
  data.textContent = shown(event);
  data.classList.toggle('hint', !event.data);
  item.dataset.type = event.type;
  eventsOf.set(item, event);
  return item;
}

function shown(event) {
  event.isJson ??= /^\s*[{[]/.test(event.data) && isJson(event.data);
  const { text, rest } = $('pretty').checked && event.isJson ? indented(event.data) : { text: event.data, rest: 0 };
  const more = Math.max(0, text.length - MAX_SHOWN_CHARACTERS) + rest;
  return more ? `${text.slice(0, MAX_SHOWN_CHARACTERS)}… (${number.format(more)} more characters)` : text || '(empty)';
}

// Only white space changes. JSON.stringify would round numbers of 64 bits, and sort members whose names are numbers. No more of it
// than is shown: what is nested deep has indents as long as it is deep.
function indented(data) {
  const tokens = /"(?:[^"\\]|\\.)*"|\{\s*\}|\[\s*\]|[{}[\],:]|\s+|[^\s{}[\],:"]+/g;
  let [text, line, read] = ['', '\n', 0];
  for (let found; text.length <= MAX_SHOWN_CHARACTERS && (found = tokens.exec(data));) {
    const token = found[0];
    read = tokens.lastIndex;
    switch (token) {
      case '{': case '[': text += token + (line += '  '); break;
      case '}': case ']': text += (line = line.slice(0, -2)) + token; break;
      case ',': text += token + line; break;
      case ':': text += ': '; break;
      default: text += /^[{[]/.test(token) ? token[0] + token.at(-1) : token.trim();
    }
  }
  return { text, rest: data.length - read };
}

function isJson(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function noteType(type) {
  if (seenTypes.size < MAX_TYPES) seenTypes.add(type);
}

function renderTypes() {
  const select = $('filter-type');
  const listed = select.options.length - 2; // behind "All types" and "Published only"
  for (const type of [...seenTypes].slice(listed)) select.append(new Option(type, type));
}

function renderCounts() {
  const rows = $('events').childElementCount;
  const isFiltered = $('filter-type').value !== '' || $('filter-text').value.trim() !== '';
  const waiting = pausedAt < 0 ? 0 : arrived - pausedAt;
  const gone = lostWhilePaused();
  $('count').textContent = `${number.format(received)} received${rows < received || isFiltered ? `, ${number.format(rows)} shown` : ''}`;
  $('waiting').hidden = pausedAt < 0;
  $('waiting').textContent = `Paused, ${number.format(waiting)} waiting${gone ? `, but the oldest ${number.format(gone)} had to go` : ''}`;
  $('older').hidden = rows < mostRows || kept.length <= rows || mostRows >= MAX_ROWS;
  $('empty').hidden = rows > 0;
  $('empty-text').textContent = waiting ? 'Paused: what has come since waits.' : isFiltered && received ? 'Nothing that is kept matches the filter.' : `Nothing yet on ${channels.slice(0, 5).join(', ')}.`;
}

// When the keys rest, not for each: all that is kept is looked through.
let soon = 0;

function showSoon() {
  clearTimeout(soon);
  soon = setTimeout(showAnew, 100);
}

function showAnew() {
  $('events').replaceChildren();
  shownUpTo = 0;
  requestRender();
}

function showOlder() {
  mostRows += PAGE_OF_ROWS;
  showAnew();
}

function lostWhilePaused() {
  return pausedAt >= 0 && arrived > pausedAt && kept.length ? Math.max(0, kept[0].n - pausedAt - 1) : 0;
}

function pauseOrResume() {
  const gone = lostWhilePaused();
  if (gone) showNotice(`The pause was too long for all to be kept: the oldest ${number.format(gone)} of what waited had to go.`);
  pausedAt = pausedAt < 0 ? arrived : -1;
  mostRows = PAGE_OF_ROWS;
  $('pause').textContent = pausedAt < 0 ? 'Pause' : 'Resume';
  say(pausedAt < 0 ? 'Resumed' : 'Paused, events wait');
  requestRender();
}

// What waits has not been seen, so it stays.
function clearList() {
  kept = pausedAt < 0 ? [] : kept.filter(({ n }) => n > pausedAt);
  keptCharacters = kept.reduce((sum, { data }) => sum + data.length, 0);
  received = kept.length;
  mostRows = PAGE_OF_ROWS;
  $('gap').hidden = true;
  showAnew();
}

// The buttons of 500 rows would be 500 stops on the way to the form: the list is one, and the arrow keys go from row to row.
function walkEvents(event) {
  const step = { ArrowDown: 'nextElementSibling', ArrowUp: 'previousElementSibling' }[event.key];
  if (!step) return;
  const item = event.target.closest('li');
  const next = item ? item[step] : $('events').firstElementChild;
  if (!next) return;
  event.preventDefault();
  next.querySelector('.copy').focus();
}

function copyEvent({ target }) {
  const button = target.closest('.copy');
  if (button) copy(frame(eventsOf.get(button.closest('li'))), button);
}

// As it came over the wire, but for the envelope.
function frame({ type, id, channel, data }) {
  const lines = isMixed() && channel ? [`: channel ${channel}`] : [];
  if (type !== 'message') lines.push(`event: ${type}`);
  lines.push(...data.split('\n').map(line => `data: ${line}`));
  if (id) lines.push(`id: ${id}`);
  return `${lines.join('\n')}\n\n`;
}

async function copy(text, button) {
  const label = button.firstChild;
  const before = label.nodeValue;
  const isDone = await toClipboard(text);
  say(isDone ? 'Copied' : 'The browser does not let this page copy');
  if (before === 'Copied') return;
  label.nodeValue = isDone ? 'Copied' : 'Not copied';
  setTimeout(() => { label.nodeValue = before; }, 3000);
}

async function toClipboard(text) {
  // Without TLS there is a clipboard on localhost only; elsewhere the old way still works.
  if (navigator.clipboard) return navigator.clipboard.writeText(text).then(() => true, () => false);
  const held = document.activeElement;
  const area = document.body.appendChild(Object.assign(document.createElement('textarea'), { value: text, className: 'unseen' }));
  area.select();
  const isDone = document.execCommand('copy');
  area.remove();
  held?.focus();
  return isDone;
}

// --- Who is here

const selves = new Set(); // every client id this page has had
const others = new Set();
const comings = []; // newest first
let clientId = '';
let clients = 0; // on the channel, as the last join or leave said; 0 if none has, or there are several channels
let peopleChanged = true;

function greeted(id) {
  if (clientId || !id) return; // only the first since opening comes from the server
  clientId = id;
  selves.add(id);
  peopleChanged = true;
}

function joined(id, channel, at, count) {
  if (!CLIENT.test(id)) return;
  noteClients(count);
  if (selves.has(id)) return; // this page's earlier connections
  if (others.size < MAX_PEOPLE) others.add(id);
  noteComing('joined', id, channel, at);
}

function left(id, channel, at, count) {
  if (!CLIENT.test(id)) return;
  noteClients(count);
  if (selves.has(id)) return;
  others.delete(id); // of all its channels: it is one connection
  noteComing('left', id, channel, at);
}

// It mends what was missed: joins and leaves are news, which a page that is behind does without.
function noteClients(count) {
  clients = !isMixed() && Number.isSafeInteger(count) && count > 0 ? count : 0;
  peopleChanged = true;
}

function noteComing(what, id, channel, at) {
  comings.unshift({ what, id, channel, at });
  comings.length = Math.min(comings.length, MAX_COMINGS);
  peopleChanged = true;
}

// The server may have restarted, and then nobody says who left.
function leaveAlone() {
  clientId = '';
  clients = 0;
  others.clear();
  peopleChanged = true;
}

function forgetPeople() {
  comings.length = 0;
  leaveAlone();
}

function renderPeople() {
  peopleChanged = false;
  const names = [...others].slice(0, MAX_SHOWN_PEOPLE);
  if (clientId) names.unshift(`${clientId} (you)`);
  const count = clients || others.size + (clientId ? 1 : 0);
  if (count > names.length) names.push(`and ${number.format(count - names.length)} more`);
  $('people').replaceChildren(...names.map(name => element('li', '', name)));
  const isLeast = !clients && others.size === MAX_PEOPLE;
  $('people-count').textContent = count ? `${number.format(count)}${isLeast ? ' or more' : ''}` : 'nobody, as far as is known';
  $('comings').replaceChildren(...comings.map(coming));
  $('comings').hidden = comings.length === 0;
  $('comings-empty').hidden = comings.length > 0;
}

function coming({ what, id, channel, at }) {
  const item = element('li', what);
  const where = isMixed() ? ` ${channel}` : '';
  item.append(element('time', '', clock.format(at)), ' ', element('code', '', id), ` ${what}${where}`);
  return item;
}

function element(name, className = '', text = '') {
  return Object.assign(document.createElement(name), { className, textContent: text });
}

// --- Activity: two rings of numbers, written on the way and drawn once a second

const rates = new Uint32Array(SECONDS);
const latencies = new Float64Array(LATENCIES);
let second = Math.floor(performance.now() / 1000);
let latencyCount = 0;

function countSecond() {
  turnSeconds();
  return ++rates[second % SECONDS];
}

function turnSeconds() {
  const now = Math.floor(performance.now() / 1000);
  if (now === second) return false;
  if (now - second >= SECONDS) rates.fill(0);
  else while (second < now) rates[++second % SECONDS] = 0;
  second = now;
  return true;
}

// Without the second that has only begun: it would always look like a dip.
function showRate() {
  const past = Array.from({ length: SECONDS - 1 }, (_, i) => rates[(second + 1 + i) % SECONDS]);
  const most = Math.max(...past);
  const points = past.map((rate, i) => `${(120 * i / (SECONDS - 2)).toFixed(1)},${(31 - 30 * rate / Math.max(most, 1)).toFixed(1)}`);
  $('rate-now').textContent = number.format(past.at(-1));
  $('rate-text').textContent = `at most ${number.format(most)} in the last minute`;
  $('rate-chart').querySelector('.line').setAttribute('d', `M${points.join('L')}`);
  $('rate-chart').querySelector('.area').setAttribute('d', `M0,32L${points.join('L')}L120,32Z`);
}

function noteLatency(milliseconds) {
  latencies[latencyCount++ % LATENCIES] = milliseconds;
  const count = Math.min(latencyCount, LATENCIES);
  const past = Array.from({ length: count }, (_, i) => latencies[(latencyCount - count + i) % LATENCIES]);
  const sorted = past.toSorted((a, b) => a - b);
  const bars = past.map((value, i) => `M${120 - 3 * (count - i) + 1.5},32V${(31 - 30 * value / sorted.at(-1)).toFixed(1)}`);
  $('latency-now').textContent = inMs(milliseconds);
  $('latency-text').textContent = count === 1 ? 'from here to here' : `median ${inMs(sorted[count >> 1])}, worst ${inMs(sorted.at(-1))} of ${count}`;
  $('latency-chart').firstElementChild.setAttribute('d', bars.join(''));
}

const inMs = milliseconds => milliseconds < 1000 ? `${milliseconds.toFixed(milliseconds < 100 ? 1 : 0)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;

// --- Publishing

const awaited = new Map(); // id → when it was sent, of published events that have not come back
const early = new Map(); // id → when it came, of events that came while a publish had no answer: one of them may be its own
let underWay = 0;

function startPublishing() {
  $('publish').addEventListener('submit', publish);
  $('publish').addEventListener('keydown', submitOnCtrlEnter);
  $('publish').addEventListener('input', edited);
  $('curl-copy').addEventListener('click', () => copy($('curl').textContent, $('curl-copy')));
}

function submitOnCtrlEnter(event) {
  if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey) || event.repeat) return;
  event.preventDefault();
  $('publish').requestSubmit();
}

function edited() {
  showProblem('data', '');
  showProblem('channel', '');
  showCurl();
}

async function publish(event) {
  event.preventDefault();
  const request = formRequest();
  for (const field of ['channel', 'data']) showProblem(field, request.field === field ? request.problem : '');
  if (request.problem) return $(request.field).focus();
  // Before it is sent: the event may arrive ahead of the answer.
  if (request.type) useTypes([...extraTypes, request.type]);
  showResult('Publishing…');
  await send(request);
}

// What the form would send, or what is wrong with which field.
function formRequest() {
  const [channel, type, id] = [$('channel').value.trim() || defaultChannel(), $('type').value.trim(), $('event-id').value.trim()];
  const data = $('data').value;
  if (!CHANNEL.test(channel) || isPattern(channel)) return { field: 'channel', problem: `An event is published to one channel. ${CHANNEL_RULE}.` };
  const query = channel === 'default' ? [] : [`channel=${channel}`];
  if ($('format-text').checked) {
    if (type) query.push(`type=${escaped(type)}`);
    if (id) query.push(`id=${escaped(id)}`);
    return { channel, type, url: eventsUrl(query), contentType: 'text/plain', body: data };
  }
  if (!isJson(data)) return { field: 'data', problem: `This is not valid JSON: ${jsonProblem(data)}` };
  // The data go in as they were typed: parsed and written anew, a number of 64 bits would be rounded.
  const members = [type && `"type":${JSON.stringify(type)}`, id && `"id":${JSON.stringify(id)}`, `"data":${data.trim()}`];
  return { channel, type, url: eventsUrl(query), contentType: 'application/json', body: `{${members.filter(Boolean).join(',')}}` };
}

function eventsUrl(query) {
  return new URL(query.length ? `events?${query.join('&')}` : 'events', location.href).href;
}

function jsonProblem(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    return error.message;
  }
}

async function send({ channel, url, contentType, body }) {
  const sentAt = performance.now();
  underWay++;
  try {
    const headers = { 'Content-Type': contentType, ...(token && { Authorization: `Bearer ${token}` }) };
    const response = await fetch(url, { method: 'POST', headers, body, signal: AbortSignal.timeout(ANSWER_MS) });
    const answer = await response.json().catch(() => null);
    if (response.ok) published(answer?.id, channel, sentAt);
    else publishRefused(response.status, tokenCode(response), answer?.detail, channel);
  } catch (error) {
    // Browsers hold six HTTP/1.1 connections to a server, and every open tab of this page takes one.
    const late = error.name === 'TimeoutError';
    showResult(late ? 'No answer in 15 s. Are six tabs of this page open?' : 'Not published: the server cannot be reached.', true);
  }
  if (--underWay === 0) early.clear();
}

function published(id, channel, sentAt) {
  if (!isHeard(channel)) return showResult(`Published as ${id}. You do not listen to ${channel}, so it does not come back.`);
  showResult(`Published as ${id}`);
  if (early.has(id)) return cameBack(id, early.get(id) - sentAt);
  awaited.set(id, sentAt);
  if (awaited.size > LATENCIES) awaited.delete(awaited.keys().next().value); // an id that is known already never comes
}

function noteArrival(id, now) {
  if (underWay && early.size < MAX_KEPT) early.set(id, now);
  if (!awaited.has(id)) return;
  cameBack(id, now - awaited.get(id));
  awaited.delete(id);
}

function cameBack(id, milliseconds) {
  noteLatency(milliseconds);
  showResult(`Published as ${id}, and back here after ${inMs(milliseconds)}`);
}

function publishRefused(status, code, detail, channel) {
  if (!code) return showResult(`Refused (${status}): ${detail ?? 'the server did not say why.'}`, true);
  const problem = tokenProblem(status, code, `publish to ${channel}`);
  showResult(`Refused (${status}): ${problem}`, true);
  wantToken(problem);
  isTokenForPublishing = true;
  showCurl();
  $('token').focus();
}

function showResult(text, bad = false) {
  $('result').textContent = text;
  $('result').classList.toggle('bad', bad);
}

function showProblem(field, text) {
  $(`${field}-error`).textContent = text;
  $(`${field}-error`).hidden = !text;
  $(field).setAttribute('aria-invalid', String(text !== ''));
}

function showCurl() {
  const { problem, url, contentType, body } = formRequest();
  $('curl-copy').disabled = Boolean(problem);
  if (problem) return void ($('curl').textContent = 'There is a mistake in the form.');
  if (body.length > MAX_COMMAND || body.includes('\0')) return noCurl(body.includes('\0') ? 'A command line cannot have a NUL in it.' : 'This is too long for a command line.');
  // The token stays out of what people paste and of the shell's history.
  const access = token || isTokenForPublishing ? ' -H "Authorization: Bearer $SSE_TOKEN"' : '';
  $('curl').textContent = `curl ${quoted(url)} -H ${quoted(`Content-Type: ${contentType}`)}${access} --data-raw ${quoted(body)}`;
}

function noCurl(why) {
  $('curl-copy').disabled = true;
  $('curl').textContent = why;
}

// For a POSIX shell: nothing is special between single quotes but a single quote.
const quoted = text => `'${text.replaceAll("'", "'\\''")}'`;

// --- The token

const KEPT_TOKEN = 'It is kept until this tab is closed, its cookie until the browser is.';

let token = '';
let isTokenForPublishing = false;

function startToken() {
  $('token-form').addEventListener('submit', useToken);
  $('forget').addEventListener('click', forgetToken);
  $('token').addEventListener('input', () => $('token').removeAttribute('aria-invalid'));
  if (stored(STORED_TOKEN)) {
    setToken(stored(STORED_TOKEN));
    showToken(KEPT_TOKEN, false);
  } else if (hasCookie()) {
    // Of another tab, or of an application on this host: not ours to take away unasked.
    showToken('The browser sends the cookie sse_token when this page listens.', false);
  }
}

// Why a token was refused, or that one is missing (RFC 6750, section 3); undefined when it is not about a token.
const tokenCode = response => /^Bearer error="(\w+)"/.exec(response.headers.get('WWW-Authenticate'))?.[1];

function tokenProblem(status, code, what) {
  return code === 'invalid_token' ? `The token is not good, so it does not let you ${what}: it may be mistyped, expired, or for another server.`
    : status === 403 ? `The token does not let you ${what}.`
    : `The server wants a token to ${what}.`;
}

function wantToken(text) {
  showToken(text, true);
}

function showToken(text, isWanted) {
  $('access').hidden = false;
  $('token-text').textContent = text;
  $('token-entry').hidden = !isWanted;
  $('forget').hidden = !token && !hasCookie();
}

function useToken(event) {
  event.preventDefault();
  const typed = $('token').value.trim();
  const isToken = /^[\x20-\x7e]+$/.test(typed);
  $('token').setAttribute('aria-invalid', String(!isToken));
  if (!isToken) return $('token').focus();
  $('token').value = '';
  setToken(typed);
  showToken(KEPT_TOKEN, false);
  if (phase === 'refused') reconnect();
  if (isTokenForPublishing) showResult('The token is kept: publish again.');
  (isTokenForPublishing ? $('publish').querySelector('[type=submit]') : $('forget')).focus(); // the field has gone
}

function forgetToken() {
  setToken('');
  showToken('It is forgotten.', true);
  $('token').focus();
}

function setToken(text) {
  token = text;
  store(STORED_TOKEN, token);
  // EventSource sends no header, but cookies. Not every publish token can be one, and listening takes none of those.
  const isCookie = /^[\w.~+/=-]+$/.test(token);
  const secure = location.protocol === 'https:' ? '; Secure' : '';
  document.cookie = 'sse_token=; Path=/; Max-Age=0'; // one that is too long would leave the one before
  if (isCookie) document.cookie = `sse_token=${token}; Path=/; SameSite=Strict${secure}`;
  showCurl();
}

function hasCookie() {
  return /(^|; )sse_token=/.test(document.cookie);
}

// Storage may be full or forbidden; what is in it then lasts as long as the page.
function store(name, text) {
  try {
    sessionStorage.setItem(name, text);
  } catch {}
}

function stored(name) {
  try {
    return sessionStorage.getItem(name);
  } catch {
    return null;
  }
}

// --- What is said to those who do not see: one region, so that nothing talks over anything else, and events only now and then

let saidAt = 0;
let saidUpTo = 0;

function say(text) {
  $('summary').textContent = text;
  saidAt = performance.now();
}

function sayHowMany() {
  const fresh = arrived - saidUpTo;
  if (!fresh || performance.now() - saidAt < SAY_EVERY_MS) return;
  saidUpTo = arrived;
  say(`${number.format(fresh)} new ${fresh === 1 ? 'event' : 'events'}${pausedAt < 0 ? '' : ', waiting'}`);
}
