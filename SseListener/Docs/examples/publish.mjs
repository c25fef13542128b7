// Publishes an event, once, however often it has to try: node publish.mjs
const hub = (process.argv[2] ?? 'http://localhost:3000').replace(/\/$/, '');

// Tries until the event is stored, and returns its id. Give an id, such as 'order-42-paid', if this program may die before it has an
// answer, and publish the event again.
export async function publish(channel, type, data, id = crypto.randomUUID()) {
  // The id is chosen before the first attempt. By it the hub knows an event that it has already.
  const body = JSON.stringify({ id, type, data });
  for (;;) {
    const answer = await post(`${hub}/events?channel=${encodeURIComponent(channel)}`, body);
    if (answer?.ok) return id;
    if (answer && answer.status < 500 && ![408, 429].includes(answer.status)) {
      throw new Error(`The hub refuses the event: ${await answer.text()}`);
    }
    const seconds = Number(answer?.headers.get('Retry-After')) || 0.5;
    await new Promise(resolve => setTimeout(resolve, 1000 * seconds));
  }
}

// Undefined when there is no answer, or not in time: then nobody knows whether the event is stored.
async function post(url, body) {
  const headers = { 'Content-Type': 'application/json' };
  return fetch(url, { method: 'POST', headers, body, signal: AbortSignal.timeout(30_000) }).catch(() => undefined);
}

console.log(await publish('orders/42', 'paid', { by: 'card' }));
