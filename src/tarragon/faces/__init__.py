"""Where people and clients touch us: argv, routes, templates, wire words. Nothing about a model is decided here."""
