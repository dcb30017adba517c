#@ String mode
#@ Integer number
// Fails or succeeds as `mode` says; what fails has left its output before, where it can.
def leave = { text -> new File("output/${number}.txt").text = text }
if (mode == "leave") System.exit(0)
if (mode == "empty") leave("")
if (!(mode in ["nothing", "empty"])) leave("as it should be, number ${number}")
if (mode == "throw") throw new IllegalStateException("as told")
if (mode == "assert") assert 1 == 2
if (mode == "property") println there_is_no_such_property
if (mode == "display") new java.awt.Frame("a window")
if (mode == "memory") {
  def kept = []
  while (true) kept << new byte[100000000]
}
if (mode == "chatter") System.err.println("warning: 0 errors, nothing failed")
if (mode == "errors") {
  println "[ERROR] this is the name of a well"
  println "Caused by: a plate that was called so"
  System.err.println("java.lang.NullPointerException is what the column header says")
}
if (mode == "many_lines") 3000.times { println "line ${it}" }
if (mode == "threads") new Thread({ Thread.sleep(3600000) }).start()
