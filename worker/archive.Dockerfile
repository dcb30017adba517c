# FIJI's own download as a FIJI_IMAGE: what FIJI's official image has, in the same places. The context is a folder with
# the archive and unpack.sh, made by image/archive.sh for `make image FIJI_ARCHIVE=…`.
ARG BASE_IMAGE=debian:trixie-slim
FROM ${BASE_IMAGE}

RUN apt-get update \
 && apt-get install -y --no-install-recommends unzip libfreetype6 fontconfig \
 && apt-get clean && rm -rf /var/lib/apt/lists/*
COPY unpack.sh fiji.zip /tmp/
RUN ["sh", "/tmp/unpack.sh", "/tmp/fiji.zip"]
