// Fails or succeeds as `mode` says; what fails has left its output before, where it can.
#@ String mode
#@ Integer number
function leave(text) {
  File.saveString(text, "output/" + number + ".txt");
}
if (mode == "missing_file") {
  open("no/such/file.tif");
  exit();
}
if (mode == "message") exit("this macro stops here");
if (mode == "nothing") exit();
if (mode == "empty") {
  leave("");
  exit();
}
leave("as it should be, number " + number);
if (mode == "undefined") print(there_is_no_such_variable);
if (mode == "unknown_function") there_is_no_such_function(1);
if (mode == "unknown_command") run("There Is No Such Command");
if (mode == "no_image") run("Invert");
if (mode == "chatter") print("0 errors, 0 warnings; error rate 0.0; nothing failed");
if (mode == "errors") {
  print("[ERROR] this is the name of a well");
  print("Macro Error: so a plate was called");
  print("java.lang.NullPointerException is what the column header says");
}
if (mode == "many_lines") for (i = 0; i < 3000; i++) print("line " + i);
