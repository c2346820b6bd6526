# syntax=docker/dockerfile:1.7
# One image for the four services; the command picks one:
#   docker run agileim python -m services.gateway
# Targets: service (default, last), edge (Caddy with the files it serves).
# A release pins the bases by digest: --build-arg PYTHON=python:3.11-slim-bookworm@sha256:…
ARG PYTHON=python:3.11-slim-bookworm
ARG CADDY=caddy:2.11-alpine

FROM ${PYTHON} AS python-packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/agileim
COPY requirements/runtime.lock /tmp/runtime.lock
RUN /opt/agileim/bin/pip install --require-hashes --no-deps --only-binary :all: \
      -r /tmp/runtime.lock \
    && /opt/agileim/bin/pip uninstall --yes pip setuptools

FROM ${CADDY} AS edge
COPY standalone/Caddyfile /etc/caddy/Caddyfile
COPY standalone/start_page /srv/web
# A volume mounted here takes over the owner, so that certificates can be kept.
RUN mkdir -p /data && chown 10001:10001 /data
USER 10001:10001
ENV XDG_DATA_HOME=/data XDG_CONFIG_HOME=/tmp
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s \
  CMD ["wget", "--quiet", "--spider", "http://127.0.0.1:8080/"]
CMD ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]

FROM ${PYTHON} AS service
LABEL org.opencontainers.image.title="AgileIM" \
      org.opencontainers.image.description="Self-hosted instant messaging: auth, api, dispatcher, gateway" \
      org.opencontainers.image.base.name="docker.io/library/python:3.11-slim-bookworm"
# LOGNAME: the migrations note who applied them, and the user id below has no name in any image.
ENV PATH=/opt/agileim/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    LOGNAME=agileim AGILEIM_LISTEN=0.0.0.0:8000
WORKDIR /app
COPY --from=python-packages /opt/agileim /opt/agileim
COPY shared ./shared
COPY services ./services
# Compiled here, because the root file system is read-only later.
# /keys is auth's: a volume mounted there takes over the owner.
RUN python -m compileall -q /opt/agileim /app && install -d -m 0700 -o 10001 -g 10001 /keys
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
CMD ["python", "-m", "services.api"]
