import { $, showProblem } from './page.js';

// Which channels and patterns the page listens to. They are in its address, so that a reload or a link leads to the same.

const MAX_CHANNELS = 100;
const CHANNEL = /^(?=.{1,200}$)[\w.~:/@-]+(?<=\/)\*$|^[\w.~:/@-]{1,200}$/;
const DEFAULT = 'default';

export const CHANNEL_RULE = 'A name has 1 to 200 characters of A-Z a-z 0-9 . _ ~ : / @ - and a pattern is one that ends with /*';

let channels = [DEFAULT];
let rewind = ''; // how far back a stream begins that has no last id

/** @param {function(boolean, boolean)} onchoose called with whether others are chosen than before, and whether to begin elsewhere. */
export function startChannels(onchoose) {
  $('listen').addEventListener('submit', event => {
    event.preventDefault();
    choose(onchoose);
  });
  const query = new URLSearchParams(location.search);
  $('channels').value = query.getAll('channel').join(', ');
  rewind = query.get('rewind') ?? '';
  if (![...$('rewind').options].some(option => option.value === rewind)) $('rewind').append(new Option(rewind, rewind));
  $('rewind').value = rewind;
  choose(onchoose);
}

function choose(onchoose) {
  const names = [...new Set($('channels').value.split(/[\s,]+/).filter(Boolean))];
  const problem = problemOf(names);
  showProblem('channels', problem);
  if (problem) return $('channels').focus();
  const [before, rewindBefore] = [String(channels), rewind];
  [channels, rewind] = [names.length ? names : [DEFAULT], $('rewind').value];
  history.replaceState(null, '', isDefault() && !rewind ? location.pathname : `?${query()}`);
  onchoose(before !== String(channels), rewindBefore !== rewind);
}

/** Listens to a channel as well, or no longer. */
export function toggleChannel(name) {
  const others = channels.filter(channel => channel !== name);
  $('channels').value = (others.length < channels.length ? others : [...channels, name]).join(', ');
  $('listen').requestSubmit();
}

export const isListenedTo = name => channels.includes(name);

function problemOf(names) {
  const bad = names.find(name => !CHANNEL.test(name));
  return bad ? `“${bad}” is no channel. ${CHANNEL_RULE}.` : names.length > MAX_CHANNELS ? `At most ${MAX_CHANNELS} channels.` : '';
}

// Nothing in a name needs escaping. How far back may be any text of a link: the hub says what is wrong with it.
const query = () => [...channels.map(channel => `channel=${channel}`), ...(rewind ? [`rewind=${encodeURIComponent(rewind)}`] : [])].join('&');
const isDefault = () => String(channels) === DEFAULT;
const isPattern = channel => channel.endsWith('*');

/** An event is published to a channel, not to a pattern. */
export const isChannel = name => CHANNEL.test(name) && !isPattern(name);
export const channelNames = () => channels.join(', ');
/** What the names begin with that the first pattern stands for; empty without one. */
export const patternPrefix = () => (channels.find(isPattern) ?? '').slice(0, -1);
export const namedChannels = () => channels.filter(channel => !isPattern(channel));
export const firstChannel = () => channels[0];
/** The one that the form publishes to. */
export const defaultChannel = () => channels.find(channel => !isPattern(channel)) ?? DEFAULT;
export const isHeard = channel => channels.some(one => one === channel || (isPattern(one) && channel.startsWith(one.slice(0, -1))));

/** With one channel every event is of that one. With more, only an envelope tells which. */
export const isMixed = () => channels.length > 1 || isPattern(channels[0]);
export const streamUrl = () => `events?${query()}${isMixed() ? '&envelope=1' : ''}`;
/** Of an EventSource, which needs no envelopes. */
export const sourceUrl = () => new URL(isDefault() && !rewind ? 'events' : `events?${query()}`, location.href).href;

/** The address to publish to; the query has no channel yet. */
export function publishUrl(channel, parameters) {
  const all = [...(channel === DEFAULT ? [] : [`channel=${channel}`]), ...parameters].join('&');
  return new URL(all ? `events?${all}` : 'events', location.href).href;
}

/** Takes an event out of its envelope. It is cut, not parsed: a number of 64 bits would be rounded. Text is a JSON string in there. */
export function unwrap(text) {
  if (!isMixed()) return { channel: channels[0], data: text };
  const [, channel, data] = /^\{"channel":"([^"]*)","data":(.*)\}$/s.exec(text) ?? [];
  if (data === undefined) return { channel: '', data: text };
  return { channel, data: data.startsWith('"') ? JSON.parse(data) : data };
}
