import { $, clock } from './page.js';
import { sayHowMany } from './announcements.js';
import { defaultChannel, startChannels, unwrap } from './channels.js';
import { connect, connectAnew, connectionPhase, lastId, showCountdown, startConnection } from './connection.js';
import { noteType } from './filter.js';
import { onFrame, requestFrame } from './frames.js';
import { arrivedCount, keep } from './history.js';
import { isPaused, showAnew, startList } from './list.js';
import { showNotice, startNotices } from './notices.js';
import { forgetComings, leaveAlone, noteHello, noteJoin, noteLeave, startPeople } from './people.js';
import { noteArrival, publishAgain, startPublishing } from './publish.js';
import { countEvent, drawRate } from './rate.js';
import { showCommand, showScript, startSnippets } from './snippets.js';
import { startThere } from './there.js';
import { startToken } from './token.js';

// The console: one stream, a list of what it brings, a form that publishes. Here is what happens to an event, and how the parts are wired.

const LOGGED_PER_SECOND = 20;
const TICK_MS = 250;

startNotices();
startPeople();
startPublishing();
startSnippets();
startToken({ onchange: showCommand, onuse: tokenUsed });
startConnection({ onevent: receive, onclose: leaveAlone });
startList(lastId() !== '');
onFrame(() => { $('last-id').textContent = lastId() || '–'; });
startChannels(listen);
startThere();
setInterval(tick, TICK_MS);

function listen(areOthers, isElsewhere) {
  $('channel').placeholder = defaultChannel();
  showCommand();
  showScript();
  if (!areOthers && !isElsewhere && connectionPhase() !== 'closed') return;
  forgetComings();
  showAnew(); // with channels, or without
  if (isElsewhere) connectAnew();
  else connect();
}

function tokenUsed(isForPublishing) {
  if (connectionPhase() === 'refused') connect();
  if (isForPublishing) publishAgain();
  else $('forget').focus(); // the field has gone
}

// What is new every moment without an event: the countdown, the chart's time, and what is said of events to those who do not see them.
function tick() {
  showCountdown();
  drawRate();
  sayHowMany(arrivedCount(), isPaused());
}

// This runs for every event: it counts, keeps, and leaves the rest to the next frame.
function receive({ type, data: text, id: ownId }) {
  const now = performance.now();
  const id = isPosition(ownId) ? '' : ownId;
  if (countEvent() <= LOGGED_PER_SECOND) console.log(type === 'message' ? 'onmessage' : type, text);
  const { channel, data } = unwrap(text);
  const event = { type, id, channel, data, at: Date.now() };
  if (id) noteArrival(id, now);
  noteType(type);
  noteServerEvent(event);
  keep(event);
  requestFrame();
}

// The place in the log from which a stream goes on: good for resuming, also on other channels, but no event's id.
const isPosition = id => id.startsWith('@');

function noteServerEvent({ type, id, channel, data, at }) {
  switch (type) {
    case 'hello': return noteHello(members(data).client);
    case 'join': return noteJoin({ ...members(data), client: members(data).joined }, channel, at);
    case 'leave': return noteLeave({ ...members(data), client: members(data).left }, channel, at);
    case 'gap': return id || showGap(members(data).lastEventId); // the server's own has no id, one that somebody published has
  }
}

// Anyone can publish under these types, so nothing about the data is certain.
function members(json) {
  try {
    return JSON.parse(json) ?? {};
  } catch {
    return {};
  }
}

function showGap(id) {
  const from = typeof id === 'string' && id && !isPosition(id) ? `event ${id}` : 'your last event';
  showNotice(`Gap: what came between ${from} and ${clock.format(new Date())} is not complete.`);
}
