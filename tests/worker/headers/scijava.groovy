#@ Context context
#@ LogService log
// What SciJava itself reads of scripts: for each line of HEADERS one script, for each input a line of its facts.
import org.scijava.script.ScriptInfo

log.level = 0
def plain = { it == null ? null : it instanceof Number && it == Math.rint(it.doubleValue()) ? it.longValue() : it }
new File(System.getenv("HEADERS")).eachLine("UTF-8") { line ->
  println "SCRIPT"
  try {
    new ScriptInfo(context, "script.groovy", new StringReader(line.replace("\\N", "\n"))).inputs().each {
      println(["INPUT", it.name, it.type.name, it.required, it.visibility == org.scijava.ItemVisibility.MESSAGE,
        plain(it.defaultValue), plain(it.minimumValue), plain(it.maximumValue), it.choices.collect(plain),
        it.widgetStyle].join("\t"))
    }
  } catch (IllegalArgumentException | IllegalStateException | NullPointerException refused) { println "REFUSED" }
}
