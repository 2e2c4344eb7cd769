# sutja serve in a container. Not built where sutja is developed: no container runtime runs there.
#
#   docker build -t sutja .
#   docker run --read-only --cap-drop ALL --security-opt no-new-privileges --memory 1g \
#       -e SUTJA_TOKEN=... -p 127.0.0.1:8765:8765 sutja
#
# A model of your own: -v /path/to/run/model:/model:ro ... sutja --model /model

FROM python:3.12-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN python -m venv /opt/sutja && /opt/sutja/bin/pip install --no-cache-dir '.[serve]'

FROM python:3.12-slim
COPY --from=build /opt/sutja /opt/sutja
# Nothing is written: no bytecode, no cache, no upload.
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 OMP_NUM_THREADS=1
USER 65534:65534
EXPOSE 8765
HEALTHCHECK --interval=30s --timeout=3s --start-period=10s CMD ["/opt/sutja/bin/python", "-c", \
    "from urllib.request import urlopen; urlopen('http://127.0.0.1:8765/health', timeout=2)"]
STOPSIGNAL SIGTERM
# Reached from outside its own network, so that SUTJA_TOKEN must be set.
ENTRYPOINT ["/opt/sutja/bin/sutja", "serve", "--host", "0.0.0.0", "--port", "8765"]
