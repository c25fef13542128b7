// Only ASCII digits make a retry (WHATWG HTML, section 9.2.6).
const DIGITS = /^[0-9]+$/;

/** Turns the bytes of one event stream into events, however they are split (WHATWG HTML, section 9.2.6). */
export class EventParser {
  #decoder = new TextDecoder(); // leaves out a byte order mark at the start
  #line = ''; // what has come of the line that has no end yet
  #endedWithCR = false; // then a LF at the start of the next bytes belongs to it
  #type = '';
  #data = [];
  #id; // undefined while the event has no field of that name
  #idBuffer;

  /** @param {string} lastEventId of the stream before this one. */
  constructor(lastEventId = '') {
    this.lastEventId = this.#idBuffer = lastEventId;
  }

  /** What the stream asks a client to wait before it reconnects, in milliseconds; undefined as long as it has not. */
  retryMs;

  /**
   * @param {Uint8Array} bytes the next ones of the stream.
   * @returns {{type: string, data: string, id: string}[]} The events that end in them. The id is the event's own: empty if it has none.
   */
  push(bytes) {
    let text = this.#decoder.decode(bytes, { stream: true });
    if (!text) return [];
    if (this.#endedWithCR && text.startsWith('\n')) text = text.slice(1);
    this.#endedWithCR = text.endsWith('\r');
    const lines = text.split(/\r\n|\r|\n/);
    lines[0] = this.#line + lines[0];
    this.#line = lines.pop();
    return lines.map(line => line ? this.#readField(line) : this.#endEvent()).filter(Boolean);
  }

  #readField(line) {
    const colon = line.indexOf(':');
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    switch (name) {
      case 'event': this.#type = value; break;
      case 'data': this.#data.push(value); break;
      case 'id': if (!value.includes('\0')) this.#id = this.#idBuffer = value; break;
      case 'retry': if (DIGITS.test(value)) this.retryMs = Number(value); break;
    }
  }

  #endEvent() {
    this.lastEventId = this.#idBuffer;
    const event = { type: this.#type || 'message', data: this.#data.join('\n'), id: this.#id ?? '' };
    const hasData = this.#data.length > 0;
    [this.#type, this.#data, this.#id] = ['', [], undefined];
    return hasData && event;
  }
}
