"""`helm test`: what is given as host:port takes connections, or does so within a minute."""

import socket
import sys
import time

until = time.monotonic() + 60
waited_for = sys.argv[1:]
while waited_for and time.monotonic() < until:
    address = waited_for[0]
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except OSError as error:
        print(f"{address}: {error}")
        time.sleep(1)
    else:
        print(f"{address} answers")
        waited_for.pop(0)
if waited_for:
    sys.exit(f"no answer from {', '.join(waited_for)}")
