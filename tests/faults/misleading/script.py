#@ String mode
#@ Integer number
# Fails or succeeds as `mode` says; what fails has left its output before, where it can.
import os
import sys

from java.lang import RuntimeException, System, Thread


def leave(text):
    with open("output/%d.txt" % number, "w") as out:
        out.write(text)


if mode == "leave":
    System.exit(0)
if mode == "empty":
    leave("")
if mode not in ("nothing", "empty"):
    leave("as it should be, number %d" % number)
if mode == "raise":
    raise ValueError("as told")
if mode == "division":
    print(1 / 0)
if mode == "import":
    import there_is_no_such_module
if mode == "java":
    raise RuntimeException("as told")
if mode == "display":
    from java.awt import Frame

    Frame("a window")
if mode == "memory":
    from jarray import zeros

    kept = [zeros(100000000, "b") for i in range(1000)]
if mode == "chatter":
    sys.stderr.write("warning: 0 errors, nothing failed\n")
if mode == "errors":
    print("[ERROR] this is the name of a well")
    print("Traceback (most recent call last):")
    sys.stderr.write("java.lang.NullPointerException is what the column header says\n")
if mode == "many_lines":
    for i in range(3000):
        print("line %d" % i)
if mode == "threads":

    class Later(Thread):
        def run(self):
            Thread.sleep(3600000)

    Later().start()
