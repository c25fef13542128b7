#!/usr/bin/env python3
"""Publishes the events of a journal to a hub of a cluster, in their order and with their ids. Run again, it publishes nothing twice.

    republish.py DATA URL    such as: republish.py data http://localhost:3001

The server whose journal it is must have stopped. The token for publishing is in SSE_PUBLISH_TOKEN, if there is one.
"""
import glob
import http.client
import os
import sys
import urllib.parse


def frames(folder):
    """The frames of all files: the channel, how many of its batch follow, and the fields."""
    for file in sorted(glob.glob(os.path.join(glob.escape(folder), 'journal-*.sse'))):
        with open(file, 'rb') as journal:
            # After a crash the last frame may be torn. The server does not count it either.
            whole, _, _ = journal.read().rpartition(b'\n\n')
        for frame in filter(None, whole.split(b'\n\n')):
            comment, *lines = frame.split(b'\n')
            _, _, channel, _, _, following, _ = comment.decode().split(' ')
            yield channel, int(following), [line.split(b': ', 1) for line in lines]


def publish(connection, channel, fields):
    # As text, so that the data stay what they are, byte for byte.
    names = {b'event': 'type', b'retry': 'retry', b'id': 'id'}
    query = {'channel': channel} | {names[name]: value for name, value in fields if name in names}
    headers = {'Content-Type': 'text/plain'}
    if 'SSE_PUBLISH_TOKEN' in os.environ:
        headers['Authorization'] = 'Bearer ' + os.environ['SSE_PUBLISH_TOKEN']
    body = b'\n'.join(value for name, value in fields if name == b'data')
    connection.request('POST', '/events?' + urllib.parse.urlencode(query), body, headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    if answer.status != 200:
        sys.exit(f'{query["id"].decode()}: {answer.status} {text}')


def main(folder, url):
    address = urllib.parse.urlsplit(url)
    kind = http.client.HTTPSConnection if address.scheme == 'https' else http.client.HTTPConnection
    connection, count, batch = kind(address.netloc, timeout=60), 0, []
    for channel, following, fields in frames(folder):
        batch.append(fields)
        if following == 0:
            for one in batch:
                publish(connection, channel, one)
            count, batch = count + len(batch), []
    print(f'{count} events')


if __name__ == '__main__':
    main(*sys.argv[1:])
