open("input/a.tif"); run("Measure");
String.copyResults;
text = String.paste;
File.saveString(text, "output/pasted.txt");
