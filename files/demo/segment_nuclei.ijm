// Segment the nuclei in one well of a plate.
//
// Reads    input_dir/WELL_s1.tif, WELL_s2.tif, ...: channel 1 is DAPI, channel 2 the marker
// Writes   output_dir/WELL_s1_nuclei.csv: a line per nucleus; no line when the well is empty
//          output_dir/WELL_s1_overlay.png: DAPI blue, marker orange, what was found outlined
//
// One call does one well, with all its sites. Needs neither a display nor the ROI Manager, so it
// runs headless; in FIJI's script editor it asks for what stands below.

#@ String  (label="Plate", value="") Plate
#@ String  (label="Well, as A01") Well
#@ String  (label="Folder with the images", value="input") input_dir
#@ String  (label="Folder for the results", value="output") output_dir
#@ Double  (label="Rolling ball radius (pixels)", value=50) background_radius_px
#@ Double  (label="Gaussian blur (pixels)", value=2) blur_sigma_px
#@ Double  (label="Least contrast of a nucleus (counts)", value=120) min_contrast_counts
#@ Double  (label="Smallest nucleus (um^2)", value=45) min_nucleus_um2
#@ Double  (label="Largest nucleus (um^2)", value=450) max_nucleus_um2
#@ Double  (label="DAPI shown brightest at (counts)", value=1500) dapi_white_counts
#@ Double  (label="Marker shown brightest at (counts)", value=2000) marker_white_counts

setBatchMode(true);
setOption("BlackBackground", true);
input_dir = withSeparator(input_dir);
output_dir = withSeparator(output_dir);
File.makeDirectory(output_dir);

sites = 0;
files = getFileList(input_dir);
for (f = 0; f < files.length; f++) {
    if (startsWith(files[f], Well + "_") && endsWith(files[f], ".tif")) {
        segmentSite(files[f]);
        sites++;
    }
}
if (sites == 0)
    exit("There is no image of well " + Well + " in " + input_dir);


function segmentSite(file) {
    site = replace(file, ".tif", "");
    open(input_dir + file);
    rename("site");
    takeChannel(1, "DAPI");
    takeChannel(2, "marker");
    close("site");

    found = findNuclei();
    writeTable(output_dir + site + "_nuclei.csv", found);
    writeOverlay(output_dir + site + "_overlay.png", found);
    print(Plate + " " + site + ": " + found + " nuclei");
    close("*");
}

// Copy a channel into a window of its own, and take the camera's offset and the haze away.
function takeChannel(channel, name) {
    selectImage("site");
    run("Duplicate...", "title=" + name + " duplicate channels=" + channel);
    run("Subtract Background...", "rolling=" + background_radius_px);
}

// Leave a window "mask" whose overlay holds the outlines of all nuclei; return how many they are.
function findNuclei() {
    selectImage("DAPI");
    run("Duplicate...", "title=mask");
    run("Gaussian Blur...", "sigma=" + blur_sigma_px);
    // The square root keeps the few brightest nuclei from pulling the threshold above the dim ones.
    run("32-bit");
    run("Square Root");
    setAutoThreshold("Otsu dark");
    if (contrast() < min_contrast_counts)
        return 0;
    run("Convert to Mask");
    run("Fill Holes");
    run("Watershed");
    // Nuclei that the border cuts are left out: neither their area nor their intensity is known.
    run("Analyze Particles...", "size=" + min_nucleus_um2 + "-" + max_nucleus_um2 + " show=Overlay exclude");
    return Overlay.size;
}

// How much brighter DAPI is above the threshold than below it, in counts.
// Otsu splits every image in two, pure noise as well; nuclei differ from their background, noise hardly.
function contrast() {
    run("Create Selection");
    above = meanInside("DAPI");
    selectImage("mask");
    run("Make Inverse");
    below = meanInside("DAPI");
    selectImage("mask");
    run("Select None");
    return above - below;
}

function writeTable(path, found) {
    file = File.open(path);
    print(file, "Plate,Well,Nucleus,X_um,Y_um,Area_um2,Circularity,DAPI_mean_counts,Marker_mean_counts");
    for (i = 0; i < found; i++) {
        selectImage("mask");
        Overlay.activateSelection(i);
        List.setMeasurements;
        shape = d2s(List.getValue("X"), 2) + "," + d2s(List.getValue("Y"), 2) + ","
            + d2s(List.getValue("Area"), 2) + "," + d2s(List.getValue("Circ."), 3);
        print(file, Plate + "," + Well + "," + (i + 1) + "," + shape
            + "," + d2s(meanInside("DAPI"), 1) + "," + d2s(meanInside("marker"), 1));
    }
    File.close(file);
}

// Mean intensity of a channel inside the outline that was activated last.
function meanInside(channel) {
    selectImage(channel);
    run("Restore Selection");
    getStatistics(area, mean);
    run("Select None");
    return mean;
}

// The same display range for all wells, so that what looks brighter is brighter.
function writeOverlay(path, found) {
    paint("DAPI", dapi_white_counts, 30, 100, 255);
    paint("marker", marker_white_counts, 255, 120, 0);
    imageCalculator("Add", "DAPI", "marker");
    selectImage("mask");
    if (found > 0) {
        Overlay.drawLabels(false);
        Overlay.copy;
        selectImage("DAPI");
        Overlay.paste;
    }
    selectImage("DAPI");
    saveAs("PNG", path);
}

// Turn a channel into a picture that goes from black at 0 counts to a colour at `white` counts,
// with a gamma of 0.75 that lets faint things be seen.
function paint(channel, white, red, green, blue) {
    selectImage(channel);
    setMinAndMax(0, white);
    reds = newArray(256);
    greens = newArray(256);
    blues = newArray(256);
    for (i = 0; i < 256; i++) {
        light = pow(i / 255, 0.75);
        reds[i] = light * red;
        greens[i] = light * green;
        blues[i] = light * blue;
    }
    setLut(reds, greens, blues);
    run("RGB Color");
}

function withSeparator(folder) {
    if (endsWith(folder, "/") || endsWith(folder, File.separator))
        return folder;
    return folder + File.separator;
}
