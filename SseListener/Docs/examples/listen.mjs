// Prints each event of a channel once: npm install eventsource@3, then node listen.mjs. When the stream breaks off, the EventSource
// comes back by itself, with the last id, after as long as the server has told it to wait.
import { EventSource } from 'eventsource';

const source = new EventSource(process.argv[2] ?? 'http://localhost:3000/events?channel=orders/42');

source.addEventListener('hello', ({ data }) => console.log('connected:', data));

// What follows is all that is kept. What is missing between can only come from your database.
source.addEventListener('gap', () => console.log('gap: some events are no longer kept'));

// An EventSource hears only the types that it has a listener for, and events without a type as messages.
for (const type of ['message', 'paid']) {
  source.addEventListener(type, ({ data }) => console.log(`${type}: ${data}`));
}

source.onerror = error => {
  console.error(error.message ?? 'the stream has ended');

  // Any answer that is not 200 is final. 204 says that the channel has ended, and that this program has all of it.
  if (source.readyState === EventSource.CLOSED && error.code !== 204) process.exitCode = 1;
};
