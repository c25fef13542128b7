import { $, clock, number } from './page.js';
import { say } from './announcements.js';
import { channelNames, isMixed } from './channels.js';
import { copy } from './clipboard.js';
import { currentFilter, isFiltered, showTypes, startFilter } from './filter.js';
import { onFrame, requestFrame } from './frames.js';
import { arrivedCount, forgetUpTo, keptCount, newest, oldestKept, receivedCount } from './history.js';
import { hideNotice, showNotice } from './notices.js';
import { colourLine, frameOf, rowOf, toggle } from './row.js';

// The list of events, newest first, and never more rows than one can scroll.

const PAGE_OF_ROWS = 500; // and how many "Show older" adds
const MAX_ROWS = 3000; // with 10,000, a frame takes a quarter of a second
const MAX_NAMES = 80; // characters

let pausedAt = -1; // the number of the last event before the pause; -1 when there is none
let shownUpTo = 0; // the number of the last event that was looked at for the list
let mostRows = PAGE_OF_ROWS;
let begin; // what the list begins with: behind the event of which number, and why

/** @param {boolean} isResumed whether the tab was here before, and goes on from there. */
export function startList(isResumed) {
  const now = clock.format(Date.now());
  begin = { behind: 0, why: isResumed ? `The list goes on from where this tab was until ${now}.` : `The page was opened at ${now}.` };
  startFilter(showAnew);
  $('pause').addEventListener('click', pauseOrResume);
  $('clear').addEventListener('click', clear);
  $('older').addEventListener('click', showOlder);
  $('events').addEventListener('click', clicked);
  $('events').addEventListener('keydown', walk);
  $('events').addEventListener('contentvisibilityautostatechange', ({ target, skipped }) => skipped || colourLine(target));
  onFrame(render);
}

export const isPaused = () => pausedAt >= 0;

/** Shows all rows anew, because other events are to be shown, or in another way. */
export function showAnew() {
  $('events').replaceChildren();
  $('events').classList.toggle('mixed', isMixed());
  shownUpTo = 0;
  requestFrame();
}

function render() {
  showTypes();
  renderRows();
  renderCounts();
  renderBegin();
}

function renderRows() {
  const list = $('events');
  const upTo = isPaused() ? pausedAt : arrivedCount();
  const rows = newest(mostRows, shownUpTo, upTo, currentFilter()).map(rowOf);
  const excess = list.childElementCount + rows.length - mostRows;
  const held = list.contains(document.activeElement);
  shownUpTo = upTo;
  for (let i = Math.min(excess, list.childElementCount); i > 0; i--) list.lastElementChild.remove();
  list.prepend(...rows);
  // The row that had the focus has gone; from the top of the page the keyboard would have to start over.
  if (held && !list.contains(document.activeElement)) list.focus();
}

function renderCounts() {
  const [rows, received] = [$('events').childElementCount, receivedCount()];
  const waiting = isPaused() ? arrivedCount() - pausedAt : 0;
  const gone = lostWhilePaused();
  $('count').textContent = `${number.format(received)} received${rows < received || isFiltered() ? `, ${number.format(rows)} shown` : ''}`;
  $('waiting').hidden = !isPaused();
  $('waiting').textContent = `Paused, ${number.format(waiting)} waiting${gone ? `, but the oldest ${number.format(gone)} had to go` : ''}`;
  $('empty').hidden = rows > 0;
  $('empty-text').textContent = waiting ? 'Paused: what has come since waits.'
    : isFiltered() && received ? 'Nothing that is kept matches the filter.'
    : `Nothing yet on ${shortened(channelNames())}.`;
}

const shortened = names => names.length > MAX_NAMES ? `${names.slice(0, MAX_NAMES)}…` : names;

// Where the list begins: nobody should take its last row for the first event there was.
function renderBegin() {
  const rows = $('events').childElementCount;
  const hasMore = rows >= mostRows && keptCount() > rows;
  $('older').hidden = !hasMore || mostRows >= MAX_ROWS;
  $('begin').textContent = hasMore ? `Older events are kept, but not shown${mostRows < MAX_ROWS ? '.' : ': filter to find them.'}`
    : `Older events are not shown here. ${oldestKept() > begin.behind + 1 ? 'The page keeps only the newest.' : begin.why}`;
}

function showOlder() {
  mostRows += PAGE_OF_ROWS;
  showAnew();
}

const lostWhilePaused = () => isPaused() && arrivedCount() > pausedAt && keptCount() ? Math.max(0, oldestKept() - pausedAt - 1) : 0;

function pauseOrResume() {
  const gone = lostWhilePaused();
  if (gone) showNotice(`The pause was too long for all to be kept: the oldest ${number.format(gone)} of what waited had to go.`);
  pausedAt = isPaused() ? -1 : arrivedCount();
  mostRows = PAGE_OF_ROWS;
  $('pause').textContent = isPaused() ? 'Resume' : 'Pause';
  say(isPaused() ? 'Paused, events wait' : 'Resumed');
  requestFrame();
}

// What waits has not been seen, so it stays.
function clear() {
  const behind = isPaused() ? pausedAt : arrivedCount();
  forgetUpTo(behind);
  begin = { behind, why: `The list was cleared at ${clock.format(Date.now())}.` };
  mostRows = PAGE_OF_ROWS;
  hideNotice();
  showAnew();
}

function clicked({ target }) {
  const row = target.closest('li');
  if (target.closest('.line')) toggle(row);
  else if (target.closest('.copy')) copy(frameOf(row), target.closest('.copy'));
}

// 500 rows would be 500 stops on the way to the form: the list is one stop, and the arrow keys go from row to row.
function walk(event) {
  const step = { ArrowDown: 'nextElementSibling', ArrowUp: 'previousElementSibling' }[event.key];
  if (!step || event.target.closest('.whole')) return;
  const item = event.target.closest('li');
  const next = item ? item[step] : $('events').firstElementChild;
  if (!next) return;
  event.preventDefault();
  next.firstElementChild.focus();
}
