// What every module needs of the document, and how numbers and times are written.

export const $ = id => document.getElementById(id);
export const number = new Intl.NumberFormat('en');
export const clock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' }); // 24 hours everywhere

export const inMs = milliseconds =>
  milliseconds < 1000 ? `${milliseconds.toFixed(milliseconds < 100 ? 1 : 0)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;

/** Events become text, never markup. */
export function element(name, className = '', text = '') {
  return Object.assign(document.createElement(name), { className, textContent: text });
}

/** What the hub answers, or null if that cannot be had. */
export const fetchJson = path => fetch(path, { cache: 'no-store' }).then(answer => answer.ok ? answer.json() : null).catch(() => null);

/** Shows what is wrong with a field, or with an empty text that nothing is. */
export function showProblem(field, text) {
  $(`${field}-error`).textContent = text;
  $(`${field}-error`).hidden = !text;
  $(field).setAttribute('aria-invalid', String(text !== ''));
}
