"""ImageJ core, a headless ImageJ from Maven Central alone, and the runner that runs jobs in it and in FIJI.

`worker.imagej.install` builds both. Nothing here is needed at run time: a built FIJI_HOME stands for itself.
"""
