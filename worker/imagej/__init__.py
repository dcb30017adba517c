"""ImageJ core, a headless ImageJ built only from Maven Central, and the runner for jobs in it and in FIJI.

`worker.imagej.install` builds both. Nothing here is needed at run time: a built FIJI_HOME is self-contained.
"""
