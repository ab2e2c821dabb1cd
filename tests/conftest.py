"""What holds for all tests."""

import signal

# A shell that starts a command in the background lets it ignore Ctrl-C, and its children inherit that; tests that stop
# a command this way need the usual handler.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
