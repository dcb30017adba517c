import org.scijava.command.Command;
import org.scijava.plugin.Parameter;
import org.scijava.plugin.Plugin;

/** A command of SciJava that throws: "Java Thrower", with `name=...`. */
@Plugin(type = Command.class, menuPath = "Plugins>Java Thrower")
public class Throwing_Command implements Command {

	@Parameter
	private String name;

	@Override
	public void run() {
		throw new IllegalStateException("no such " + name);
	}
}
