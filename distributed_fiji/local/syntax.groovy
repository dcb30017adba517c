// Parses the script in CHECKED_SCRIPT, whose ending is CHECKED_ENDING, and runs nothing of it. Prints a line for
// each fault: FOUND, whether it is sure (stop or warn), the script's line, and what is wrong, with tabs between.
import ij.macro.MacroConstants
import ij.macro.Tokenizer
import org.codehaus.groovy.control.CompilationUnit
import org.codehaus.groovy.control.MultipleCompilationErrorsException
import org.codehaus.groovy.control.Phases

def say(String severity, line, what) {
  println(["FOUND", severity, line, String.valueOf(what).readLines()[0]].join("\t"))
}

// ImageJ's tokenizer knows its functions and the macro's own; what is neither and is called has no meaning.
def macro(String text) {
  def program = new Tokenizer().tokenize(text)
  def kinds = program.code.collect { it & MacroConstants.TOK_MASK }.takeWhile { it != MacroConstants.EOF }
  def marks = kinds.collect { it < 128 ? String.valueOf((char) it) : "" }
  def partner = [")": "(", "]": "[", "}": "{"], open = []
  for (int at = 0; at < kinds.size(); at++) {
    def mark = marks[at], line = program.lineNumbers[at]
    if (partner.containsValue(mark)) open << [mark, line]
    else if (partner[mark] && (!open || open.removeLast()[0] != partner[mark])) {
      return say("stop", line, "\"$mark\" closes nothing")
    }
    def isNew = at > 0 && (kinds[at - 1] == MacroConstants.FUNCTION || marks[at - 1] == ".")
    if (kinds[at] == MacroConstants.WORD && marks[at + 1] == "(" && !isNew) {
      say("warn", line, "no function is named ${program.symbolTable[program.code[at] >> MacroConstants.TOK_SHIFT].str}()")
    }
  }
  if (open) say("stop", open.last()[1], "\"${open.last()[0]}\" is never closed")
}

def python(String text) {
  try { new org.python.util.PythonInterpreter().compile(text, "script.py") }
  catch (org.python.core.PyException error) {
    def value = error.value
    say("stop", value instanceof org.python.core.PyTuple ? value[1][1] : "?", value instanceof org.python.core.PyTuple ? value[0] : error)
  }
}

// Classes are not looked for: a FIJI has more of them.
def groovy(String text) {
  if (text.contains("@Grab")) return
  def unit = new CompilationUnit()
  unit.addSource("Script.groovy", text)
  try { unit.compile(Phases.CONVERSION) }
  catch (MultipleCompilationErrorsException error) {
    error.errorCollector.errors.each { say("stop", it.cause.line, it.cause.originalMessage) }
  }
}

def beanshell(String text) {
  def parser = new bsh.Parser(new StringReader(text + "\n"))
  try { while (!parser.Line()) {} }
  catch (bsh.ParseException error) { say("stop", error.currentToken?.next?.beginLine, error.message.replaceAll(/\s+/, " ").trim()) }
}

def text = new File(System.getenv("CHECKED_SCRIPT")).getText("UTF-8").replaceAll(/(?m)^#@.*$/, "")
def parsers = [".ijm": this.&macro, ".py": this.&python, ".groovy": this.&groovy, ".bsh": this.&beanshell]
parsers[System.getenv("CHECKED_ENDING")]?.call(text)
println "PARSED"
