import { $ } from './page.js';
import { CHANNEL_RULE, defaultChannel, isChannel, publishUrl } from './channels.js';
import { isJson } from './json.js';

const escaped = text => encodeURIComponent(text.toWellFormed()); // half a character cannot be escaped

/** What the form would send, or what is wrong with which field. */
export function formRequest() {
  const [channel, type, id] = [$('channel').value.trim() || defaultChannel(), $('type').value.trim(), $('event-id').value.trim()];
  const data = $('data').value;
  if (!isChannel(channel)) return { field: 'channel', problem: `An event is published to one channel. ${CHANNEL_RULE}.` };
  const end = $('ends').checked ? ['end=1'] : [];
  const isText = $('format-text').checked;
  const contentType = isText ? 'text/plain' : 'application/json';
  if (end.length && !(isText ? data : data.trim())) return { channel, url: publishUrl(channel, end), contentType, body: '' };
  if (isText) {
    const parameters = [...end, type && `type=${escaped(type)}`, id && `id=${escaped(id)}`].filter(Boolean);
    return { channel, url: publishUrl(channel, parameters), contentType, body: data };
  }
  if (!isJson(data)) return { field: 'data', problem: `This is not valid JSON: ${jsonProblem(data)}` };
  // The data go in as they were typed: parsed and written anew, a number of 64 bits would be rounded.
  const members = [type && `"type":${JSON.stringify(type)}`, id && `"id":${JSON.stringify(id)}`, `"data":${data.trim()}`];
  return { channel, url: publishUrl(channel, end), contentType, body: `{${members.filter(Boolean).join(',')}}` };
}

function jsonProblem(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    return error.message;
  }
}
