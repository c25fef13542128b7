import { $, element, number } from './page.js';
import { firstChannel, isMixed } from './channels.js';
import { coloured, indented, isJson } from './json.js';

// One event: a line that tells what it is, and opens to its whole data.

const MAX_LINE = 300; // characters of the data on the line; a wide screen has room for fewer

const fineClock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3 });
const events = new WeakMap(); // row → event

/** @returns {Element} The row of an event. */
export function rowOf(event) {
  const item = $('row').content.firstElementChild.cloneNode(true);
  const details = item.firstElementChild;
  const [type, channel, data, id, time] = details.firstElementChild.children;
  type.textContent = type.title = event.type;
  channel.textContent = channel.title = isMixed() || event.channel !== firstChannel() ? event.channel : '';
  id.textContent = id.title = event.id;
  const [toSeconds, milliseconds] = fineClock.format(event.at).split('.');
  time.append(toSeconds, element('span', 'fine', `.${milliseconds}`));
  time.dateTime = new Date(event.at).toISOString();
  data.append(shown(event, event.data.slice(0, MAX_LINE)));
  data.classList.toggle('hint', !event.data);
  item.dataset.type = event.type;
  events.set(item, event);
  if (event.isOpen) open(details, event);
  return item;
}

/** Opens or closes a row, and remembers it for when the list is shown anew. */
export function toggled(details) {
  const event = events.get(details.parentElement);
  if (details.open === Boolean(event.isOpen)) return;
  event.isOpen = details.open;
  if (details.open) open(details, event);
  else details.querySelector('.whole').remove();
}

// Most rows are never opened, so that what they open to is made when they are.
function open(details, event) {
  const whole = $('whole').content.firstElementChild.cloneNode(true);
  const { id, channel, data, type } = event;
  const length = `${number.format(data.length)} character${data.length === 1 ? '' : 's'}`;
  const facts = [id && `id ${id}`, channel && `channel ${channel}`, length];
  whole.querySelector('.facts').textContent = facts.filter(Boolean).join(' · ');
  whole.querySelector('.copy').setAttribute('aria-label', `Copy event ${id || type}`);
  whole.querySelector('pre').append(shown(event, hasJson(event) ? indented(data) : data));
  details.append(whole);
  details.open = true;
}

const hasJson = event => event.isJson ??= isJson(event.data);
const shown = (event, text) => hasJson(event) ? coloured(text) : text || '(empty)';

/** As the event came over the wire, but without its envelope. */
export function frameOf(row) {
  const { type, id, channel, data } = events.get(row);
  const lines = isMixed() && channel ? [`: channel ${channel}`] : [];
  if (type !== 'message') lines.push(`event: ${type}`);
  lines.push(...data.split('\n').map(line => `data: ${line}`));
  if (id) lines.push(`id: ${id}`);
  return `${lines.join('\n')}\n\n`;
}
