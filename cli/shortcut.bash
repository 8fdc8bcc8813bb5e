# Completion of shortcut's command line for bash. The program makes the script from its own table of options.
if command -v shortcut >/dev/null; then
	eval "$(shortcut completion bash)"
fi
