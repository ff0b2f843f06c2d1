"""The command line: reads argv, calls the room that decides, prints what came back.

``main.py`` assembles the commands; every other file is one command or one family of commands, or one thing they
share: ``options.py`` (words a user types), ``outcome.py`` (exit codes and errors), ``live.py`` (the display while a
run works), ``page.py`` (the page of plain words afterwards). Rooms are imported inside the commands, so that
``tarragon --help`` answers at once.
"""
