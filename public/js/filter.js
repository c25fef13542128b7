import { $ } from './page.js';

// Which of the events are shown: those of a type, those with a text.

const SERVER_TYPES = ['hello', 'join', 'leave', 'end', 'gap'];
const PUBLISHED = '\n'; // the option "Published only": no type has a line break
const MAX_TYPES = 200;
const REST_MS = 100;

const seenTypes = new Set();
let soon = 0;

/** @param {function()} onchange */
export function startFilter(onchange) {
  $('filter-type').addEventListener('change', onchange);
  // When the keys rest, not for each: all that is kept is looked through.
  $('filter-text').addEventListener('input', () => {
    clearTimeout(soon);
    soon = setTimeout(onchange, REST_MS);
  });
}

/** Offers a type to filter by. */
export function noteType(type) {
  if (seenTypes.size < MAX_TYPES) seenTypes.add(type);
}

export function showTypes() {
  const select = $('filter-type');
  const listed = select.options.length - 2; // behind "All types" and "Published only"
  for (const type of [...seenTypes].slice(listed)) select.append(new Option(type, type));
}

const text = () => $('filter-text').value.trim().toLowerCase();

export const isFiltered = () => $('filter-type').value !== '' || text() !== '';

/** @returns {function(object): boolean} Whether an event is to be shown. */
export function currentFilter() {
  const type = $('filter-type').value;
  const wanted = text();
  const hasType = type === PUBLISHED ? event => !SERVER_TYPES.includes(event.type) : event => !type || event.type === type;
  return event => hasType(event) && (!wanted || `${event.data}\n${event.id}\n${event.channel}`.toLowerCase().includes(wanted));
}
