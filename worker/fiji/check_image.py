"""A tiny OME-TIFF, written by hand: 16 x 8 pixels, 8 bits, 2 channels, 3 slices, 0.5 µm per pixel."""

from __future__ import annotations

import struct
from pathlib import Path

WIDTH, HEIGHT, PLANES = 16, 8, 6
#: The OME schema of 2016-06.
OME = """<?xml version="1.0" encoding="UTF-8"?>
<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0" Name="tiny">
<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint8" SizeX="16" SizeY="8" SizeZ="3" SizeC="2" SizeT="1"
 PhysicalSizeX="0.5" PhysicalSizeY="0.5" PhysicalSizeZ="2"><Channel ID="Channel:0:0" SamplesPerPixel="1"/>
<Channel ID="Channel:0:1" SamplesPerPixel="1"/><TiffData/></Pixels></Image></OME>"""

#: TIFF 6.0: the tags that a gray image needs, and the types of numbers and text.
LONG, ASCII, DESCRIPTION = 4, 2, 270


def write_ome_tiff(path: Path) -> Path:
    """Write the image and return its path. Its planes have the gray values 0, 10, 20, …"""
    text = OME.encode() + b"\0"
    text_at = 8
    file = bytearray(b"II*\0\0\0\0\0" + text + b"\0" * (len(text) % 2))
    link = 4
    for plane in range(PLANES):
        pixels = len(file)
        file += bytes([10 * plane]) * (WIDTH * HEIGHT)
        struct.pack_into("<I", file, link, len(file))
        entries = [struct.pack("<HHII", tag, LONG, 1, value) for tag, value in _tags(pixels)]
        if plane == 0:
            entries.insert(5, struct.pack("<HHII", DESCRIPTION, ASCII, len(text), text_at))
        file += struct.pack("<H", len(entries)) + b"".join(entries)
        link = len(file)
        file += b"\0\0\0\0"
    path.write_bytes(file)
    return path


def _tags(pixels_at: int) -> list[tuple[int, int]]:
    """Width, height, bits, no compression, black is zero, strip, samples, rows and bytes of the strip."""
    size = [(256, WIDTH), (257, HEIGHT), (258, 8), (259, 1), (262, 1)]
    return [*size, (273, pixels_at), (277, 1), (278, HEIGHT), (279, WIDTH * HEIGHT)]
