import { element } from './page.js';

// JSON as people read it. It is cut into tokens, not parsed: JSON.stringify would round numbers of 64 bits, and sort members whose names
// are numbers. The start of a JSON text, which may end within a token, can be coloured as well.

const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"?(?=(\s*:)?)|\{\s*\}|\[\s*\]|[{}[\],:]|\s+|[^\s{}[\],:"]+/g;
const MAX_COLOURED = 100_000; // characters; each token takes an element
const MAX_INDENTS = 40; // what is nested deeper stays in this column: 20,000 levels would take 400 MB of indents

export function isJson(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** The same JSON with other white space: a line for each member, indented. */
export function indented(json) {
  const parts = [];
  let depth = 0;
  const line = () => `\n${'  '.repeat(Math.min(depth, MAX_INDENTS))}`;
  for (const [token] of json.matchAll(TOKEN)) {
    switch (token) {
      case '{': case '[': depth++; parts.push(token, line()); break;
      case '}': case ']': depth--; parts.push(line(), token); break;
      case ',': parts.push(token, line()); break;
      case ':': parts.push(': '); break;
      default: parts.push(/^[{[]/.test(token) ? token[0] + token.at(-1) : token.trim());
    }
  }
  return parts.join('');
}

/** Shows JSON with its names, strings, numbers and words in colours. */
export function coloured(json) {
  const shown = document.createDocumentFragment();
  let plain = '';
  for (const [token, colon] of json.slice(0, MAX_COLOURED).matchAll(TOKEN)) {
    const kind = kindOf(token, colon);
    if (kind) {
      shown.append(plain, element('span', kind, token));
      plain = '';
    } else plain += token;
  }
  shown.append(plain + json.slice(MAX_COLOURED));
  return shown;
}

function kindOf(token, colon) {
  if (token.startsWith('"')) return colon === undefined ? 'string' : 'name';
  return /^-?\d/.test(token) ? 'number' : /^(true|false|null)$/.test(token) ? 'word' : '';
}
