# Two stages: the first installs from the hash-locked list, the second holds only what serves.
# Pin both images by digest in your own registry; a digest cannot be looked up here.
FROM python:3.12-slim AS build
WORKDIR /build
COPY requirements.lock pyproject.toml README.md LICENSE ./
COPY app app
COPY blocks blocks
RUN python -m venv /opt/inlay \
 && /opt/inlay/bin/pip install --no-cache-dir --require-hashes -r requirements.lock \
 && /opt/inlay/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.12-slim
RUN useradd --system --uid 10001 --home-dir /data inlay && mkdir /data && chown inlay /data
COPY --from=build /opt/inlay /opt/inlay
COPY rules /content/rules
COPY blocks /content/blocks
COPY models /content/models
USER 10001
ENV PATH=/opt/inlay/bin:$PATH PYTHONDONTWRITEBYTECODE=1 INLAY_CONTENT=/content INLAY_DATA=/data INLAY_HOST=0.0.0.0
# The root file system may be read-only; /data and /tmp are written.
VOLUME ["/data", "/tmp"]
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
# Needs INLAY_ADMIN_KEY: without any key the server listens on loopback only.
CMD ["inlay", "serve"]
