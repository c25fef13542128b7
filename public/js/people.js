import { $, clock, element, number } from './page.js';
import { isMixed } from './channels.js';
import { onFrame, requestFrame } from './frames.js';
import { store, stored } from './session.js';

// Who is here, as far as the page can know: joins and leaves are news, and tell of nobody who was here before.

const MAX_OTHERS = 1000;
const MAX_SHOWN = 30;
const MAX_COMINGS = 50;
const MAX_SELVES = 20; // that a reload still knows
const STORED = 'selves';

// What is no id is no client: anyone can publish a join.
const isClient = id => typeof id === 'string' && /^[\w-]{1,40}$/.test(id);

const selves = new Set(); // every client id this page has had
const others = new Set();
const comings = []; // newest first
let clientId = '';
let clients = 0; // on the channel, as the last join or leave said; 0 if none has, or there are several channels
let hasChanged = true;

export function startPeople() {
  for (const id of stored(STORED).split(' ')) selves.add(id);
  addEventListener('pagehide', () => store(STORED, [...selves].slice(-MAX_SELVES).join(' ')));
  onFrame(render);
}

/** Only the first hello since the stream was opened comes from the server. */
export function noteHello(id) {
  if (clientId || !isClient(id)) return;
  clientId = id;
  selves.add(id);
  changed();
}

/** @param {unknown} count how many are on the channel now. It mends what was missed: a page that is behind is told of no joins. */
export function noteJoin(id, count, channel, at) {
  if (!isClient(id)) return;
  noteClients(count);
  if (selves.has(id)) return; // this page's earlier connections
  if (others.size < MAX_OTHERS) others.add(id);
  noteComing('joined', id, channel, at);
}

export function noteLeave(id, count, channel, at) {
  if (!isClient(id)) return;
  noteClients(count);
  if (selves.has(id)) return;
  others.delete(id); // of all its channels: it is one connection
  noteComing('left', id, channel, at);
}

/** The connection is not open: the server may have restarted, and then nobody says who left. */
export function leaveAlone() {
  clientId = '';
  clients = 0;
  others.clear();
  changed();
}

/** The page listens to other channels. */
export function forgetComings() {
  comings.length = 0;
  changed();
}

function noteClients(count) {
  clients = !isMixed() && Number.isSafeInteger(count) && count > 0 ? count : 0;
  changed();
}

function noteComing(what, id, channel, at) {
  comings.unshift({ what, id, channel, at });
  comings.length = Math.min(comings.length, MAX_COMINGS);
}

function changed() {
  hasChanged = true;
  requestFrame();
}

function render() {
  if (!hasChanged) return;
  hasChanged = false;
  $('client-id').textContent = clientId || '–';
  const names = [...others].slice(0, MAX_SHOWN);
  if (clientId) names.unshift(`${clientId} (you)`);
  const count = clients || others.size + (clientId ? 1 : 0);
  if (count > names.length) names.push(`and ${number.format(count - names.length)} more`);
  $('people').replaceChildren(...names.map(name => element('li', '', name)));
  const isLeast = !clients && others.size === MAX_OTHERS;
  $('people-count').textContent = count ? `${number.format(count)}${isLeast ? ' or more' : ''}` : 'nobody, as far as is known';
  $('comings').replaceChildren(...comings.map(coming));
  $('comings').hidden = comings.length === 0;
  $('comings-empty').hidden = comings.length > 0;
}

function coming({ what, id, channel, at }) {
  const item = element('li', what);
  item.append(element('time', '', clock.format(at)), ' ', element('code', '', id), ` ${what}${isMixed() ? ` ${channel}` : ''}`);
  return item;
}
