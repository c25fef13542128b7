#!/usr/bin/env python3
"""Publishes what a journal keeps to a hub of a cluster: events in their order and with their ids, and the ends of channels. Run again, it
publishes nothing twice.

    republish.py DATA URL    such as: republish.py data http://localhost:3001

The server whose journal it is must have stopped. The token for publishing is in SSE_PUBLISH_TOKEN, if there is one.
"""
import glob
import http.client
import os
import sys
import urllib.parse


def frames(folder):
    """The frames of all files: the number, the number of the last one of its publish, the channels, and the fields."""
    for file in sorted(glob.glob(os.path.join(glob.escape(folder), 'journal-*.sse'))):
        with open(file, 'rb') as journal:
            # After a crash the last frame may be torn. The server does not count it either.
            whole, _, _ = journal.read().rpartition(b'\n\n')
        for frame in filter(None, whole.split(b'\n\n')):
            comment, *lines = frame.split(b'\n')
            words = comment.decode().split(' ')
            if len(words) != 7:
                continue  # How a file begins from which the rules have dropped something.
            _, number, channels, _, _, following, _ = words
            yield int(number), int(number) + int(following), channels.split(','), [line.split(b': ', 1) for line in lines]


def is_change(fields, kind):
    return fields[-1:] and fields[-1][0] == b'id' and fields[-1][1].startswith(kind)


def find_end_and_gone(folder):
    """The last number; and of each channel up to which number it has gone: it was deleted, or its name was used again behind its end."""
    end, gone, ended = 0, {}, {}
    for end, _, channels, fields in frames(folder):
        for channel in channels:
            if is_change(fields, b'@forget-'):
                gone[channel] = end
            elif is_change(fields, b'@end-'):
                ended[channel] = end
            elif channel in ended:
                gone[channel] = ended.pop(channel)
    return end, gone


def publish(connection, channels, fields):
    # As text, so that the data stay what they are, byte for byte.
    names = {b'event': 'type', b'retry': 'retry', b'id': 'id'}
    query = [('channel', channel) for channel in channels]
    if is_change(fields, b'@end-'):
        query, fields = query + [('end', 1)], []
    query += [(names[name], value) for name, value in fields if name in names]
    headers = {'Content-Type': 'text/plain'}
    if 'SSE_PUBLISH_TOKEN' in os.environ:
        headers['Authorization'] = 'Bearer ' + os.environ['SSE_PUBLISH_TOKEN']
    body = b'\n'.join(value for name, value in fields if name == b'data')
    connection.request('POST', '/events?' + urllib.parse.urlencode(query), body, headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    if answer.status != 200:
        sys.exit(f'{urllib.parse.urlencode(query)}: {answer.status} {text}')


def main(folder, url):
    address = urllib.parse.urlsplit(url)
    kind = http.client.HTTPSConnection if address.scheme == 'https' else http.client.HTTPConnection
    connection, count = kind(address.netloc, timeout=60), 0
    end, gone = find_end_and_gone(folder)
    for number, last, channels, fields in frames(folder):
        kept = [channel for channel in channels if number > gone.get(channel, 0)]
        # Of a frame that was dropped there is only the line. A publish whose end is missing was not answered.
        if fields and kept and last <= end:
            publish(connection, kept, fields)
            count += 1
    print(f'{count} events and ends')


if __name__ == '__main__':
    main(*sys.argv[1:])
