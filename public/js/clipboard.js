import { element } from './page.js';
import { say } from './announcements.js';

const SHOWN_MS = 3000;
const DONE = 'Copied';
const NOT_DONE = 'Not copied';

/** Copies a text, and has the button say for a moment whether that was possible. */
export async function copy(text, button) {
  const label = button.firstChild;
  const before = label.nodeValue;
  const isDone = await toClipboard(text);
  say(isDone ? 'Copied' : 'The browser does not let this page copy');
  label.nodeValue = isDone ? DONE : NOT_DONE;
  if (before !== DONE && before !== NOT_DONE) setTimeout(() => { label.nodeValue = before; }, SHOWN_MS);
}

async function toClipboard(text) {
  // Without TLS there is a clipboard on localhost only; elsewhere the old way still works.
  if (navigator.clipboard) return navigator.clipboard.writeText(text).then(() => true, () => false);
  const held = document.activeElement;
  const area = document.body.appendChild(Object.assign(element('textarea', 'unseen'), { value: text }));
  area.select();
  const isDone = document.execCommand('copy');
  area.remove();
  held?.focus();
  return isDone;
}
