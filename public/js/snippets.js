import { $ } from './page.js';
import { sourceUrl } from './channels.js';
import { copy } from './clipboard.js';
import { formRequest } from './form.js';
import { takesToken } from './token.js';

// The same without this page: a command that publishes, and a script that listens.

const MAX_COMMAND = 40_000; // characters, of up to three bytes: Linux takes 128 KiB an argument

export function startSnippets() {
  for (const name of ['curl', 'script']) {
    $(`${name}-copy`).addEventListener('click', ({ currentTarget }) => copy($(name).textContent, currentTarget));
  }
}

/** Shows what the command is now that the form, the channels or the token has changed. */
export function showCommand() {
  const request = formRequest();
  const problem = request.problem ? 'There is a mistake in the form.'
    : request.body.includes('\0') ? 'A command line cannot have a NUL in it.'
    : request.body.length > MAX_COMMAND ? 'This is too long for a command line.' : '';
  $('curl-copy').disabled = problem !== '';
  $('curl').textContent = problem || command(request);
}

function command({ url, contentType, body }) {
  // The token stays out of what people paste and of the shell's history.
  const access = takesToken() ? ' -H "Authorization: Bearer $SSE_TOKEN"' : '';
  return `curl ${quoted(url)} -H ${quoted(`Content-Type: ${contentType}`)}${access} --data-raw ${quoted(body)}`;
}

// For a POSIX shell: nothing is special between single quotes but a single quote.
const quoted = text => `'${text.replaceAll("'", "'\\''")}'`;

export function showScript() {
  $('script').textContent = [
    `const source = new EventSource(${JSON.stringify(sourceUrl())});`,
    "source.onmessage = event => console.log('onmessage', event.data);",
    "source.addEventListener('join', event => console.log('join', event.data));",
  ].join('\n');
}
