import { EventParser } from './parser.js';

const UNTOLD_RETRY_MS = 3000; // what Chromium waits as long as a server has not said how long
const MAX_RETRY_MS = 2 ** 31 - 1; // a timer of more ends at once

/**
 * An event stream that is read with fetch: an EventSource hands over only the types that it has a listener for. Otherwise it does what an
 * EventSource does (WHATWG HTML, section 9.2). It reconnects after an end and after an error of the network, when the time has passed that
 * the server asked for with `retry`, and sends `Last-Event-ID`. An answer that is no event stream is final.
 */
export class EventStream {
  #url;
  #handlers;
  #closing = new AbortController();
  #retryMs = UNTOLD_RETRY_MS;
  #parser;

  /**
   * @param {string} url
   * @param {string} lastEventId behind which the stream begins; empty for what comes from now on.
   * @param {{onopen: function(), onevent: function(object), onwait: function(number), onover: function(), onrefused: function(Response)}}
   *   handlers onwait gets the milliseconds until the next attempt; onover is told that nothing will follow; onrefused gets an answer that
   *   is final.
   */
  constructor(url, lastEventId, handlers) {
    this.#url = url;
    this.#handlers = handlers;
    this.#parser = new EventParser(lastEventId);
    this.#run();
  }

  /** The id behind which a stream would go on. */
  get lastEventId() {
    return this.#parser.lastEventId;
  }

  close() {
    this.#closing.abort();
  }

  async #run() {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const answer = await this.#request();
      if (signal.aborted) return;
      if (answer?.status === 204) return this.#handlers.onover();
      if (answer && !isEventStream(answer)) return this.#handlers.onrefused(answer);
      if (answer) await this.#read(answer.body.getReader());
      if (signal.aborted) return;
      this.#handlers.onwait(this.#retryMs);
      await pause(this.#retryMs, signal);
    }
  }

  async #request() {
    const headers = { Accept: 'text/event-stream' };
    if (this.lastEventId) headers['Last-Event-ID'] = utf8(this.lastEventId);
    try {
      return await fetch(this.#url, { headers, cache: 'no-store', signal: this.#closing.signal });
    } catch {
      return null; // the network, or close
    }
  }

  async #read(reader) {
    this.#parser = new EventParser(this.lastEventId);
    this.#handlers.onopen();
    for (let part; (part = await reader.read().catch(() => null)) && !part.done && !this.#closing.signal.aborted;) {
      const events = this.#parser.push(part.value);
      if (this.#parser.retryMs !== undefined) this.#retryMs = Math.min(this.#parser.retryMs, MAX_RETRY_MS);
      for (const event of events) this.#hand(event);
    }
  }

  // One event that cannot be handled does not end the stream.
  #hand(event) {
    try {
      this.#handlers.onevent(event);
    } catch (error) {
      reportError(error);
    }
  }
}

const isEventStream = answer => answer.status === 200 && /^text\/event-stream *(;|$)/i.test(answer.headers.get('Content-Type'));

// Fetch takes a header as bytes, written as characters below 256.
const utf8 = text => String.fromCharCode(...new TextEncoder().encode(text));

function pause(milliseconds, signal) {
  return new Promise(resolve => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
  });
}
