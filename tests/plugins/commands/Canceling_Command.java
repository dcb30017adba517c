import org.scijava.command.ContextCommand;
import org.scijava.command.Command;
import org.scijava.plugin.Parameter;
import org.scijava.plugin.Plugin;

/** A command of SciJava that gives up: "Java Canceler", with `name=...`. */
@Plugin(type = Command.class, menuPath = "Plugins>Java Canceler")
public class Canceling_Command extends ContextCommand {

	@Parameter
	private String name;

	@Override
	public void run() {
		cancel("no cells in " + name);
	}
}
