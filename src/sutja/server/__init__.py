"""`sutja serve`: the predictor over HTTP and WebSocket, and the page that speaks to it.

The way of a request: ``connections`` (bytes from anywhere) - ``watching`` (logs, metrics, headers) - ``access`` (who
may ask) - ``app`` (routes) - ``uploads`` (what was sent) - ``pool`` (whose turn it is) - ``answers`` (the predictor's
words as JSON). ``streaming`` is the same for a microphone, ``serving`` starts and stops all of it.
"""
