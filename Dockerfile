# syntax=docker/dockerfile:1
# GembaLens in a container. Build: docker build -t gembalens .   Run: docker run --rm -p 127.0.0.1:7860:7860 -v gembalens:/data gembalens
# It asks for a login. The first start prints a link that works once into its log (docker logs); whoever opens it becomes the first admin.
# To be reached by others, name the host that browsers ask for: -e GEMBALENS_PUBLIC_HOSTS=gemba.example (other names than 127.0.0.1 and localhost
# are refused), and with something in front that speaks https: -e GEMBALENS_BEHIND_TLS=yes.
# Everything is held by its hash: the base image by the digest of its index for all processors, as it is widely used for this tag (a wrong one
# would not be found and nothing built; look with docker buildx imagetools inspect), the packages by requirements*.lock.

FROM python:3.11.14-slim-bookworm@sha256:65a93d69fa75478d554f4ad27c85c1e69fa184956261b4301ebaf6dbb0a3543d AS build
SHELL ["/bin/sh", "-eu", "-c"]
# cuda: torch as the package index has it, with NVIDIA's libraries, several GB. cpu: the small build, where an index offers it.
# Where pip needs a mirror or another index (PyTorch's, for cpu): --secret id=pip,src=pip.conf
ARG TORCH=cuda
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
COPY requirements.txt requirements.lock requirements-cpu.lock requirements-cuda.lock /src/
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    pip install --no-deps --require-hashes -r /src/requirements.lock -r "/src/requirements-${TORCH}.lock" \
    && pip check
COPY launch.py LICENSE README.md /src/
COPY core /src/core
COPY annotations /src/annotations
COPY ui /src/ui
COPY assets /src/assets
RUN python -m compileall -q /src

FROM python:3.11.14-slim-bookworm@sha256:65a93d69fa75478d554f4ad27c85c1e69fa184956261b4301ebaf6dbb0a3543d
RUN groupadd --system --gid 10001 gemba \
    && useradd --system --uid 10001 --gid gemba --no-create-home --shell /usr/sbin/nologin gemba \
    && install -d -o gemba -g gemba -m 0750 /data
COPY --from=build /opt/venv /opt/venv
COPY --from=build /src /app
WORKDIR /app
# The host is every address *inside* the container; what reaches it is decided by -p.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    GEMBALENS_DATA=/data \
    GEMBALENS_HOST=0.0.0.0 \
    GEMBALENS_LOGIN=yes \
    GEMBALENS_OPEN_BROWSER=no
USER 10001:10001
VOLUME ["/data"]
EXPOSE 7860
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:7860/livez', timeout=4)"]
ENTRYPOINT ["python", "launch.py"]
CMD ["run"]
