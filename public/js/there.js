import { $, element, fetchJson } from './page.js';
import { isListenedTo, patternPrefix, toggleChannel } from './channels.js';

// A list of the channels there are, to choose from. The hub lists all to those who run it. Others learn of those that their token names,
// and of those under a pattern that they listen to.

let prefix = '';
let after = '';

export function startThere() {
  $('there').addEventListener('toggle', () => $('there').open && begin());
  $('there-more').addEventListener('click', () => show(false));
  $('there-list').addEventListener('click', ({ target }) => target.closest('button') && toggleChannel(target.textContent));
  $('listen').addEventListener('submit', mark);
}

async function begin() {
  [prefix, after] = ['', ''];
  if (await show(true) || !patternPrefix()) return;
  prefix = patternPrefix();
  await show(true);
}

// Returns whether there are any.
async function show(isFirst) {
  const list = await fetchJson(`channels?prefix=${prefix}&after=${after}`);
  const names = list?.channels ?? [];
  after = list?.next ?? '';
  if (isFirst) $('there-list').replaceChildren();
  $('there-list').append(...names.map(choice));
  $('there-more').hidden = !after;
  $('there-text').textContent = !list ? 'The list cannot be had now.'
    : $('there-list').childElementCount ? '' : 'None that the hub tells you of.';
  mark();
  return names.length > 0;
}

function choice(name) {
  const item = element('li');
  item.append(Object.assign(element('button', 'small', name), { type: 'button' }));
  return item;
}

function mark() {
  for (const button of $('there-list').querySelectorAll('button')) button.ariaPressed = String(isListenedTo(button.textContent));
}
