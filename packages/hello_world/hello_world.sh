#!/bin/sh
# Says hello, and then stays, as a service does. The first process of a container is not ended by a signal that it does not
# handle.
trap 'echo "goodbye world"; exit 0' TERM INT
echo "hello world, from process $$ on $(uname -m)"
while :; do
  sleep 3600 &
  wait $!
done
