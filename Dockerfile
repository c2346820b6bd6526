# syntax=docker/dockerfile:1.7
# One image for the four services; the command picks one:
#   docker run agileim python -m services.gateway
# Targets: service (default, last), edge (Caddy with the web client), admin (`agileim admin` with
# PostgreSQL's own tools for backups).
# A release pins the bases by digest: --build-arg PYTHON=python:3.11-slim-bookworm@sha256:…
ARG PYTHON=python:3.11-slim-bookworm
ARG NODE=node:24-bookworm-slim
ARG CADDY=caddy:2.11-alpine

FROM ${PYTHON} AS python-packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/agileim
COPY requirements/runtime.lock /tmp/runtime.lock
RUN /opt/agileim/bin/pip install --require-hashes --no-deps --only-binary :all: \
      -r /tmp/runtime.lock \
    && /opt/agileim/bin/pip uninstall --yes pip setuptools

FROM ${NODE} AS web-files
WORKDIR /web
# First what names the packages: they are installed again only when it has changed.
COPY clients/web/package.json clients/web/package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY clients/web ./
RUN npm run build

FROM ${CADDY} AS edge
LABEL org.opencontainers.image.title="AgileIM edge" \
      org.opencontainers.image.description="TLS, routing and the web client of AgileIM" \
      org.opencontainers.image.base.name="docker.io/library/caddy:2.11-alpine"
COPY standalone/Caddyfile /etc/caddy/Caddyfile
COPY --from=web-files /web/dist /srv/web
# A volume mounted here takes over the owner, so that certificates can be kept.
RUN mkdir -p /data && chown 10001:10001 /data
USER 10001:10001
ENV XDG_DATA_HOME=/data XDG_CONFIG_HOME=/tmp
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s \
  CMD ["wget", "--quiet", "--spider", "http://127.0.0.1:8080/"]
CMD ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]

FROM ${PYTHON} AS code
# LOGNAME: the migrations note who applied them, and the user id below has no name in any image.
ENV PATH=/opt/agileim/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 LOGNAME=agileim
WORKDIR /app
COPY --from=python-packages /opt/agileim /opt/agileim
COPY shared ./shared
COPY services ./services
COPY admin ./admin
# Compiled here, because the root file system is read-only later.
# A volume mounted at /keys (auth's) or /files (api's) takes over the owner.
RUN python -m compileall -q /opt/agileim /app \
    && install -d -m 0700 -o 10001 -g 10001 /keys /files /backups

FROM code AS admin
LABEL org.opencontainers.image.title="AgileIM admin" \
      org.opencontainers.image.description="agileim admin: users, streams, doctor, backup and restore" \
      org.opencontainers.image.base.name="docker.io/library/python:3.11-slim-bookworm"
# PostgreSQL's own packages: pg_dump must be of the server's version or newer, Debian's is older.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates postgresql-common \
    && /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y \
    && apt-get install --yes --no-install-recommends postgresql-client-17 \
    && rm -rf /var/lib/apt/lists/*
USER 10001:10001
ENTRYPOINT ["python", "-m", "admin"]
CMD ["--help"]

FROM code AS service
LABEL org.opencontainers.image.title="AgileIM" \
      org.opencontainers.image.description="Self-hosted instant messaging: auth, api, dispatcher, gateway" \
      org.opencontainers.image.base.name="docker.io/library/python:3.11-slim-bookworm"
ENV AGILEIM_LISTEN=0.0.0.0:8000 AGILEIM_FILES_DIR=/files
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
CMD ["python", "-m", "services.api"]
