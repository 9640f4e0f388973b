# syntax=docker/dockerfile:1
# GembaLens in a container. Build: docker build -t gembalens .   Run: docker run --rm -p 127.0.0.1:7860:7860 -v gembalens:/data gembalens
# There is no login yet: publish the port on loopback, as above, or put something in front that decides who may come in
# and name the host by which it is reached: -e GEMBALENS_PUBLIC_HOSTS=gemba.example (other names than 127.0.0.1 and localhost are refused).

FROM python:3.11.14-slim-bookworm AS build
SHELL ["/bin/sh", "-eu", "-c"]
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
COPY requirements.txt /src/requirements.txt
# torch first, alone: where the index offers a CPU build, this takes it; otherwise GPU libraries of several GB come along.
# Where pip needs a mirror (one that serves CPU builds, say): --secret id=pip,src=pip.conf
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    pip install "$(grep -E '^torch==' /src/requirements.txt)" \
    && pip install -r /src/requirements.txt
COPY launch.py LICENSE README.md /src/
COPY core /src/core
COPY annotations /src/annotations
COPY ui /src/ui
COPY assets /src/assets
RUN python -m compileall -q /src

FROM python:3.11.14-slim-bookworm
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
    GEMBALENS_OPEN_TO_NETWORK=yes \
    GEMBALENS_OPEN_BROWSER=no
USER 10001:10001
VOLUME ["/data"]
EXPOSE 7860
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:7860/livez', timeout=4)"]
ENTRYPOINT ["python", "launch.py"]
CMD ["run"]
