"""The embedded cloud: emulators on 127.0.0.1 and machines that run the tasks. Nothing outside knows of it."""
