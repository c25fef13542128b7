import { $ } from './page.js';
import { store, stored } from './session.js';

// The access token. It is sent as a header to publish, and as a cookie to listen: a cookie that is not good, or not needed, does no harm on
// open channels, while a header that is not good is refused there too. An EventSource on this host has the cookie as well.

const STORED = 'token';
const KEPT = 'It is kept until this tab is closed, its cookie until the browser is.';

let token = '';
let isForPublishing = false; // whether a publish wanted one last

/** @param {{onchange: function(), onuse: function(boolean)}} handlers onuse gets whether a publish waits for it. */
export function startToken({ onchange, onuse }) {
  $('token-form').addEventListener('submit', event => {
    event.preventDefault();
    if (!takeTyped()) return;
    onchange();
    onuse(isForPublishing);
  });
  $('forget').addEventListener('click', () => {
    forget();
    onchange();
  });
  $('token').addEventListener('input', () => $('token').removeAttribute('aria-invalid'));
  if (stored(STORED)) {
    setToken(stored(STORED));
    show(KEPT, false);
  } else if (hasCookie()) {
    // Of another tab, or of an application on this host: it stays until it is forgotten here.
    show('The browser sends the cookie sse_token when this page listens.', false);
  }
}

export const authorization = () => token ? { Authorization: `Bearer ${token}` } : {};
export const takesToken = () => token !== '' || isForPublishing;

/** The kept token let the page listen, so it is not asked for any more. */
export function tokenIsGood() {
  if (token && !isForPublishing) show(KEPT, false);
}

/**
 * Asks for a token if one is missing or was refused.
 * @param {Response} answer
 * @param {string} what the token is wanted for: "publish to orders".
 * @param {boolean} publishes
 * @returns {string} Why, or an empty text when the answer is not about a token (RFC 6750, section 3).
 */
export function wantToken(answer, what, publishes) {
  const challenge = /^Bearer(?: error="(\w+)")?/.exec(answer.headers.get('WWW-Authenticate'));
  if (!challenge) return '';
  const problem = challenge[1] === 'invalid_token'
    ? `The token is not good, so it does not let you ${what}: it may be mistyped, expired, or for another server.`
    : answer.status === 403 ? `The token does not let you ${what}.` : `The server wants a token to ${what}.`;
  isForPublishing ||= publishes;
  show(problem, true);
  return problem;
}

function show(text, isWanted) {
  $('access').hidden = false;
  $('token-text').textContent = text;
  $('token-entry').hidden = !isWanted;
  $('forget').hidden = !token && !hasCookie();
}

function takeTyped() {
  const typed = $('token').value.trim();
  const isToken = /^[\x20-\x7e]+$/.test(typed);
  $('token').setAttribute('aria-invalid', String(!isToken));
  if (!isToken) return $('token').focus();
  $('token').value = '';
  setToken(typed);
  show(KEPT, false);
  return true;
}

function forget() {
  setToken('');
  show('It is forgotten.', true);
  $('token').focus();
}

function setToken(text) {
  token = text;
  store(STORED, token);
  // Not every publish token can be a cookie, and listening takes none of those.
  const isCookie = /^[\w.~+/=-]+$/.test(token);
  const secure = location.protocol === 'https:' ? '; Secure' : '';
  document.cookie = 'sse_token=; Path=/; Max-Age=0'; // one that is too long would leave the one before
  if (isCookie) document.cookie = `sse_token=${token}; Path=/; SameSite=Strict${secure}`;
}

const hasCookie = () => /(^|; )sse_token=/.test(document.cookie);
