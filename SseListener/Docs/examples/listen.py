"""Prints each event of a channel once, and comes back by itself when the stream breaks off: python3 listen.py"""
import sys
import time

import requests

URL = sys.argv[1] if len(sys.argv) > 1 else 'http://localhost:3000/events?channel=orders/42'


def listen(url, last_id=None):
    """Yields the type, data and id of each event until the channel ends. To go on behind an event later, keep its id."""
    pause = 3
    while True:
        headers = {'Last-Event-ID': last_id.encode()} if last_id else {}
        try:
            # The server sends something every 15 s. After 45 s of silence it is gone.
            with requests.get(url, headers=headers, stream=True, timeout=(5, 45)) as stream:
                if stream.status_code == 204:
                    return  # The channel has ended, and this program has all of it.
                if stream.status_code < 500 and stream.status_code not in (200, 429):
                    raise ValueError(f'the hub refuses the stream: {stream.text}')
                event = {}
                for line in stream.iter_lines() if stream.ok else ():
                    name, _, value = line.decode().partition(':')
                    if line:
                        event.setdefault(name, []).append(value.removeprefix(' '))
                        continue
                    if 'data' in event:
                        yield event.get('event', ['message'])[-1], '\n'.join(event['data']), event.get('id', [None])[-1]
                    last_id = event.get('id', [last_id])[-1]
                    pause = int(event['retry'][-1]) / 1000 if 'retry' in event else pause
                    event = {}
        except requests.RequestException as error:
            print(error, file=sys.stderr)
        time.sleep(pause)


for kind, data, event_id in listen(URL):
    if kind == 'hello':
        print('connected:', data, flush=True)
    elif kind == 'gap':
        # What follows is all that is kept. What is missing between can only come from your database.
        print('gap: some events are no longer kept', flush=True)
    else:
        print(f'{kind}: {data}', flush=True)
