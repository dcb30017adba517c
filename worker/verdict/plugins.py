"""The plugins that common scripts call, and the FIJI update site that provides each. Pure.

The sites' names and addresses come from FIJI's own list (imagej/list-of-update-sites, sites.yml). None of the
sites could be reached from the machine where this was written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Site:
    """An update site, by its name and address in FIJI's list."""

    name: str
    address: str


def _site(name: str, path: str) -> Site:
    return Site(name, path if path.startswith("https://") else f"https://sites.imagej.net/{path}/")


#: Included in every FIJI (dependencies of fiji/fiji's pom.xml), but missing in ImageJ core.
IN_FIJI = re.compile(
    r"^Bio-Formats|^loci\.|Analyze Skeleton|Skeletonize \(2D/3D\)|3D Objects Counter$|Auto Local Threshold"
    r"|Auto Threshold$|Enhance Local Contrast|Weka Segmentation|trainableSegmentation|^TrackMate$"
    r"|^fiji\.|^sc\.fiji\.|^mpicbg\.|^bunwarpj\.|Coloc 2|Linear Stack Alignment with SIFT"
    r"|Register Virtual Stack|Grid/Collection stitching|Pairwise stitching|Statistical Region Merging"
    r"|Local Thickness|Correct 3D drift|Colour Deconvolution|BigWarp|Tubeness|Frangi"
    r"|Non-local Means Denoising|Kuwahara|Directionality"
    r"|^org\.apache\.commons\.(io|lang3|math3)\b"
    r"|^Time Stamper|^Series Labeler|^Collect Garbage$|^Bleach Correction$|^Gray Morphology$"
)

#: Anything that names a plugin in a script: a command in run("…"), or an imported class.
SITES: tuple[tuple[re.Pattern[str], tuple[Site, ...]], ...] = tuple(
    (re.compile(pattern), tuple(_site(name, path) for name, path in sites))
    for pattern, sites in (
        (
            r"^Morphological (Filters|Segmentation|Reconstruction)"
            r"|^(Distance Transform|Classic|Marker-controlled) Watershed|^Connected Components Labeling"
            r"|^(Analyze Regions|Region Morphometry|Intensity Measurements 2D)"
            r"|^(Label Size Filtering|Remove Border Labels|Kill Borders|Keep Largest|Label Boundaries"
            r"|Set Label Map|Chamfer Distance|Geodesic|Regional Min|Extended Min|Impose Min|Label Overlap)"
            r"|^inra\.ijpb|^MorphoLibJ",
            [("IJPB-plugins", "IJPB-plugins")],
        ),
        (
            r"^3D (Manager|Segmentation|Spot|Simple|Iterative|Watershed|Nuclei|Hysteresis|Fast|Fill|Maxima"
            r"|MereoTopology|Distance|Centroid|Intensity|Geometr|Compactness|Ellipsoid|Volume|Surface|Numbering"
            r"|Edge|Filter)|^mcib",
            [("3D ImageJ Suite", "Tboudier")],
        ),
        (r"^bar$|^bar\.(Utils|Runner)|^BAR\b", [("BAR", "Tiago")]),
        (r"StarDist|^de\.csbdresden\.stardist", [("StarDist", "StarDist"), ("CSBDeep", "CSBDeep")]),
        (r"CSBDeep|^de\.csbdresden", [("CSBDeep", "CSBDeep")]),
        (r"CLIJ2|haesleinhuepf\.clij2", [("clij2", "clij2"), ("clij", "clij")]),
        (r"CLIJ\b|haesleinhuepf\.clij\b", [("clij", "clij")]),
        (r"^MultiStackReg", [("MultiStackReg", "MultiStackReg"), ("BIG-EPFL", "BIG-EPFL")]),
        (r"^(OrientationJ|StackReg|TurboReg|Extended Depth of Field)", [("BIG-EPFL", "BIG-EPFL")]),
        (r"Cellpose|LaRoMe|BIOP|^ch\.epfl\.biop", [("PTBIOP", "https://biop.epfl.ch/Fiji-Update/")]),
        (r"^(FeatureJ|TransformJ|RandomJ)|^imagescience", [("ImageScience", "ImageScience")]),
        (
            r"^(Ridge Detection|Shape Filter|Shape Smoothing)|biomedical_imaging",
            [("Biomedgroup", "Biomedgroup")],
        ),
        (
            r"^(Squassh|Particle Tracker 2D/3D|Background Subtractor)|^mosaic\.",
            [("MOSAIC ToolSuite", "https://mosaic.mpi-cbg.de/Downloads/update/Fiji/MosaicToolsuite/")],
        ),
        (r"ilastik|^Run (Pixel|Object) Classification", [("ilastik", "Ilastik")]),
        (r"^BaSiC", [("BaSiC", "BaSiC")]),
        (r"^Read and Write Excel", [("ResultsToExcel", "ResultsToExcel")]),
        (r"^DeepImageJ", [("DeepImageJ", "DeepImageJ")]),
        (r"BoneJ|^org\.bonej", [("BoneJ", "BoneJ")]),
        (
            r"^(Convoluted Background|Extended Particle Analyzer|Speckle Inspector|Threshold Check"
            r"|Binary Feature Extractor)",
            [("BioVoxxel", "BioVoxxel")],
        ),
        (r"BigStitcher|^net\.preibisch", [("BigStitcher", "BigStitcher")]),
        (r"Labkit", [("Labkit", "Labkit")]),
        (r"^DiAna", [("DistanceAnalysis", "DistanceAnalysis")]),
        (r"Template Matching", [("Multi-Template-Matching", "Multi-Template-Matching")]),
        (r"HDF5", [("HDF5", "Ronneber")]),
        (r"OMERO", [("OMERO 5.5-5.6", "OMERO-5.5-5.6")]),
        (r"^(SNT|Sholl)|^sc\.fiji\.snt", [("Neuroanatomy", "Neuroanatomy")]),
        (r"^FindFoci|^GDSC", [("GDSC", "GDSC")]),
    )
)


def line_of(site: Site) -> str:
    """Return the line of worker/image/plugins.txt that requests a site."""
    return f"site {site.name.replace(' ', '_')} {site.address}"


def is_known(name: str) -> bool:
    """Whether the update site of a plugin is known."""
    return any(pattern.search(name) for pattern, _ in SITES)


def where_to_get(name: str, *, is_core: bool) -> str:
    """Return what to do about a plugin or class that a FIJI lacks. `is_core`: the FIJI is ImageJ core."""
    for pattern, sites in SITES:
        if pattern.search(name):
            lines = " and ".join(f"`{line_of(site)}`" for site in sites)
            plural = "s" if len(sites) > 1 else ""
            names = " and ".join(site.name for site in sites)
            return (
                f"FIJI's update site{plural} {names} bring{'' if plural else 's'} it: write {lines} into"
                " worker/image/plugins.txt and build the image again."
            )
    if IN_FIJI.search(name):
        if is_core:
            return "FIJI includes it, ImageJ core does not: try this script with a FIJI (FIJI_HOME)."
        return "FIJI's own download includes it: build the image from that, or update this FIJI."
    return (
        "Check that it is spelled as in FIJI's menu. If it belongs to a plugin, add that plugin's jar or"
        " update site to worker/image/plugins.txt and rebuild the image."
    )
