"""Publishes an event, once, however often it has to try: python3 publish.py"""
import sys
import time
import uuid

import requests

HUB = sys.argv[1].rstrip('/') if len(sys.argv) > 1 else 'http://localhost:3000'


def publish(channel, kind, data, event_id=None):
    """Tries until the event is stored, and returns its id.

    Give an id, such as 'order-42-paid', if this program may die before it has an answer, and publish the event again.
    """
    # The id is chosen before the first attempt. By it the hub knows an event that it has already.
    event = {'id': event_id or str(uuid.uuid4()), 'type': kind, 'data': data}
    while True:
        pause = 0.5
        try:
            answer = requests.post(f'{HUB}/events', params={'channel': channel}, json=event, timeout=(5, 30))
            if answer.ok:
                return event['id']
            if answer.status_code < 500 and answer.status_code not in (408, 429):
                raise ValueError(f'the hub refuses the event: {answer.text}')
            retry_after = answer.headers.get('Retry-After', '')
            pause = int(retry_after) if retry_after.isdigit() else pause
        except requests.RequestException:
            pass  # There is no answer, or not in time: nobody knows whether the event is stored.
        time.sleep(pause)


print(publish('orders/42', 'paid', {'by': 'card'}))
