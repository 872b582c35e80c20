# The image of mlm-audit: the package, and the packages of requirements/image.txt with their hashes. It contains no secret;
# the settings come from the environment. Its own command starts Prefect's server, a worker and the console in one container;
# compose.yaml starts them apart.

# The minor version is pinned, so that a new build has the fixes of Python and Debian.
FROM python:3.11-slim-bookworm AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
WORKDIR /src

COPY requirements/image.txt requirements/
RUN python -m venv /opt/mlm-audit \
    && /opt/mlm-audit/bin/python -m pip install --require-hashes -r requirements/image.txt

COPY pyproject.toml README.md LICENSE ./
COPY mlm_audit mlm_audit/
COPY flows flows/
COPY reports reports/
COPY notebooks notebooks/
RUN /opt/mlm-audit/bin/python -m pip install --no-deps --no-build-isolation .


FROM python:3.11-slim-bookworm

LABEL org.opencontainers.image.title="mlm-audit" \
      org.opencontainers.image.description="Keeps the books of a multi-level-marketing platform honest" \
      org.opencontainers.image.licenses="MIT"

# The reports, the outbox, the sealed history and Prefect's data are written to /data by this account.
RUN groupadd --system --gid 10001 mlm-audit \
    && useradd --system --uid 10001 --gid mlm-audit --create-home --home-dir /data --shell /usr/sbin/nologin mlm-audit

COPY --from=build /opt/mlm-audit /opt/mlm-audit

ENV PATH=/opt/mlm-audit/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    MLM_AUDIT_HOME=/data \
    PREFECT_HOME=/data/.prefect \
    PREFECT_SERVER_ANALYTICS_ENABLED=false \
    DO_NOT_TRACK=1
WORKDIR /data
VOLUME ["/data"]
USER mlm-audit
EXPOSE 8300

HEALTHCHECK --interval=30s --timeout=10s --start-period=180s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8300/healthz', timeout=5)"]
CMD ["mlm-audit", "serve", "--host", "0.0.0.0", "--port", "8300"]
