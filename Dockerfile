# The emulator in a container: `docker compose up` adds Mailpit, or
#   docker build -t async-gateway-emulator . && docker run -p 4566:4566 async-gateway-emulator
FROM python:3.13-slim

WORKDIR /opt/emulator
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY emulator/ emulator/
COPY sample_functions/ sample_functions/
COPY workflows/ workflows/
RUN pip install --no-cache-dir --no-deps --no-build-isolation . \
 && useradd --create-home emulator && install -d -o emulator /data

USER emulator
ENV EMULATOR_HOST=0.0.0.0 EMULATOR_DATA=/data
VOLUME /data
EXPOSE 4566
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=2s --start-period=5s CMD \
  ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:4566/_emulator/health')"]
CMD ["emulator", "start"]
