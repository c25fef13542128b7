import { $, number } from './page.js';
import { firstChannel, isMixed } from './channels.js';
import { coloured, indented, isJson } from './json.js';

// One event: a line that tells what it is, and opens to its whole data.

const MAX_LINE = 300; // characters of the data on the line; a wide screen has room for fewer
const EMPTY = '(empty)';

const fineClock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3 });
const events = new WeakMap(); // row → event

/** @returns {Element} The row of an event. */
export function rowOf(event) {
  const item = $('row').content.firstElementChild.cloneNode(true);
  const [type, channel, data, id, time] = item.firstElementChild.children;
  type.textContent = event.type;
  channel.textContent = isMixed() || event.channel !== firstChannel() ? event.channel : '';
  data.textContent = lineOf(event) || EMPTY;
  id.textContent = event.id;
  [time.firstElementChild.textContent, time.lastElementChild.textContent] = fineClock.format(event.at).split(/(?=\.)/);
  time.dateTime = new Date(event.at).toISOString();
  item.dataset.type = event.type;
  events.set(item, event);
  if (event.isOpen) open(item, event);
  return item;
}

const lineOf = event => event.data.slice(0, MAX_LINE);

/** Colours the line of a row. Of thousands that come in a second, only those on the screen are worth it. */
export function colourLine(row) {
  const event = events.get(row);
  if (hasJson(event)) row.querySelector('.data').replaceChildren(coloured(lineOf(event)));
}

/** Opens or closes a row. The event remembers it, for when the list is shown anew. */
export function toggle(row) {
  const event = events.get(row);
  event.isOpen = !event.isOpen;
  if (event.isOpen) return open(row, event);
  row.firstElementChild.setAttribute('aria-expanded', 'false');
  row.lastElementChild.remove();
}

// Most rows are never opened, so that what they open to is made when they are.
function open(row, event) {
  const whole = $('whole').content.firstElementChild.cloneNode(true);
  const { type, id, channel, data } = event;
  const length = `${number.format(data.length)} character${data.length === 1 ? '' : 's'}`;
  const facts = [`type ${type}`, id && `id ${id}`, channel && `channel ${channel}`, length];
  whole.querySelector('.facts').textContent = facts.filter(Boolean).join(' · ');
  whole.querySelector('.copy').setAttribute('aria-label', `Copy event ${id || type}`);
  whole.querySelector('pre').append(hasJson(event) ? coloured(indented(data)) : data || EMPTY);
  row.firstElementChild.setAttribute('aria-expanded', 'true');
  row.append(whole);
}

const hasJson = event => event.isJson ??= isJson(event.data);

/** As the event came over the wire, but without its envelope. */
export function frameOf(row) {
  const { type, id, channel, data } = events.get(row);
  const lines = isMixed() && channel ? [`: channel ${channel}`] : [];
  if (type !== 'message') lines.push(`event: ${type}`);
  lines.push(...data.split('\n').map(line => `data: ${line}`));
  if (id) lines.push(`id: ${id}`);
  return `${lines.join('\n')}\n\n`;
}
