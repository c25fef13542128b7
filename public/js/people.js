import { $, clock, element, fetchJson, number } from './page.js';
import { isMixed, namedChannels } from './channels.js';
import { onFrame, requestFrame } from './frames.js';
import { store, stored } from './session.js';

// Who is here: the hub says who was here before, and joins and leaves say what changes. A client comes once and goes once, so it does not
// matter in what order the page learns of both.

const MAX_OTHERS = 1000;
const MAX_SHOWN = 30;
const MAX_COMINGS = 50;
const MAX_SELVES = 20; // that a reload still knows
const MAX_GONE = 10_000;
const MAX_ASKED = 10; // channels; of a client that has more nobody is told
const MAX_NAME = 128;
const ASK_AGAIN_MS = 3000;
const STORED = 'selves';

// What is no id is no client: anyone can publish a join.
const isClient = id => typeof id === 'string' && /^[\w-]{1,40}$/.test(id);

const nameOf = user => typeof user === 'string' ? user.slice(0, MAX_NAME) : '';

const selves = new Set(); // every client id this page has had
const others = new Map(); // by client, with the name of its user, which may be empty
const gone = new Set(); // since the stream was opened
const comings = []; // newest first
let clientId = '';
let clientUser = '';
let clients = 0; // on the channel, as the hub said last; 0 if it has not, or there are several channels
let changes = 0; // joins and leaves so far
let askTimer = 0;
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
  for (const channel of namedChannels().slice(0, MAX_ASKED)) ask(channel, id);
}

// What joins and leaves have said meanwhile stays.
async function ask(channel, asker) {
  const before = changes;
  const answer = await fetchJson(`channels/${encodeURIComponent(channel)}`);
  if (!answer?.members || asker !== clientId) return;
  for (const { client, user = '' } of answer.members) {
    if (client === clientId) clientUser = user;
    else if (!selves.has(client) && !gone.has(client) && others.size < MAX_OTHERS) others.set(client, user);
  }
  // The hub greets a client a moment before it counts it.
  const isCounted = answer.clients > answer.members.length || answer.members.some(({ client }) => client === clientId);
  if (changes === before) noteClients(answer.clients + (isCounted ? 0 : 1));
  changed();
}

// One join or leave was missed: there are others than those that are known.
function askLater(channel) {
  const asker = clientId;
  if (askTimer || isMixed() || !clients || clients === others.size + 1) return;
  askTimer = setTimeout(() => {
    askTimer = 0;
    if (asker === clientId && clients !== others.size + 1) ask(channel, asker);
  }, ASK_AGAIN_MS);
}

/**
 * @param {{client: unknown, user: unknown, clients: unknown}} who clients is how many are on the channel now. It mends what was missed: a
 *   page that is behind is told of no joins.
 */
export function noteJoin({ client, user, clients: count }, channel, at) {
  if (!isClient(client)) return;
  changes++;
  noteClients(count);
  if (selves.has(client)) return; // this page's earlier connections
  if (others.size < MAX_OTHERS && !gone.has(client)) others.set(client, nameOf(user));
  noteComing('joined', client, nameOf(user), channel, at);
  askLater(channel);
}

export function noteLeave({ client, user, clients: count }, channel, at) {
  if (!isClient(client)) return;
  changes++;
  noteClients(count);
  if (selves.has(client)) return;
  others.delete(client); // of all its channels: it is one connection
  if (gone.size < MAX_GONE) gone.add(client);
  noteComing('left', client, nameOf(user), channel, at);
  askLater(channel);
}

/** The connection is not open: the server may have restarted, and then nobody says who left. */
export function leaveAlone() {
  clientId = '';
  clientUser = '';
  clients = 0;
  others.clear();
  gone.clear();
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

function noteComing(what, id, user, channel, at) {
  comings.unshift({ what, id, user, channel, at });
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
  const people = [...others].slice(0, MAX_SHOWN).map(([id, user]) => person('li', id, user));
  if (clientId) people.unshift(person('li', clientId, clientUser, ' (you)'));
  const count = clients || others.size + (clientId ? 1 : 0);
  if (count > people.length) people.push(element('li', '', `and ${number.format(count - people.length)} more`));
  $('people').replaceChildren(...people);
  const isLeast = !clients && others.size === MAX_OTHERS;
  $('people-count').textContent = count ? `${number.format(count)}${isLeast ? ' or more' : ''}` : 'nobody, as far as is known';
  $('comings').replaceChildren(...comings.map(coming));
  $('comings').hidden = comings.length === 0;
  $('comings-empty').hidden = comings.length > 0;
}

function coming({ what, id, user, channel, at }) {
  const item = element('li', what);
  item.append(element('time', '', clock.format(at)), ' ', person('code', id, user), ` ${what}${isMixed() ? ` ${channel}` : ''}`);
  return item;
}

// By the name of the user; which of its clients it is shows when one points at it.
const person = (tag, id, user, suffix = '') => Object.assign(element(tag, '', (user || id) + suffix), { title: user ? id : '' });
