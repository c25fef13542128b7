import { $, inMs, showProblem } from './page.js';
import { isHeard } from './channels.js';
import { formRequest } from './form.js';
import { noteLatency } from './latency.js';
import { showCommand } from './snippets.js';
import { authorization, wantToken } from './token.js';

// The form that publishes, what the server says, and how long the event takes to come back.

const ANSWER_MS = 30_000; // longer than a hub waits for its cluster
const MAX_AWAITED = 40;
const MAX_EARLY = 50_000;

const awaited = new Map(); // id → when it was sent, of published events that have not come back
const early = new Map(); // id → when it came, of events that came while a publish had no answer: one of them may be its own
let underWay = 0;

export function startPublishing() {
  $('publish').addEventListener('submit', publish);
  $('publish').addEventListener('keydown', event => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey) || event.repeat) return;
    event.preventDefault();
    $('publish').requestSubmit();
  });
  $('publish').addEventListener('input', () => {
    showProblem('data', '');
    showProblem('channel', '');
    showCommand();
  });
}

async function publish(event) {
  event.preventDefault();
  const request = formRequest();
  for (const field of ['channel', 'data']) showProblem(field, request.field === field ? request.problem : '');
  if (request.problem) return $(request.field).focus();
  showResult('Publishing…');
  underWay++;
  await send(request);
  if (--underWay === 0) early.clear();
}

async function send({ channel, url, contentType, body }) {
  const sentAt = performance.now();
  try {
    const headers = { 'Content-Type': contentType, ...authorization() };
    const answer = await fetch(url, { method: 'POST', headers, body, signal: AbortSignal.timeout(ANSWER_MS) });
    const content = await answer.json().catch(() => null);
    if (answer.ok) published(content ?? {}, channel, sentAt);
    else refused(answer, content?.detail, channel);
  } catch (error) {
    // Browsers hold six HTTP/1.1 connections to a server, and every open tab of this page takes one.
    const isLate = error.name === 'TimeoutError';
    showResult(isLate ? 'No answer in 30 s. Are six tabs of this page open?' : 'Not published: the server cannot be reached.', true);
  }
}

function published({ id, ended }, channel, sentAt) {
  if (ended) $('ends').checked = false; // for the next channel
  if (!id) return showResult(`The channel ${channel} has ended.`);
  if (!isHeard(channel)) return showResult(`Published as ${id}. You do not listen to ${channel}, so it does not come back.`);
  showResult(`Published as ${id}`);
  if (early.has(id)) return cameBack(id, early.get(id) - sentAt);
  awaited.set(id, sentAt);
  if (awaited.size > MAX_AWAITED) awaited.delete(awaited.keys().next().value); // an id that is known already never comes
}

/** An event with this id has come: it may be one that was published here. */
export function noteArrival(id, now) {
  if (underWay && early.size < MAX_EARLY) early.set(id, now);
  if (!awaited.has(id)) return;
  cameBack(id, now - awaited.get(id));
  awaited.delete(id);
}

function cameBack(id, milliseconds) {
  noteLatency(milliseconds);
  showResult(`Published as ${id}, and back here after ${inMs(milliseconds)}`);
}

function refused(answer, detail, channel) {
  const wanted = wantToken(answer, `publish to ${channel}`, true);
  showResult(`Refused (${answer.status}): ${wanted || (detail ?? 'the server did not say why.')}`, true);
  if (!wanted) return;
  showCommand();
  $('token').focus();
}

/** The token that a publish wanted is there. */
export function publishAgain() {
  showResult('The token is kept: publish again.');
  $('publish').querySelector('[type=submit]').focus();
}

function showResult(text, isBad = false) {
  $('result').textContent = text;
  $('result').classList.toggle('bad', isBad);
}
